/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "master/hang.h"

enum { LIMIT_US = 10000000, LOOK_US = HANG_LOOK_MS * 1000 };

/* Looks each half second until one may be judged: how many looks that took. */
static unsigned
looks(struct hang_watch *h, uint64_t *now)
{
	unsigned n = 0;

	do {
		*now += LOOK_US;
		n++;
	} while (!hang_may_judge(h, *now, LIMIT_US));
	return n;
}

static void
hang__a_new_master__waits_for_the_limit(void **state)
{
	struct hang_watch h = { 0 };
	uint64_t now = 1000000000;

	(void)state;
	assert_int_equal(looks(&h, &now), LIMIT_US / LOOK_US + 1);
	assert_int_equal(looks(&h, &now), 1);
}

static void
hang__this_process_was_paused__nobody_is_judged(void **state)
{
	struct hang_watch h = { 0 };
	uint64_t now = 1000000000;

	(void)state;
	(void)looks(&h, &now);
	now += 3600000000u; /* the others' signs are as old */
	assert_false(hang_may_judge(&h, now, LIMIT_US));
	assert_int_equal(looks(&h, &now), LIMIT_US / LOOK_US);
	now += LOOK_US / 2; /* a little late is not paused */
	assert_int_equal(looks(&h, &now), 1);
}

static void
hang__one_was_ended__the_next_not_within_the_limit(void **state)
{
	struct hang_watch h = { 0 };
	uint64_t now = 1000000000;

	(void)state;
	(void)looks(&h, &now);
	hang_ended_one(&h, now, LIMIT_US);
	assert_int_equal(looks(&h, &now), LIMIT_US / LOOK_US);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hang__a_new_master__waits_for_the_limit),
		cmocka_unit_test(
		    hang__this_process_was_paused__nobody_is_judged),
		cmocka_unit_test(
		    hang__one_was_ended__the_next_not_within_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
