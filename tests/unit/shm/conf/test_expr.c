/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shm/conf/expr.h"
#include "shm/conf/rule.h"

static struct conf_line line = { .file = "t.cfg", .line = 3, .count = 1 };
static struct conf_parse parse = { .ln = &line, .quiet = true };

static struct expr *
parsed(const char *text, unsigned when)
{
	struct expr *e;

	line.word[0].s = (char *)(uintptr_t)text;
	line.word[0].col = 1;
	parse.error_count = 0;
	if (expr_parse(&parse, 0, when, &e) < 0)
		assert_null(e);
	return e;
}

static void
refused(const char *text, unsigned when)
{
	assert_null(parsed(text, when));
	assert_int_equal(parse.error_count, 1);
}

static void
expr_parse__fetch_and_converters__in_order(void **state)
{
	struct expr *e = parsed(
	    "req.hdr(host,-1),lower,field(1,:),length", FETCH_AT_REQUEST);

	(void)state;
	assert_non_null(e);
	assert_string_equal(e->fetch->name, "req.hdr");
	assert_int_equal(e->argc, 2);
	assert_string_equal(e->arg[0].s.p, "host");
	assert_int_equal(e->arg[1].i, -1);
	assert_string_equal(e->convs->row->name, "lower");
	assert_string_equal(e->convs->next->row->name, "field");
	assert_string_equal(e->convs->next->arg[1].s.p, ":");
	assert_string_equal(e->convs->next->next->row->name, "length");
	assert_null(e->convs->next->next->next);
	assert_int_equal(e->type, SMP_SINT);
	assert_string_equal(
	    e->text, "req.hdr(host,-1),lower,field(1,:),length");
	expr_free(&e);
	assert_null(e);
	expr_free(&e);
}

static void
expr_parse__arguments__quotes_and_escapes(void **state)
{
	static const char *const pairs[][2] = {
		{ "str(a b)", "a b" },
		{ "str( a )", " a " },
		{ "str('a,b)')", "a,b)" },
		{ "str(\"a,b)\")", "a,b)" },
		{ "str(a\"b,\"c)", "ab,c" },
		{ "str(\"a\\,b\\\"c\\n\")", "a\\,b\"c\n" },
		{ "str(a\\nb\\.c\\\\d)", "a\nb\\.c\\d" },
		{ "str('a\\n')", "a\\n" },
		{ "str('')", "" },
		{ "str(a\\'b)", "a'b" },
	};
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(pairs) / sizeof(*pairs); k++) {
		struct expr *e = parsed(pairs[k][0], FETCH_SESS);

		assert_non_null(e);
		assert_string_equal(e->arg[0].s.p, pairs[k][1]);
		expr_free(&e);
	}
}

static void
expr_parse__variables__scope_and_name(void **state)
{
	struct expr *e = parsed("var(txn.a_b.c),concat(,sess.x,)", FETCH_SESS);

	(void)state;
	assert_non_null(e);
	assert_int_equal(e->arg[0].scope, VAR_TXN);
	assert_string_equal(e->arg[0].s.p, "a_b.c");
	assert_true(e->convs->arg[1].is_var);
	assert_int_equal(e->convs->arg[1].scope, VAR_SESS);
	expr_free(&e);
	refused("var(name)", FETCH_SESS);
	refused("var(txn.)", FETCH_SESS);
	refused("var(txn.a-b)", FETCH_SESS);
	refused("var(other.a)", FETCH_SESS);
	refused("int(1),add(x)", FETCH_SESS);
}

static void
expr_parse__wrong_text__is_refused(void **state)
{
	static const char *const bad[] = { "", "(", "nosuch", "nosuch(a)",
		"str", "str(", "str(a", "str(a,b)", "str('a)", "int(x)",
		"int()", "str(a),", "str(a),nosuch", "str(a),field(1)",
		"str(a),field(x,y)", "str(a)b", "str(a) b", "path_beg",
		"str(a),regsub('(',b)", "src,lower,ipmask(8),nosuch",
		"bool(1),ipmask(8)", "hdr(a,b)", ",lower", "ws.msgs_in(other)",
		"ws.msgs_out(texts)", "ws.msgs_in(TEXT)",
		"ws.msgs_in(text,ping)", "str(a),,lower" };
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(bad) / sizeof(*bad); k++)
		refused(bad[k], FETCH_AT_REQUEST | FETCH_END);
}

static void
expr_parse__what_is_not_there_yet__is_refused(void **state)
{
	static const struct {
		const char *text;
		unsigned when;
		bool fine;
	} t[] = {
		{ "path", FETCH_AT_REQUEST, true },
		{ "path", FETCH_AT_RESPONSE, false },
		{ "path", FETCH_SESS, false },
		{ "path", FETCH_SESS | FETCH_REQ, true },
		{ "method", FETCH_AT_RESPONSE, true },
		{ "method", FETCH_SESS | FETCH_REQ, true },
		{ "method", FETCH_SESS, false },
		{ "res.hdr(a)", FETCH_AT_REQUEST, false },
		{ "res.hdr(a)", FETCH_AT_RESPONSE, true },
		{ "res.hdr(a)", FETCH_AT_LOG, false },
		{ "status", FETCH_AT_LOG, true },
		{ "status", FETCH_AT_REQUEST, false },
		{ "srv_name", FETCH_AT_REQUEST, false },
		{ "srv_name", FETCH_AT_LOG, true },
		{ "capture.req.hdr(0)", FETCH_AT_LOG, true },
		{ "ws.msgs_in(close)", FETCH_AT_LOG | FETCH_END, true },
		{ "ws.msgs_in(close)", FETCH_AT_REQUEST, false },
	};
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(t) / sizeof(*t); k++) {
		struct expr *e = parsed(t[k].text, t[k].when);

		assert_int_equal(e != NULL, t[k].fine);
		expr_free(&e);
	}
}

/* Every prefix of a text with all there is, with room that is its own. */
static void
expr_parse__every_prefix__does_not_overrun(void **state)
{
	static const char text[] =
	    "req.hdr(\"a\\\"\",-1),regsub('(a)',\"\\1\",gi),"
	    "concat(a,txn.v,'b'),field(1,:)";
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(text); n++) {
		char *copy = strndup(text, n);
		struct expr *e = parsed(copy, FETCH_AT_REQUEST);

		expr_free(&e);
		free(copy);
	}
}

static void
expr_tables__rows__are_sound(void **state)
{
	int k, j;

	(void)state;
	for (k = 0; k < fetch_tbl_count; k++) {
		assert_non_null(fetch_tbl[k].get);
		assert_true(fetch_tbl[k].when != 0);
		assert_true(strspn(fetch_tbl[k].args, "sinmvwr,?") ==
		    strlen(fetch_tbl[k].args));
		for (j = 0; j < k; j++)
			assert_string_not_equal(
			    fetch_tbl[k].name, fetch_tbl[j].name);
	}
	for (k = 0; k < conv_tbl_count; k++) {
		assert_non_null(conv_tbl[k].run);
		assert_true(strspn(conv_tbl[k].args, "sinmvwr,?") ==
		    strlen(conv_tbl[k].args));
		for (j = 0; j < k; j++)
			assert_string_not_equal(
			    conv_tbl[k].name, conv_tbl[j].name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expr_parse__fetch_and_converters__in_order),
		cmocka_unit_test(expr_parse__arguments__quotes_and_escapes),
		cmocka_unit_test(expr_parse__variables__scope_and_name),
		cmocka_unit_test(expr_parse__wrong_text__is_refused),
		cmocka_unit_test(expr_parse__what_is_not_there_yet__is_refused),
		cmocka_unit_test(expr_parse__every_prefix__does_not_overrun),
		cmocka_unit_test(expr_tables__rows__are_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
