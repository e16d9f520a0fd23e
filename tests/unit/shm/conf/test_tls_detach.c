/* SPDX-License-Identifier: MIT */
/*
 * Contexts of a configuration under the handshakes of shm/proto: what was
 * chosen by name still detaches, and data passes afterwards.
 */
#include <sys/uio.h>

#include "shm/proto/tls_hs.h"
#include "shm/proto/tls_rec.h"
#include "tests/unit/shm/conf/tls_test.h"

struct pair {
	struct tls_hs *client, *server;
};

static void
feed(struct tls_hs *from, struct tls_hs *to)
{
	struct sv out = tls_hs_output(from);
	char copy[65536];
	size_t n = out.n;

	assert_true(n <= sizeof(copy));
	if (n == 0)
		return;
	memcpy(copy, out.p, n);
	tls_hs_sent(from, n);
	tls_hs_feed(to, copy, n);
}

static void
pair_run(struct pair *p, const struct tls_front *f, const struct server *s,
    const char *sni, SSL_SESSION *resume)
{
	const struct tls_alpn *a = &s->tls.opts.alpn;

	p->server = tls_hs_accept(tls_front_ctx(f));
	p->client = tls_hs_connect(s->tls.ctx, sv_str(sni),
	    sv_of((const char *)a->wire, a->n), resume,
	    tls_back_verify_host(s, sni));
	assert_non_null(p->server);
	assert_non_null(p->client);
	tls_hs_feed(p->client, NULL, 0);
	for (int i = 0; i < 4; i++) {
		feed(p->client, p->server);
		feed(p->server, p->client);
	}
	if (*tls_hs_error(p->client) || *tls_hs_error(p->server))
		print_error("%s: client: %s, server: %s\n", sni,
		    tls_hs_error(p->client), tls_hs_error(p->server));
	assert_int_equal(tls_hs_state(p->client), TLS_HS_DONE);
	assert_int_equal(tls_hs_state(p->server), TLS_HS_DONE);
}

static void
pair_done(struct pair *p)
{
	tls_hs_free(&p->client);
	tls_hs_free(&p->server);
}

static void
expect_data(struct pair *p)
{
	struct iovec hello = { .iov_base = (char[]){ "hello" }, .iov_len = 5 };
	struct tls_rec rx = { 0 }, tx = { 0 };
	struct sv rest, data = SV_NULL;
	uint8_t wire[512];
	enum tls_got got;
	uint8_t alert;
	ssize_t n;

	assert_int_equal(tls_hs_detach(p->server, &tx.st, &rest), 0);
	assert_int_equal(rest.n, 0);
	assert_int_equal(tls_hs_detach(p->client, &rx.st, &rest), 0);
	n = tls_rec_seal(&tx, &hello, 1, wire, sizeof(wire));
	assert_true(n > 0);
	for (size_t at = 0; at < rest.n;) {
		n = tls_rec_open(&rx, (uint8_t *)(uintptr_t)rest.p + at,
		    rest.n - at, &got, &data, &alert);
		assert_true(n > 0);
		at += (size_t)n;
	}
	n = tls_rec_open(&rx, wire, sizeof(wire), &got, &data, &alert);
	assert_true(n > 0);
	assert_true(sv_eq(data, SV("hello")));
	tls_rec_wipe(&rx);
	tls_rec_wipe(&tx);
	tls_rec_drain();
}

static void
tls_detach__name_and_options_of_a_list__hold(void **state)
{
	struct run rf, rs;
	struct tls_front *f;
	struct server *s;
	struct pair p;

	(void)state;
	text_file("d.list",
	    "a.pem\nb.pem [ssl-max-ver TLSv1.2] b2.test\n"
	    "both [alpn http/1.1 curves P-384]\n");
	f = front_good(&rf, "bind :443 ssl crt-list d.list");
	tls_run(&rs, "", "backend",
	    "server s 127.0.0.1:1 ssl ca-file ca.crt alpn h2,http/1.1");
	s = rs.cp.conf->proxies->servers;
	assert_int_equal(tls_conf_each_ctx(rf.cp.conf, tls_hs_prepare), 0);
	assert_int_equal(tls_conf_each_ctx(rs.cp.conf, tls_hs_prepare), 0);
	pair_run(&p, f, s, "a.test", NULL);
	assert_string_equal(tls_hs_version(p.client), "TLSv1.3");
	assert_true(sv_eq(tls_hs_alpn(p.server), SV("h2")));
	assert_true(sv_eq(tls_hs_sni(p.server), SV("a.test")));
	expect_data(&p);
	pair_done(&p);
	pair_run(&p, f, s, "b2.test", NULL);
	assert_string_equal(tls_hs_version(p.client), "TLSv1.2");
	assert_true(sv_eq(tls_hs_sni(p.server), SV("b2.test")));
	expect_data(&p);
	pair_done(&p);
	pair_run(&p, f, s, "both.test", NULL);
	assert_true(sv_eq(tls_hs_alpn(p.client), SV("http/1.1")));
	expect_data(&p);
	pair_done(&p);
	run_end(&rf);
	run_end(&rs);
}

static void
tls_detach__ticket__resumes_after_a_replaced_certificate(void **state)
{
	struct run rf, rs;
	struct tls_front *f = front_good(&rf, "bind :443 ssl crt a.pem");
	SSL_SESSION *session;
	struct server *s;
	char *again = file_text("a.pem"), err[512];
	struct pair p;

	(void)state;
	tls_run(&rs, "", "backend", "server s 127.0.0.1:1 ssl ca-file ca.crt");
	s = rs.cp.conf->proxies->servers;
	assert_int_equal(tls_conf_each_ctx(rf.cp.conf, tls_hs_prepare), 0);
	assert_int_equal(tls_conf_each_ctx(rs.cp.conf, tls_hs_prepare), 0);
	pair_run(&p, f, s, "a.test", NULL);
	assert_false(tls_hs_is_resumed(p.client));
	session = tls_hs_session(p.client);
	assert_non_null(session);
	pair_done(&p);
	assert_int_equal(tls_cert_replace(rf.cp.conf, tls_path("a.pem"),
			     sv_str(again), err, sizeof(err)),
	    0);
	assert_int_equal(tls_conf_each_ctx(rf.cp.conf, tls_hs_prepare), 0);
	pair_run(&p, f, s, "a.test", session);
	assert_true(tls_hs_is_resumed(p.client));
	assert_true(tls_hs_is_resumed(p.server));
	assert_true(sv_eq(tls_hs_sni(p.server), SV("a.test")));
	expect_data(&p);
	pair_done(&p);
	SSL_SESSION_free(session);
	free(again);
	run_end(&rf);
	run_end(&rs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tls_detach__name_and_options_of_a_list__hold),
		cmocka_unit_test(
		    tls_detach__ticket__resumes_after_a_replaced_certificate),
	};

	return cmocka_run_group_tests(tests, tls_setup, tls_teardown);
}
