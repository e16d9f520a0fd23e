/* SPDX-License-Identifier: MIT */
/*
 * The parts of checks that need no connection: counting results, what agents
 * say, requests, responses, what is expected of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "broker/check_parts.h"
#include "tests/unit/shm/conf/conf_test.h"

/* --- health --- */

static void
health__new_server_fails_once__is_down(void **state)
{
	struct check_health h = { .now = 2, .rise = 2, .fall = 3 };

	(void)state;
	assert_string_equal(check_health_text(&h), "1/3 UP");
	assert_true(check_health_fail(&h));
	assert_int_equal(h.now, 0);
	assert_string_equal(check_health_text(&h), "0/2 DOWN");
	assert_false(check_health_fail(&h));
}

static void
health__rise_and_fall__are_counted(void **state)
{
	struct check_health h = { .now = 0, .rise = 2, .fall = 3 };

	(void)state;
	assert_false(check_health_pass(&h));
	assert_string_equal(check_health_text(&h), "1/2 DOWN");
	assert_true(check_health_pass(&h));
	assert_int_equal(h.now, 4);
	assert_false(check_health_fail(&h));
	assert_string_equal(check_health_text(&h), "2/3 UP");
	assert_false(check_health_fail(&h));
	assert_false(check_health_pass(&h)); /* to the top at once */
	assert_string_equal(check_health_text(&h), "3/3 UP");
	assert_false(check_health_fail(&h));
	assert_false(check_health_fail(&h));
	assert_true(check_health_fail(&h));
	/* a success and a failure while it is down */
	assert_false(check_health_pass(&h));
	assert_false(check_health_fail(&h));
	assert_int_equal(h.now, 0);
}

static void
health__rise_1_fall_1__each_result_counts(void **state)
{
	struct check_health h = { .now = 1, .rise = 1, .fall = 1 };
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_true(check_health_fail(&h));
		assert_true(check_health_pass(&h));
		assert_int_equal(h.now, 1);
	}
}

/* --- agents --- */

static struct check_agent
agent(const char *line)
{
	struct check_agent a;

	check_agent_parse(sv_str(line), &a);
	return a;
}

static void
agent__words__are_understood(void **state)
{
	struct check_agent a = agent("up 50% maxconn:30\r");

	(void)state;
	assert_true(a.up && !a.down && !a.unknown);
	assert_int_equal(a.weight, 50);
	assert_int_equal(a.maxconn, 30);
	a = agent("ready,UP,75%");
	assert_true(a.ready && a.up && a.weight == 75);
	a = agent("drain");
	assert_true(a.drain && !a.word && a.weight == -1 && a.maxconn == -1);
	assert_true(agent("maint").maint);
	a = agent("0%");
	assert_int_equal(a.weight, 0);
	assert_false(a.unknown);
}

static void
agent__down_words__say_why(void **state)
{
	static const char *const words[] = { "down", "stopped", "fail",
		"failed" };
	char line[64];
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct check_agent a;

		snprintf(line, sizeof(line), "%s # disk is full ", words[i]);
		a = agent(line);
		assert_true(a.down && !a.up);
		assert_string_equal(a.word, words[i]);
		assert_string_equal(a.about, "disk is full");
	}
	assert_string_equal(agent("down#now").about, "now");
}

static void
agent__nonsense__is_unknown(void **state)
{
	static const char *const lines[] = { "bogus", "50 %", "-3%", "%",
		"maxconn:", "maxconn:x", "upp", "9999999%", "up bogus" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		if (!agent(lines[i]).unknown)
			fail_msg("'%s'", lines[i]);
	assert_string_equal(agent("up bogus").about, "bogus");
	assert_false(agent("").unknown);
}

/* --- requests --- */

#define CHECKED DEFAULTS "backend b\n\toption httpchk "

static const struct check_plan *
plan(struct run *r, const char *rest)
{
	char text[1024];

	snprintf(text, sizeof(text),
	    CHECKED "%s\n\tserver s 127.0.0.1:1 check\n", rest);
	run_good(r, text);
	return r->cp.conf->proxies->check;
}

static const struct check_rule *
step(const struct check_plan *p, enum check_step step)
{
	const struct check_rule *r;

	for (r = p->rules; r && r->step != step;)
		r = r->next;
	assert_non_null(r);
	return r;
}

static void
asks(const char *rest, const char *want)
{
	struct run r;
	const struct check_plan *p = plan(&r, rest);
	size_t n;
	char *text = check_http_request(&step(p, CHECK_SEND)->u.send, &n);

	assert_string_equal(text, want);
	assert_int_equal(n, strlen(want));
	assert_int_equal(p->rules->step, CHECK_CONNECT);
	free(text);
	run_end(&r);
}

static void
request__of_option_and_rules(void **state)
{
	(void)state;
	asks("", "OPTIONS / HTTP/1.0\r\n\r\n");
	asks("/x", "OPTIONS /x HTTP/1.0\r\n\r\n");
	asks("HEAD /x", "HEAD /x HTTP/1.0\r\n\r\n");
	asks("GET /x HTTP/1.1\\r\\nHost:\\ a.b",
	    "GET /x HTTP/1.1\r\nHost: a.b\r\nconnection: close\r\n\r\n");
	asks("GET /x HTTP/1.1\n\thttp-check send hdr Host a.b body 'hi there'",
	    "GET /x HTTP/1.1\r\nHost: a.b\r\ncontent-length: 8\r\n"
	    "connection: close\r\n\r\nhi there");
	asks("GET /x\n\thttp-check send meth POST uri /y ver HTTP/1.1",
	    "POST /y HTTP/1.1\r\ncontent-length: 0\r\nconnection: close\r\n"
	    "\r\n");
}

/* --- what is expected --- */

/* The answer fed in pieces of `by` bytes. */
static enum check_verdict
judge(const char *expect, const char *answer, bool eof, size_t by)
{
	char rest[256];
	struct check_reply reply = { .has_head = false };
	const struct check_expect *e;
	enum check_verdict v;
	const char *why;
	size_t n = strlen(answer), have = 0, at = 0;
	ssize_t k;
	struct run r;

	snprintf(rest, sizeof(rest), "\n\thttp-check expect %s", expect);
	e = &step(plan(&r, rest), CHECK_EXPECT)->u.expect;
	do {
		have = have + by < n ? have + by : n;
		k = check_http_feed(
		    &reply, answer + at, have - at, "GET", &why);
		assert_true(k >= 0);
		at += (size_t)k;
	} while (have < n || (k > 0 && at < n && !reply.ended));
	reply.ended |= eof;
	v = check_http_judge(e, &reply);
	check_reply_done(&reply);
	run_end(&r);
	return v;
}

#define OK_5 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define CHUNKS                                                  \
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" \
	"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"

static void
expect__table(void **state)
{
	static const struct {
		const char *expect, *answer;
		bool eof;
		enum check_verdict want;
	} rows[] = {
		{ "status 200", OK_5, false, CHECK_YES },
		{ "! status 200", OK_5, false, CHECK_NO },
		{ "!status 200", OK_5, false, CHECK_NO },
		{ "status 201-299,200", OK_5, false, CHECK_YES },
		{ "status 201-299", OK_5, false, CHECK_NO },
		{ "rstatus ^2..$", OK_5, false, CHECK_YES },
		{ "rstatus ^3", OK_5, false, CHECK_NO },
		{ "! rstatus ^3", OK_5, false, CHECK_YES },
		{ "string ell", OK_5, false, CHECK_YES },
		{ "string nope", OK_5, false, CHECK_NO },
		{ "! string ell", OK_5, false, CHECK_NO },
		{ "! string nope", OK_5, false, CHECK_YES },
		{ "rstring hel+o$", OK_5, false, CHECK_YES },
		{ "string ello", CHUNKS, false, CHECK_YES },
		{ "string xx", CHUNKS, false, CHECK_NO },
		{ "string hello",
		    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", false,
		    CHECK_YES },
		/* there may be more: what is unwanted may come yet */
		{ "! string nope",
		    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", false,
		    CHECK_WAIT },
		{ "min-recv 8 string hello",
		    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", false,
		    CHECK_WAIT },
		{ "string nope", "HTTP/1.0 200 OK\r\n\r\nhello", false,
		    CHECK_WAIT },
		{ "string nope", "HTTP/1.0 200 OK\r\n\r\nhello", true,
		    CHECK_NO },
		{ "status 200", "HTTP/1.1 100 Continue\r\n\r\n" OK_5, false,
		    CHECK_YES },
		{ "status 200", "HTTP/1.1 200", false, CHECK_WAIT },
		{ "status 200", "", true, CHECK_NO },
		{ "string x", "HTTP/1.1 204 No Content\r\n\r\n", false,
		    CHECK_NO },
	};
	size_t i, by;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (by = 1; by <= 64; by *= 4)
			if (judge(rows[i].expect, rows[i].answer, rows[i].eof,
				by) != rows[i].want)
				fail_msg("'%s' of '%s', by %zu", rows[i].expect,
				    rows[i].answer, by);
}

static void
expect__none_written__is_200_to_399(void **state)
{
	struct run r;
	const struct check_expect *e =
	    &step(plan(&r, ""), CHECK_EXPECT)->u.expect;
	struct check_reply reply = { .has_head = true, .ended = true };

	(void)state;
	reply.status = 399;
	assert_int_equal(check_http_judge(e, &reply), CHECK_YES);
	reply.status = 200;
	assert_int_equal(check_http_judge(e, &reply), CHECK_YES);
	reply.status = 400;
	assert_int_equal(check_http_judge(e, &reply), CHECK_NO);
	reply.status = 199;
	assert_int_equal(check_http_judge(e, &reply), CHECK_NO);
	run_end(&r);
}

static void
refused(const char *rest)
{
	char text[512];
	struct run r;

	snprintf(text, sizeof(text),
	    CHECKED "%s\n\tserver s 127.0.0.1:1 check\n", rest);
	run_text(&r, text);
	if (r.cp.error_count == 0)
		fail_msg("'%s' was taken", rest);
	run_end(&r);
}

static void
conf__mistakes__are_refused(void **state)
{
	static const char *const rows[] = { "GET /x FTP/1.0",
		"GET /x HTTP/1.1 y", "\n\thttp-check expect",
		"\n\thttp-check expect status",
		"\n\thttp-check expect status 2xx",
		"\n\thttp-check expect status 299-200",
		"\n\thttp-check expect status 99",
		"\n\thttp-check expect rstatus (",
		"\n\thttp-check expect string a b",
		"\n\thttp-check expect ok-status L7RSP status 200",
		"\n\thttp-check expect error-status L7OK status 200",
		"\n\thttp-check send foo bar", "\n\thttp-check send hdr X",
		"\n\thttp-check send ver 1.1",
		"\n\thttp-check send hdr X %[src]",
		"\n\thttp-check connect port 0", "\n\thttp-check connect foo",
		"\n\thttp-check connect proto h3" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		refused(rows[i]);
}

static void
conf__tracking__needs_an_end_that_is_checked(void **state)
{
	struct run r;

	(void)state;
	run_good(&r,
	    DEFAULTS "backend b\n\tserver s 127.0.0.1:1 check\n"
		     "\tserver t 127.0.0.1:1 track s\n"
		     "backend c\n\tserver u 127.0.0.1:1 track b/t\n");
	assert_ptr_equal(r.cp.conf->proxies->next->servers->watch.track,
	    r.cp.conf->proxies->servers->next);
	run_end(&r);
	refused("\n\tserver t 127.0.0.1:1 track nobody");
	refused("\n\tserver t 127.0.0.1:1 track b/t");
	refused("\n\tserver t 127.0.0.1:1 track u\n"
		"\tserver u 127.0.0.1:1 track t");
	refused("\n\tserver t 127.0.0.1:1\n\tserver u 127.0.0.1:1 track t");
	refused("\n\tserver t 127.0.0.1:1 check track s");
	refused("\n\tserver t 127.0.0.1:1 agent-check");
}

/* --- WebSocket handshakes --- */

static void
ws__answers__are_judged(void **state)
{
	/* RFC 6455 1.3 */
	const char *key = "dGhlIHNhbXBsZSBub25jZQ==", *why = NULL;
	const char *good = "HTTP/1.1 101 Switching Protocols\r\n"
			   "Upgrade: websocket\r\nConnection: Upgrade\r\n"
			   "Sec-WebSocket-Accept: "
			   "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
	const char *bad = "HTTP/1.1 101 Switching Protocols\r\n"
			  "Upgrade: websocket\r\nConnection: Upgrade\r\n"
			  "Sec-WebSocket-Accept: "
			  "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
	const char *no = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
	unsigned status;
	size_t n;

	(void)state;
	for (n = 0; n < strlen(good); n++)
		assert_int_equal(
		    check_ws_judge(good, n, key, &status, &why), CHECK_WAIT);
	assert_int_equal(
	    check_ws_judge(good, strlen(good), key, &status, &why), CHECK_YES);
	assert_int_equal(
	    check_ws_judge(bad, strlen(bad), key, &status, &why), CHECK_NO);
	assert_string_equal(why, "wrong Sec-WebSocket-Accept");
	assert_int_equal(
	    check_ws_judge(no, strlen(no), key, &status, &why), CHECK_NO);
	assert_int_equal(status, 403);
	assert_int_equal(
	    check_ws_judge("hello\r\n\r\n", 9, key, &status, &why), CHECK_NO);
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(health__new_server_fails_once__is_down),
		cmocka_unit_test(health__rise_and_fall__are_counted),
		cmocka_unit_test(health__rise_1_fall_1__each_result_counts),
		cmocka_unit_test(agent__words__are_understood),
		cmocka_unit_test(agent__down_words__say_why),
		cmocka_unit_test(agent__nonsense__is_unknown),
		cmocka_unit_test(request__of_option_and_rules),
		cmocka_unit_test(expect__table),
		cmocka_unit_test(expect__none_written__is_200_to_399),
		cmocka_unit_test(conf__mistakes__are_refused),
		cmocka_unit_test(conf__tracking__needs_an_end_that_is_checked),
		cmocka_unit_test(ws__answers__are_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
