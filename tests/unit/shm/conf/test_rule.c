/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shm/conf/logfmt.h"
#include "tests/unit/worker/rules/fixture.h"

static void
complains(const char *lines, const char *what)
{
	const char *said = fix_complaint(lines);

	if (!strstr(said, what))
		print_error("expected '%s' in '%s'\n", what, said);
	assert_non_null(strstr(said, what));
}

static void
rule_parse__unknown_words__are_named(void **state)
{
	(void)state;
	complains(" http-request", "missing action");
	complains(
	    " http-request set-heder A b", "did you mean 'set-header' maybe?");
	complains(" http-request set-status 200", "unknown action");
	complains(" http-request tarpit", "is not supported");
	complains(" http-response set-path /x", "unknown action");
	complains(" http-request set-header A", "missing header value");
	complains(" http-request set-header A b c", "unexpected 'c'");
	complains(" http-request set-header A: b", "not permitted in header");
	complains(" http-request set-header \"\" b", "empty header name");
	complains(" http-request set-header Content-Length 5", "frames the");
	complains(" http-request del-header a -m dom", "no match method");
	complains(" http-request set-log-level loud", "expected a log level");
	complains(" http-response set-status 99", "from 100 to 999");
	complains(" use_backend nope", "unable to find backend 'nope'");
	complains(" use_backend", "missing name");
}

static void
rule_parse__replies__are_checked(void **state)
{
	(void)state;
	complains(" http-request deny status 418", "has no default page");
	complains(" http-request deny deny_status 700", "from 200 to 599");
	complains(
	    " http-request return status 200 string x", "needs 'content-type'");
	complains(" http-request return deny_status 200", "belongs to 'deny'");
	complains(" http-request return status 204 content-type a/b string x",
	    "cannot have a body");
	complains(" http-request return file /no/such", "cannot open");
	complains(" http-request return content-type a/b lf-string x "
		  "lf-string %[src]",
	    "given twice");
	complains(
	    " http-request return errorfile /dev/null errorfile /dev/null",
	    "given twice");
	complains(
	    " http-request return default-errorfiles string x", "given twice");
	complains(" http-request return errorfiles x", "not supported");
	complains(" http-request redirect code 301", "expected 'location'");
	complains(" http-request redirect location / code 300",
	    "301, 302, 303, 307 or 308");
	complains(" http-request redirect location / set-cookie",
	    "missing cookie name");
}

/* The config is ours, but what it says must not end a line of the wire. */
static void
rule_parse__control_characters__are_refused(void **state)
{
	(void)state;
	complains(" http-request set-header A \"b\\r\\nC: d\"",
	    "cannot be part of a header");
	complains(
	    " http-request set-path /a\\nb", "cannot be part of a header");
	complains(" http-request replace-header A b c\x1e",
	    "cannot be part of a header");
	complains(
	    " http-request return hdr A b\x15", "cannot be part of a header");
	complains(" http-request return string x content-type a\x7f",
	    "cannot be part of a content type");
	complains(" http-request redirect location / set-cookie a\x01",
	    "cannot be part of a cookie");
	complains(" http-response set-status 200 reason a\x01",
	    "cannot be part of a reason");
}

static void
rule_parse__variables__are_checked(void **state)
{
	(void)state;
	complains(" http-request set-var path", "in parentheses");
	complains(" http-request set-var(x) path", "invalid variable name");
	complains(" http-request set-var(txn.x)", "expected a sample");
	complains(" http-request set-var(txn.x", "in parentheses");
	complains(" http-request set-var(txn.x) res.hdr(a)",
	    "needs HTTP response headers");
}

static void
capture_parse__lines__are_checked(void **state)
{
	struct fix *x;

	(void)state;
	complains(" capture request header a", "expected 'len'");
	complains(" capture request header a len 0", "length from 1");
	complains(" capture reqest header a len 1", "expected 'request'");
	complains(" capture cookie a len 1", "is not supported");
	complains(" http-request capture path len x", "length from 1");
	x = fix_new(" capture request header a len 5\n"
		    " declare capture request len 6\n"
		    " capture response header b len 7\n"
		    " http-request capture path len 8\n"
		    " http-request capture path id 1\n",
	    "");
	assert_int_equal(x->fe->req_capture_count, 3);
	assert_int_equal(x->fe->res_capture_count, 1);
	assert_int_equal(fix_run(x, RULES_HTTP_REQUEST), RULE_CONTINUE);
	assert_string_equal(fix_value(x, "%[capture.req.hdr(1)]"), "/");
	assert_string_equal(fix_value(x, "%[capture.req.hdr(2)]"), "/");
	fix_free(&x);
}

static void
rule_dump_keywords__every_row__has_four_fields(void **state)
{
	char *text = NULL, *line, *save = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	(void)state;
	rule_dump_keywords(f);
	fclose(f);
	assert_non_null(
	    strstr(text, "http-request\tset-var\tset-var(NAME) EXPR\t"));
	assert_non_null(strstr(text, "fetch\thdr\thdr[(text[,] number)]"));
	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		int tabs = 0;
		const char *p;

		for (p = line; *p; p++)
			tabs += *p == '\t';
		assert_int_equal(tabs, 3);
	}
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rule_parse__unknown_words__are_named),
		cmocka_unit_test(rule_parse__replies__are_checked),
		cmocka_unit_test(rule_parse__control_characters__are_refused),
		cmocka_unit_test(rule_parse__variables__are_checked),
		cmocka_unit_test(capture_parse__lines__are_checked),
		cmocka_unit_test(
		    rule_dump_keywords__every_row__has_four_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
