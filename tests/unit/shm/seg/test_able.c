/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "shm/seg/able.h"

enum { TTL_MS = 1000 };

static void
able__fresh_word__is_unknown(void **state)
{
	_Atomic uint64_t w = 0;

	(void)state;
	assert_int_equal(able_get(&w, 0, 5, TTL_MS), ABLE_UNKNOWN);
	assert_int_equal(able_get(&w, 1, 5, TTL_MS), ABLE_UNKNOWN);
}

static void
able__seen__until_the_time_is_over(void **state)
{
	_Atomic uint64_t w = 0;
	uint64_t t = UINT64_C(1) << 47, ms; /* µs: four years up */

	(void)state;
	able_set(&w, ABLE_YES, 3, t);
	assert_int_equal(able_get(&w, 3, t, TTL_MS), ABLE_YES);
	assert_int_equal(able_get(&w, 3, t + 998000, TTL_MS), ABLE_YES);
	assert_int_equal(able_get(&w, 3, t + 1001000, TTL_MS), ABLE_UNKNOWN);
	assert_int_equal(able_get(&w, 3, t - 2000, TTL_MS), ABLE_UNKNOWN);
	assert_int_equal(able_last(&w, 3, &ms), ABLE_YES);
	assert_int_equal(ms, t / 1000);
	assert_string_equal(able_name(ABLE_YES), "yes");
	able_set(&w, ABLE_NO, 3, t + 1001000);
	assert_int_equal(able_get(&w, 3, t + 1001000, TTL_MS), ABLE_NO);
}

static void
able__another_epoch__forgets(void **state)
{
	_Atomic uint64_t w = 0;

	(void)state;
	able_set(&w, ABLE_YES, 7, 1000000);
	assert_int_equal(able_get(&w, 8, 1000000, TTL_MS), ABLE_UNKNOWN);
	assert_int_equal(able_get(&w, 7, 1000000, TTL_MS), ABLE_YES);
}

/* A worker may have written it. */
static void
able__any_word__is_taken(void **state)
{
	_Atomic uint64_t w = UINT64_MAX;

	(void)state;
	assert_int_equal(
	    able_get(&w, UINT32_MAX, UINT64_MAX, UINT32_MAX), ABLE_UNKNOWN);
	w = 3;
	assert_int_equal(able_get(&w, 0, 0, TTL_MS), ABLE_UNKNOWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(able__fresh_word__is_unknown),
		cmocka_unit_test(able__seen__until_the_time_is_over),
		cmocka_unit_test(able__another_epoch__forgets),
		cmocka_unit_test(able__any_word__is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
