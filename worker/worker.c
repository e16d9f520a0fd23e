/* SPDX-License-Identifier: MIT */
/*
 * The worker process: set-up, loop, its channel to the master, drain, end.
 *
 * Order of the set-up: attach what was inherited, give up rights, speak to
 * the broker, accept once it has answered.
 */
#include "worker/worker.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shm/base/chk.h"
#include "shm/base/fds.h"
#include "shm/base/log.h"
#include "shm/base/mem.h"
#include "shm/seg/hist.h"
#include "worker/accept.h"
#include "worker/certs.h"
#include "worker/drain.h"
#include "worker/duct.h"
#include "worker/ev_mem.h"
#include "worker/even.h"
#include "worker/fconn.h"
#include "worker/fconn_tls.h"
#include "worker/h2_front.h"
#include "worker/handover.h"
#include "worker/h2_back.h"
#include "worker/rule_hooks.h"
#include "worker/sandbox.h"
#include "worker/shut.h"
#include "worker/stream.h"
#include "worker/wk.h"

enum { HEARTBEAT_MS = 1000, SHRINK_LEAST = 1 << 20 };

struct wk wk;

static const struct worker_heritage *heritage;
static struct chan *master;
static struct event loop_timer;
static uint64_t loop_timer_ms; /* what loop_timer is armed for, 0: not */
static struct wheel_timer heartbeat;
static bool accepting;

static void
tell_master(struct ipc_msg *m)
{
	int err = master ? chan_send(master, m) : -WSE_EOF;

	if (err < 0 && err != -WSE_EOF)
		log_msg(LOGL_WARN,
		    "worker: a message to the master is lost: "
		    "%s",
		    err_text(err));
}

static void
proc_state(enum proc_state st)
{
	atomic_store_explicit(&wk.row->state, st, memory_order_relaxed);
}

/*
 * What a burst left behind goes back: what nobody used for a second, and the
 * heap's free pages once that is worth a look at all of it, or nothing more
 * is to come.
 */
static void
shrink(void)
{
	static size_t freed;
	size_t now = xprt_tls_cool() + buf_shrink() + stream_shrink() +
	    h2_front_cooled();

	freed += now;
	if (freed >= SHRINK_LEAST || (freed && !now)) {
		mem_trim();
		freed = 0;
	}
}

static void
on_heartbeat(struct wheel_timer *t)
{
	struct rlimit rl;

	wk_beat();
	atomic_store_explicit(&wk.row->fds, wk.clients + pool_held(wk.pool),
	    memory_order_relaxed);
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0)
		atomic_store_explicit(&wk.row->fd_max, (uint32_t)rl.rlim_cur,
		    memory_order_relaxed);
	atomic_store_explicit(
	    &wk.stat->log_dropped, log_dropped(), memory_order_relaxed);
	shrink();
	drain_look_servers();
	wheel_set(wk.wheel, t, clock_ms() + HEARTBEAT_MS);
}

static void
cert_use(struct ipc_msg *m)
{
	struct ipc_msg done = { .type = IPC_CERT_DONE, .u.cert = m->u.cert };

	done.u.cert.err = certs_use(heritage->conf, m);
	tell_master(&done);
}

static int
on_master_msg(struct chan *c, struct ipc_msg *m, void *arg)
{
	(void)c;
	(void)arg;
	wk_turn();
	switch (m->type) {
	case IPC_DRAIN:
		drain_begin(&m->u.drain);
		return 0;
	case IPC_LOG_FD:
		if (m->u.log.target >= LOG_TARGETS_MAX)
			return -WSE_RANGE;
		if (m->fd_count)
			log_target_fd(m->u.log.target, &m->fd[0]);
		return 0;
	case IPC_CERT_USE:
		cert_use(m);
		return 0;
	case IPC_PEER:
		handover_peer(m);
		return 0;
	case IPC_BROKER:
		if (m->fd_count)
			pool_broker(wk.pool, &m->fd[0]);
		return 0;
	default:
		return -WSE_DENIED;
	}
}

/* The master is gone: serve what is here, then leave. */
static void
on_master_end(struct chan *c, int err, const char *why, void *arg)
{
	const struct conf_global *g = &heritage->conf->global;
	struct ipc_drain how = { g->hard_stop_after_ms, g->life.close_code };

	(void)c;
	(void)arg;
	wk_turn();
	if (err)
		log_msg(LOGL_ALERT, "worker: channel to the master: %s",
		    why ? why : err_text(err));
	chan_free(&master);
	if (!g->life.outlives_master)
		drain_begin(&how);
}

static void
on_log_reopen(unsigned index)
{
	struct ipc_msg m = { .type = IPC_LOG_REOPEN };

	m.u.log.target = index;
	tell_master(&m);
}

static void
on_violation(void *arg, const struct ipc_violation *v)
{
	struct ipc_msg m = { .type = IPC_VIOLATION };

	(void)arg;
	m.u.violation = *v;
	stat_add(&wk.stat->violations, 1);
	tell_master(&m);
}

static void
on_peer_violation(const struct ipc_violation *v)
{
	on_violation(NULL, v);
}

static void
on_welcome(void *arg)
{
	struct ipc_msg m = { .type = IPC_READY };

	(void)arg;
	wk_turn();
	if (accepting)
		return;
	accepting = true;
	if (!wk.draining)
		accept_start(heritage);
	proc_state(wk.draining ? PROC_DRAINING : PROC_RUNNING);
	tell_master(&m);
}

static void
fail(const char *what)
{
	log_msg(LOGL_ALERT, "worker: %s: %s", what, strerror(errno));
	_exit(1);
}

static struct event_base *
base_make(void)
{
	struct event_config *cfg = event_config_new();
	struct event_base *base;

	/* No signal and no second thread touches the loop. */
	if (!cfg || event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK) < 0)
		return NULL;
	base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	return base;
}

static void
attach(const struct worker_heritage *h)
{
	if (board_attach(h->board_fd, true, &wk.board) < 0)
		fail("cannot map the board");
	if (vault_attach(h->vault_fd, wk.board.cap.slot_count, &wk.vault) < 0)
		fail("cannot map the vault");
	close(h->board_fd);
	close(h->vault_fd);
	wk.conf = h->conf;
	wk.instance = h->instance;
	wk.proc = h->proc;
	wk.stat = stat_proc(&wk.board, h->proc);
	wk.row = &wk.board.proc[h->proc];
	list_init(&wk.conns);
}

/* libevent's timer is armed for the wheel only when it must be sooner. */
static void
loop_timer_arm(void)
{
	uint64_t next = wheel_next_ms(wk.wheel), now = clock_ms();
	struct timeval tv;

	if (next == UINT64_MAX || (loop_timer_ms && loop_timer_ms <= next))
		return;
	loop_timer_ms = next;
	next = next > now ? next - now : 0;
	tv.tv_sec = (time_t)(next / 1000);
	tv.tv_usec = (suseconds_t)(next % 1000 * 1000);
	evtimer_add(&loop_timer, &tv);
}

static void
on_loop_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	loop_timer_ms = 0;
	wk_turn();
}

/* How long it kept others waiting: from its clock reading on. */
static void
turn_count(void)
{
	uint64_t us = clock_read_us() - clock_us();

	hist_add(wk.stat->loop_hist, us, HIST_LOOP_UNIT_US);
	stat_add(&wk.stat->loop_us_sum, us);
}

static void
run(void)
{
	while (!wk.stop) {
		loop_timer_arm();
		wk.clock_fresh = false;
		wk.turns++;
		if (event_base_loop(wk.base, EVLOOP_ONCE) < 0)
			fail("event loop");
		wk_turn();
		wheel_run(wk.wheel, clock_ms());
		turn_count();
	}
}

static void
channels_start(const struct worker_heritage *h)
{
	int fd = h->master_fd;

	master = chan_new(wk.base, &fd, ROLE_WORKER, ROLE_MASTER, on_master_msg,
	    on_master_end, NULL);
	if (!master)
		fail("channel to the master");
	chan_phase(master, PHASE_OPEN);
	wk.pool = pool_new(
	    wk.base, wk.conf, &wk.board, &wk.vault, wk.instance, wk.proc);
	if (!wk.pool)
		fail("pool");
	pool_on_welcome(wk.pool, on_welcome, NULL);
	pool_on_violation(wk.pool, on_violation, NULL);
	pool_on_shut(wk.pool, shut_server, NULL);
	handover_on_violation(on_peer_violation);
	fd = h->broker_fd;
	pool_broker(wk.pool, &fd);
}

static void
leave(void)
{
	struct ipc_msg m = { .type = IPC_DRAINED };

	proc_state(PROC_DRAINING);
	tell_master(&m);
	if (master)
		chan_drain(master);
	_exit(0);
}

NORETURN void
worker_main(const struct worker_heritage *h)
{
	heritage = h;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN); /* the master decides */
	(void)signal(SIGTERM, SIG_DFL);
	(void)fds_raise_limit();
	clock_update();
	attach(h);
	rule_hooks_set(h->master_pid, h->worker_index);
	if (sandbox_drop(h) < 0)
		_exit(1);
	ev_mem_init();
	wk.base = base_make();
	if (!wk.base)
		fail("event loop");
	wk.wheel = wheel_new(clock_ms());
	evtimer_assign(&loop_timer, wk.base, on_loop_timer, NULL);
	log_on_reopen(on_log_reopen);
	heartbeat.fn = on_heartbeat;
	certs_inherit(h);
	if (fconn_tls_init() < 0)
		fail("TLS contexts");
	h2_back_init();
	if (duct_init() < 0)
		fail("a set of descriptors");
	channels_start(h);
	even_init();
	if (sandbox_filter() < 0)
		fail("system call filter");
	on_heartbeat(&heartbeat);
	run();
	leave();
	_exit(0);
}
