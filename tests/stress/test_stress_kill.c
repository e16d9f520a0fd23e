/* SPDX-License-Identifier: MIT */
/*
 * Workers as processes, killed at random moments: the sweep finds a table it
 * can put in order, every time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shm/base/chk.h"
#include "shm/ipc/chan.h"
#include "tests/stress/sim.h"

enum { WATCHDOG_S = 100, KILLS_MIN = 20 };

static struct sim sim;
static pid_t pids[SIM_WORKERS];
static uint32_t next_instance = 1;

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

static void
spawn(int w)
{
	int pair[2], i;

	CHK(chan_pair(pair) == 0);
	sim.instance[w] = next_instance++;
	pids[w] = fork();
	CHK(pids[w] >= 0);
	if (pids[w] == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[0]);
		for (i = 0; i < SIM_WORKERS; i++) {
			if (sim.fd[i] >= 0)
				close(sim.fd[i]);
		}
		CHK(fcntl(pair[1], F_SETFL, 0) == 0); /* it blocks */
		sim_worker(
		    &sim, w, sim.instance[w], pair[1], sim.instance[w] * 31);
		_exit(0);
	}
	close(pair[1]);
	sim.fd[w] = pair[0];
}

static void
kill_one(void)
{
	int w = rand() % SIM_WORKERS, status;

	kill(pids[w], SIGKILL);
	CHK(waitpid(pids[w], &status, 0) == pids[w]);
	CHK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	sim_broker_dead(&sim, w);
	spawn(w);
}

static void
pool__workers_killed_at_random__no_slot_lost(void **state)
{
	double end = seconds() + run_seconds(), next;
	int w, status;
	uint64_t kills = 0;

	(void)state;
	alarm(WATCHDOG_S);
	sim_open(&sim);
	for (w = 0; w < SIM_WORKERS; w++)
		spawn(w);
	next = seconds() + 0.005;
	while (sim_broker_turn(&sim, 2)) {
		if (seconds() > end) {
			atomic_store(&sim.proof->stop, 1);
		} else if (seconds() > next) {
			kill_one();
			kills++;
			next = seconds() + 0.001 * (rand() % 12);
		}
	}
	for (w = 0; w < SIM_WORKERS; w++) {
		CHK(waitpid(pids[w], &status, 0) == pids[w]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	sim_check_end(&sim);
	print_message("requests %llu kills %llu parked %llu reaped %llu\n",
	    (unsigned long long)sim.proof->requests, (unsigned long long)kills,
	    (unsigned long long)sim.parked, (unsigned long long)sim.reaped);
	assert_true(kills > KILLS_MIN);
	assert_true(sim.parked > 0 && sim.reaped > 0);
	sim_close(&sim);
	alarm(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pool__workers_killed_at_random__no_slot_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
