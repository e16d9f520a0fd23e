/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shm/conf/logfmt.h"
#include "tests/unit/worker/rules/fixture.h"

static struct conf_line line = { .file = "t.cfg", .line = 3, .count = 1 };
static struct conf_parse parse = { .ln = &line, .quiet = true };

static struct logfmt *
parsed(const char *text, enum logfmt_use use)
{
	struct logfmt *f;

	line.word[0].s = (char *)(uintptr_t)text;
	line.word[0].col = 1;
	parse.error_count = 0;
	if (logfmt_parse_use(&parse, 0, text, use, FETCH_AT_LOG, &f) < 0)
		assert_int_equal(parse.error_count, 1);
	return f;
}

static void
logfmt_parse__items__in_order(void **state)
{
	struct logfmt *f = parsed("a%ci  b%{+Q,+X}[src]%%", LOGFMT_LOG);

	(void)state;
	assert_non_null(f);
	assert_int_equal(f->count, 6);
	assert_int_equal(f->item[0].kind, LOGFMT_TEXT);
	assert_int_equal(f->item[1].kind, LOGFMT_VAR);
	assert_string_equal(f->item[1].row->name, "ci");
	assert_int_equal(f->item[2].kind, LOGFMT_BLANK);
	assert_true(sv_eq(f->item[3].text, SV("b")));
	assert_int_equal(f->item[4].kind, LOGFMT_EXPR);
	assert_int_equal(f->item[4].flags, LOGFMT_QUOTE | LOGFMT_HEX);
	assert_true(sv_eq(f->item[5].text, SV("%")));
	assert_false(f->constant);
	logfmt_free(&f);
	f = parsed("a  b", LOGFMT_HTTP);
	assert_true(f->constant);
	assert_true(sv_eq(f->item[0].text, SV("a  b")));
	logfmt_free(&f);
	f = parsed("", LOGFMT_HTTP);
	assert_true(f->constant);
	logfmt_free(&f);
	assert_null(f);
}

static void
logfmt_parse__o__changes_what_follows(void **state)
{
	struct logfmt *f = parsed("%ci%{+Q}o%ci%{-Q}ci%ci", LOGFMT_LOG);

	(void)state;
	assert_int_equal(f->item[0].flags, 0);
	assert_int_equal(f->item[1].flags, LOGFMT_QUOTE);
	assert_int_equal(f->item[2].flags, 0);
	assert_int_equal(f->item[3].flags, LOGFMT_QUOTE);
	logfmt_free(&f);
}

static void
logfmt_parse__builtins__parse(void **state)
{
	const char *const all[] = { logfmt_httplog, logfmt_clf, logfmt_tcplog,
		logfmt_default };
	struct logfmt *f;
	size_t k;

	(void)state;
	for (k = 0; k < 4; k++) {
		f = parsed(all[k], LOGFMT_LOG);
		assert_non_null(f);
		logfmt_free(&f);
	}
}

static void
logfmt_parse__wrong_text__is_refused(void **state)
{
	static const char *const bad[] = { "%", "a %", "%{", "%{+Q", "%{+Z}ci",
		"%{+Q}", "%zz", "%[", "%[src", "%[nosuch]", "%[src b]", "% ",
		"%[path]", "%9" };
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(bad) / sizeof(*bad); k++)
		assert_null(parsed(bad[k], LOGFMT_LOG));
}

static void
logfmt_parse__errors__name_the_column(void **state)
{
	(void)state;
	/* " log-format a%ci%zz": the word begins at 13 */
	assert_non_null(strstr(fix_complaint(" log-format a%ci%zz"),
	    "col 17: unknown log format variable '%zz'"));
	assert_non_null(
	    strstr(fix_complaint(" log-format %CI"), "did you mean"));
	assert_non_null(strstr(fix_complaint(" log-format a%[srcc]"),
	    "col 16: unknown sample fetch 'srcc'"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logfmt_parse__items__in_order),
		cmocka_unit_test(logfmt_parse__o__changes_what_follows),
		cmocka_unit_test(logfmt_parse__builtins__parse),
		cmocka_unit_test(logfmt_parse__wrong_text__is_refused),
		cmocka_unit_test(logfmt_parse__errors__name_the_column),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
