/* SPDX-License-Identifier: MIT */
/*
 * The broker process: set-up, its loop, and its talk with the master.
 *
 * EOF from the master: the broker serves the workers that are left and exits
 * with the last of them.
 */
#include "broker/broker.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "broker/adopt.h"
#include "broker/cert.h"
#include "broker/check.h"
#include "broker/cli.h"
#include "broker/idle.h"
#include "broker/lease.h"
#include "broker/observe.h"
#include "broker/peer.h"
#include "broker/privs.h"
#include "broker/shut.h"
#include "broker/srv.h"
#include "broker/srv_admin.h"
#include "broker/store.h"
#include "broker/tls_dial.h"
#include "shm/base/clock.h"
#include "shm/base/fds.h"
#include "shm/base/log.h"
#include "shm/seg/stat.h"

enum { TICK_MS = 100, RETRY_MS = 5, TICKS_PER_BEAT = 10, FIXED_FDS_MAX = 1024 };

static void
end_when_alone(void)
{
	struct ipc_msg m = { .type = IPC_DRAINED };

	if (!(broker.draining || broker.master_gone) || broker.peer_count)
		return;
	if (broker.master && chan_send(broker.master, &m) != 0)
		log_msg(LOGL_NOTICE, "broker: the master is gone");
	event_base_loopbreak(broker.base);
}

static int
on_master(struct chan *c, struct ipc_msg *m, void *arg)
{
	int r = 0;

	(void)c;
	(void)arg;
	clock_update();
	switch (m->type) {
	case IPC_CHILD:
		r = peer_add(m);
		if (r != 0)
			log_msg(LOGL_ALERT, "broker: instance %u: %s",
			    m->u.child.instance, err_text(r));
		return 0;
	case IPC_DEAD:
		peer_dead(&m->u.dead);
		end_when_alone();
		return 0;
	case IPC_CERT_ACK:
		cert_acked(&m->u.cert);
		return 0;
	case IPC_CLI:
		cli_adopt(&m->fd[0], m->u.cli.level);
		return 0;
	case IPC_DRAIN:
		broker.draining = true;
		end_when_alone();
		return 0;
	case IPC_LOG_FD:
		log_target_fd(m->u.log.target, &m->fd[0]);
		return 0;
	default:
		return -WSE_DENIED;
	}
}

/* Workers whose channel had ended before have nobody left to say DEAD. */
static void
on_master_end(struct chan *c, int err, const char *why, void *arg)
{
	struct list *it, *tmp;
	struct ipc_dead d = { 0 };
	struct peer *p;

	(void)c;
	(void)arg;
	if (err != 0)
		log_msg(LOGL_ALERT, "broker: the master's channel: %s",
		    why ? why : err_text(err));
	chan_free(&broker.master);
	broker.master_gone = true;
	log_msg(LOGL_WARN,
	    "broker: the master is gone, ending with the last "
	    "worker");
	list_for_safe(it, tmp, &broker.peers)
	{
		p = list_entry(it, struct peer, node);
		if (!p->ended)
			continue;
		d.instance = p->instance;
		d.proc = p->proc;
		peer_dead(&d);
	}
	end_when_alone();
}

static void
ask_reopen(unsigned target)
{
	struct ipc_msg m = { .type = IPC_LOG_REOPEN };

	m.u.log.target = target;
	if (broker.master)
		(void)!chan_send(broker.master, &m);
}

/* What callers deep in a list put off; see state_later(). */
static void
on_later(evutil_socket_t fd, short what, void *arg)
{
	struct timeval tv = { 0, RETRY_MS * 1000 };
	struct list *it;
	bool more = false;

	(void)fd;
	(void)what;
	(void)arg;
	clock_update();
	lease_run_pending();
	list_for(it, &broker.peers) more |=
	    peer_flush(list_entry(it, struct peer, node));
	if (more)
		event_add(&broker.retry, &tv);
	if (broker.master_gone)
		end_when_alone();
}

/* Counted once, before any worker or server is there. */
static unsigned
count_fds(void)
{
	unsigned n = 0;
	int fd;

	for (fd = 0; fd < FIXED_FDS_MAX; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void
beat(void)
{
	struct board_proc *row = &broker.board.proc[broker.heritage->proc];
	struct stat_proc *st = stat_proc(&broker.board, broker.heritage->proc);

	atomic_store_explicit(&row->fds,
	    broker.slot_fds + broker.peer_count + broker.fixed_fds,
	    memory_order_relaxed);
	atomic_store_explicit(
	    &row->fd_max, (uint32_t)broker.fd_max, memory_order_relaxed);
	atomic_store_explicit(
	    &row->heartbeat_us, clock_us(), memory_order_relaxed);
	atomic_store_explicit(
	    &st->log_dropped, log_dropped(), memory_order_relaxed);
}

static void
on_term(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	event_base_loopbreak(broker.base);
}

/* Not libevent's: its signals are the master's since before the fork. */
static int
watch_term(void)
{
	sigset_t term;
	int fd;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	fd = signalfd(-1, &term, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0 || sigprocmask(SIG_BLOCK, &term, NULL) < 0)
		return -WSE_SYS;
	event_assign(&broker.term, broker.base, fd, EV_READ, on_term, NULL);
	return event_add(&broker.term, NULL) == 0 ? 0 : -WSE_NOMEM;
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	static unsigned ticks;
	bool second = ++ticks % TICKS_PER_BEAT == 0;

	(void)fd;
	(void)what;
	(void)arg;
	clock_update();
	(void)state_is_adopting();
	srv_refresh_all();
	srv_admin_tick();
	observe_tick();
	shut_look();
	idle_tick(clock_us(), second);
	store_tick();
	if (second) {
		beat();
		cli_tick();
	}
}

static int
set_up(const struct broker_heritage *h)
{
	struct timeval tv = { 0, TICK_MS * 1000 };
	int r, fd = h->master_fd;

	broker.fd_max = fds_raise_limit();
	r = privs_drop(h);
	if (r != 0)
		return r;
	r = board_attach(h->board_fd, true, &broker.board);
	if (r != 0)
		return r;
	broker.conf = h->conf;
	broker.heritage = h;
	broker.base = event_base_new();
	if (!broker.base)
		return -WSE_NOMEM;
	state_init();
	event_assign(&broker.later, broker.base, -1, 0, on_later, NULL);
	event_assign(&broker.retry, broker.base, -1, 0, on_later, NULL);
	event_assign(&broker.tick, broker.base, -1, EV_PERSIST, on_tick, NULL);
	event_add(&broker.tick, &tv);
	if (h->adopt)
		adopt_board();
	atomic_store(&broker.board.hdr->acting_broker, h->instance);
	broker.master = chan_new(broker.base, &fd, ROLE_BROKER, ROLE_MASTER,
	    on_master, on_master_end, NULL);
	chan_phase(broker.master, PHASE_OPEN);
	log_on_reopen(ask_reopen);
	cert_inherit(h);
	r = watch_term();
	if (r != 0)
		return r;
	store_start(); /* it forks: before there are threads */
	return tls_dial_start();
}

void
broker_main(const struct broker_heritage *h)
{
	struct ipc_msg ready = { .type = IPC_READY };
	int r;

	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	prctl(PR_SET_NAME, "wsb-broker", 0, 0, 0);
	clock_update();
	r = set_up(h);
	if (r != 0) {
		log_msg(LOGL_ALERT, "broker: cannot start: %s", err_text(r));
		_exit(1);
	}
	srv_refresh_all();
	check_start();
	cli_start();
	broker.fixed_fds = count_fds();
	beat();
	if (chan_send(broker.master, &ready) != 0)
		_exit(1);
	event_base_dispatch(broker.base);
	store_stop();
	_exit(0);
}
