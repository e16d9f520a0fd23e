/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shm/conf/regx.h"

static struct regx *
compiled(const char *pattern, bool icase)
{
	struct regx *r;
	char err[128];

	assert_int_equal(regx_new(pattern, icase, &r, err, sizeof(err)), 0);
	return r;
}

static void
regx_match__groups__with_their_text(void **state)
{
	struct regx *r = compiled("(a+)(x)?(b)", false);
	struct regx_groups g;

	(void)state;
	assert_true(regx_match(r, SV("zaab"), &g));
	assert_int_equal(g.count, 4);
	assert_true(sv_eq(g.group[0], SV("aab")));
	assert_true(sv_eq(g.group[1], SV("aa")));
	assert_null(g.group[2].p);
	assert_true(sv_eq(g.group[3], SV("b")));
	assert_false(
	    regx_match(r, SV("zaAb"), NULL) && regx_match(r, SV("AB"), NULL));
	assert_false(regx_match(r, SV_NULL, NULL));
	regx_free(&r);
	assert_null(r);
	regx_free(&r);
}

static void
regx_match__more_groups_than_kept__first_ten(void **state)
{
	struct regx *r = compiled("(1)(2)(3)(4)(5)(6)(7)(8)(9)(a)(b)", true);
	struct regx_groups g;

	(void)state;
	assert_true(regx_match(r, SV("123456789AB"), &g));
	assert_int_equal(g.count, REGX_GROUPS_MAX);
	assert_true(sv_eq(g.group[9], SV("9")));
	regx_free(&r);
}

static void
regx_match_rest__caret__is_no_start(void **state)
{
	struct regx *r = compiled("^a", false);

	(void)state;
	assert_true(regx_match(r, SV("ab"), NULL));
	assert_false(regx_match_rest(r, SV("ab"), NULL));
	regx_free(&r);
}

static void
regx_new__wrong_pattern__says_where(void **state)
{
	struct regx *r;
	char err[128];

	(void)state;
	assert_int_equal(
	    regx_new("a(b", false, &r, err, sizeof(err)), -WSE_SYNTAX);
	assert_null(r);
	assert_non_null(strstr(err, "offset 3"));
}

/* Exponential backtracking ends, as no match, in bounded time. */
static void
regx_match__catastrophic_pattern__gives_up(void **state)
{
	struct regx *r = compiled("^(a|aa)+$", false);
	static const char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";

	(void)state;
	assert_false(regx_match(r, SV(text), NULL));
	regx_free(&r);
}

static void
regx_expand__references__replaced(void **state)
{
	struct regx *r = compiled("(a)(b)?", false);
	struct regx_groups g;
	char out[8];

	(void)state;
	assert_true(regx_match(r, SV("xa"), &g));
	assert_int_equal(regx_expand(SV("<\\1\\2\\0\\\\\\>"), &g, out, 8), 5);
	assert_memory_equal(out, "<aa\\>", 5);
	assert_int_equal(regx_expand(SV("abcdefghi"), &g, out, 8), -WSE_TOOBIG);
	assert_int_equal(regx_expand(SV("\\"), &g, out, 8), 1);
	regx_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(regx_match__groups__with_their_text),
		cmocka_unit_test(regx_match__more_groups_than_kept__first_ten),
		cmocka_unit_test(regx_match_rest__caret__is_no_start),
		cmocka_unit_test(regx_new__wrong_pattern__says_where),
		cmocka_unit_test(regx_match__catastrophic_pattern__gives_up),
		cmocka_unit_test(regx_expand__references__replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
