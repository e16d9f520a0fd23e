/* SPDX-License-Identifier: MIT */
#include "shm/seg/limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

enum { PROXIES = 3, SERVERS = 5, PROCS = 4 };

static struct board board;
static int board_fd;

static int
setup(void **state)
{
	const struct board_dims d = { 1, PROXIES, SERVERS, PROCS };

	(void)state;
	return board_create(&d, &board, &board_fd);
}

static int
teardown(void **state)
{
	(void)state;
	board_detach(&board);
	close(board_fd);
	return 0;
}

static void
limit_cell__every_kind_row_and_process__is_its_own(void **state)
{
	static const uint32_t rows[LIM_KIND_N] = { 1, PROXIES, PROXIES, SERVERS,
		SERVERS, 1 };
	uint32_t row, proc, n = 0;
	int k;

	(void)state;
	for (proc = 0; proc < PROCS; proc++) {
		for (k = 0; k < LIM_KIND_N; k++) {
			for (row = 0; row < rows[k]; row++) {
				_Atomic uint32_t *c = limit_cell(
				    &board, (enum limit_kind)k, row, proc);

				assert_int_equal(*c, 0);
				*c = ++n;
			}
		}
	}
	for (proc = 0; proc < PROCS; proc++)
		limit_reap(&board, proc);
	assert_int_equal(limit_sum(&board, LIM_TUNNEL, SERVERS - 1), 0);
}

static void
limit_try__over_all_processes__stops_at_the_limit(void **state)
{
	uint32_t p;

	(void)state;
	for (p = 0; p < PROCS; p++)
		assert_true(limit_try(&board, LIM_SERVER, 2, p, PROCS));
	for (p = 0; p < PROCS; p++)
		assert_false(limit_try(&board, LIM_SERVER, 2, p, PROCS));
	assert_int_equal(limit_sum(&board, LIM_SERVER, 2), PROCS);
	limit_drop(&board, LIM_SERVER, 2, 1);
	assert_true(limit_try(&board, LIM_SERVER, 2, 3, PROCS));
	assert_true(limit_try(&board, LIM_SERVER, 2, 3, 0));
	assert_int_equal(limit_sum(&board, LIM_SERVER, 2), PROCS + 1);
	limit_reap(&board, 3);
	assert_int_equal(limit_sum(&board, LIM_SERVER, 2), 2);
}

static void
limit_take_back__empty_cell__is_corrupt(void **state)
{
	(void)state;
	limit_add(&board, LIM_BACKEND, 1, 2);
	assert_int_equal(limit_take_back(&board, LIM_BACKEND, 1, 2), 0);
	assert_int_equal(
	    limit_take_back(&board, LIM_BACKEND, 1, 2), -WSE_CORRUPT);
	assert_int_equal(limit_sum(&board, LIM_BACKEND, 1), 0);
}

static void
limit_sum__forged_cells__saturates(void **state)
{
	(void)state;
	atomic_store(limit_cell(&board, LIM_GLOBAL, 0, 1), UINT32_MAX);
	atomic_store(limit_cell(&board, LIM_GLOBAL, 0, 2), 7);
	assert_int_equal(limit_sum(&board, LIM_GLOBAL, 0), UINT32_MAX);
	assert_false(limit_try(&board, LIM_GLOBAL, 0, 0, 10));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    limit_cell__every_kind_row_and_process__is_its_own),
		cmocka_unit_test(
		    limit_try__over_all_processes__stops_at_the_limit),
		cmocka_unit_test(limit_take_back__empty_cell__is_corrupt),
		cmocka_unit_test(limit_sum__forged_cells__saturates),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
