/* SPDX-License-Identifier: MIT */
/* This process is worker 1 of 3; the others are rows of the board. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/even.h"
#include "worker/wk.h"

enum { WORKERS = 3, SELF = 1 };

static int bells[WORKERS];
static int board_fd;

static struct board_proc *
row(uint32_t worker)
{
	return &wk.board.proc[1 + worker];
}

static void
set(uint32_t worker, uint32_t clients)
{
	atomic_store(&row(worker)->clients, clients);
	if (worker == SELF)
		wk.clients = clients;
}

static uint64_t
rung(uint32_t worker)
{
	uint64_t n = 0;

	return read(bells[worker], &n, sizeof(n)) < 0 ? 0 : n;
}

static int
setup(void **state)
{
	struct board_dims d = { 8, 8, 8, 8 };
	struct worker_heritage h = {
		.worker_index = SELF, .worker_count = WORKERS, .bells = bells
	};

	(void)state;
	clock_update();
	memset(&wk, 0, sizeof(wk));
	if (board_create(&d, &wk.board, &board_fd))
		return -1;
	for (uint32_t i = 0; i < WORKERS; i++) {
		row(i)->role = ROLE_WORKER;
		row(i)->worker_index = i;
		atomic_store(&row(i)->instance, 10 + i);
		atomic_store(&row(i)->state, PROC_RUNNING);
		bells[i] = eventfd(0, EFD_NONBLOCK);
	}
	wk.proc = 1 + SELF;
	wk.row = row(SELF);
	wk.stat = stat_proc(&wk.board, wk.proc);
	wk.base = event_base_new();
	wk.wheel = wheel_new(clock_ms());
	even_start(&h);
	assert_int_equal(rung(SELF), 1); /* looks who has called */
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	even_stop();
	for (int i = 0; i < WORKERS; i++)
		close(bells[i]);
	wheel_free(&wk.wheel);
	event_base_free(wk.base);
	board_detach(&wk.board);
	close(board_fd);
	return 0;
}

/* So many may still be taken when the least loaded other has `least`. */
static unsigned
room(uint32_t least, uint32_t own)
{
	for (int i = 0; i < 4; i++)
		even_took(); /* it looks anew */
	set(0, least);
	set(2, least + 1000);
	set(SELF, own);
	return even_room();
}

static void
even__own_load__room_up_to_the_allowance(void **state)
{
	(void)state;
	assert_int_equal(room(0, 0), 16);
	assert_int_equal(room(0, 15), 1);
	assert_int_equal(room(0, 16), 0);
	assert_int_equal(room(2560, 2560), 26);
	assert_int_equal(room(2560, 2586), 0);
	assert_int_equal(room(100, 0), 116);
	assert_int_equal(room(4000000000u, 0), 4015625016u);
}

static void
even__taken_ones__use_up_the_room(void **state)
{
	(void)state;
	assert_int_equal(room(0, 0), 16);
	set(0, 100);
	for (int i = 0; i < 3; i++)
		even_took();
	assert_int_equal(even_room(), 13); /* that look still holds */
	set(SELF, 4);
	even_took();
	assert_int_equal(even_room(), 112);
	set(0, 0);
	for (int i = 0; i < 4; i++)
		even_took();
	set(SELF, 15);
	assert_int_equal(even_room(), 1);
	even_took();
	set(SELF, 16);
	assert_int_equal(even_room(), 0);
	set(0, 8); /* no room: it looks each time */
	assert_int_equal(even_room(), 8);
}

static void
even__tunnels_of_an_h2_connection__count(void **state)
{
	(void)state;
	atomic_store(&row(0)->carried, 50);
	assert_int_equal(room(0, 50), 16);
	wk.carried = 10;
	assert_int_equal(room(0, 50), 6);
}

static void
even__who_is_no_peer__is_not_compared_with(void **state)
{
	static const uint32_t not [] = { PROC_FREE, PROC_DRAINING, PROC_DEAD };

	(void)state;
	for (size_t i = 0; i < sizeof(not ) / sizeof(not [0]); i++) {
		atomic_store(&row(0)->state, not [i]);
		assert_int_equal(room(0, 500), 519);
	}
	atomic_store(&row(0)->state, PROC_STARTING);
	assert_int_equal(room(0, 500), 0);
	row(0)->worker_index = SELF; /* a predecessor of ours */
	assert_int_equal(room(0, 500), 519);
	row(0)->worker_index = WORKERS; /* nonsense */
	assert_int_equal(room(0, 500), 519);
	atomic_store(&row(2)->state, PROC_DEAD);
	assert_true(room(0, 500) == UINT_MAX);
}

static void
even__a_dying_worker__counts_as_one_with_nothing(void **state)
{
	(void)state;
	assert_int_equal(room(500, 500), 17);
	atomic_store(&row(2)->alive, 4711);
	assert_int_equal(room(500, 500), 17);
	atomic_store(&row(2)->alive, FUTEX_OWNER_DIED);
	assert_int_equal(room(500, 500), 0);
}

static void
even__left_clients__least_loaded_one_is_called_once(void **state)
{
	(void)state;
	assert_int_equal(room(5, 100), 0);
	even_leave(3);
	assert_int_equal(atomic_load(&wk.row->left), 1 << 3);
	assert_int_equal(atomic_load(&wk.row->left_to), 1);
	assert_int_equal(rung(0), 1);
	set(2, 0); /* the call stands */
	even_leave(64 + 5);
	assert_int_equal(atomic_load(&wk.row->left), 1 << 3 | 1 << 5);
	assert_int_equal(atomic_load(&wk.row->left_to), 1);
	assert_int_equal(rung(0), 1);
	assert_int_equal(rung(2), 0);
}

static void
even__answer__ends_the_call(void **state)
{
	uint64_t one = 1;

	(void)state;
	assert_int_equal(room(5, 100), 0);
	even_leave(0);
	assert_int_equal(write(bells[SELF], &one, sizeof(one)), sizeof(one));
	event_base_loop(wk.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_int_equal(atomic_load(&wk.row->left_to), 1); /* no answer yet */
	atomic_store(&wk.row->left_to, 0);
	assert_int_equal(write(bells[SELF], &one, sizeof(one)), sizeof(one));
	event_base_loop(wk.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_int_equal(atomic_load(&wk.row->left), 0);
	set(2, 0);
	even_leave(0);
	assert_int_equal(atomic_load(&wk.row->left_to), 3);
}

static void
even__no_answer__another_is_called(void **state)
{
	(void)state;
	assert_int_equal(room(5, 2000), 0);
	even_leave(0);
	usleep(120 * 1000);
	clock_update();
	wheel_run(wk.wheel, clock_ms());
	assert_int_equal(atomic_load(&wk.row->left_to), 0);
	assert_int_equal(even_room(), 0); /* worker 3 has 1005 */
	even_leave(0);
	assert_int_equal(atomic_load(&wk.row->left_to), 3);
	atomic_store(&row(0)->instance, 99); /* a successor is called again */
	atomic_store(&wk.row->left_to, 0);
	usleep(120 * 1000);
	clock_update();
	wheel_run(wk.wheel, clock_ms());
	even_leave(0);
	assert_int_equal(atomic_load(&wk.row->left_to), 1);
}

static void
even__a_call_without_queues__is_answered(void **state)
{
	uint64_t one = 1;

	(void)state;
	set(2, 100);
	atomic_store(&row(2)->left, 1);
	atomic_store(&row(2)->left_to, SELF + 1);
	assert_int_equal(write(bells[SELF], &one, sizeof(one)), sizeof(one));
	event_base_loop(wk.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_int_equal(atomic_load(&row(2)->left_to), 0);
	assert_int_equal(rung(2), 1);
}

static void
even__killed__the_kernel_marks_the_row(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		even_init();
		pause();
		_exit(0);
	}
	while (atomic_load(&wk.row->alive) == 0)
		usleep(1000);
	assert_int_equal(atomic_load(&wk.row->alive), pid);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(atomic_load(&wk.row->alive), FUTEX_OWNER_DIED);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(even__own_load__room_up_to_the_allowance),
		T(even__taken_ones__use_up_the_room),
		T(even__tunnels_of_an_h2_connection__count),
		T(even__who_is_no_peer__is_not_compared_with),
		T(even__a_dying_worker__counts_as_one_with_nothing),
		T(even__left_clients__least_loaded_one_is_called_once),
		T(even__answer__ends_the_call),
		T(even__no_answer__another_is_called),
		T(even__a_call_without_queues__is_answered),
		T(even__killed__the_kernel_marks_the_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
