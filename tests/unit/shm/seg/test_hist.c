/* SPDX-License-Identifier: MIT */
#include "shm/seg/hist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static stat_t h[STAT_HIST_N];

static int
clear(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < STAT_HIST_N; i++)
		atomic_store(&h[i], 0);
	return 0;
}

/* The bucket a value falls into. */
static int
bucket(uint64_t us, uint32_t unit)
{
	int i, found = -1;

	clear(NULL);
	hist_add(h, us, unit);
	for (i = 0; i < STAT_HIST_N; i++) {
		if (atomic_load(&h[i]) == 1)
			found = i;
	}
	return found;
}

static void
hist_add__at_each_bound__is_counted_below_it(void **state)
{
	int i;

	(void)state;
	assert_int_equal(bucket(0, 1), 0);
	for (i = 0; i < STAT_HIST_N - 1; i++) {
		assert_int_equal(bucket(hist_bounds[i], 1), i);
		assert_int_equal(
		    bucket((uint64_t)hist_bounds[i] + 1, 1), i + 1);
		assert_int_equal(bucket(hist_bounds[i] * 100ull, 100), i);
		assert_int_equal(
		    bucket(hist_bounds[i] * 100ull + 1, 100), i + 1);
	}
	assert_int_equal(bucket(UINT64_MAX, 1), STAT_HIST_N - 1);
	assert_int_equal(bucket(UINT64_MAX, 100000), STAT_HIST_N - 1);
}

static void
hist_percentile__known_values__lie_within_their_bounds(void **state)
{
	uint64_t n[STAT_HIST_N];
	int i;

	(void)state;
	for (i = 0; i < 98; i++)
		hist_add(h, 15, 1);
	hist_add(h, 300, 1);
	hist_add(h, 300, 1);
	assert_int_equal(hist_diff(h, NULL, n), 100);
	assert_in_range(hist_percentile(n, 1, 50), 11, 20);
	assert_in_range(hist_percentile(n, 1, 98), 20, 20);
	assert_in_range(hist_percentile(n, 1, 99), 201, 500);
	assert_in_range(hist_percentile(n, 1, 100), 500, 500);
}

static void
hist_percentile__nothing_or_beyond__is_0_or_the_last_bound(void **state)
{
	uint64_t n[STAT_HIST_N];

	(void)state;
	assert_int_equal(hist_diff(h, NULL, n), 0);
	assert_int_equal(hist_percentile(n, 1, 99), 0);
	hist_add(h, UINT64_MAX, 100);
	hist_diff(h, NULL, n);
	assert_int_equal(hist_percentile(n, 100, 99), 500000000);
}

static void
hist_diff__of_two_readings__is_what_came_between(void **state)
{
	stat_t before[STAT_HIST_N];
	uint64_t n[STAT_HIST_N];
	int i;

	(void)state;
	hist_add(h, 1, 1);
	for (i = 0; i < STAT_HIST_N; i++)
		atomic_store(&before[i], atomic_load(&h[i]));
	hist_add(h, 4, 1);
	assert_int_equal(hist_diff(h, before, n), 1);
	assert_int_equal(n[0], 0);
	assert_int_equal(n[2], 1);
	/* a reading after a restart may be less than the one before */
	assert_int_equal(hist_diff(before, h, n), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    hist_add__at_each_bound__is_counted_below_it, clear),
		cmocka_unit_test_setup(
		    hist_percentile__known_values__lie_within_their_bounds,
		    clear),
		cmocka_unit_test_setup(
		    hist_percentile__nothing_or_beyond__is_0_or_the_last_bound,
		    clear),
		cmocka_unit_test_setup(
		    hist_diff__of_two_readings__is_what_came_between, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
