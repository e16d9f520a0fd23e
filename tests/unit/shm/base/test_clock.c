/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "shm/base/clock.h"

static void
clock__not_updated__stands_still(void **state)
{
	struct timespec pause = { 0, 3000000 };
	uint64_t before = clock_update();

	(void)state;
	assert_true(before > 0);
	nanosleep(&pause, NULL);
	assert_true(clock_us() == before);
	assert_true(clock_ms() == before / 1000);
	assert_true(clock_update() >= before + 3000);
	assert_true(clock_us() > before);
}

static void
clock__wall__is_today(void **state)
{
	(void)state;
	clock_update();
	assert_true(clock_wall_us() / 1000000 + 5 >= (uint64_t)time(NULL));
	assert_true(clock_wall_us() / 1000000 <= (uint64_t)time(NULL) + 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clock__not_updated__stands_still),
		cmocka_unit_test(clock__wall__is_today),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
