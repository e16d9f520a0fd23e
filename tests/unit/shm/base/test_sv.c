/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "shm/base/sv.h"

static void
sv_compare__case_and_ends__as_named(void **state)
{
	(void)state;
	assert_true(sv_eq(SV("ab"), SV("ab")));
	assert_false(sv_eq(SV("ab"), SV("aB")));
	assert_true(sv_ieq(SV("ab-[@"), SV("AB-[@")));
	assert_false(sv_ieq(SV("["), SV("{"))); /* not letters */
	assert_true(sv_eq(SV_NULL, SV("")));
	assert_true(sv_starts(SV("abc"), SV("ab")));
	assert_false(sv_starts(SV("a"), SV("ab")));
	assert_true(sv_ends(SV("abc"), SV("bc")));
	assert_true(sv_ends(SV_NULL, SV("")));
	assert_false(sv_ends(SV("c"), SV("bc")));
	assert_true(sv_istarts(SV("Basic x"), SV("basic ")));
}

static void
sv_find__here_and_not_here__offset_or_minus_one(void **state)
{
	(void)state;
	assert_int_equal(sv_find_char(SV("a,b,c"), ',', 0), 1);
	assert_int_equal(sv_find_char(SV("a,b,c"), ',', 2), 3);
	assert_int_equal(sv_find_char(SV("a,b,c"), ',', 4), -1);
	assert_int_equal(sv_find_char(SV("a"), 'a', 1), -1);
	assert_int_equal(sv_find_char(SV_NULL, 'a', 0), -1);
	assert_int_equal(sv_find(SV("abcabd"), SV("abd")), 3);
	assert_int_equal(sv_find(SV("abc"), SV("")), 0);
	assert_int_equal(sv_find(SV("ab"), SV("abc")), -1);
}

static void
sv_trim__blanks__only_at_the_ends(void **state)
{
	(void)state;
	assert_true(sv_eq(sv_trim(SV(" \ta b\t ")), SV("a b")));
	assert_true(sv_eq(sv_trim(SV(" \t ")), SV("")));
	assert_true(sv_eq(sv_from(SV("abc"), 1), SV("bc")));
	assert_true(sv_eq(sv_from(SV("abc"), 9), SV("")));
}

static void
sv_next_elem__list__elements_without_empty_ones(void **state)
{
	struct sv s = SV(" , a ,b;q=\"x,\\\"y\",, c"), e;

	(void)state;
	assert_true(sv_next_elem(&s, &e));
	assert_true(sv_eq(e, SV("a")));
	assert_true(sv_next_elem(&s, &e));
	assert_true(sv_eq(e, SV("b;q=\"x,\\\"y\"")));
	assert_true(sv_next_elem(&s, &e));
	assert_true(sv_eq(e, SV("c")));
	assert_false(sv_next_elem(&s, &e));
	s = SV("\"open\\");
	assert_true(sv_next_elem(&s, &e));
	assert_true(sv_eq(e, SV("\"open\\")));
	assert_false(sv_next_elem(&s, &e));
}

static void
sv_to_u64__numbers__exact_or_refused(void **state)
{
	uint64_t v = 7;

	(void)state;
	assert_int_equal(sv_to_u64(SV("0"), &v), 0);
	assert_true(v == 0);
	assert_int_equal(sv_to_u64(SV("18446744073709551615"), &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(sv_to_u64(SV("18446744073709551616"), &v), -WSE_RANGE);
	assert_int_equal(sv_to_u64(SV("99999999999999999999"), &v), -WSE_RANGE);
	assert_int_equal(sv_to_u64(SV(""), &v), -WSE_SYNTAX);
	assert_int_equal(sv_to_u64(SV("+1"), &v), -WSE_SYNTAX);
	assert_int_equal(sv_to_u64(SV("1 "), &v), -WSE_SYNTAX);
	assert_int_equal(sv_to_u64(SV("0x1"), &v), -WSE_SYNTAX);
}

static void
sv_dup__view__terminated_copy(void **state)
{
	char *p = sv_dup(sv_of("abcdef", 3));

	(void)state;
	assert_string_equal(p, "abc");
	free(p);
	p = sv_dup(SV_NULL);
	assert_string_equal(p, "");
	free(p);
	assert_true(sv_hash(SV("a")) == UINT64_C(0xaf63dc4c8601ec8c));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sv_compare__case_and_ends__as_named),
		cmocka_unit_test(
		    sv_find__here_and_not_here__offset_or_minus_one),
		cmocka_unit_test(sv_trim__blanks__only_at_the_ends),
		cmocka_unit_test(
		    sv_next_elem__list__elements_without_empty_ones),
		cmocka_unit_test(sv_to_u64__numbers__exact_or_refused),
		cmocka_unit_test(sv_dup__view__terminated_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
