/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "shm/conf/acl.h"
#include "shm/conf/acl_pattern.h"
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
acl_parse__errors__name_line_and_column(void **state)
{
	(void)state;
	complains(" acl x pathh /a", "[test.cfg:8]");
	complains(" acl x pathh /a", "did you mean 'path' maybe?");
	complains(" acl x path,lowr /a", "did you mean 'lower' maybe?");
	complains(" acl x path -z /a", "unknown ACL flag '-z'");
	complains(" acl x path -m foo /a", "unknown match method 'foo'");
	complains(" acl x path -m", "'-m' needs a match method");
	complains(" acl x src 10.0.0.0/33", "not a valid IPv4");
	complains(" acl x src localhost", "not a valid IPv4");
	complains(" acl x dst_port abc", "neither a number");
	complains(" acl x path_reg (", "invalid at offset");
	complains(" acl x path -f /no/such/file", "cannot open");
	complains(" acl a+b path /", "character '+' is not permitted");
	complains(" acl or path /", "cannot name an ACL");
	complains(" acl x", "expects a name");
	complains(" acl x path", "no pattern to match against");
	complains(" acl x path -M map", "is not supported");
}

static void
cond_parse__errors__suggest_and_name_column(void **state)
{
	(void)state;
	complains(" acl local src 1.2.3.4\n http-request deny if locl",
	    "no such ACL: 'locl'; did you mean 'local' maybe?");
	complains(" http-request deny if METH_GTE", "'METH_GET'");
	complains(" http-request deny if TRUE !nope", "col 29");
	complains(" http-request deny if", "expected an ACL");
	complains(" http-request deny if TRUE ||", "expected an ACL");
	complains(" http-request deny if || TRUE", "expected an ACL");
	complains(" http-request deny if { path /a", "missing closing '}'");
	complains(" http-request deny if !", "expected an ACL");
	complains(" http-request deny iff TRUE", "unexpected 'iff'");
	complains(
	    " http-request deny if { res.hdr(a) b }", "will never match here");
	complains(
	    " http-response deny if { path /b }", "needs HTTP request headers");
}

static void
acl_parse__file__a_pattern_a_line(void **state)
{
	char path[] = "/tmp/test_acl.XXXXXX", text[256];
	int fd = mkstemp(path);
	struct fix *x;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "# hosts\n /a \r\n\n/b\n/c", 20), 20);
	close(fd);
	snprintf(text, sizeof(text), " acl x path -i -f %s -- /d", path);
	x = fix_new(text, "");
	unlink(path);
	assert_string_equal(x->fe->acls->patterns->s.p, "/a");
	assert_true(x->fe->acls->icase);
	assert_true(fix_cond(x, "!x"));
	fix_request(x, "GET /B HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(fix_cond(x, "x"));
	fix_request(x, "GET /d HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(fix_cond(x, "x"));
	fix_free(&x);
}

static void
acl_parse__dashes__patterns_that_look_like_flags(void **state)
{
	struct fix *x = fix_new(" acl x hdr(a) -- -i -m\n"
				" acl y hdr(a) --\n acl z int(-3) -3\n",
	    "");

	(void)state;
	assert_false(x->fe->acls->icase);
	assert_string_equal(x->fe->acls->patterns->next->s.p, "-m");
	assert_null(x->fe->acls->next->patterns);
	assert_true(fix_cond(x, "z"));
	assert_false(fix_cond(x, "y"));
	assert_int_equal(x->cp.warning_count, 0);
	fix_free(&x);
}

static void
acl_pattern_new__integers__ranges_and_operators(void **state)
{
	static const struct {
		const char *text;
		long long low, high;
	} t[] = {
		{ "5", 5, 5 },
		{ "-5", -5, -5 },
		{ "5:9", 5, 9 },
		{ ":9", INT64_MIN, 9 },
		{ "5:", 5, INT64_MAX },
	};
	static const char *const bad[] = { ":", "", "a", "1:b", "1-2", "5x" };
	struct acl_pattern *p;
	char err[256], op[3] = "eq";
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(t) / sizeof(*t); k++) {
		assert_int_equal(acl_pattern_new(t[k].text, ACL_INT, false, op,
				     &p, err, sizeof(err)),
		    0);
		assert_true(p->low == t[k].low && p->high == t[k].high);
		acl_pattern_list_free(&p);
	}
	for (k = 0; k < sizeof(bad) / sizeof(*bad); k++)
		assert_int_equal(acl_pattern_new(bad[k], ACL_INT, false, op, &p,
				     err, sizeof(err)),
		    -WSE_SYNTAX);
	assert_int_equal(
	    acl_pattern_new("gt", ACL_INT, false, op, &p, err, sizeof(err)), 0);
	assert_null(p);
	assert_string_equal(op, "gt");
	assert_int_equal(
	    acl_pattern_new("1:2", ACL_INT, false, op, &p, err, sizeof(err)),
	    -WSE_SYNTAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(acl_parse__errors__name_line_and_column),
		cmocka_unit_test(cond_parse__errors__suggest_and_name_column),
		cmocka_unit_test(acl_parse__file__a_pattern_a_line),
		cmocka_unit_test(
		    acl_parse__dashes__patterns_that_look_like_flags),
		cmocka_unit_test(
		    acl_pattern_new__integers__ranges_and_operators),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
