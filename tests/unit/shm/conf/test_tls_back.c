/* SPDX-License-Identifier: MIT */
/*
 * The client's side: what servers are believed, and what they are told.
 */
#include "shm/conf/expr.h"
#include "tests/unit/shm/conf/tls_test.h"

static struct server *
server_good(struct run *r, const char *global, const char *line)
{
	tls_run(r, global, "backend", line);
	if (r->said_bytes)
		print_error("%s", r->said);
	assert_int_equal(r->cp.error_count, 0);
	assert_int_equal(r->cp.warning_count, 0);
	return r->cp.conf->proxies->servers;
}

/* Connects to f as server s would, with that SNI; X509_V_*. */
static long
verify_result(const struct server *s, const struct tls_front *f,
    const char *sni, bool *ok_r)
{
	SSL *c = SSL_new(s->tls.ctx);
	const char *host = tls_back_verify_host(s, sni);
	struct shake h;
	long r;

	if (*sni)
		SSL_set_tlsext_host_name(c, sni);
	if (host)
		assert_int_equal(SSL_set1_host(c, host), 1);
	shake_run(&h, c, tls_front_ctx(f));
	*ok_r = h.client_ok && h.server_ok;
	r = SSL_get_verify_result(c);
	shake_done(&h);
	return r;
}

static void
tls_back__verify__believes_the_authority_and_the_name(void **state)
{
	struct run rf, rs;
	struct tls_front *f =
	    front_good(&rf, "bind :443 ssl crt a.pem crt b.pem");
	struct server *s = server_good(
	    &rs, "", "server s 127.0.0.1:1 ssl ca-file ca.crt sni str(a.test)");
	bool ok;

	(void)state;
	assert_int_equal(s->tls.opts.verify, TLS_VERIFY_REQUIRED);
	assert_non_null(s->tls.sni);
	assert_string_equal(s->tls.sni->text, "str(a.test)");
	assert_int_equal(verify_result(s, f, "a.test", &ok), X509_V_OK);
	assert_true(ok);
	assert_int_equal(verify_result(s, f, "b2.test", &ok), X509_V_OK);
	assert_true(ok);
	/* No name to look for: as HAProxy, any of the authority will do. */
	assert_int_equal(verify_result(s, f, "", &ok), X509_V_OK);
	assert_true(ok);
	assert_int_equal(
	    verify_result(s, f, "c.test", &ok), X509_V_ERR_HOSTNAME_MISMATCH);
	assert_false(ok);
	run_end(&rs);
	s = server_good(&rs, "",
	    "server s 127.0.0.1:1 ssl ca-file ca.crt verifyhost a.test");
	assert_int_equal(
	    verify_result(s, f, "b.test", &ok), X509_V_ERR_HOSTNAME_MISMATCH);
	assert_int_equal(verify_result(s, f, "a.test", &ok), X509_V_OK);
	run_end(&rs);
	s = server_good(
	    &rs, "", "server s 127.0.0.1:1 ssl ca-file other-ca.crt");
	assert_int_not_equal(verify_result(s, f, "a.test", &ok), X509_V_OK);
	assert_false(ok);
	run_end(&rs);
	/* The system's authorities do not know ours. */
	setenv("SSL_CERT_FILE", tls_path("other-ca.crt"), 1);
	s = server_good(&rs, "", "server s 127.0.0.1:1 ssl ca-file @system-ca");
	verify_result(s, f, "a.test", &ok);
	assert_false(ok);
	run_end(&rs);
	setenv("SSL_CERT_FILE", tls_path("ca.crt"), 1);
	s = server_good(&rs, "", "server s 127.0.0.1:1 ssl ca-file @system-ca");
	verify_result(s, f, "a.test", &ok);
	assert_true(ok);
	run_end(&rs);
	unsetenv("SSL_CERT_FILE");
	run_end(&rf);
}

static void
tls_back__verify_none__believes_anybody(void **state)
{
	struct run rf, rs;
	struct tls_front *f = front_good(&rf, "bind :443 ssl crt a.pem");
	struct server *s =
	    server_good(&rs, "", "server s 127.0.0.1:1 ssl verify none");
	bool ok;

	(void)state;
	assert_null(tls_back_verify_host(s, "c.test"));
	verify_result(s, f, "c.test", &ok);
	assert_true(ok);
	run_end(&rs);
	s = server_good(
	    &rs, "\tssl-server-verify none", "server s 127.0.0.1:1 ssl");
	assert_int_equal(s->tls.opts.verify, TLS_VERIFY_NONE);
	verify_result(s, f, "c.test", &ok);
	assert_true(ok);
	run_end(&rs);
	run_end(&rf);
}

static void
tls_back__crt__is_shown_to_a_server_that_asks(void **state)
{
	struct run rf, rs;
	struct tls_front *f = front_good(
	    &rf, "bind :443 ssl crt a.pem ca-file ca.crt verify required");
	struct server *s;
	bool ok;

	(void)state;
	s = server_good(
	    &rs, "", "server s 127.0.0.1:1 ssl verify none crt client.pem");
	verify_result(s, f, "", &ok);
	assert_true(ok);
	run_end(&rs);
	s = server_good(&rs, "", "server s 127.0.0.1:1 ssl verify none");
	verify_result(s, f, "", &ok);
	assert_false(ok);
	run_end(&rs);
	run_end(&rf);
}

static void
tls_back__options__come_from_line_default_server_and_global(void **state)
{
	struct run r;
	struct server *s = server_good(&r,
	    "\tssl-default-server-ciphersuites TLS_CHACHA20_POLY1305_SHA256\n"
	    "\tssl-default-server-options force-tlsv13",
	    "default-server ssl verify none alpn http/1.0,h2 no-ssl-reuse\n"
	    "\tserver a 127.0.0.1:1\n"
	    "\tserver b 127.0.0.1:1 ssl-min-ver TLSv1.2 no-alpn ssl-reuse\n"
	    "\tserver c 127.0.0.1:1 no-ssl");

	(void)state;
	assert_non_null(s->tls.ctx);
	assert_true(s->tls.no_reuse);
	assert_true(tls_alpn_has(&s->tls.opts.alpn, SV("h2")));
	assert_false(tls_alpn_has(&s->tls.opts.alpn, SV("http/1.1")));
	assert_int_equal(
	    SSL_CTX_get_min_proto_version(s->tls.ctx), TLS1_3_VERSION);
	assert_string_equal(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(
				SSL_CTX_get_ciphers(s->tls.ctx), 0)),
	    "TLS_CHACHA20_POLY1305_SHA256");
	s = s->next;
	assert_false(s->tls.no_reuse);
	assert_int_equal(s->tls.opts.alpn.n, 0);
	assert_int_equal(
	    SSL_CTX_get_min_proto_version(s->tls.ctx), TLS1_2_VERSION);
	s = s->next;
	assert_false(s->tls.enabled);
	assert_null(s->tls.ctx);
	run_end(&r);
}

static void
tls_back__protocols__h2_by_alpn_or_by_proto(void **state)
{
	struct run r;
	struct server *s = server_good(&r, "",
	    "default-server proto h2\n"
	    "\tserver a 127.0.0.1:1\n"
	    "\tserver b 127.0.0.1:1 proto h1\n"
	    "\tserver c 127.0.0.1:1 ssl verify none\n"
	    "\tserver d 127.0.0.1:1 ssl verify none alpn h2,http/1.1\n"
	    "\tserver e 127.0.0.1:1 ssl verify none alpn h2 proto h1 proto h2");

	(void)state;
	assert_true(s->proto_h2 && !s->proto_h1);
	s = s->next;
	assert_true(s->proto_h1 && !s->proto_h2);
	s = s->next;
	assert_true(s->proto_h2 && s->tls.opts.alpn.n == 0);
	s = s->next;
	assert_true(tls_alpn_has(&s->tls.opts.alpn, SV("h2")));
	assert_true(tls_alpn_has(&s->tls.opts.alpn, SV("http/1.1")));
	s = s->next;
	assert_true(s->proto_h2 && !s->proto_h1);
	run_end(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    tls_back__verify__believes_the_authority_and_the_name),
		cmocka_unit_test(tls_back__protocols__h2_by_alpn_or_by_proto),
		cmocka_unit_test(tls_back__verify_none__believes_anybody),
		cmocka_unit_test(tls_back__crt__is_shown_to_a_server_that_asks),
		cmocka_unit_test(
		    tls_back__options__come_from_line_default_server_and_global),
	};

	return cmocka_run_group_tests(tests, tls_setup, tls_teardown);
}
