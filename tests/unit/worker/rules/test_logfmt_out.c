/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "shm/conf/logfmt.h"
#include "tests/unit/worker/rules/fixture.h"

enum { MS = 1000 };

/* A finished request: idle 3 ms, head 2, queue 4, connect 8, answer 16, 32. */
static struct fix *
finished(const char *fe_lines)
{
	struct fix *x = fix_new(fe_lines, "");
	uint64_t t0 = 1000000;

	fix_request(
	    x, "GET /a?b HTTP/1.1\r\nHost: h\r\nB: h\"|#{}\r\nA: x y\r\n\r\n");
	x->cli.accept_us = t0;
	x->cli.accept_wall_us = 1795507196949000u;
	x->t.be = x->be;
	x->t.srv = x->be->servers;
	x->t.status = 200;
	x->t.at.idle_us = t0;
	x->t.at.first_us = t0 + 3 * MS;
	x->t.at.request_us = t0 + 5 * MS;
	x->t.at.queue_us = t0 + 5 * MS;
	x->t.at.assigned_us = t0 + 9 * MS;
	x->t.at.connect_us = t0 + 17 * MS;
	x->t.at.response_us = t0 + 33 * MS;
	x->t.at.end_us = t0 + 65 * MS;
	x->t.log.bytes_read = 1234;
	x->t.log.bytes_uploaded = 56;
	x->t.log.actconn = 1;
	x->t.log.feconn = 2;
	x->t.log.beconn = 3;
	x->t.log.srvconn = 4;
	x->t.log.retries = 1;
	x->t.log.srv_queue = 5;
	x->t.log.be_queue = 6;
	return x;
}

static void
logfmt_build__httplog__haproxys_line(void **state)
{
	struct fix *x = finished("");

	(void)state;
	assert_string_equal(fix_format(x, logfmt_httplog),
	    "10.1.2.3:4711 [24/Nov/2026:07:59:56.952] f b/s1 2/4/8/16/62 "
	    "200 1234 - - ---- 1/2/3/4/1 5/6 \"GET /a?b HTTP/1.1\"");
	assert_string_equal(fix_format(x, logfmt_tcplog),
	    "10.1.2.3:4711 [24/Nov/2026:07:59:56.949] f b/s1 4/8/65 1234 -- "
	    "1/2/3/4/1 5/6");
	assert_string_equal(fix_format(x, logfmt_default),
	    "Connect from 10.1.2.3:4711 to 127.0.0.1:8080 (f/HTTP)");
	assert_string_equal(fix_format(x, logfmt_clf),
	    "10.1.2.3 - - [24/Nov/2026:07:59:56 +0000] \"GET /a?b HTTP/1.1\" "
	    "200 1234 \"\" \"\" 4711 949 \"f\" \"b\" \"s1\" 2 4 8 16 62 ---- 1 "
	    "2 3 4 1 5 6 \"\" \"\" ");
	fix_free(&x);
}

static void
logfmt_build__captures__encoded(void **state)
{
	struct fix *x = finished(" capture request header b len 20\n"
				 " capture request header no len 20\n"
				 " capture response header r len 5\n");

	(void)state;
	rules_capture_request(&x->t);
	assert_string_equal(fix_format(x, "%hr %hs|%hrl|%hsl|%{+Q}hrl|%{+Q}hr"),
	    "{h#22#7C#23#7B#7D|} {}|h#22#7C#23#7B#7D -|-|"
	    "\"h#22#7C#23#7B#7D\" \"\"|\"{h#22#7C#23#7B#7D|}\"");
	fix_free(&x);
}

static void
logfmt_build__no_captures__leave_one_blank(void **state)
{
	struct fix *x = finished("");

	(void)state;
	assert_string_equal(fix_format(x, "a %hr %hs b  c"), "a b c");
	fix_free(&x);
}

static void
logfmt_build__timers__not_reached_is_minus_one(void **state)
{
	struct fix *x = finished("");
	static const char timers[] = "%Th/%Ti/%TR/%Tq/%Tw/%Tc/%Tr/%Td/%Ta/%Tt/"
				     "%Tu";

	(void)state;
	assert_string_equal(
	    fix_format(x, timers), "0/3/2/5/4/8/16/32/62/65/62");
	x->t.at.response_us = 0;
	assert_string_equal(
	    fix_format(x, timers), "0/3/2/5/4/8/-1/-1/62/65/62");
	x->t.at.connect_us = 0;
	assert_string_equal(
	    fix_format(x, timers), "0/3/2/5/4/-1/-1/-1/62/65/62");
	x->t.at.assigned_us = 0;
	assert_string_equal(
	    fix_format(x, timers), "0/3/2/5/-1/-1/-1/-1/62/65/62");
	x->t.at.request_us = 0;
	assert_string_equal(
	    fix_format(x, timers), "0/3/-1/-1/-1/-1/-1/-1/62/65/62");
	x->t.at.first_us = 0;
	assert_string_equal(
	    fix_format(x, timers), "0/0/-1/-1/-1/-1/-1/-1/65/65/65");
	fix_free(&x);
}

static void
logfmt_build__handshake_and_later_requests__counted_apart(void **state)
{
	struct fix *x = finished("");

	(void)state;
	x->cli.accept_us -= 7 * MS;
	assert_string_equal(
	    fix_format(x, "%Th/%Ti/%TR/%Tq/%Ta/%Tt/%Tu"), "7/3/2/12/62/72/69");
	assert_string_equal(fix_format(x, "%t %tr"),
	    "24/Nov/2026:07:59:56.949 24/Nov/2026:07:59:56.959");
	/* The wait for a later request is no handshake. */
	x->cli.request_count = 2;
	assert_string_equal(
	    fix_format(x, "%Th/%Ti/%Tt %t"), "0/3/65 24/Nov/2026:07:59:56.956");
	fix_free(&x);
}

static void
logfmt_build__logasap__marks_with_plus(void **state)
{
	struct fix *x = finished("");

	(void)state;
	x->fe->log.logasap = true;
	x->t.log.redispatched = true;
	assert_string_equal(
	    fix_format(x, "%B %Ta %Tt %Tu %rc"), "+1234 +62 +65 +62 +1");
	fix_free(&x);
}

static void
logfmt_build__flags__quote_escape_hex(void **state)
{
	struct fix *x = finished("");

	(void)state;
	x->t.unique_id = SV_NULL;
	assert_string_equal(
	    fix_format(x, "%ID %{+Q}ID %{+Q}[str('')]"), "- \"\" \"\"");
	assert_string_equal(
	    fix_format(x, "%{+Q}o %f %{-Q}f %s"), "\"f\" f \"s1\"");
	assert_string_equal(
	    fix_format(x, "%{+E}[str('a\"b]c\\d')]"), "a\\\"b\\]c\\\\d");
	assert_string_equal(
	    fix_format(x, "%{+X}ci %{+X}cp %{+X}ac"), "0A010203 1267 1");
	assert_string_equal(fix_format(x, "%% 100%%"), "% 100%");
	fix_free(&x);
}

static void
logfmt_build__request_parts__as_received(void **state)
{
	struct fix *x = finished("");

	(void)state;
	x->t.req_line = SV("GET http://h/p?q\"\x80 HTTP/1.0");
	assert_string_equal(fix_format(x, "%HM %HU %HP %HPO %HQ %HV"),
	    "GET http://h/p?q#22#80 http://h/p /p ?q#22#80 HTTP/1.0");
	x->t.req_line = SV_NULL;
	x->t.srv = NULL;
	x->t.be = NULL;
	x->t.status = 0;
	x->t.log.term[0] = 'c';
	x->t.log.term[1] = 'R';
	assert_string_equal(fix_format(x, "%{+Q}r %HM %b/%s %ST %tsc"),
	    "\"<BADREQ>\" <BADREQ> f/<NOSRV> -1 cR--");
	fix_free(&x);
}

static void
logfmt_build__no_room__is_cut_between_codes(void **state)
{
	struct fix *x = finished("");
	struct logfmt *f = x->fe->log.fmt;
	struct conf_line ln = { .file = "test.cfg", .line = 1, .count = 1 };
	char out[512];
	size_t room, n;

	(void)state;
	x->cp.ln = &ln;
	x->t.req_line = SV("\"\"\"");
	assert_int_equal(
	    logfmt_parse(&x->cp, 0, "%r%ci%B", FETCH_AT_LOG, &f), 0);
	for (room = 0; room < 24; room++) {
		memset(out, '~', sizeof(out));
		n = logfmt_build(f, &x->t, out, room);
		assert_true(n <= room);
		assert_int_equal(out[room], '~');
	}
	assert_int_equal(logfmt_build(f, &x->t, out, 7), 6);
	logfmt_free(&f);
	fix_free(&x);
}

/* Frozen when the response came, and finished with what came later alone. */
static void
logfmt_freeze__tunnel__line_is_the_same(void **state)
{
	static const char *const formats[] = { "option httplog",
		"log-format \"%r %B|%U %ts %{+Q}[ws.msgs_in] %[src] %Tt %%\"",
		"log-format \"%B%B %[tunnel.bytes_out,add(1)]\"",
		"log-format \"%hr  %HU %Td\"", "log-format text" };
	struct txn_tunnel w = { .bytes = { 1, 2 }, .msgs = { { 3, 4 } } };
	char whole[512], thawed[512];

	(void)state;
	w.is_ws = true;
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		struct fix *x = finished(formats[i]);
		const struct logfmt *f = x->fe->log.fmt;
		struct logfmt_frozen *z;
		struct txn t = { .conf = x->t.conf, .fe = x->t.fe };
		size_t n;

		t.be = x->t.be;
		t.srv = x->t.srv;
		t.arena = x->t.arena;
		t.log = x->t.log;
		t.status = x->t.status;
		t.at.end_us = x->t.at.end_us;
		x->t.tunnel = t.tunnel = &w;
		n = logfmt_build(f, &x->t, whole, sizeof(whole));
		x->t.at.end_us = 0;
		memset(&x->t.log, 0, sizeof(x->t.log));
		x->t.log.retries = t.log.retries;
		x->t.log.redispatched = t.log.redispatched;
		x->t.log.srv_queue = t.log.srv_queue;
		x->t.log.be_queue = t.log.be_queue;
		z = logfmt_freeze(f, &x->t);
		assert_non_null(z);
		assert_int_equal(
		    logfmt_thaw(f, z, &t, thawed, sizeof(thawed)), n);
		assert_memory_equal(whole, thawed, n);
		for (size_t room = 0; room < n; room++) {
			memset(thawed, '~', sizeof(thawed));
			assert_true(
			    logfmt_thaw(f, z, &t, thawed, room) <= room);
			assert_int_equal(thawed[room], '~');
		}
		logfmt_frozen_free(&z);
		assert_null(z);
		fix_free(&x);
	}
}

static void
logfmt_build__unix_client__named(void **state)
{
	struct fix *x = finished("");

	(void)state;
	memset(&x->cli.src, 0, sizeof(x->cli.src));
	x->cli.src.kind = ADDR_UNIX;
	x->cli.src.u.sa.sa_family = AF_UNIX;
	x->cli.src.len = sizeof(sa_family_t);
	assert_string_equal(fix_format(x, "%ci:%cp"), "unix:1");
	fix_free(&x);
}

/* Each variable, with all there is and with nothing. */
static void
logfmt_tbl__every_row__survives_an_empty_transaction(void **state)
{
	struct fix *x = finished("");
	char format[32];
	int k, round;

	(void)state;
	for (round = 0; round < 2; round++) {
		for (k = 0; k < logfmt_tbl_count; k++) {
			snprintf(
			    format, sizeof(format), "%%%s", logfmt_tbl[k].name);
			fix_format(x, format);
			snprintf(format, sizeof(format), "%%{+Q,+E,+X}%s",
			    logfmt_tbl[k].name);
			fix_format(x, format);
			assert_true(strlen(logfmt_tbl[k].doc) > 4);
		}
		memset(&x->t.at, 0, sizeof(x->t.at));
		x->t.cli = NULL;
		x->t.req = NULL;
		x->t.req_line = SV_NULL;
		x->t.be = NULL;
		x->t.srv = NULL;
		x->t.req_capture = x->t.res_capture = NULL;
	}
	fix_free(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logfmt_build__httplog__haproxys_line),
		cmocka_unit_test(logfmt_build__captures__encoded),
		cmocka_unit_test(logfmt_build__no_captures__leave_one_blank),
		cmocka_unit_test(
		    logfmt_build__timers__not_reached_is_minus_one),
		cmocka_unit_test(
		    logfmt_build__handshake_and_later_requests__counted_apart),
		cmocka_unit_test(logfmt_build__logasap__marks_with_plus),
		cmocka_unit_test(logfmt_build__flags__quote_escape_hex),
		cmocka_unit_test(logfmt_build__request_parts__as_received),
		cmocka_unit_test(logfmt_build__no_room__is_cut_between_codes),
		cmocka_unit_test(logfmt_freeze__tunnel__line_is_the_same),
		cmocka_unit_test(logfmt_build__unix_client__named),
		cmocka_unit_test(
		    logfmt_tbl__every_row__survives_an_empty_transaction),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
