/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <sys/uio.h>
#include <openssl/err.h>

#include "tests/unit/shm/proto/tls_pair.h"

static struct pair pair;

/* Each version, suite, role and master secret; resumed or not. */
static void
try_all(void (*fn)(struct pair *p, SSL_SESSION *resume), bool resumed)
{
	struct shape s = { 0 };
	SSL_SESSION *session;

	for (int i = 0; i < 2 * 2 * TLS_AEAD_N * 2; i++) {
		s.version = i & 1 ? 13 : 12;
		s.is_client = i & 2;
		s.no_ems = i & 4;
		s.aead = (enum tls_aead)(i >> 3);
		if (s.no_ems && s.version == 13)
			continue;
		pair_init(&pair, &s);
		session = resumed ? pair_session(&pair) : NULL;
		fn(&pair, session);
		SSL_SESSION_free(session);
		pair_free(&pair);
	}
}

static void
exchange(struct pair *p, SSL_SESSION *resume)
{
	pair_connect(p, resume);
	assert_int_equal(SSL_session_reused(p->peer), resume ? 1 : 0);
	assert_int_equal(p->rec.st.version, p->shape.version);
	assert_int_equal(p->rec.st.aead, p->shape.aead);
	assert_int_equal(p->rec.st.is_client, p->shape.is_client);
	if (p->shape.version == 12)
		assert_int_equal(p->rec.st.tx.seq, 1);
	else if (!p->shape.is_client)
		assert_int_equal(p->rec.st.tx.seq, resume ? 1 : 2);
	else
		assert_int_equal(p->rec.st.tx.seq, 0);
	pair_talk(p);
	pair_talk(p);
	if (p->shape.version == 13 && p->shape.is_client)
		assert_int_equal(p->rec.st.tickets, resume ? 1 : 2);
	assert_true(tls_state_is_quiet(&p->rec.st));
	pair_stop(p);
}

static void
detach__every_kind__data_both_ways(void **state)
{
	(void)state;
	try_all(exchange, false);
}

static void
detach__every_kind_resumed__data_both_ways(void **state)
{
	(void)state;
	try_all(exchange, true);
}

/* Our input cut at each place, or in steps. */
static void
connect_split(struct pair *p, size_t cut, size_t step)
{
	size_t seen = 0;

	pair_start(p, NULL);
	for (int i = 0; i < 9; i++) {
		size_t at = 0, n;

		tls_hs_feed(p->hs, NULL, 0);
		while (at < p->in_bytes) {
			n = p->in_bytes - at;
			if (seen + at < cut && seen + at + n > cut)
				n = cut - seen - at;
			else if (step && n > step)
				n = step;
			/* what comes after DONE may be kept back */
			if (tls_hs_state(p->hs) == TLS_HS_DONE)
				break;
			assert_int_not_equal(
			    tls_hs_feed(p->hs, p->in + at, n), TLS_HS_FAILED);
			at += n;
		}
		seen += at;
		p->in_bytes -= at;
		memmove(p->in, p->in + at, p->in_bytes);
		pair_deliver(p, tls_hs_output(p->hs).p, tls_hs_output(p->hs).n);
		tls_hs_sent(p->hs, tls_hs_output(p->hs).n);
		if (tls_hs_state(p->hs) == TLS_HS_DONE)
			break;
		SSL_do_handshake(p->peer);
		pair_fetch(p);
	}
	SSL_do_handshake(p->peer);
	pair_detach(p);
	pair_talk(p);
	pair_stop(p);
}

static void
feed__every_split__same_connection(void **state)
{
	struct shape s = { 13, TLS_AES_128_GCM, true, false };

	(void)state;
	for (int i = 0; i < 4; i++) {
		s.version = i & 1 ? 13 : 12;
		s.is_client = i & 2;
		pair_init(&pair, &s);
		for (size_t cut = 1; cut < 900; cut += 1 + cut / 16)
			connect_split(&pair, cut, 0);
		connect_split(&pair, 0, 1);
		connect_split(&pair, 0, 7);
		pair_free(&pair);
	}
}

/* The peer's data right behind its last handshake record. */
static void
detach__data_behind_the_handshake__moves_along(void **state)
{
	struct shape s = { 13, TLS_AES_128_GCM, true, false };
	struct sv rest;

	(void)state;
	for (int i = 0; i < 2; i++) {
		s.version = i ? 13 : 12;
		s.is_client = i == 0;
		pair_init(&pair, &s);
		pair_start(&pair, NULL);
		for (int k = 0; k < 4; k++) {
			SSL_do_handshake(pair.peer);
			SSL_write(pair.peer, "hello", 5);
			pair_fetch(&pair);
			tls_hs_feed(pair.hs, pair.in, pair.in_bytes);
			pair.in_bytes = 0;
			pair_deliver(&pair, tls_hs_output(pair.hs).p,
			    tls_hs_output(pair.hs).n);
			if (tls_hs_state(pair.hs) == TLS_HS_DONE)
				break;
			tls_hs_sent(pair.hs, tls_hs_output(pair.hs).n);
		}
		assert_int_equal(tls_hs_state(pair.hs), TLS_HS_DONE);
		if (tls_hs_output(pair.hs).n > 0)
			assert_int_equal(
			    tls_hs_detach(pair.hs, &pair.rec.st, &rest),
			    -WSE_AGAIN);
		tls_hs_sent(pair.hs, tls_hs_output(pair.hs).n);
		SSL_do_handshake(pair.peer);
		pair_detach(&pair);
		pair_open(&pair);
		if (!s.is_client)
			assert_int_equal(pair.got_bytes, 5);
		pair_talk(&pair);
		pair_free(&pair);
	}
}

static void
session__data_and_tickets__both_arrive(void **state)
{
	struct shape s = { 13, TLS_AES_256_GCM, true, false };
	SSL_SESSION *session;

	(void)state;
	pair_init(&pair, &s);
	pair_start(&pair, NULL);
	pair_handshake(&pair);
	assert_true(tls_hs_is_ticket_due(pair.hs));
	assert_null(tls_hs_session(pair.hs));
	SSL_key_update(pair.peer, SSL_KEY_UPDATE_REQUESTED);
	SSL_write(pair.peer, "settings", 8);
	SSL_new_session_ticket(pair.peer);
	SSL_write(pair.peer, "more", 4);
	pair_fetch(&pair);
	/* one ticket, then another: the first serves */
	for (size_t i = 0; i < pair.in_bytes; i++)
		assert_int_equal(
		    tls_hs_feed(pair.hs, pair.in + i, 1), TLS_HS_DONE);
	pair.in_bytes = 0;
	assert_false(tls_hs_is_ticket_due(pair.hs));
	session = tls_hs_session(pair.hs);
	assert_non_null(session);
	assert_null(tls_hs_session(pair.hs));
	pair_detach(&pair);
	pair_open(&pair);
	assert_int_equal(pair.got_bytes, 12);
	assert_memory_equal(pair.got, "settingsmore", 12);
	assert_true(pair.rec.st.owes_update);
	pair_talk(&pair);
	assert_false(pair.rec.st.owes_update);
	pair_stop(&pair);
	pair_connect(&pair, session);
	assert_int_equal(SSL_session_reused(pair.peer), 1);
	pair_free(&pair);
	SSL_SESSION_free(session);
}

/* No ticket in sight: data is kept, and waiting ends at any record. */
static void
session__none_comes__detaches_exactly(void **state)
{
	struct shape s = { 13, TLS_CHACHA20_POLY1305, true, false };

	(void)state;
	pair_init(&pair, &s);
	SSL_CTX_set_num_tickets(pair.server_ctx, 0);
	pair_start(&pair, NULL);
	pair_handshake(&pair);
	for (int i = 0; i < 5; i++)
		SSL_write(pair.peer, "data!", 5);
	pair_fetch(&pair);
	assert_int_equal(
	    tls_hs_feed(pair.hs, pair.in, pair.in_bytes - 7), TLS_HS_DONE);
	memmove(pair.in, pair.in + pair.in_bytes - 7, 7);
	pair.in_bytes = 7;
	assert_true(tls_hs_is_ticket_due(pair.hs));
	assert_null(tls_hs_session(pair.hs));
	assert_int_equal(tls_hs_plain(pair.hs).n, 20);
	pair_detach(&pair);
	pair_open(&pair);
	assert_int_equal(pair.got_bytes, 25);
	pair_talk(&pair);
	pair_free(&pair);
}

static void
session__of_another_sni__is_not_offered(void **state)
{
	struct shape s = { 13, TLS_AES_128_GCM, true, false };
	SSL_SESSION *session;

	(void)state;
	pair_init(&pair, &s);
	session = pair_session(&pair);
	pair.hs = tls_hs_connect(
	    pair.client_ctx, SV("other.example"), SV_NULL, session, NULL);
	assert_false(SSL_get_session(tls_hs_ssl(pair.hs)) == session);
	tls_hs_free(&pair.hs);
	pair.hs = tls_hs_connect(
	    pair.client_ctx, SV("test.example"), SV_NULL, session, NULL);
	assert_true(SSL_get_session(tls_hs_ssl(pair.hs)) == session);
	pair_free(&pair);
	SSL_SESSION_free(session);
}

static void
results__after_the_handshake__tell_all(void **state)
{
	struct shape s = { 13, TLS_AES_128_GCM, true, false };
	struct sv alpn, sni;

	(void)state;
	for (int i = 0; i < 2; i++) {
		s.is_client = i == 0;
		pair_init(&pair, &s);
		pair_start(&pair, NULL);
		pair_handshake(&pair);
		alpn = tls_hs_alpn(pair.hs);
		sni = tls_hs_sni(pair.hs);
		assert_true(sv_eq(alpn, i ? SV("http/1.1") : SV("h2")));
		assert_true(sv_eq(sni, SV("test.example")));
		assert_false(tls_hs_is_resumed(pair.hs));
		assert_int_equal(tls_hs_verify_result(pair.hs), X509_V_OK);
		assert_string_equal(tls_hs_version(pair.hs), "TLSv1.3");
		assert_string_equal(
		    tls_hs_cipher(pair.hs), "TLS_AES_128_GCM_SHA256");
		assert_string_equal(tls_hs_error(pair.hs), "");
		pair_free(&pair);
	}
}

/* A client that wants another name, or does not know the issuer. */
static void
verify__wrong_name_or_issuer__fails_and_says_why(void **state)
{
	struct shape s = { 13, TLS_AES_128_GCM, true, false };
	static const char *const hosts[] = { "wrong.example", "127.0.0.2" };

	(void)state;
	pair_init(&pair, &s);
	for (int i = 0; i < 3; i++) {
		pair_start(&pair, NULL);
		tls_hs_free(&pair.hs);
		if (i == 2)
			SSL_CTX_set_cert_store(
			    pair.client_ctx, X509_STORE_new());
		pair.hs = tls_hs_connect(pair.client_ctx, SV("test.example"),
		    SV_NULL, NULL, i < 2 ? hosts[i] : "127.0.0.1");
		tls_hs_feed(pair.hs, NULL, 0);
		pair_deliver(
		    &pair, tls_hs_output(pair.hs).p, tls_hs_output(pair.hs).n);
		tls_hs_sent(pair.hs, tls_hs_output(pair.hs).n);
		SSL_do_handshake(pair.peer);
		pair_fetch(&pair);
		assert_int_equal(tls_hs_feed(pair.hs, pair.in, pair.in_bytes),
		    TLS_HS_FAILED);
		assert_non_null(
		    strstr(tls_hs_error(pair.hs), "certificate verify failed"));
		assert_non_null(strstr(tls_hs_error(pair.hs),
		    i == 0       ? "hostname mismatch"
			: i == 1 ? "IP address mismatch"
				 : "self"));
		/* the alert is there to be sent */
		assert_true(tls_hs_output(pair.hs).n > 0);
		pair_stop(&pair);
	}
	pair_free(&pair);
}

static void
feed__no_tls__fails_at_once(void **state)
{
	struct shape s = { 13, TLS_AES_128_GCM, false, false };
	static const char *const bad[] = { "GET / HTTP/1.1\r\n\r\n",
		"\x16\x02\x01", "\x16\x03\x01\xff\xff", "\x80\x2e\x01" };
	struct sv rest;

	(void)state;
	pair_init(&pair, &s);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		pair_start(&pair, NULL);
		assert_int_equal(tls_hs_feed(pair.hs, bad[i], strlen(bad[i])),
		    TLS_HS_FAILED);
		assert_string_equal(tls_hs_error(pair.hs), "not a TLS record");
		assert_int_equal(tls_hs_feed(pair.hs, "x", 1), TLS_HS_FAILED);
		assert_int_equal(
		    tls_hs_detach(pair.hs, &pair.rec.st, &rest), -WSE_AGAIN);
		pair_stop(&pair);
	}
	pair_free(&pair);
}

static void
detach__max_fragment_length__bounds_our_records(void **state)
{
	struct shape s = { 12, TLS_AES_128_GCM, false, false };
	static uint8_t data[600], out[700];
	struct iovec iov = { data, 513 };

	(void)state;
	for (s.version = 12; s.version <= 13; s.version++) {
		pair_init(&pair, &s);
		SSL_CTX_set_tlsext_max_fragment_length(
		    pair.client_ctx, TLSEXT_max_fragment_length_512);
		pair_connect(&pair, NULL);
		assert_int_equal(pair.rec.st.plain_max, 512);
		assert_int_equal(
		    tls_rec_seal(&pair.rec, &iov, 1, out, sizeof(out)),
		    -WSE_TOOBIG);
		iov.iov_len = 512;
		assert_true(
		    tls_rec_seal(&pair.rec, &iov, 1, out, sizeof(out)) > 512);
		iov.iov_len = 513;
		pair_free(&pair);
	}
}

static int
take_any(int ok, X509_STORE_CTX *c)
{
	(void)ok;
	(void)c;
	return 1;
}

/* A second hello and a client certificate: more records before the switch. */
static void
detach__hello_retry_and_client_certificate__counts_right(void **state)
{
	struct shape s = { 13, TLS_AES_256_GCM, true, false };

	(void)state;
	for (int i = 0; i < 4; i++) {
		s.version = i & 1 ? 13 : 12;
		s.is_client = i & 2;
		pair_init(&pair, &s);
		SSL_CTX_set1_groups_list(pair.client_ctx, "X25519:P-256");
		SSL_CTX_set1_groups_list(pair.server_ctx, "P-256");
		SSL_CTX_use_certificate(
		    pair.client_ctx, SSL_CTX_get0_certificate(pair.server_ctx));
		SSL_CTX_use_PrivateKey(
		    pair.client_ctx, SSL_CTX_get0_privatekey(pair.server_ctx));
		SSL_CTX_set_verify(pair.server_ctx,
		    SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
		    take_any);
		SSL_CTX_set_session_id_context(
		    pair.server_ctx, (const unsigned char *)"t", 1);
		exchange(&pair, NULL);
		pair_free(&pair);
	}
}

enum { THREADS = 4, TIMES = 12 };

/* What the threads of a broker share. */
static struct {
	SSL_CTX *client_ctx, *server_ctx;
	SSL_SESSION *session;
} shared;

static void *
shake_hands_often(void *arg)
{
	struct pair *p = calloc(1, sizeof(*p));

	p->shape = (struct shape){ 13, TLS_AES_128_GCM, true, false };
	p->client_ctx = shared.client_ctx;
	p->server_ctx = shared.server_ctx;
	for (int i = 0; i < TIMES; i++) {
		pair_connect(p, i & 1 ? shared.session : NULL);
		pair_talk(p);
		pair_stop(p);
	}
	tls_rec_drain();
	free(p);
	return arg;
}

static void
connect__many_threads__one_context_and_session(void **state)
{
	struct shape s = { 13, TLS_AES_128_GCM, true, false };
	pthread_t t[THREADS];
	void *r;

	(void)state;
	pair_init(&pair, &s);
	shared.client_ctx = pair.client_ctx;
	shared.server_ctx = pair.server_ctx;
	shared.session = pair_session(&pair);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&t[i], NULL, shake_hands_often, t), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(t[i], &r), 0);
		assert_ptr_equal(r, t);
	}
	SSL_SESSION_free(shared.session);
	pair_free(&pair);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(detach__every_kind__data_both_ways),
		cmocka_unit_test(detach__every_kind_resumed__data_both_ways),
		cmocka_unit_test(feed__every_split__same_connection),
		cmocka_unit_test(
		    detach__data_behind_the_handshake__moves_along),
		cmocka_unit_test(
		    detach__hello_retry_and_client_certificate__counts_right),
		cmocka_unit_test(session__data_and_tickets__both_arrive),
		cmocka_unit_test(session__none_comes__detaches_exactly),
		cmocka_unit_test(session__of_another_sni__is_not_offered),
		cmocka_unit_test(results__after_the_handshake__tell_all),
		cmocka_unit_test(
		    verify__wrong_name_or_issuer__fails_and_says_why),
		cmocka_unit_test(feed__no_tls__fails_at_once),
		cmocka_unit_test(
		    detach__max_fragment_length__bounds_our_records),
		cmocka_unit_test(
		    connect__many_threads__one_context_and_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
