/* SPDX-License-Identifier: MIT */
#include "tests/unit/shm/conf/tls_test.h"

static void
expect_cn(const struct tls_front *f, const char *sni, const char *cn)
{
	SSL_CTX *ctx = client_ctx();
	struct shake h;

	shake_sni(&h, f, ctx, sni);
	if (cn) {
		assert_true(h.client_ok && h.server_ok);
		assert_string_equal(shown(&h), cn);
		if (sni)
			assert_string_equal(SSL_get_servername(h.server,
						TLSEXT_NAMETYPE_host_name),
			    sni);
	} else {
		assert_false(h.server_ok);
		assert_int_equal(h.client_alert, SSL_AD_UNRECOGNIZED_NAME);
	}
	shake_done(&h);
	SSL_CTX_free(ctx);
}

static void
tls_front__names__choose_exact_then_wildcard_then_default(void **state)
{
	struct run r;
	struct tls_front *f =
	    front_good(&r, "bind :443 ssl crt a.pem crt b.pem crt wild.pem");

	(void)state;
	expect_cn(f, NULL, "a.test");
	expect_cn(f, "a.test", "a.test");
	expect_cn(f, "b.test", "b.test");
	expect_cn(f, "B2.TEST", "b.test");
	expect_cn(f, "x.wild.test", "w");
	expect_cn(f, "x.y.wild.test", "a.test");
	expect_cn(f, "wild.test", "a.test");
	expect_cn(f, "nobody.test", "a.test");
	run_end(&r);
}

static void
tls_front__strict_sni__refuses_unknown_names(void **state)
{
	struct run r;
	struct tls_front *f =
	    front_good(&r, "bind :443 ssl strict-sni crt a.pem crt wild.pem");

	(void)state;
	expect_cn(f, NULL, NULL);
	expect_cn(f, "nobody.test", NULL);
	expect_cn(f, "a.test", "a.test");
	expect_cn(f, "x.wild.test", "w");
	run_end(&r);
	f = front_good(&r, "bind :443 ssl strict-sni");
	expect_cn(f, "a.test", NULL);
	run_end(&r);
}

static void
expect_key(const struct tls_front *f, const char *sigalgs, int key, int max)
{
	SSL_CTX *ctx = client_ctx();
	struct shake h;

	assert_int_equal(SSL_CTX_set1_sigalgs_list(ctx, sigalgs), 1);
	SSL_CTX_set_max_proto_version(ctx, max);
	shake_sni(&h, f, ctx, "both.test");
	assert_true(h.client_ok && h.server_ok);
	assert_string_equal(shown(&h), "both.test");
	assert_int_equal(EVP_PKEY_get_base_id(X509_get0_pubkey(
			     SSL_get0_peer_certificate(h.client))),
	    key);
	shake_done(&h);
	SSL_CTX_free(ctx);
}

static void
tls_front__bundle__serves_the_key_the_client_verifies(void **state)
{
	const char *const lines[] = { "bind :443 ssl crt a.pem crt both",
		"bind :443 ssl crt both",
		"bind :443 ssl crt both.rsa crt both.ecdsa" };
	const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct run r;

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct tls_front *f = front_good(&r, lines[i / 2]);

		expect_key(f, "ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256",
		    EVP_PKEY_EC, versions[i % 2]);
		expect_key(f, "RSA-PSS+SHA256:RSA+SHA256", EVP_PKEY_RSA,
		    versions[i % 2]);
		expect_key(f, "ECDSA+SHA256", EVP_PKEY_EC, versions[i % 2]);
		run_end(&r);
	}
}

static void
expect_alpn(const struct tls_front *f, const char *sni, const char *offer,
    const char *expected)
{
	SSL_CTX *ctx = client_ctx();
	const unsigned char *p;
	struct tls_alpn a;
	struct shake h;
	unsigned n;

	if (offer) {
		assert_int_equal(tls_alpn_parse(offer, &a), 0);
		SSL_CTX_set_alpn_protos(ctx, a.wire, a.n);
	}
	shake_sni(&h, f, ctx, sni);
	assert_true(h.client_ok && h.server_ok);
	SSL_get0_alpn_selected(h.client, &p, &n);
	assert_true(sv_eq(sv_of((const char *)p, n), sv_str(expected)));
	shake_done(&h);
	SSL_CTX_free(ctx);
}

static void
tls_front__alpn__is_our_first_that_the_client_offers(void **state)
{
	struct run r;
	struct tls_front *f = front_good(&r, "bind :443 ssl crt a.pem");

	(void)state;
	expect_alpn(f, NULL, "http/1.1,h2", "h2");
	expect_alpn(f, NULL, "http/1.0,http/1.1", "http/1.1");
	expect_alpn(f, NULL, "spdy,h22,h", "");
	expect_alpn(f, NULL, NULL, "");
	run_end(&r);
	f = front_good(&r, "bind :443 ssl crt a.pem alpn http/1.1,h2");
	expect_alpn(f, NULL, "h2,http/1.1", "http/1.1");
	expect_alpn(f, NULL, "h2", "h2");
	run_end(&r);
	f = front_good(&r, "bind :443 ssl crt a.pem no-alpn");
	expect_alpn(f, NULL, "h2,http/1.1", "");
	run_end(&r);
	f = front_good(&r, "bind :443 ssl crt a.pem proto h2");
	expect_alpn(f, NULL, "h2,http/1.1", "h2");
	expect_alpn(f, NULL, "http/1.1", "");
	run_end(&r);
}

static void
tls_front__crt_list__has_names_and_options_a_line(void **state)
{
	struct tls_front *f;
	SSL_CTX *ctx = client_ctx();
	struct shake h;
	struct run r;

	(void)state;
	text_file("l.list",
	    "# a comment\n\n"
	    "a.pem\n"
	    "b.pem [alpn http/1.1 ssl-max-ver TLSv1.2] *.l.test !no.l.test\n"
	    "wild.pem [ ssl-min-ver TLSv1.3 curves P-384 ] no.l.test # x\n"
	    "both.rsa [ciphersuites TLS_AES_128_GCM_SHA256] cs.l.test\n");
	f = front_good(&r, "bind :443 ssl crt-list l.list");
	expect_cn(f, NULL, "a.test");
	expect_cn(f, "y.l.test", "b.test");
	expect_cn(f, "b.test", "a.test");
	expect_cn(f, "no.l.test", "w");
	expect_alpn(f, "y.l.test", "h2,http/1.1", "http/1.1");
	expect_alpn(f, "a.test", "h2,http/1.1", "h2");
	shake_sni(&h, f, ctx, "y.l.test");
	assert_int_equal(SSL_version(h.client), TLS1_2_VERSION);
	shake_done(&h);
	shake_sni(&h, f, ctx, "no.l.test");
	assert_int_equal(SSL_version(h.client), TLS1_3_VERSION);
	assert_int_equal(SSL_get_shared_group(h.server, 0), NID_secp384r1);
	shake_done(&h);
	shake_sni(&h, f, ctx, "cs.l.test");
	assert_string_equal(
	    SSL_get_cipher_name(h.client), "TLS_AES_128_GCM_SHA256");
	shake_done(&h);
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	shake_sni(&h, f, ctx, "no.l.test");
	assert_int_equal(h.client_alert, SSL_AD_PROTOCOL_VERSION);
	shake_done(&h);
	SSL_CTX_free(ctx);
	run_end(&r);
}

static void
tls_front__crt_list__star_is_the_default(void **state)
{
	struct run r;
	struct tls_front *f;

	(void)state;
	text_file("star.list", "a.pem\nb.pem *\nwild.pem !one.wild.test *.z\n");
	f = front_good(&r, "bind :443 ssl crt-list star.list");
	expect_cn(f, NULL, "b.test");
	expect_cn(f, "nobody.test", "b.test");
	expect_cn(f, "a.test", "a.test");
	expect_cn(f, "q.z", "w");
	run_end(&r);
}

/* Whether a client with this certificate (or none) gets in. */
static bool
gets_in(const struct tls_front *f, const char *sni, const char *crt, int max)
{
	SSL_CTX *ctx = client_ctx();
	struct shake h;
	bool in;

	SSL_CTX_set_max_proto_version(ctx, max);
	if (crt) {
		SSL_CTX_use_certificate_file(
		    ctx, tls_path(crt), SSL_FILETYPE_PEM);
		SSL_CTX_use_PrivateKey_file(
		    ctx, tls_path(crt), SSL_FILETYPE_PEM);
	}
	shake_sni(&h, f, ctx, sni);
	in = h.client_ok && h.server_ok;
	shake_done(&h);
	SSL_CTX_free(ctx);
	return in;
}

static void
tls_front__verify__asks_clients_for_certificates(void **state)
{
	const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct tls_front *f;
	struct run r;

	(void)state;
	text_file("v.list",
	    "a.pem\n"
	    "b.pem [verify required ca-file ca.crt]\n");
	for (int i = 0; i < 2; i++) {
		int v = versions[i];

		f = front_good(&r,
		    "bind :443 ssl crt a.pem ca-file ca.crt verify required");
		assert_false(gets_in(f, NULL, NULL, v));
		assert_true(gets_in(f, NULL, "client.pem", v));
		assert_false(gets_in(f, NULL, "client-other.pem", v));
		run_end(&r);
		f = front_good(&r,
		    "bind :443 ssl crt a.pem ca-file ca.crt verify optional");
		assert_true(gets_in(f, NULL, NULL, v));
		assert_true(gets_in(f, NULL, "client.pem", v));
		assert_false(gets_in(f, NULL, "client-other.pem", v));
		run_end(&r);
		f = front_good(&r, "bind :443 ssl crt-list v.list");
		assert_true(gets_in(f, "a.test", NULL, v));
		assert_false(gets_in(f, "b.test", NULL, v));
		assert_true(gets_in(f, "b.test", "client.pem", v));
		assert_false(gets_in(f, "b.test", "client-other.pem", v));
		run_end(&r);
	}
}

/* --- tickets --- */

static SSL_SESSION *last_session;

static int
on_session(SSL *ssl, SSL_SESSION *s)
{
	(void)ssl;
	SSL_SESSION_free(last_session);
	last_session = s;
	return 1;
}

static SSL_CTX *
resuming_ctx(int version)
{
	SSL_CTX *ctx = client_ctx();

	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set_session_cache_mode(
	    ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, on_session);
	return ctx;
}

/* A handshake with the last session, if there is one; true if resumed. */
static bool
resumes(
    const struct tls_front *f, SSL_CTX *ctx, const char *sni, const char *crt)
{
	SSL *c = SSL_new(ctx);
	struct shake h;
	bool resumed;

	SSL_set_tlsext_host_name(c, sni);
	if (crt) {
		SSL_use_certificate_file(c, tls_path(crt), SSL_FILETYPE_PEM);
		SSL_use_PrivateKey_file(c, tls_path(crt), SSL_FILETYPE_PEM);
	}
	if (last_session)
		assert_int_equal(SSL_set_session(c, last_session), 1);
	shake_run(&h, c, tls_front_ctx(f));
	assert_true(h.client_ok && h.server_ok);
	resumed = SSL_session_reused(h.client) && SSL_session_reused(h.server);
	if (resumed)
		assert_string_equal(
		    SSL_get_servername(h.server, TLSEXT_NAMETYPE_host_name),
		    sni);
	shake_done(&h);
	return resumed;
}

static void
forget(void)
{
	SSL_SESSION_free(last_session);
	last_session = NULL;
}

/* Two contexts of two configurations stand for two workers. */
static void
tls_front__ticket__resumes_in_another_worker(void **state)
{
	const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct run r1, r2;
	struct tls_front *f1 =
	    front_good(&r1, "bind :443 ssl crt a.pem crt b.pem");
	struct tls_front *f2 =
	    front_good(&r2, "bind :443 ssl crt a.pem crt b.pem");

	(void)state;
	for (int i = 0; i < 2; i++) {
		SSL_CTX *ctx = resuming_ctx(versions[i]);

		assert_false(resumes(f1, ctx, "b.test", NULL));
		assert_non_null(last_session);
		assert_true(resumes(f2, ctx, "b.test", NULL));
		assert_true(resumes(f1, ctx, "b.test", NULL));
		/* An older key still opens a ticket; the oldest does not. */
		assert_int_equal(tls_ticket_keys_make(), 0);
		assert_true(resumes(f2, ctx, "b.test", NULL));
		for (int k = 0; k < TLS_TICKET_KEYS; k++)
			assert_int_equal(tls_ticket_keys_make(), 0);
		assert_false(resumes(f2, ctx, "b.test", NULL));
		forget();
		SSL_CTX_free(ctx);
	}
	run_end(&r1);
	run_end(&r2);
}

static void
tls_front__ticket__is_no_way_around_verification(void **state)
{
	SSL_CTX *ctx = resuming_ctx(TLS1_3_VERSION);
	struct run r1, r2;
	struct tls_front *f1 = front_good(&r1, "bind :443 ssl crt a.pem");
	struct tls_front *f2 = front_good(
	    &r2, "bind :443 ssl crt a.pem ca-file ca.crt verify required");

	(void)state;
	assert_false(resumes(f1, ctx, "a.test", NULL));
	assert_true(resumes(f1, ctx, "a.test", NULL));
	assert_false(resumes(f2, ctx, "a.test", "client.pem"));
	assert_true(resumes(f2, ctx, "a.test", "client.pem"));
	assert_false(resumes(f1, ctx, "a.test", NULL));
	forget();
	SSL_CTX_free(ctx);
	run_end(&r1);
	run_end(&r2);
}

static void
tls_front__no_tls_tickets__sends_none(void **state)
{
	const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct run r;
	struct tls_front *f =
	    front_good(&r, "bind :443 ssl crt a.pem no-tls-tickets");

	(void)state;
	for (int i = 0; i < 2; i++) {
		SSL_CTX *ctx = resuming_ctx(versions[i]);

		assert_false(resumes(f, ctx, "a.test", NULL));
		if (versions[i] == TLS1_3_VERSION)
			assert_null(last_session);
		assert_false(resumes(f, ctx, "a.test", NULL));
		forget();
		SSL_CTX_free(ctx);
	}
	run_end(&r);
}

static void
tls_front__keys__move_to_a_successor(void **state)
{
	uint8_t keys[TLS_TICKET_KEYS][TLS_TICKET_KEY_BYTES];
	SSL_CTX *ctx = resuming_ctx(TLS1_3_VERSION);
	struct run r;
	struct tls_front *f = front_good(&r, "bind :443 ssl crt a.pem");
	unsigned n;

	(void)state;
	assert_false(resumes(f, ctx, "a.test", NULL));
	tls_ticket_keys_get(keys, &n);
	assert_true(n > 0);
	for (int k = 0; k < TLS_TICKET_KEYS; k++)
		assert_int_equal(tls_ticket_keys_make(), 0);
	assert_int_equal(
	    tls_ticket_keys_set(keys, TLS_TICKET_KEYS + 1), -WSE_RANGE);
	assert_int_equal(tls_ticket_keys_set(keys, n), 0);
	assert_true(resumes(f, ctx, "a.test", NULL));
	forget();
	SSL_CTX_free(ctx);
	run_end(&r);
}

static int prepared_count;

static int
count_prepared(struct ssl_ctx_st *ctx)
{
	assert_non_null(ctx);
	return ++prepared_count == 100 ? -WSE_NOMEM : 0;
}

static void
tls_front__addresses_of_a_line__share_contexts(void **state)
{
	struct run r;
	struct tls_front *f =
	    front_good(&r, "bind :443,:444,:500-510 ssl crt a.pem crt b.pem");
	struct bind *b = r.cp.conf->proxies->binds;

	(void)state;
	for (; b; b = b->next) {
		assert_ptr_equal(b->tls.front, f);
		assert_true(tls_alpn_has(&b->tls.opts.alpn, SV("h2")));
	}
	prepared_count = 0;
	assert_int_equal(tls_conf_each_ctx(r.cp.conf, count_prepared), 0);
	assert_int_equal(prepared_count, 2);
	prepared_count = 99;
	assert_int_equal(
	    tls_conf_each_ctx(r.cp.conf, count_prepared), -WSE_NOMEM);
	assert_int_equal(prepared_count, 100);
	run_end(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    tls_front__names__choose_exact_then_wildcard_then_default),
		cmocka_unit_test(tls_front__strict_sni__refuses_unknown_names),
		cmocka_unit_test(
		    tls_front__bundle__serves_the_key_the_client_verifies),
		cmocka_unit_test(
		    tls_front__alpn__is_our_first_that_the_client_offers),
		cmocka_unit_test(
		    tls_front__crt_list__has_names_and_options_a_line),
		cmocka_unit_test(tls_front__crt_list__star_is_the_default),
		cmocka_unit_test(
		    tls_front__verify__asks_clients_for_certificates),
		cmocka_unit_test(tls_front__ticket__resumes_in_another_worker),
		cmocka_unit_test(
		    tls_front__ticket__is_no_way_around_verification),
		cmocka_unit_test(tls_front__no_tls_tickets__sends_none),
		cmocka_unit_test(tls_front__keys__move_to_a_successor),
		cmocka_unit_test(
		    tls_front__addresses_of_a_line__share_contexts),
	};

	return cmocka_run_group_tests(tests, tls_setup, tls_teardown);
}
