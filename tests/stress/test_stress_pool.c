/* SPDX-License-Identifier: MIT */
/*
 * Workers as threads: what ThreadSanitizer has to say about the segments, and
 * whether a wakeup is ever lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "shm/base/chk.h"
#include "shm/ipc/chan.h"
#include "tests/stress/sim.h"

enum { WATCHDOG_S = 100, STUCK_S = 20 };

static struct sim sim;

struct start {
	int w;
	int fd;
	pthread_t thread;
};

static double
seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double
run_seconds(void)
{
	const char *e = getenv("WSB_STRESS_SECONDS");

	return e ? atof(e) : 4;
}

static void *
worker_main(void *arg)
{
	struct start *st = arg;

	sim_worker(&sim, st->w, (uint32_t)st->w + 100, st->fd,
	    (unsigned)st->w * 7919 + 1);
	return NULL;
}

static void
run_threads(bool in_rounds)
{
	struct start st[SIM_WORKERS];
	double end = seconds() + run_seconds(), moved = seconds();
	uint64_t seen = 0;
	int w, pair[2];

	alarm(WATCHDOG_S);
	sim_open(&sim);
	sim.count_in_flight = true;
	sim.in_rounds = in_rounds;
	if (in_rounds)
		sim.maxconn = 1;
	for (w = 0; w < SIM_WORKERS; w++) {
		CHK(chan_pair(pair) == 0);
		CHK(fcntl(pair[1], F_SETFL, 0) == 0); /* workers block */
		sim.fd[w] = pair[0];
		sim.instance[w] = (uint32_t)w + 100;
		st[w].w = w;
		st[w].fd = pair[1];
		CHK(pthread_create(&st[w].thread, NULL, worker_main, &st[w]) ==
		    0);
	}
	while (sim_broker_turn(&sim, 100)) {
		if (seconds() > end)
			atomic_store(&sim.proof->stop, 1);
		if (atomic_load(&sim.proof->requests) != seen)
			moved = seconds();
		seen = atomic_load(&sim.proof->requests);
		if (seconds() - moved > STUCK_S)
			fail_msg("a waiter sleeps for ever");
	}
	for (w = 0; w < SIM_WORKERS; w++)
		pthread_join(st[w].thread, NULL);
	sim_check_end(&sim);
	print_message("requests %llu own reuse %llu queued %llu\n",
	    (unsigned long long)sim.proof->requests,
	    (unsigned long long)sim.proof->own_reuses,
	    (unsigned long long)sim.proof->queued);
	assert_true(sim.proof->requests > 1000);
	assert_true(sim.proof->own_reuses > 0);
	assert_true(sim.proof->queued > 0);
	sim_close(&sim);
	alarm(0);
}

static void
pool__threads__no_race(void **state)
{
	(void)state;
	run_threads(false);
}

static void
pool__threads_in_rounds__no_lost_wakeup(void **state)
{
	(void)state;
	run_threads(true);
}

/* --- the limit alone --- */

enum { LIMIT_THREADS = 4, LIMIT_ROUNDS = 30000, LIMIT_MAX = 2 };

static struct board board;
static _Atomic uint32_t inside, taken;

static void *
limit_main(void *arg)
{
	uint32_t proc = (uint32_t)(uintptr_t)arg;
	int i;

	for (i = 0; i < LIMIT_ROUNDS; i++) {
		if (!limit_try(&board, LIM_SERVER, 0, proc, LIMIT_MAX))
			continue;
		CHK(atomic_fetch_add(&inside, 1) < LIMIT_MAX);
		atomic_fetch_add(&taken, 1);
		atomic_fetch_sub(&inside, 1);
		limit_drop(&board, LIM_SERVER, 0, proc);
	}
	return NULL;
}

static void
limit__threads__never_over(void **state)
{
	const struct board_dims d = { 1, 1, 1, LIMIT_THREADS };
	pthread_t t[LIMIT_THREADS];
	int fd, i;

	(void)state;
	assert_int_equal(board_create(&d, &board, &fd), 0);
	for (i = 0; i < LIMIT_THREADS; i++)
		CHK(pthread_create(
			&t[i], NULL, limit_main, (void *)(uintptr_t)i) == 0);
	for (i = 0; i < LIMIT_THREADS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(limit_sum(&board, LIM_SERVER, 0), 0);
	assert_true(taken > 0);
	board_detach(&board);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pool__threads__no_race),
		cmocka_unit_test(pool__threads_in_rounds__no_lost_wakeup),
		cmocka_unit_test(limit__threads__never_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
