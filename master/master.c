/* SPDX-License-Identifier: MIT */
/*
 * The master's life: start, signals, drain, stop.
 *
 * It touches no traffic and writes no slot.  All it waits for arrives in one
 * event loop: signals, the death of children, their messages, timers.
 */
#include "master/master.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "master/bells.h"
#include "master/cli_client.h"
#include "master/daemon.h"
#include "master/logs.h"
#include "shm/base/chk.h"
#include "shm/base/clock.h"
#include "shm/base/mem.h"

enum { START_LIMIT_S = 10, STOP_LIMIT_S = 2, BEAT_MS = HANG_LOOK_MS };

static void
master_each(struct master *m, void (*fn)(struct child *, int), int arg)
{
	struct child *ch = NULL;

	while ((ch = child_next_worker(m, ch)))
		if (child_is_alive(ch))
			fn(ch, arg);
	if (child_is_alive(&m->broker))
		fn(&m->broker, arg);
}

static void
master_kill_one(struct child *ch, int sig)
{
	child_signal(ch, sig);
}

static int
master_alive_workers(struct master *m)
{
	struct child *ch = NULL;
	int n = 0;

	while ((ch = child_next_worker(m, ch)))
		n += child_is_alive(ch);
	return n;
}

void
master_stop(struct master *m, int status)
{
	struct timeval tv = { .tv_sec = STOP_LIMIT_S };

	if (m->state == MASTER_STOPPING)
		return;
	m->state = MASTER_STOPPING;
	m->exit_status = status;
	for (int i = 0; i < m->worker_count; i++)
		event_del(&m->workers[i].respawn);
	event_del(&m->broker.respawn);
	master_each(m, master_kill_one, SIGTERM);
	evtimer_add(&m->stop_timer, &tv);
	master_progress(m);
}

static void
master_on_stop_limit(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;

	(void)fd;
	(void)what;
	clock_update();
	if (m->state == MASTER_DRAINING) {
		log_msg(LOGL_WARN,
		    "hard-stop-after is over: ending what is "
		    "left");
		master_stop(m, 0);
		return;
	}
	master_each(m, master_kill_one, SIGKILL);
}

static void
master_on_start_limit(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;

	(void)fd;
	(void)what;
	clock_update();
	log_msg(LOGL_ALERT, "not ready within %d s: stopping", START_LIMIT_S);
	master_stop(m, 1);
}

static void
master_is_ready(struct master *m)
{
	const char *pidfile = m->conf->global.pidfile;

	event_del(&m->start_timer);
	m->state = MASTER_RUNNING;
	if (daemon_pidfile_write()) {
		log_msg(LOGL_ALERT, "cannot write the pid file %s: %s", pidfile,
		    strerror(errno));
		master_stop(m, 1);
		return;
	}
	log_msg(LOGL_NOTICE, "wsbroker is ready: %d worker%s", m->worker_count,
	    m->worker_count == 1 ? "" : "s");
	daemon_notify("READY=1\nSTATUS=Ready.");
	daemon_ready(0);
}

void
master_progress(struct master *m)
{
	switch (m->state) {
	case MASTER_STARTING:
		if (m->broker.state != CHILD_READY)
			return;
		for (int i = 0; i < m->worker_count; i++)
			if (m->workers[i].state != CHILD_READY)
				return;
		master_is_ready(m);
		return;
	case MASTER_DRAINING:
		if (master_alive_workers(m) == 0)
			master_stop(m, 0);
		return;
	case MASTER_STOPPING:
		if (master_alive_workers(m) == 0 && !child_is_alive(&m->broker))
			event_base_loopbreak(m->base);
		return;
	case MASTER_RUNNING:
	case MASTER_STATE_N:
		return;
	}
}

static void
master_drain_one(struct child *ch, int deadline_ms)
{
	struct ipc_msg msg = { .type = IPC_DRAIN };

	if (ch->role != ROLE_WORKER)
		return; /* the broker serves the workers to their end */
	atomic_store(&ch->m->seg.board.proc[ch->proc].state, PROC_DRAINING);
	msg.u.drain.deadline_ms = (uint32_t)deadline_ms;
	msg.u.drain.close_code = ch->m->close_code;
	child_send(ch, &msg);
}

void
master_drain(struct master *m, bool restarts)
{
	unsigned limit_ms = m->conf->global.hard_stop_after_ms;

	if (m->state != MASTER_RUNNING)
		return;
	log_msg(LOGL_NOTICE, "draining: no new connections, open ones finish");
	daemon_notify("STOPPING=1\nSTATUS=Draining.");
	m->state = MASTER_DRAINING;
	m->close_code =
	    restarts ? CLOSE_CODE_RESTART : m->conf->global.life.close_code;
	for (int i = 0; i < m->worker_count; i++)
		event_del(&m->workers[i].respawn);
	listener_close_all(&m->listeners);
	master_each(m, master_drain_one, (int)limit_ms);
	if (limit_ms) {
		/* Workers end by themselves; this is for those that cannot. */
		struct timeval tv = { .tv_sec = limit_ms / 1000 + 1,
			.tv_usec = (limit_ms % 1000) * 1000 };

		evtimer_add(&m->stop_timer, &tv);
	}
	master_progress(m);
}

static void
master_on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct master *m = arg;

	(void)what;
	clock_update();
	switch (sig) {
	case SIGTERM:
		master_stop(m, 0);
		return;
	case SIGINT:
		master_stop(m, m->opts->worker_mode ? 130 : 0);
		return;
	case SIGUSR1:
		master_drain(m, false);
		return;
	case SIGHUP:
	case SIGUSR2:
		log_msg(LOGL_WARN,
		    "%s: this version cannot reload; nothing "
		    "was changed. Drain with SIGUSR1 and start anew",
		    strsignal((int)sig));
		return;
	default:
		return;
	}
}

static void
master_on_beat(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;

	(void)fd;
	(void)what;
	atomic_store(&m->seg.board.proc[0].heartbeat_us, clock_update());
	hang_look(m);
}

static void
master_events(struct master *m)
{
	static const int sigs[] = { SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP };
	struct timeval beat = { .tv_usec = BEAT_MS * 1000 };
	struct timeval start = { .tv_sec = START_LIMIT_S };

	m->base = event_base_new();
	CHK(m->base);
	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++) {
		evsignal_assign(
		    &m->signals[i], m->base, sigs[i], master_on_signal, m);
		evsignal_add(&m->signals[i], NULL);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	child_watch_orphans(m->base);
	evtimer_assign(&m->start_timer, m->base, master_on_start_limit, m);
	evtimer_add(&m->start_timer, &start);
	evtimer_assign(&m->stop_timer, m->base, master_on_stop_limit, m);
	event_assign(
	    &m->beat_timer, m->base, -1, EV_PERSIST, master_on_beat, m);
	event_add(&m->beat_timer, &beat);
}

static void
master_child_init(
    struct master *m, struct child *ch, enum proc_role role, uint32_t index)
{
	ch->m = m;
	ch->role = role;
	ch->index = index;
	ch->state = CHILD_GONE;
	ch->pidfd = ch->vault_fd = -1;
	evtimer_assign(&ch->respawn, m->base, NULL, ch);
}

static int
master_children(struct master *m)
{
	int rc;

	m->worker_count = m->conf->global.nbproc;
	m->workers = mem_alloc((size_t)m->worker_count * sizeof(*m->workers));
	master_child_init(m, &m->broker, ROLE_BROKER, 0);
	for (int i = 0; i < m->worker_count; i++)
		master_child_init(m, &m->workers[i], ROLE_WORKER, (uint32_t)i);
	rc = child_start(&m->broker);
	for (int i = 0; !rc && i < m->worker_count; i++)
		rc = child_start(&m->workers[i]);
	if (rc)
		log_msg(LOGL_ALERT, "cannot start a process: %s: %s",
		    err_text(rc), strerror(errno));
	return rc;
}

static void
master_row_claim(struct master *m)
{
	struct board_proc *p = &m->seg.board.proc[0];

	p->pid = (uint32_t)getpid();
	p->role = ROLE_MASTER;
	p->generation = 1;
	atomic_store(&p->started_us, clock_us());
	atomic_store(&p->heartbeat_us, clock_us());
	atomic_store(&p->state, PROC_RUNNING);
	m->next_instance = 1;
	atomic_store(&p->instance, m->next_instance);
}

static void
master_end(struct master *m)
{
	listener_close_all(&m->listeners);
	listener_close_stats(m->conf);
	cli_client_end();
	if (m->conf->global.pidfile)
		daemon_pidfile_remove(m->conf->global.pidfile);
	daemon_ready(m->exit_status);
	while (m->graves) {
		struct grave *g = m->graves;

		m->graves = g->next;
		free(g);
	}
	for (int i = 0; m->bells && i < m->worker_count; i++)
		close(m->bells[i]);
	free(m->bells);
	free(m->workers);
	event_base_free(m->base);
	board_detach(&m->seg.board);
	close(m->seg.board_fd);
	close(m->seg.board_ro_fd);
	free(m);
}

/* With the default configuration also the default socket. */
static int
master_bind_cli(const struct options *o)
{
	return o->socket || o->default_file ? cli_client_bind(o->socket) : 0;
}

/* Two masters must not share a pid file: scripts would signal the wrong one. */
static int
master_take_pidfile(const char *path)
{
	int other, rc;

	if (!path)
		return 0;
	rc = daemon_pidfile_lock(path, &other);
	if (rc == -WSE_EXISTS && other)
		log_msg(LOGL_ALERT,
		    "wsbroker runs already: process %d has the pid file %s; "
		    "stop it first, or name another pid file (-p)",
		    other, path);
	else if (rc == -WSE_EXISTS)
		log_msg(LOGL_ALERT,
		    "wsbroker is being started already: another process has "
		    "the pid file %s; stop it first, or name another pid file "
		    "(-p)",
		    path);
	else if (rc)
		log_msg(LOGL_ALERT, "cannot write the pid file %s: %s", path,
		    strerror(errno));
	return rc;
}

int
master_run(struct conf *c, const struct options *o)
{
	struct master *m = mem_alloc(sizeof(*m));
	int status = 1;

	m->conf = c;
	m->opts = o;
	m->foreground = !o->background;
	(void)prctl(PR_SET_NAME, "wsb-master");
	clock_update();
	logs_open(c);
	m->seg.board_fd = m->seg.board_ro_fd = -1;
	if (master_take_pidfile(c->global.pidfile)) {
		daemon_ready(1);
		return 1;
	}
	if (listener_bind_all(c, c->global.nbproc, &m->listeners) ||
	    listener_bind_stats(c) || master_bind_cli(o) ||
	    segments_create(c, &m->seg)) {
		if (c->global.pidfile)
			daemon_pidfile_remove(c->global.pidfile);
		daemon_ready(1);
		return 1; /* the process ends: it gives back the rest */
	}
	m->bells = bells_make(c);
	if (!m->foreground) {
		daemon_detach_stderr();
		logs_detach(c);
	}
	master_events(m);
	master_row_claim(m);
	cli_client_start(m);
	if (master_children(m))
		master_stop(m, 1);
	if (m->state != MASTER_STOPPING || master_alive_workers(m) ||
	    child_is_alive(&m->broker))
		event_base_dispatch(m->base);
	status = m->exit_status;
	master_end(m);
	return status;
}
