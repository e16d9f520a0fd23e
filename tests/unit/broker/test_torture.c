/* SPDX-License-Identifier: MIT */
/*
 * Many processes and random kill -9: workers and the broker die under load,
 * at any instruction.  Afterwards nothing is lost: slots, permits,
 * descriptors, waiters; and the origin's connections are the board's.
 *
 * WSB_TORTURE_S sets how many seconds it runs (default 4).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka wants those first */
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
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

enum { WORKERS = 4, STREAMS = 12, MAXCONN = 5 };

static struct rig rig;

/* Results of the workers, in shared memory: survives their death. */
struct tally {
	_Atomic uint64_t done, reset, failed, violations, stuck;
};

static struct tally *tally;

/* A worker process, as the master of this test sees it. */
struct proc {
	pid_t pid;
	int vault_fd;
	uint32_t instance, row;
	struct chan *chan;
	bool dead; /* DEAD_DONE awaited */
};

static struct proc procs[WORKERS];
static unsigned base_fds;

/* --- inside a worker process --- */

struct stream {
	struct rig_req q;
	struct event timer;
	unsigned server;
	uint64_t since_us;
};

static struct rig_worker me;
static struct event_base *base;
static struct stream streams[STREAMS];
static bool quiet;

static void next(struct stream *s);

static void
later(struct stream *s)
{
	struct timeval tv = { 0, rand() % 3000 };

	evtimer_add(&s->timer, &tv);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	clock_update();
	next(arg);
}

static void
on_byte(struct bconn *bc, void *arg)
{
	struct stream *s = arg;
	char b[8];
	ssize_t n = recv(bc->fd, b, sizeof(b), MSG_DONTWAIT);

	clock_update();
	if (n < 0 && errno == EAGAIN)
		return;
	if (n == 1) {
		atomic_fetch_add(&tally->done, 1);
		if (rand() % 20)
			pool_release(me.pool, &s->q.bc);
		else
			pool_close(me.pool, &s->q.bc, 0);
	} else {
		atomic_fetch_add(&tally->reset, 1);
		pool_close(me.pool, &s->q.bc, 0);
	}
	later(s);
}

static void
go(struct stream *s)
{
	if (rand() % 40 == 0)
		pool_tunnel(me.pool, s->q.bc);
	s->q.bc->on_read = on_byte;
	s->q.bc->arg = s;
	if (s->q.bc->tunnel || send(s->q.bc->fd, "q", 1, MSG_NOSIGNAL) != 1) {
		pool_close(me.pool, &s->q.bc, 0);
		later(s);
	}
}

static void
on_got(struct pool_lease *l, struct bconn *bc, enum pool_fail why, int errnum)
{
	struct stream *s = l->arg;

	(void)why;
	(void)errnum;
	s->q.bc = bc;
	if (bc) {
		go(s);
		return;
	}
	atomic_fetch_add(&tally->failed, 1);
	later(s);
}

static void
next(struct stream *s)
{
	struct pool_want want = { .reuse = LEASE_ANY, .tags = TAG_BIT(TAG_H1) };
	int rc;

	if (s->q.l.id) { /* woken while waiting: give up now and then */
		pool_cancel(me.pool, &s->q.l);
		later(s);
		return;
	}
	if (s->q.bc)
		return;
	if (quiet) {
		later(s);
		return;
	}
	s->server = (unsigned)rand() % 2;
	want.srv = &rig.srv[s->server];
	s->q.l.fn = on_got;
	s->q.l.arg = s;
	s->since_us = clock_us();
	rc = pool_get(me.pool, &want, NULL, &s->q.l, &s->q.bc);
	if (rc == 0)
		go(s);
	else if (rc == -WSE_AGAIN && rand() % 10 == 0)
		later(s);
	else if (rc != -WSE_AGAIN)
		later(s);
}

static void
on_bad(void *arg, const struct ipc_violation *v)
{
	(void)arg;
	fprintf(stderr, "violation by the broker: %s\n", v->text);
	atomic_fetch_add(&tally->violations, 1);
}

static int
on_master(struct chan *c, struct ipc_msg *m, void *arg)
{
	int fd;

	(void)c;
	(void)arg;
	if (m->type == IPC_BROKER) {
		fd = m->fd[0];
		m->fd[0] = -1;
		pool_broker(me.pool, &fd);
	} else if (m->type == IPC_DRAIN) {
		quiet = true; /* of the test: rest, but keep what idles */
	}
	return 0;
}

static void
on_master_end(struct chan *c, int err, const char *why, void *arg)
{
	(void)c;
	(void)err;
	(void)why;
	(void)arg;
	_exit(0);
}

NORETURN static void
worker_run(struct proc *p, int master_fd, int broker_fd)
{
	int keep[] = { rig.board_fd, p->vault_fd, master_fd, broker_fd, -1 };
	struct chan *c;
	unsigned i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fds_close_except(keep, 4);
	srand((unsigned)getpid());
	base = event_base_new();
	c = chan_new(base, &master_fd, ROLE_WORKER, ROLE_MASTER, on_master,
	    on_master_end, NULL);
	chan_phase(c, PHASE_OPEN);
	if (vault_attach(p->vault_fd, rig.slot_count, &me.vault) != 0)
		_exit(2);
	me.pool = pool_new(
	    base, &rig.conf, &rig.board, &me.vault, p->instance, p->row);
	pool_on_violation(me.pool, on_bad, NULL);
	pool_broker(me.pool, &broker_fd);
	for (i = 0; i < STREAMS; i++) {
		evtimer_assign(&streams[i].timer, base, on_timer, &streams[i]);
		later(&streams[i]);
	}
	event_base_dispatch(base);
	_exit(3);
}

/* --- the master of the test --- */

static int
from_worker(struct chan *c, struct ipc_msg *m, void *arg)
{
	(void)c;
	(void)m;
	(void)arg;
	return 0;
}

static void
from_worker_end(struct chan *c, int err, const char *why, void *arg)
{
	(void)c;
	(void)err;
	(void)why;
	(void)arg;
}

static void
say_child(struct proc *p, int *broker_end)
{
	struct ipc_msg m = { .type = IPC_CHILD, .fd_count = 2 };

	m.fd[0] = *broker_end;
	m.fd[1] = p->vault_fd;
	m.u.child.instance = p->instance;
	m.u.child.proc = p->row;
	m.u.child.pid = (uint32_t)p->pid;
	assert_int_equal(chan_send(rig.to_broker, &m), 0);
	close(*broker_end);
}

static void
spawn(struct proc *p)
{
	struct board_proc *row;
	int up[2], br[2];

	p->instance = ++rig.last_instance;
	row = &rig.board.proc[p->row];
	row->role = ROLE_WORKER;
	atomic_store(&row->state, PROC_RUNNING);
	atomic_store(&row->instance, p->instance);
	assert_int_equal(vault_create(rig.slot_count, &p->vault_fd), 0);
	assert_int_equal(chan_pair(up), 0);
	assert_int_equal(chan_pair(br), 0);
	p->pid = fork();
	assert_true(p->pid >= 0);
	if (p->pid == 0)
		worker_run(p, up[1], br[1]);
	close(up[1]);
	close(br[1]);
	p->chan = chan_new(rig.base, &up[0], ROLE_MASTER, ROLE_WORKER,
	    from_worker, from_worker_end, p);
	chan_phase(p->chan, PHASE_OPEN);
	say_child(p, &br[0]);
	p->dead = false;
}

static void
say_dead(const struct proc *p)
{
	struct ipc_msg m = { .type = IPC_DEAD };

	m.u.dead.instance = p->instance;
	m.u.dead.proc = p->row;
	assert_int_equal(chan_send(rig.to_broker, &m), 0);
}

static void
bury(struct proc *p)
{
	int status;

	kill(p->pid, SIGKILL);
	assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
	assert_true(WIFSIGNALED(status));
	chan_free(&p->chan);
	close(p->vault_fd);
	atomic_store(&rig.board.proc[p->row].state, PROC_DEAD);
	p->dead = true;
}

static void
kill_worker(void)
{
	struct proc *p = &procs[rand() % WORKERS];
	unsigned before = rig.dead_done;

	bury(p);
	say_dead(p);
	rig_until(&rig, rig.dead_done > before, 3000);
	atomic_store(&rig.board.proc[p->row].instance, 0);
	spawn(p);
}

static void
kill_broker(void)
{
	struct ipc_msg m = { .type = IPC_BROKER, .fd_count = 1 };
	bool also_worker = rand() % 3 == 0;
	struct proc *v = &procs[rand() % WORKERS];
	unsigned i, before;
	int pair[2];

	rig_broker_kill(&rig);
	if (also_worker)
		bury(v);
	rig_run(&rig, (unsigned)rand() % 20);
	rig_broker_start(&rig, true);
	before = rig.dead_done;
	for (i = 0; i < WORKERS; i++) {
		if (procs[i].dead)
			continue;
		assert_int_equal(chan_pair(pair), 0);
		say_child(&procs[i], &pair[0]);
		m.fd[0] = pair[1];
		assert_int_equal(chan_send(procs[i].chan, &m), 0);
		close(pair[1]);
	}
	if (!also_worker)
		return;
	say_dead(v);
	rig_until(&rig, rig.dead_done > before, 3000);
	atomic_store(&rig.board.proc[v->row].instance, 0);
	spawn(v);
}

static unsigned
fd_count(pid_t pid)
{
	char path[64];
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	if (!d)
		return 0;
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void
show_all(unsigned kills)
{
	struct slot_view v;
	unsigned i;

	print_message("no progress after %u kills\n", kills);
	for (i = 0; i < rig.slot_count; i++) {
		v = slot_get(&rig.board, i);
		print_message("slot %u: %s holder %u server %u gen %u\n", i,
		    slot_state_name(v.state), v.holder,
		    rig.board.slot[i].server, v.gen);
	}
	for (i = 0; i < 2; i++)
		print_message("server %u: permits %u attention %u queue %u "
			      "dials %u open %u busy %u\n",
		    i, limit_sum(&rig.board, LIM_SERVER, i),
		    rig.board.server[i].attention,
		    rig.board.server[i].queue_count,
		    rig.board.server[i].dial_count, rig.o[i].open,
		    rig.o[i].busy);
}

/* Everything is at rest: count it all. */
static void
check_all(void)
{
	unsigned i, idle = 0, other = 0;
	struct slot_view v;

	for (i = 0; i < rig.slot_count; i++) {
		v = slot_get(&rig.board, i);
		if (v.state == SLOT_IDLE)
			idle++;
		else if (v.state != SLOT_FREE) {
			print_message("slot %u: %s holder %u\n", i,
			    slot_state_name(v.state), v.holder);
			other++;
		}
	}
	assert_int_equal(other, 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(limit_sum(&rig.board, LIM_SERVER, i), 0);
		assert_int_equal(rig.board.server[i].attention, 0);
		assert_int_equal(rig.board.server[i].queue_count, 0);
		assert_int_equal(rig.board.server[i].dial_count, 0);
	}
	assert_int_equal(rig.o[0].open + rig.o[1].open, idle);
	/* channels, epoll, board, standard ones: no descriptor is left over */
	assert_int_equal(fd_count(rig.broker_pid), base_fds + idle);
	assert_true(rig.o[0].busy_peak <= MAXCONN + 2 * WORKERS);
}

static void
torture__random_kills__nothing_is_lost(void **state)
{
	const char *env = getenv("WSB_TORTURE_S");
	unsigned seconds = env ? (unsigned)atoi(env) : 4;
	struct ipc_msg m = { .type = IPC_DRAIN };
	unsigned i, kills = 0;
	uint64_t end, before, mid;

	(void)state;
	srand((unsigned)getpid());
	rig_init(&rig);
	rig.slot_count = 40; /* at times full */
	rig.srv[0].maxconn = MAXCONN;
	rig_start(&rig, 0);
	base_fds = fd_count(rig.broker_pid) + WORKERS; /* their channels */
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < WORKERS; i++) {
		procs[i].row = 2 + i;
		spawn(&procs[i]);
	}
	rig_run(&rig, 300);
	end = clock_us() + seconds * 1000000ull;
	while (clock_us() < end) {
		before = atomic_load(&tally->done);
		rig_run(&rig, 20 + (unsigned)rand() % 150);
		mid = atomic_load(&tally->done);
		if (mid == before)
			show_all(kills);
		assert_true(mid > before); /* it goes on */
		if (rand() % 2)
			kill_worker();
		else
			kill_broker();
		kills++;
		rig_run(&rig, 100);
	}
	for (i = 0; i < WORKERS; i++)
		assert_int_equal(chan_send(procs[i].chan, &m), 0);
	rig_run(&rig, 1500);
	print_message("%u kills, %llu requests, %llu reset, %llu failed\n",
	    kills, (unsigned long long)tally->done,
	    (unsigned long long)tally->reset,
	    (unsigned long long)tally->failed);
	check_all();
	assert_int_equal(tally->violations, 0);
	assert_int_equal(rig.violations, 0);
	for (i = 0; i < WORKERS; i++)
		bury(&procs[i]);
	rig_stop(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(torture__random_kills__nothing_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
