/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/worker/rules/fixture.h"
#include "worker/rules/var.h"

static void
var_set__again__replaces_also_with_itself(void **state)
{
	struct fix *x = fix_new("", "");
	struct sample v = { .type = SMP_STR, .s = SV("one") }, got;

	(void)state;
	assert_true(var_set(&x->t, VAR_TXN, SV("a"), &v));
	assert_true(var_get(&x->t, VAR_TXN, SV("a"), &got));
	/* The value of the variable itself, a part of it. */
	got.s = sv_from(got.s, 1);
	assert_true(var_set(&x->t, VAR_TXN, SV("a"), &got));
	assert_true(var_get(&x->t, VAR_TXN, SV("a"), &got));
	assert_true(sv_eq(got.s, SV("ne")));
	v = (struct sample){ .type = SMP_SINT, .i = 5 };
	assert_true(var_set(&x->t, VAR_TXN, SV("a"), &v));
	assert_true(var_get(&x->t, VAR_TXN, SV("a"), &got));
	assert_int_equal(got.i, 5);
	var_unset(&x->t, VAR_TXN, SV("a"));
	var_unset(&x->t, VAR_TXN, SV("a"));
	assert_false(var_get(&x->t, VAR_TXN, SV("a"), &got));
	fix_free(&x);
}

static void
var_get__scopes__do_not_mix(void **state)
{
	struct fix *x = fix_new("", "");
	struct sample v = { .type = SMP_SINT }, got;
	int scope;

	(void)state;
	for (scope = 0; scope < VAR_SCOPE_N; scope++) {
		v.i = scope;
		assert_true(var_set(&x->t, (enum var_scope)scope, SV("n"), &v));
	}
	for (scope = 0; scope < VAR_SCOPE_N; scope++) {
		assert_true(
		    var_get(&x->t, (enum var_scope)scope, SV("n"), &got));
		assert_int_equal(got.i, scope);
	}
	x->t.res = &x->res;
	assert_false(var_get(&x->t, VAR_REQ, SV("n"), &got));
	assert_true(var_get(&x->t, VAR_RES, SV("n"), &got));
	txn_vars_free(&x->t.vars);
	assert_false(var_get(&x->t, VAR_TXN, SV("n"), &got));
	assert_true(var_get(&x->t, VAR_SESS, SV("n"), &got));
	var_unset(&x->t, VAR_PROC, SV("n"));
	assert_false(var_get(&x->t, VAR_PROC, SV("n"), &got));
	fix_free(&x);
}

static void
var_set__too_many_or_too_large__refused(void **state)
{
	static char large[VAR_BYTES_MAX + 1];
	struct fix *x = fix_new("", "");
	struct sample v = { .type = SMP_STR };
	char name[16];
	int k;

	(void)state;
	v.s = sv_of(large, sizeof(large));
	assert_false(var_set(&x->t, VAR_TXN, SV("a"), &v));
	v.s.n--;
	for (k = 0; k < VARS_MAX; k++) {
		snprintf(name, sizeof(name), "n%d", k);
		assert_true(var_set(&x->t, VAR_TXN, sv_str(name), &v));
	}
	assert_false(var_set(&x->t, VAR_TXN, SV("a"), &v));
	assert_true(var_set(&x->t, VAR_TXN, SV("n5"), &v));
	fix_free(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(var_set__again__replaces_also_with_itself),
		cmocka_unit_test(var_get__scopes__do_not_mix),
		cmocka_unit_test(var_set__too_many_or_too_large__refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
