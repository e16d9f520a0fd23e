/* SPDX-License-Identifier: MIT */
#include "shm/seg/stat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

static struct board board;
static int board_fd;

static int
setup(void **state)
{
	const struct board_dims d = { 1, 2, 3, 4 };

	(void)state;
	if (board_create(&d, &board, &board_fd) < 0)
		return -1;
	board.hdr->used_proxies = 2;
	board.hdr->used_servers = 3;
	board.proc[1].instance = 1;
	board.proc[2].instance = 2;
	return 0;
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
stat_sum__rows_in_use__are_added(void **state)
{
	struct stat_proc p;
	struct stat_server s;
	struct stat_proxy x;

	(void)state;
	stat_add(&stat_proc(&board, 1)->requests, 10);
	stat_add(&stat_proc(&board, 2)->requests, 5);
	stat_add(&stat_proc(&board, 3)->requests, 99); /* nobody's row */
	stat_add(&stat_proc(&board, 1)->lease_max_us, 7);
	stat_add(&stat_proc(&board, 2)->lease_max_us, 9);
	stat_add(&stat_server(&board, 1, 2)->reuses, 3);
	stat_add(&stat_server(&board, 2, 2)->reuses, 4);
	stat_add(&stat_server(&board, 1, 2)->last_session_us, 100);
	stat_add(&stat_server(&board, 2, 2)->last_session_us, 50);
	stat_add(&stat_proxy(&board, 2, 1)->status[5], 1);
	stat_sum_proc(&board, &p);
	assert_int_equal(p.requests, 15);
	assert_int_equal(p.lease_max_us, 9);
	stat_sum_server(&board, 2, &s);
	assert_int_equal(s.reuses, 7);
	assert_int_equal(s.last_session_us, 100);
	stat_sum_proxy(&board, 1, &x);
	assert_int_equal(x.status[5], 1);
}

static void
stat_retire__dead_process__keeps_the_totals(void **state)
{
	struct stat_proc p;
	struct stat_server s;

	(void)state;
	stat_retire(&board, 2);
	board.proc[2].instance = 0;
	stat_sum_proc(&board, &p);
	assert_int_equal(p.requests, 15);
	assert_int_equal(p.lease_max_us, 9);
	stat_sum_server(&board, 2, &s);
	assert_int_equal(s.reuses, 7);
	assert_int_equal(s.last_session_us, 100);
	assert_int_equal(stat_proc(&board, 2)->requests, 0);
	board.proc[2].instance = 5; /* its successor starts from nothing */
	stat_sum_proc(&board, &p);
	assert_int_equal(p.requests, 15);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stat_sum__rows_in_use__are_added),
		cmocka_unit_test(stat_retire__dead_process__keeps_the_totals),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
