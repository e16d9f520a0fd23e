/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/worker/rules/fixture.h"

static const char get[] = "GET /a/b?q=1&z=%0d%0aX:y HTTP/1.1\r\n"
			  "Host: h.test\r\nX: 1, 2\r\nX: 3\r\n"
			  "Content-Length: 0\r\nX-Y: v\r\n\r\n";

/* Run http-request rules on `get`. */
static struct fix *
run(const char *rules, enum rule_verdict expected)
{
	struct fix *x = fix_new(rules, "");

	fix_request(x, get);
	assert_int_equal(fix_run(x, RULES_HTTP_REQUEST), expected);
	return x;
}

static void
rules_run__headers__set_add_del(void **state)
{
	struct fix *x;

	(void)state;
	x = run(" http-request set-header X new-%[hdr(x,1)]\n"
		" http-request add-header Add a\n"
		" http-request add-header Add \"b %ci\"\n"
		" http-request del-header x-y\n"
		" http-request set-header No no if { path /none }\n",
	    RULE_CONTINUE);
	assert_string_equal(fix_header(&x->req, "x"), "new-1");
	assert_string_equal(fix_header(&x->req, "x-y"), "");
	assert_string_equal(fix_header(&x->req, "no"), "");
	assert_string_equal(fix_value(x, "%[hdr(add)]"), "b 10.1.2.3");
	assert_string_equal(fix_value(x, "%[hdr_cnt(x)]"), "1");
	fix_free(&x);
}

static void
rules_run__del_header__match_methods_spare_framing(void **state)
{
	struct fix *x;

	(void)state;
	x = run(" http-request del-header x -m beg", RULE_CONTINUE);
	assert_int_equal(x->req.hdr_count, 2);
	fix_free(&x);
	x = run(" http-request del-header -y -m end", RULE_CONTINUE);
	assert_int_equal(x->req.hdr_count, 4);
	fix_free(&x);
	x = run(" http-request del-header .* -m reg", RULE_CONTINUE);
	assert_int_equal(x->req.hdr_count, 1);
	assert_string_equal(fix_header(&x->req, "content-length"), "0");
	fix_free(&x);
}

static void
rules_run__values_from_clients__cannot_end_a_line(void **state)
{
	struct fix *x;

	(void)state;
	x = run(" http-request set-header Z %[url_param(z),url_dec]\n"
		" http-request set-path /%[url_param(z),url_dec]\n"
		" http-request set-query \"a b\"\n"
		" http-request set-method %[url_param(z),url_dec]\n",
	    RULE_CONTINUE);
	assert_string_equal(fix_header(&x->req, "z"), "%0D%0AX:y");
	assert_string_equal(fix_value(x, "%[url]"), "/%0D%0AX:y?a%20b");
	assert_int_equal(x->req.method, HTTP_GET);
	fix_free(&x);
}

static void
rules_run__target__parts_replaced(void **state)
{
	struct fix *x;

	(void)state;
	x = run(" http-request set-path /n%[path]", RULE_CONTINUE);
	assert_string_equal(fix_value(x, "%[url]"), "/n/a/b?q=1&z=%0d%0aX:y");
	fix_free(&x);
	x = run(" http-request set-query w=1\n"
		" http-request set-method POST",
	    RULE_CONTINUE);
	assert_string_equal(fix_value(x, "%[method] %[url]"), "POST /a/b?w=1");
	assert_int_equal(x->req.method, HTTP_POST);
	fix_free(&x);
	x = run(" http-request set-pathq /p?q", RULE_CONTINUE);
	assert_string_equal(fix_value(x, "%[url]"), "/p?q");
	fix_free(&x);
	x = run(" http-request set-uri http://o/x\n"
		" http-request set-path /y",
	    RULE_CONTINUE);
	assert_string_equal(fix_value(x, "%[url]"), "http://o/y");
	fix_free(&x);
	x = run(" http-request replace-path /a/(.*) /\\1/c", RULE_CONTINUE);
	assert_string_equal(fix_value(x, "%[path]"), "/b/c");
	fix_free(&x);
	x = run(" http-request replace-pathq ^(.*)[?].* \\1", RULE_CONTINUE);
	assert_string_equal(fix_value(x, "%[url]"), "/a/b");
	fix_free(&x);
	x = run(" http-request replace-uri ^/(.*) http://o/\\1", RULE_CONTINUE);
	assert_string_equal(fix_value(x, "%[path]"), "/a/b");
	fix_free(&x);
}

static void
rules_run__replace_header__whole_or_each_value(void **state)
{
	struct fix *x;

	(void)state;
	x = run(" http-request replace-value X ([0-9]) <\\1>", RULE_CONTINUE);
	assert_string_equal(
	    fix_value(x, "%[req.fhdr(x,1)] %[req.fhdr(x)]"), "<1>, <2> <3>");
	fix_free(&x);
	x = run(" http-request replace-header X ^1,(.*) z\\1", RULE_CONTINUE);
	assert_string_equal(
	    fix_value(x, "%[req.fhdr(x,1)] %[req.fhdr(x)]"), "z 2 3");
	fix_free(&x);
}

static void
rules_run__return__status_headers_body(void **state)
{
	struct fix *x;

	(void)state;
	x = run(" http-request return status 201 content-type text/plain "
		"lf-string \"at\\n%[path]\" hdr X-A %[method] hdr X-B b\n",
	    RULE_REPLY);
	assert_int_equal(x->reply.status, 201);
	assert_false(x->reply.is_deny);
	assert_true(sv_eq(x->reply.body, SV("at\n/a/b")));
	assert_string_equal(fix_header(&x->reply_head, "x-a"), "GET");
	assert_string_equal(
	    fix_header(&x->reply_head, "content-type"), "text/plain");
	fix_free(&x);
	x = run(
	    " http-request return status 404 default-errorfiles", RULE_REPLY);
	assert_true(x->reply.is_page);
	fix_free(&x);
	x = run(" http-request return", RULE_REPLY);
	assert_int_equal(x->reply.status, 200);
	assert_false(x->reply.is_page);
	assert_int_equal(x->reply_head.hdr_count, 0);
	fix_free(&x);
}

static void
rules_run__deny_and_kin__verdicts(void **state)
{
	struct fix *x;

	(void)state;
	x = run(" http-request deny if { path_beg /a }", RULE_REPLY);
	assert_int_equal(x->reply.status, 403);
	assert_true(x->reply.is_deny);
	assert_true(x->reply.is_page);
	fix_free(&x);
	x = run(" http-request deny deny_status 429", RULE_REPLY);
	assert_int_equal(x->reply.status, 429);
	fix_free(&x);
	x = run(" http-request deny status 418 content-type a/b string s",
	    RULE_REPLY);
	assert_true(sv_eq(x->reply.body, SV("s")));
	fix_free(&x);
	x = run(" http-request reject unless { path /none }", RULE_REJECT);
	fix_free(&x);
	x = run(" http-request allow\n http-request deny", RULE_CONTINUE);
	fix_free(&x);
}

static const char *
location(const char *rule)
{
	struct fix *x = run(rule, RULE_REPLY);
	const char *l = fix_header(&x->reply_head, "location");

	fix_free(&x);
	return l;
}

static void
rules_run__redirect__as_haproxy(void **state)
{
	struct fix *x;

	(void)state;
	assert_string_equal(
	    location(" http-request redirect location http://z/%[path]"),
	    "http://z//a/b");
	assert_string_equal(
	    location(" redirect prefix /x/"), "/x//a/b?q=1&z=%0d%0aX:y");
	assert_string_equal(location(" http-request redirect prefix / "
				     "append-slash drop-query"),
	    "/a/b/");
	assert_string_equal(
	    location(" http-request redirect scheme https code 301 drop-query"),
	    "https://h.test/a/b");
	x = run(" http-request redirect prefix /x code 307 set-cookie A=1",
	    RULE_REPLY);
	assert_int_equal(x->reply.status, 307);
	assert_string_equal(
	    fix_header(&x->reply_head, "cache-control"), "no-cache");
	assert_string_equal(
	    fix_header(&x->reply_head, "set-cookie"), "A=1; path=/;");
	fix_free(&x);
	x = run(" http-request redirect code 301 location /x clear-cookie A=",
	    RULE_REPLY);
	assert_string_equal(fix_header(&x->reply_head, "cache-control"), "");
	assert_string_equal(
	    fix_header(&x->reply_head, "set-cookie"), "A=; path=/; Max-Age=0;");
	fix_free(&x);
	x = run(" http-request redirect location %[hdr(none)] ignore-empty",
	    RULE_CONTINUE);
	fix_free(&x);
}

static void
rules_run__variables__by_scope(void **state)
{
	struct fix *x;

	(void)state;
	x = run(" http-request set-var(txn.a) path,length\n"
		" http-request set-var(req.b) hdr(x,1)\n"
		" http-request set-var(sess.c) int(7),add(txn.a)\n"
		" http-request set-var-fmt(txn.d) \"%[var(req.b)] %HM\"\n"
		" http-request set-var(txn.gone) str(x)\n"
		" http-request unset-var(txn.gone)\n"
		" http-request set-var(txn.none) hdr(nope)\n",
	    RULE_CONTINUE);
	assert_string_equal(fix_value(x,
				"%[var(txn.a)],%[var(req.b)],"
				"%[var(sess.c)],%[var(txn.d)],"
				"%[var(txn.gone)],%[var(txn.none)]"),
	    "4,1,11,1 GET,,");
	fix_response(x, "HTTP/1.1 200 K\r\nContent-Length: 0\r\n\r\n");
	assert_string_equal(fix_value(x, "%[var(txn.a)],%[var(req.b)]"), "4,");
	fix_free(&x);
}

static void
rules_run__destination_log_level_capture(void **state)
{
	struct fix *x;

	(void)state;
	x = run(" http-request set-dst str(127.0.0.9)\n"
		" http-request set-dst-port int(99)\n"
		" http-request set-log-level err\n"
		" http-request capture path len 3\n",
	    RULE_CONTINUE);
	assert_string_equal(fix_value(x, "%[dst]:%[dst_port]"), "127.0.0.9:99");
	assert_int_equal(x->t.log.level, LOGL_ERR);
	assert_string_equal(fix_value(x, "%[capture.req.hdr(0)]"), "/a/");
	fix_free(&x);
	x = run(" http-request set-log-level silent", RULE_CONTINUE);
	assert_true(x->t.log.silent);
	fix_free(&x);
}

static void
rules_run__response__status_and_headers(void **state)
{
	struct fix *x =
	    fix_new(" http-response set-status 503 reason \"Slow Down\" "
		    "if { status 404 }\n"
		    " http-response set-header A %[res.hdr(a)]%[res.hdr(a)]\n"
		    " http-response del-header B\n"
		    " http-response add-header M %[method]\n"
		    " http-after-response set-header C %[status]\n",
		"");

	(void)state;
	fix_response(x,
	    "HTTP/1.1 404 N\r\nA: a\r\nB: b\r\n"
	    "Content-Length: 0\r\n\r\n");
	assert_int_equal(fix_run(x, RULES_HTTP_RESPONSE), RULE_CONTINUE);
	assert_int_equal(fix_run(x, RULES_HTTP_AFTER_RESPONSE), RULE_CONTINUE);
	assert_int_equal(x->res.status, 503);
	assert_true(sv_eq(x->res.reason, SV("Slow Down")));
	assert_string_equal(fix_header(&x->res, "a"), "aa");
	assert_string_equal(fix_header(&x->res, "b"), "");
	assert_string_equal(fix_header(&x->res, "c"), "503");
	assert_string_equal(fix_header(&x->res, "m"), "GET");
	fix_free(&x);
}

static void
rules_backend__rules__first_match_or_default(void **state)
{
	struct fix *x =
	    fix_new(" use_backend b if { path /one }\n"
		    " use_backend %[hdr(be)] if { hdr(be) -m found }",
		" use-server s2 if { hdr(srv) 2 }\n"
		" use-server %[hdr(srv)] if { hdr(srv) -m found }\n");

	(void)state;
	x->fe->default_backend = NULL;
	assert_null(rules_backend(&x->t));
	fix_request(x, "GET /one HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_ptr_equal(rules_backend(&x->t), x->be);
	fix_request(x, "GET / HTTP/1.1\r\nHost: h\r\nBe: b\r\n\r\n");
	assert_ptr_equal(rules_backend(&x->t), x->be);
	fix_request(x, "GET / HTTP/1.1\r\nHost: h\r\nBe: zz\r\n\r\n");
	assert_null(rules_backend(&x->t));
	x->t.be = x->be;
	assert_null(rules_server(&x->t));
	fix_request(x, "GET / HTTP/1.1\r\nHost: h\r\nSrv: 2\r\n\r\n");
	assert_string_equal(rules_server(&x->t)->name, "s2");
	fix_request(x, "GET / HTTP/1.1\r\nHost: h\r\nSrv: s1\r\n\r\n");
	assert_string_equal(rules_server(&x->t)->name, "s1");
	fix_free(&x);
}

static void
rules_run__no_memory_or_room__is_an_error(void **state)
{
	struct fix *x = fix_new(" http-request set-header X %[path]", "");
	int k;

	(void)state;
	x->t.arena.size_bytes = 0;
	assert_int_equal(fix_run(x, RULES_HTTP_REQUEST), RULE_ERROR);
	x->t.arena.size_bytes = FIX_ARENA_BYTES;
	for (k = x->req.hdr_count; k < HTTP_HDR_MAX; k++)
		assert_int_equal(http_add(&x->req, SV("a"), SV("b")), 0);
	assert_int_equal(fix_run(x, RULES_HTTP_REQUEST), RULE_ERROR);
	fix_free(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_run__headers__set_add_del),
		cmocka_unit_test(
		    rules_run__del_header__match_methods_spare_framing),
		cmocka_unit_test(
		    rules_run__values_from_clients__cannot_end_a_line),
		cmocka_unit_test(rules_run__target__parts_replaced),
		cmocka_unit_test(
		    rules_run__replace_header__whole_or_each_value),
		cmocka_unit_test(rules_run__return__status_headers_body),
		cmocka_unit_test(rules_run__deny_and_kin__verdicts),
		cmocka_unit_test(rules_run__redirect__as_haproxy),
		cmocka_unit_test(rules_run__variables__by_scope),
		cmocka_unit_test(rules_run__destination_log_level_capture),
		cmocka_unit_test(rules_run__response__status_and_headers),
		cmocka_unit_test(rules_backend__rules__first_match_or_default),
		cmocka_unit_test(rules_run__no_memory_or_room__is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
