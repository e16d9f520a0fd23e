/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "shm/seg/rate.h"

enum { S = 1000000 };

static _Atomic uint64_t word;
static unsigned wait_ms;

static unsigned
take(uint32_t max, uint64_t at_us)
{
	unsigned n = 0;

	while (rate_try(&word, max, at_us, &wait_ms))
		n++;
	assert_in_range(wait_ms, 1, 1001);
	return n;
}

static void
rate__a_burst__is_as_much_as_the_limit(void **state)
{
	(void)state;
	word = 0;
	assert_int_equal(take(10, 100 * S + 1000), 10);
	assert_int_equal(rate_now(&word, 100 * S + 1000), 10);
	assert_int_equal(take(10, 100 * S + 900000), 0);
	/* in the next second as much as of the last one has passed */
	assert_int_equal(take(10, 101 * S), 0);
	assert_int_equal(take(10, 101 * S + 500000), 5);
	assert_int_equal(take(10, 101 * S + 999999), 5);
	assert_int_equal(take(10, 103 * S), 10);
}

/* Whoever waits as told gets what is due, and asks seldom. */
static void
rate__waiting_as_told__reaches_the_limit(void **state)
{
	static const uint32_t limits[] = { 1, 3, 10, 1000 };
	uint64_t t, end;
	unsigned n, tries;

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		word = 0;
		n = tries = 0;
		t = 1000 * (uint64_t)S + 123456;
		end = t + 20 * (uint64_t)S;
		while (t < end) {
			tries++;
			if (rate_try(&word, limits[i], t, &wait_ms))
				n++;
			else
				t += wait_ms * 1000;
		}
		assert_in_range(n, 18 * limits[i], 21 * limits[i]);
		assert_in_range(tries, n, n + 1000 * 20 + 20);
	}
}

static void
rate__any_second__holds_the_limit(void **state)
{
	static uint64_t at[1000];
	uint64_t t = 7 * S;
	unsigned n = 0;

	(void)state;
	word = 0;
	for (unsigned i = 0; i < 60000 && n < 1000; i++, t += 137)
		if (rate_try(&word, 50, t, &wait_ms))
			at[n++] = t;
	for (unsigned i = 100; i < n; i++)
		assert_true(at[i] - at[i - 100] >= S);
	word = 0;
}

static void
rate__undone_and_odd_words__are_survived(void **state)
{
	(void)state;
	word = 0;
	assert_true(rate_try(&word, 1, 5 * S, &wait_ms));
	assert_false(rate_try(&word, 1, 5 * S, &wait_ms));
	rate_undo(&word, 5 * S);
	rate_undo(&word, 5 * S);
	assert_true(rate_try(&word, 1, 5 * S, &wait_ms));
	/* an older clock reading counts in the newer second */
	assert_true(rate_try(&word, 9, 6 * S, &wait_ms));
	assert_true(rate_try(&word, 9, 6 * S - 1, &wait_ms));
	assert_int_equal(word & RATE_MAX, 2);
	word = UINT64_MAX;
	(void)rate_now(&word, 9 * S);
	assert_int_equal(take(RATE_MAX, 9 * S), RATE_MAX);
}

static void *
many(void *arg)
{
	unsigned *n = arg, w;

	for (int i = 0; i < 20000; i++)
		*n += rate_try(&word, 5000, 50 * (uint64_t)S, &w);
	return NULL;
}

static void
rate__threads__share_one_limit(void **state)
{
	pthread_t t[4];
	unsigned n[4] = { 0 };

	(void)state;
	word = 0;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, many, &n[i]), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	assert_int_equal(n[0] + n[1] + n[2] + n[3], 5000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rate__a_burst__is_as_much_as_the_limit),
		cmocka_unit_test(rate__waiting_as_told__reaches_the_limit),
		cmocka_unit_test(rate__any_second__holds_the_limit),
		cmocka_unit_test(rate__undone_and_odd_words__are_survived),
		cmocka_unit_test(rate__threads__share_one_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
