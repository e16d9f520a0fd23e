/* SPDX-License-Identifier: MIT */
/*
 * Ten thousand random rounds in all: no waiter sleeps while a connection or a
 * permit is free.  Worker processes take and give back at random, so that
 * releases race with the broker's waiting at every point; each round has to
 * end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka wants those first */
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/base/clock.h"
#include "shm/base/fds.h"
#include "shm/seg/limit.h"
#include "tests/unit/broker/rig.h"

enum { WORKERS = 3, STREAMS = 6, ROUNDS = 2500, STALL_US = 2000000 };

struct tally {
	_Atomic uint64_t rounds, failed, stalls;
	_Atomic uint64_t longest_us;
};

static struct rig rig;
static struct tally *tally;
static struct event_base *base;
static struct rig_worker me;

/* A stream: ask, hold for a moment, give back, again. */
struct stream {
	struct pool_lease l;
	struct bconn *bc;
	struct event timer;
	uint64_t since_us;
};

static struct stream streams[STREAMS];

static void
nap(struct stream *s, unsigned us)
{
	struct timeval tv = { 0, us };

	evtimer_add(&s->timer, &tv);
}

static void
got(struct stream *s)
{
	uint64_t us = clock_us() - s->since_us;

	if (us > atomic_load(&tally->longest_us))
		atomic_store(&tally->longest_us, us);
	if (us > STALL_US)
		atomic_fetch_add(&tally->stalls, 1);
	nap(s, (unsigned)rand() % 200);
}

static void
on_lease(struct pool_lease *l, struct bconn *bc, enum pool_fail why, int errnum)
{
	struct stream *s = l->arg;

	(void)why;
	(void)errnum;
	clock_update();
	s->bc = bc;
	if (!bc)
		atomic_fetch_add(&tally->failed, 1);
	got(s);
}

static void
ask(struct stream *s)
{
	struct pool_want want = {
		.srv = &rig.srv[0], .reuse = LEASE_ANY, .tags = TAG_BIT(TAG_H1)
	};

	s->since_us = clock_us();
	s->l.fn = on_lease;
	s->l.arg = s;
	if (pool_get(me.pool, &want, NULL, &s->l, &s->bc) == 0)
		got(s);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	(void)fd;
	(void)what;
	clock_update();
	if (!s->bc) {
		ask(s);
		return;
	}
	atomic_fetch_add(&tally->rounds, 1);
	if (rand() % 8)
		pool_release(me.pool, &s->bc);
	else
		pool_close(me.pool, &s->bc, 0);
	if (rand() % 3)
		ask(s);
	else
		nap(s, (unsigned)rand() % 300);
}

NORETURN static void
run_worker(uint32_t instance, uint32_t row, int vault_fd, int broker_fd)
{
	int keep[] = { rig.board_fd, vault_fd, broker_fd }, i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fds_close_except(keep, 3);
	srand((unsigned)getpid());
	base = event_base_new();
	if (vault_attach(vault_fd, rig.slot_count, &me.vault) != 0)
		_exit(2);
	me.pool =
	    pool_new(base, &rig.conf, &rig.board, &me.vault, instance, row);
	pool_broker(me.pool, &broker_fd);
	for (i = 0; i < STREAMS; i++) {
		evtimer_assign(&streams[i].timer, base, on_timer, &streams[i]);
		nap(&streams[i], (unsigned)rand() % 1000);
	}
	event_base_dispatch(base);
	_exit(3);
}

static pid_t
spawn(unsigned i)
{
	struct ipc_msg m = { .type = IPC_CHILD, .fd_count = 2 };
	struct board_proc *row = &rig.board.proc[2 + i];
	uint32_t instance = ++rig.last_instance;
	int br[2], vault_fd;
	pid_t pid;

	row->role = ROLE_WORKER;
	atomic_store(&row->state, PROC_RUNNING);
	atomic_store(&row->instance, instance);
	assert_int_equal(vault_create(rig.slot_count, &vault_fd), 0);
	assert_int_equal(chan_pair(br), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		run_worker(instance, 2 + i, vault_fd, br[1]);
	m.fd[0] = br[0];
	m.fd[1] = vault_fd;
	m.u.child.instance = instance;
	m.u.child.proc = 2 + i;
	m.u.child.pid = (uint32_t)pid;
	assert_int_equal(chan_send(rig.to_broker, &m), 0);
	close(br[0]);
	close(br[1]);
	close(vault_fd);
	return pid;
}

static void
play(int maxconn, unsigned slots)
{
	pid_t pid[WORKERS];
	uint64_t before;
	unsigned i;

	rig_init(&rig);
	rig.slot_count = slots;
	rig.srv[0].maxconn = maxconn;
	rig_start(&rig, 0);
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < WORKERS; i++)
		pid[i] = spawn(i);
	while (atomic_load(&tally->rounds) < ROUNDS) {
		before = atomic_load(&tally->rounds);
		/* with 18 streams that hold for 0.2 ms it never stands still */
		rig_until(&rig, atomic_load(&tally->rounds) > before, 3000);
		if (maxconn)
			assert_true(rig.o[0].open <= slots);
	}
	print_message("maxconn %d, %u slots: longest wait %llu us\n", maxconn,
	    slots, (unsigned long long)tally->longest_us);
	assert_int_equal(tally->stalls, 0);
	assert_int_equal(tally->failed, 0);
	for (i = 0; i < WORKERS; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
	munmap(tally, sizeof(*tally));
	rig_stop(&rig);
}

static void
rounds__maxconn__no_waiter_sleeps(void **state)
{
	(void)state;
	play(3, 64);
}

static void
rounds__one_permit__no_waiter_sleeps(void **state)
{
	(void)state;
	play(1, 64);
}

static void
rounds__full_table__no_waiter_sleeps(void **state)
{
	(void)state;
	play(0, 4);
}

static void
rounds__no_limit__no_waiter_sleeps(void **state)
{
	(void)state;
	play(0, 64);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rounds__maxconn__no_waiter_sleeps),
		cmocka_unit_test(rounds__one_permit__no_waiter_sleeps),
		cmocka_unit_test(rounds__full_table__no_waiter_sleeps),
		cmocka_unit_test(rounds__no_limit__no_waiter_sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
