/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/worker/rules/fixture.h"

static void
sample_put_int__extremes__as_printf(void **state)
{
	static const long long v[] = { 0, 1, -1, 9, 10, -10, 99, 100, LLONG_MAX,
		LLONG_MIN };
	char out[SAMPLE_INT_BYTES + 1], expected[32];
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(v) / sizeof(*v); k++) {
		out[sample_put_int(out, v[k])] = '\0';
		snprintf(expected, sizeof(expected), "%lld", v[k]);
		assert_string_equal(out, expected);
	}
}

static void
sample_cast__text_to_number__its_beginning(void **state)
{
	static const struct {
		const char *text;
		long long i;
	} t[] = { { "5", 5 }, { "-5x", -5 }, { "+7", 7 }, { "x", 0 },
		{ "99999999999999999999", LLONG_MAX },
		{ "-99999999999999999999", LLONG_MIN } };
	struct sample s;
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(t) / sizeof(*t); k++) {
		sample_set_str(&s, sv_str(t[k].text));
		assert_true(sample_to_int(&s));
		assert_int_equal(s.type, SMP_SINT);
		assert_true(s.i == t[k].i);
	}
	sample_set_str(&s, SV(""));
	assert_false(sample_to_int(&s));
}

/* Whatever is converted to whatever: the type says so, or it is refused. */
static void
sample_cast__all_pairs__end_in_the_type_asked_for(void **state)
{
	struct fix *x = fix_new("", "");
	struct sample s;
	int from, to;

	(void)state;
	for (from = 0; from < SMP_ANY; from++) {
		for (to = 0; to < SMP_ANY; to++) {
			memset(&s, 0, sizeof(s));
			s.addr = x->cli.src;
			s.s = SV("10.1.1.1");
			s.type = (enum sample_type)from;
			if (!sample_cast(&x->t, &s, (enum sample_type)to))
				continue;
			assert_true(s.type == (enum sample_type)to ||
			    (from == SMP_STR && to == SMP_METH));
		}
	}
	fix_free(&x);
}

static void
sample_cast__addresses__text_number_bytes(void **state)
{
	struct fix *x = fix_new("", "");
	struct sample s = { .type = SMP_ADDR };

	(void)state;
	s.addr = x->cli.src;
	assert_true(sample_to_str(&x->t, &s));
	assert_true(sv_eq(s.s, SV("10.1.2.3")));
	assert_true(sample_cast(&x->t, &s, SMP_ADDR));
	assert_true(sample_to_int(&s));
	assert_true(s.i == 0x0a010203);
	sample_set_str(&s, SV("fe80::1"));
	assert_true(sample_cast(&x->t, &s, SMP_ADDR));
	assert_false(sample_to_int(&s));
	assert_true(sample_cast(&x->t, &s, SMP_BIN));
	assert_int_equal(s.s.n, 16);
	sample_set_str(&s, SV("10.1.1.256"));
	assert_false(sample_cast(&x->t, &s, SMP_ADDR));
	fix_free(&x);
}

static bool attached;

static void
attach(struct txn *t)
{
	static _Alignas(8) char room[64];

	attached = true;
	t->arena = (struct arena){ .data = room, .size_bytes = 64 };
}

static void
sample_mem__no_arena_yet__asks_for_one(void **state)
{
	struct txn t = { 0 };
	struct sv copy;

	(void)state;
	assert_null(sample_mem(&t, 8));
	txn_hooks.arena_attach = attach;
	assert_true(sample_dup(&t, SV("abc"), &copy));
	assert_true(attached && sv_eq(copy, SV("abc")));
	assert_null(sample_mem(&t, 64));
	txn_hooks.arena_attach = NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sample_put_int__extremes__as_printf),
		cmocka_unit_test(sample_cast__text_to_number__its_beginning),
		cmocka_unit_test(
		    sample_cast__all_pairs__end_in_the_type_asked_for),
		cmocka_unit_test(sample_cast__addresses__text_number_bytes),
		cmocka_unit_test(sample_mem__no_arena_yet__asks_for_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
