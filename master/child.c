/* SPDX-License-Identifier: MIT */
/*
 * Forking children, and noticing their death.
 *
 * A child inherits what its heritage names, and nothing else: every other
 * descriptor is closed before its main function runs.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/broker.h"
#include "master/certs.h"
#include "master/master.h"
#include "shm/base/clock.h"
#include "shm/base/fds.h"
#include "shm/base/mem.h"
#include "shm/seg/vault.h"
#include "worker/worker.h"

/* Numbers of living children, or 0. */
static pid_t ours[PROC_ROWS_MAX];

static bool
child_is_ours(pid_t pid)
{
	for (int i = 0; i < PROC_ROWS_MAX; i++)
		if (ours[i] == pid)
			return true;
	return false;
}

/* In place of `was`. */
static void
child_remember(pid_t was, pid_t pid)
{
	for (int i = 0; i < PROC_ROWS_MAX; i++)
		if (ours[i] == was) {
			ours[i] = pid;
			return;
		}
}

/* Descriptors a new child keeps. */
struct keep {
	int *fds;
	int count, room;
};

static void
keep_add(struct keep *k, int fd)
{
	if (fd < 0)
		return;
	if (k->count == k->room) {
		k->room = k->room ? k->room * 2 : 64;
		k->fds = mem_realloc(k->fds, (size_t)k->room * sizeof(int));
	}
	k->fds[k->count++] = fd;
}

static void
keep_logs(struct keep *k)
{
	for (unsigned i = 0; i < LOG_TARGETS_MAX; i++)
		keep_add(k, log_target_get(i));
}

static void
keep_certs(struct keep *k)
{
	unsigned n;
	const struct tls_update *u = certs_held(&n);

	for (unsigned i = 0; i < n; i++)
		keep_add(k, u[i].fd);
}

/*
 * The first process of a container inherits the orphans of all others, and
 * nobody else takes their status.  Ours are left to their pidfd, whose event
 * looks here again.
 */
static void
child_reap_orphans(void)
{
	if (getpid() != 1)
		return;
	for (;;) {
		siginfo_t si = { 0 };

		if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0 ||
		    si.si_pid == 0 || child_is_ours(si.si_pid))
			return;
		(void)waitpid(si.si_pid, NULL, WNOHANG);
	}
}

static void
child_on_orphan(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	(void)arg;
	child_reap_orphans();
}

void
child_watch_orphans(struct event_base *base)
{
	static struct event ev;

	if (getpid() != 1)
		return;
	evsignal_assign(&ev, base, SIGCHLD, child_on_orphan, NULL);
	evsignal_add(&ev, NULL);
}

static void
child_on_death(evutil_socket_t fd, short what, void *arg)
{
	struct child *ch = arg;
	int status = 0;

	(void)fd;
	(void)what;
	if (waitpid(ch->pid, &status, WNOHANG) != ch->pid)
		return;
	event_del(&ch->death);
	close(ch->pidfd);
	ch->pidfd = -1;
	child_remember(ch->pid, 0);
	supervise_death(ch, status);
	child_reap_orphans();
}

/* Back to what a program starts with. */
static void
child_signals_reset(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		if (s != SIGKILL && s != SIGSTOP && s != SIGPIPE)
			(void)signal(s, SIG_DFL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN); /* of a terminal: the master decides */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

NORETURN static void
child_become_broker(struct child *ch, int master_fd)
{
	struct master *m = ch->m;
	struct keep k = { 0 };
	struct broker_heritage h = {
		.conf = m->conf,
		.board_fd = m->seg.board_fd,
		.board_ro_fd = m->seg.board_ro_fd,
		.master_fd = master_fd,
		.instance = ch->instance,
		.proc = ch->proc,
		.master_pid = (uint32_t)getppid(),
		.adopt = m->state != MASTER_STARTING,
		.foreground = m->foreground,
	};

	h.certs = certs_held(&h.cert_count);
	keep_certs(&k);
	keep_logs(&k);
	keep_add(&k, h.board_fd);
	keep_add(&k, h.board_ro_fd);
	keep_add(&k, h.master_fd);
	for (struct stats_socket *s = m->conf->global.stats_sockets; s;
	     s = s->next)
		keep_add(&k, s->fd);
	fds_close_except(k.fds, k.count);
	broker_main(&h);
}

NORETURN static void
child_become_worker(struct child *ch, int master_fd, int broker_fd)
{
	struct master *m = ch->m;
	struct keep k = { 0 };
	struct worker_heritage h = {
		.conf = m->conf,
		.board_fd = m->seg.board_fd,
		.vault_fd = ch->vault_fd,
		.master_fd = master_fd,
		.broker_fd = broker_fd,
		.instance = ch->instance,
		.proc = ch->proc,
		.worker_index = ch->index,
		.worker_count = (uint32_t)m->worker_count,
		.bells = m->bells,
		.master_pid = (uint32_t)getppid(),
	};
	int n = 0;

	for (struct listener *l = m->listeners; l; l = l->next)
		n++;
	h.listeners = mem_alloc((size_t)(n ? n : 1) * sizeof(*h.listeners));
	for (struct listener *l = m->listeners; l; l = l->next) {
		struct worker_listener *wl = &h.listeners[h.listener_count++];

		wl->fd = listener_fd(l, (int)ch->index);
		wl->bind = l->bind;
		wl->queues = m->bells && !l->shared ? l->fds : NULL;
		keep_add(&k, wl->fd);
		for (int i = 0; wl->queues && i < l->fd_count; i++)
			keep_add(&k, wl->queues[i]);
	}
	for (int i = 0; m->bells && i < m->worker_count; i++)
		keep_add(&k, m->bells[i]);
	h.certs = certs_held(&h.cert_count);
	keep_certs(&k);
	keep_logs(&k);
	keep_add(&k, h.board_fd);
	keep_add(&k, h.vault_fd);
	keep_add(&k, h.master_fd);
	keep_add(&k, h.broker_fd);
	fds_close_except(k.fds, k.count);
	worker_main(&h);
}

static void
child_row_claim(struct child *ch)
{
	struct board_proc *p = &ch->m->seg.board.proc[ch->proc];

	p->pid = 0;
	p->role = (uint8_t)ch->role;
	p->worker_index = ch->index;
	p->generation = 1;
	atomic_store(&p->clients, 0);
	atomic_store(&p->streams, 0);
	atomic_store(&p->tunnels, 0);
	atomic_store(&p->carried, 0);
	atomic_store(&p->left, 0);
	atomic_store(&p->left_to, 0);
	atomic_store(&p->alive, 0);
	atomic_store(&p->started_us, clock_us());
	atomic_store(&p->heartbeat_us, clock_us());
	atomic_store(&p->state, PROC_STARTING);
	atomic_store(&p->instance, ch->instance);
}

/* Take everything back that child_start() made before a failure. */
static int
child_undo(struct child *ch, int *own, int *theirs, int *to_broker)
{
	int saved = errno;

	for (int i = 0; i < 2; i++) {
		if (to_broker[i] >= 0)
			close(to_broker[i]);
	}
	if (*own >= 0)
		close(*own);
	if (*theirs >= 0)
		close(*theirs);
	if (ch->vault_fd >= 0)
		close(ch->vault_fd);
	ch->vault_fd = -1;
	atomic_store(&ch->m->seg.board.proc[ch->proc].state, PROC_FREE);
	atomic_store(&ch->m->seg.board.proc[ch->proc].instance, 0);
	errno = saved;
	return -WSE_SYS;
}

static void
child_watch(struct child *ch, int *own)
{
	struct master *m = ch->m;

	m->seg.board.proc[ch->proc].pid = (uint32_t)ch->pid;
	ch->state = CHILD_STARTING;
	ch->started_us = clock_update();
	ch->violated = false;
	child_remember(0, ch->pid);
	ch->drains = false;
	ch->chan = chan_new(m->base, own, ROLE_MASTER, ch->role,
	    supervise_message, supervise_channel_end, ch);
	chan_phase(ch->chan, PHASE_OPEN);
	ch->pidfd = (int)syscall(SYS_pidfd_open, ch->pid, 0);
	event_assign(&ch->death, m->base, ch->pidfd, EV_READ | EV_PERSIST,
	    child_on_death, ch);
	event_add(&ch->death, NULL);
}

/* A child's place in memory changes. */
static void
child_copy(struct child *to, struct child *from)
{
	struct master *m = from->m;

	event_del(&from->death);
	event_del(&from->respawn);
	*to = *from;
	evtimer_assign(&to->respawn, m->base, NULL, to);
	event_assign(&to->death, m->base, to->pidfd, EV_READ | EV_PERSIST,
	    child_on_death, to);
	event_add(&to->death, NULL);
	if (to->chan)
		chan_arg(to->chan, to);
}

struct child *
child_leave(struct child *ch)
{
	struct child *old = mem_alloc(sizeof(*old));

	child_copy(old, ch);
	old->next = ch->m->leaving;
	ch->m->leaving = old;
	ch->state = CHILD_GONE;
	ch->pidfd = ch->vault_fd = -1;
	ch->chan = NULL;
	ch->quick_deaths = 0;
	return old;
}

void
child_return(struct child *old)
{
	struct master *m = old->m;
	struct child **at = &m->leaving;

	while (*at != old)
		at = &(*at)->next;
	*at = old->next;
	old->next = NULL;
	old->awaits = false;
	child_copy(&m->workers[old->index], old);
	free(old);
}

struct child *
child_next_worker(struct master *m, const struct child *after)
{
	const struct child *end = m->workers + m->worker_count;

	if (!after)
		return m->workers;
	if (after < m->workers || after >= end)
		return after->next;
	return after + 1 < end ? &m->workers[after + 1 - m->workers]
			       : m->leaving;
}

int
child_start(struct child *ch)
{
	struct master *m = ch->m;
	int up[2] = { -1, -1 }, br[2] = { -1, -1 };
	sigset_t all, old;

	if (segments_proc_row(&m->seg, &ch->proc))
		return -WSE_FULL;
	ch->instance = ++m->next_instance;
	child_row_claim(ch);
	ch->vault_fd = -1;
	if (chan_pair(up))
		return child_undo(ch, &up[0], &up[1], br);
	if (ch->role == ROLE_WORKER &&
	    (vault_create(m->seg.board.cap.slot_count, &ch->vault_fd) ||
		chan_pair(br)))
		return child_undo(ch, &up[0], &up[1], br);

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	ch->pid = fork();
	if (ch->pid == 0) {
		child_signals_reset();
		if (ch->role == ROLE_BROKER)
			child_become_broker(ch, up[1]);
		child_become_worker(ch, up[1], br[1]);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (ch->pid < 0)
		return child_undo(ch, &up[0], &up[1], br);

	close(up[1]);
	child_watch(ch, &up[0]);
	if (ch->role == ROLE_WORKER) {
		close(br[1]);
		supervise_introduce(m, ch, &br[0]);
	}
	return 0;
}

void
child_send(struct child *ch, const struct ipc_msg *msg)
{
	int rc;

	if (!ch->chan)
		return;
	rc = chan_send(ch->chan, msg);
	if (rc && rc != -WSE_EOF)
		log_msg(LOGL_ERR, "master: %s to pid %d: %s",
		    ipc_tbl[msg->type].name, (int)ch->pid, err_text(rc));
}

void
child_signal(const struct child *ch, int sig)
{
	if (ch->pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, ch->pidfd, sig, NULL, 0);
}

bool
child_is_alive(const struct child *ch)
{
	return ch->pidfd >= 0;
}
