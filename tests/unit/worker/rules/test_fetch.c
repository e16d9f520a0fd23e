/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/worker/rules/fixture.h"

#define VALUE(x, format, expected) \
	assert_string_equal(fix_value(x, "%[" format "]"), expected)

static const char many[] = "POST /b/c?z=a%0d&y=2;z=3 HTTP/1.1\r\n"
			   "Host: h.test:81\r\na: 1,2\r\n"
			   "a: x y, \"q,r\"\r\nempty:\r\n"
			   "Cookie: c=1; d=; c=2\r\nCookie: e=x\r\n"
			   "Content-Length: 3\r\nip: ::1, 10.0.0.1\r\n\r\n";

static void
fetch_hdr__without_occurrence__is_last_value(void **state)
{
	struct fix *x = fix_new("", "");

	(void)state;
	fix_request(x, many);
	VALUE(x, "hdr(a)", "\"q,r\"");
	VALUE(x, "req.hdr(A)", "\"q,r\"");
	VALUE(x, "req.fhdr(a)", "x y, \"q,r\"");
	VALUE(x, "hdr(nope)", "");
	VALUE(x, "hdr(empty)", "");
	fix_free(&x);
}

static void
fetch_hdr__with_occurrence__counts_from_either_end(void **state)
{
	struct fix *x = fix_new("", "");

	(void)state;
	fix_request(x, many);
	VALUE(x, "hdr(a,1)", "1");
	VALUE(x, "hdr(a,3)", "x y");
	VALUE(x, "hdr(a,-4)", "1");
	VALUE(x, "hdr(a,5)", "");
	VALUE(x, "hdr(a,-5)", "");
	VALUE(x, "req.fhdr(a,1)", "1,2");
	VALUE(x, "hdr_cnt(a)", "4");
	VALUE(x, "req.fhdr_cnt(a)", "2");
	VALUE(x, "hdr_val(a,2)", "2");
	VALUE(x, "hdr_ip(ip,1)", "::1");
	VALUE(x, "hdr_ip(ip)", "10.0.0.1");
	VALUE(x, "req.hdr_names(:)",
	    "host:a:a:empty:cookie:cookie:content-length:ip");
	fix_free(&x);
}

static void
fetch_cook__several__last_counts(void **state)
{
	struct fix *x = fix_new("", "");

	(void)state;
	fix_request(x, many);
	VALUE(x, "cook(c)", "2");
	VALUE(x, "req.cook(e)", "x");
	VALUE(x, "req.cook(d)", "");
	VALUE(x, "req.cook_cnt(c)", "2");
	VALUE(x, "req.cook_val(c)", "2");
	fix_response(x,
	    "HTTP/1.0 201 C\r\nSet-Cookie: s=v; Path=/; c=9\r\n"
	    "Content-Length: 0\r\n\r\n");
	VALUE(x, "res.cook(s)", "v");
	VALUE(x, "res.cook(c)", "");
	fix_free(&x);
}

static void
fetch_url__parts__as_in_target(void **state)
{
	struct fix *x = fix_new("", "");

	(void)state;
	fix_request(x, many);
	VALUE(x, "path", "/b/c");
	VALUE(x, "pathq", "/b/c?z=a%0d&y=2;z=3");
	VALUE(x, "query", "z=a%0d&y=2;z=3");
	VALUE(x, "url", "/b/c?z=a%0d&y=2;z=3");
	VALUE(x, "url_param(z)", "a%0d");
	VALUE(x, "urlp(y)", "2");
	VALUE(x, "urlp(x)", "");
	VALUE(x, "base", "h.test:81/b/c");
	VALUE(x, "method", "POST");
	VALUE(x, "req.ver", "1.1");
	VALUE(x, "req.body_size", "3");
	fix_request(x, "GET http://[::1]:88/q?r HTTP/1.0\r\n\r\n");
	VALUE(x, "path", "/q");
	VALUE(x, "url_ip", "::1");
	VALUE(x, "url_port", "88");
	VALUE(x, "req_ver", "1.0");
	fix_free(&x);
}

static void
fetch_msg__response__status_and_fields(void **state)
{
	struct fix *x = fix_new("", "");

	(void)state;
	VALUE(x, "status", "");
	VALUE(x, "res.hdr(a)", "");
	fix_response(x,
	    "HTTP/1.1 404 Nope\r\nA: b\r\n"
	    "Content-Length: 0\r\n\r\n");
	VALUE(x, "status", "404");
	VALUE(x, "res.hdr(a)", "b");
	VALUE(x, "shdr(a)", "b");
	VALUE(x, "res.ver", "1.1");
	VALUE(x, "res.hdr_cnt(a)", "1");
	fix_free(&x);
}

static void
fetch_msg__captures__as_received(void **state)
{
	struct fix *x = fix_new(" capture request header a len 4\n"
				" capture response header b len 9\n",
	    "");

	(void)state;
	fix_request(x, many);
	rules_capture_request(&x->t);
	fix_response(x,
	    "HTTP/1.1 200 K\r\nB: c\r\n"
	    "Content-Length: 0\r\n\r\n");
	rules_capture_response(&x->t);
	VALUE(x, "capture.req.hdr(0)", "x y,");
	VALUE(x, "capture.req.hdr(1)", "");
	VALUE(x, "capture.res.hdr(0)", "c");
	VALUE(x, "capture.req.method", "POST");
	VALUE(x, "capture.req.uri", "/b/c?z=a%0d&y=2;z=3");
	VALUE(x, "capture.req.ver", "HTTP/1.1");
	fix_free(&x);
}

static void
fetch_ws__tunnel__what_passed(void **state)
{
	struct txn_tunnel w = {
		.begun_us = 1000,
		.bytes = { 10, 20 },
		.msgs = { { 1, 2, 3 }, { [WS_PONG] = 4, [WS_CLOSE] = 1 } },
		.close_code = 1001,
		.closed_by = 'S',
		.is_ws = true,
	};
	struct fix *x = fix_new("", "");

	(void)state;
	VALUE(x, "tunnel.bytes_in", "");
	VALUE(x, "ws.msgs_in", "");
	x->t.tunnel = &w;
	x->t.at.end_us = 3001000;
	VALUE(x, "tunnel.bytes_in", "10");
	VALUE(x, "tunnel.bytes_out", "20");
	VALUE(x, "tunnel.duration", "3000");
	VALUE(x, "tunnel.closed_by", "server");
	VALUE(x, "ws.close_code", "1001");
	VALUE(x, "ws.msgs_in", "3");
	VALUE(x, "ws.msgs_in(ping)", "3");
	VALUE(x, "ws.msgs_out", "0");
	VALUE(x, "ws.msgs_out(pong)", "4");
	VALUE(x, "ws.msgs_out(close)", "1");
	VALUE(x, "ws.msgs_in(text)", "1");
	VALUE(x, "ws.msgs_in(binary)", "2");
	VALUE(x, "ws.msgs_in()", "3");
	w.close_code = 0;
	w.closed_by = 'C';
	w.is_ws = false;
	VALUE(x, "ws.close_code", "");
	VALUE(x, "tunnel.closed_by", "client");
	VALUE(x, "ws.msgs_out", "");
	fix_free(&x);
}

static void
fetch_conn__plain_client__addresses_and_no_tls(void **state)
{
	struct fix *x = fix_new("", "");

	(void)state;
	VALUE(x, "src", "10.1.2.3");
	VALUE(x, "src_port", "4711");
	VALUE(x, "dst", "127.0.0.1");
	VALUE(x, "dst_port", "8080");
	VALUE(x, "ssl_fc", "0");
	VALUE(x, "ssl_fc_alpn", "");
	VALUE(x, "http_first_req", "1");
	VALUE(x, "fe_name", "f");
	VALUE(x, "be_name", "");
	VALUE(x, "srv_name", "");
	x->t.be = x->be;
	x->t.srv = x->be->servers;
	x->t.reused = true;
	x->t.bc_alpn = SV("h2");
	x->cli.is_tls = true;
	x->cli.sni = SV("sni.test");
	x->cli.request_count = 2;
	VALUE(x, "be_name", "b");
	VALUE(x, "srv_name", "s1");
	VALUE(x, "srv_id", "1");
	VALUE(x, "bc_reused", "1");
	VALUE(x, "ssl_fc", "1");
	VALUE(x, "ssl_fc_sni", "sni.test");
	VALUE(x, "ssl_bc_alpn", "h2");
	VALUE(x, "http_first_req", "0");
	fix_free(&x);
}

static long
seven(const struct proxy *px)
{
	return px->name[0] == 'b' ? 7 : 5;
}

static void
fetch_conn__hooks__give_counts(void **state)
{
	struct fix *x = fix_new("", "");

	(void)state;
	VALUE(x, "fe_conn", "0");
	txn_hooks.fe_conn = txn_hooks.nbsrv = seven;
	VALUE(x, "fe_conn", "5");
	VALUE(x, "nbsrv(b)", "7");
	VALUE(x, "nbsrv(none)", "");
	txn_hooks.fe_conn = txn_hooks.nbsrv = NULL;
	fix_free(&x);
}

static void
fetch_const__values__as_written(void **state)
{
	struct fix *x = fix_new("", "");

	(void)state;
	VALUE(x, "str(a b)", "a b");
	VALUE(x, "str('a)b,c')", "a)b,c");
	VALUE(x, "str(\"a\\\"b\")", "a\"b");
	VALUE(x, "str(a\\.b)", "a\\.b");
	VALUE(x, "int(-5)", "-5");
	VALUE(x, "bool(true)", "1");
	VALUE(x, "always_false", "0");
	VALUE(x, "bin(414243)", "ABC");
	VALUE(x, "var(txn.none)", "");
	VALUE(x, "var(txn.none,dflt)", "dflt");
	assert_int_equal(strlen(fix_value(x, "%[uuid]")), 36);
	fix_free(&x);
}

static void
fetch_url__no_request__gives_nothing(void **state)
{
	struct fix *x = fix_new("", "");

	(void)state;
	x->t.req = NULL;
	x->t.req_line = SV_NULL;
	VALUE(x, "path", "");
	VALUE(x, "method", "");
	VALUE(x, "hdr(a)", "");
	VALUE(x, "hdr_cnt(a)", "");
	VALUE(x, "base", "");
	VALUE(x, "req.body", "");
	VALUE(x, "cook(c)", "");
	fix_free(&x);
}

/* Each row, with plausible arguments, with and without messages. */
static void
fetch_tbl__every_row__survives_nothing_and_all(void **state)
{
	struct fix *x = fix_new("", "");
	struct fetch_arg a[2] = {
		{ .s = SV("a"), .is_var = true, .scope = VAR_TXN },
		{ .i = 0, .s = SV("") }
	};
	struct sample s;
	int k, n, round;

	(void)state;
	fix_request(x, many);
	for (round = 0; round < 2; round++) {
		for (k = 0; k < fetch_tbl_count; k++) {
			int argc = fetch_tbl[k].args[0] ? 2 : 0;

			for (n = FETCH_LAST; n < 3; n++)
				fetch_tbl[k].get(&x->t, a, argc, n, &s);
			assert_true(strlen(fetch_tbl[k].doc) > 4);
		}
		x->t.req = NULL;
		x->t.cli = NULL;
		x->t.arena.size_bytes = 0;
	}
	fix_free(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fetch_hdr__without_occurrence__is_last_value),
		cmocka_unit_test(
		    fetch_hdr__with_occurrence__counts_from_either_end),
		cmocka_unit_test(fetch_cook__several__last_counts),
		cmocka_unit_test(fetch_url__parts__as_in_target),
		cmocka_unit_test(fetch_msg__response__status_and_fields),
		cmocka_unit_test(fetch_msg__captures__as_received),
		cmocka_unit_test(fetch_ws__tunnel__what_passed),
		cmocka_unit_test(
		    fetch_conn__plain_client__addresses_and_no_tls),
		cmocka_unit_test(fetch_conn__hooks__give_counts),
		cmocka_unit_test(fetch_const__values__as_written),
		cmocka_unit_test(fetch_url__no_request__gives_nothing),
		cmocka_unit_test(
		    fetch_tbl__every_row__survives_nothing_and_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
