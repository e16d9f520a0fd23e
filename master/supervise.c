/* SPDX-License-Identifier: MIT */
/*
 * What children say, and what is done when one dies.
 *
 * The broker hears DEAD(instance) for every worker that died, before CHILD
 * for its successor; it answers DEAD_DONE when the slots are swept, and only
 * then the process row is free again.  A new broker hears of the living
 * (CHILD) and of the dead that its predecessor had not swept (DEAD).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "master/certs.h"
#include "master/logs.h"
#include "master/master.h"
#include "master/pairs.h"
#include "shm/base/clock.h"
#include "shm/base/mem.h"
#include "shm/seg/stat.h"

enum {
	RESPAWN_QUICK_MS = 2000, /* a child that lived shorter died quickly */
	RESPAWN_STEP_MS = 50,
	RESPAWN_MAX_MS = 2000,
};

static void supervise_respawn_timer(evutil_socket_t fd, short what, void *arg);

void
supervise_introduce(struct master *m, struct child *worker, int *chan_fd)
{
	struct ipc_msg msg = { .type = IPC_CHILD, .fd_count = 2 };

	if (child_is_alive(&m->broker)) {
		msg.fd[0] = *chan_fd;
		msg.fd[1] = worker->vault_fd;
		msg.u.child.instance = worker->instance;
		msg.u.child.proc = worker->proc;
		msg.u.child.pid = (uint32_t)worker->pid;
		msg.u.child.worker_index = worker->index;
		child_send(&m->broker, &msg);
	}
	close(*chan_fd);
	*chan_fd = -1;
}

/* A new broker: give every living worker a channel to it. */
static void
supervise_reconnect(struct master *m, struct child *worker)
{
	struct ipc_msg msg = { .type = IPC_BROKER, .fd_count = 1 };
	int pair[2];

	if (!child_is_alive(worker))
		return;
	if (chan_pair(pair)) {
		log_msg(LOGL_CRIT,
		    "master: no descriptors for a channel "
		    "between worker %u and the broker; replacing the "
		    "worker",
		    worker->index + 1);
		child_signal(worker, SIGKILL);
		return;
	}
	/* The broker must know the worker before HELLO arrives. */
	supervise_introduce(m, worker, &pair[0]);
	msg.fd[0] = pair[1];
	child_send(worker, &msg);
	close(pair[1]);
}

static void
supervise_tell_dead(struct master *m, const struct grave *g)
{
	struct ipc_msg msg = { .type = IPC_DEAD };

	if (!child_is_alive(&m->broker))
		return;
	msg.u.dead.instance = g->instance;
	msg.u.dead.proc = g->proc;
	child_send(&m->broker, &msg);
}

static void
supervise_start(struct child *ch)
{
	struct master *m = ch->m;
	struct child *w = NULL;
	int rc = child_start(ch);

	if (rc) {
		struct timeval tv = { .tv_sec = 1 };

		log_msg(LOGL_CRIT,
		    "master: cannot start a %s: %s; trying "
		    "again in 1 s",
		    ch->role == ROLE_BROKER ? "broker" : "worker",
		    err_text(rc));
		ch->state = CHILD_GONE;
		evtimer_add(&ch->respawn, &tv);
		return;
	}
	if (ch->role != ROLE_BROKER)
		return;
	while ((w = child_next_worker(m, w)))
		supervise_reconnect(m, w);
	for (const struct grave *g = m->graves; g; g = g->next)
		supervise_tell_dead(m, g);
}

static void
supervise_respawn_timer(evutil_socket_t fd, short what, void *arg)
{
	struct child *ch = arg;

	(void)fd;
	(void)what;
	clock_update();
	if (!child_is_alive(ch) &&
	    (ch->m->state == MASTER_RUNNING ||
		(ch->role == ROLE_BROKER && ch->m->state == MASTER_DRAINING)))
		supervise_start(ch);
}

/* Start it again: at once the first time, later and later if it dies young. */
static void
supervise_respawn(struct child *ch)
{
	uint64_t lived_ms = (clock_us() - ch->started_us) / 1000;
	unsigned delay_ms = 0;
	struct timeval tv;

	if (lived_ms < RESPAWN_QUICK_MS)
		ch->quick_deaths++;
	else
		ch->quick_deaths = 0;
	if (ch->quick_deaths > 1)
		delay_ms = RESPAWN_STEP_MS
		    << (ch->quick_deaths > 8 ? 6 : ch->quick_deaths - 2);
	if (delay_ms > RESPAWN_MAX_MS)
		delay_ms = RESPAWN_MAX_MS;
	evtimer_assign(&ch->respawn, ch->m->base, supervise_respawn_timer, ch);
	tv.tv_sec = delay_ms / 1000;
	tv.tv_usec = (delay_ms % 1000) * 1000;
	evtimer_add(&ch->respawn, &tv);
}

static const char *
status_text(int wait_status, bool violated, char *out, size_t room)
{
	if (WIFSIGNALED(wait_status))
		snprintf(out, room, "was ended by signal %d (%s)%s",
		    WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)),
		    violated ? " after a violation" : "");
	else
		snprintf(out, room, "exited with status %d",
		    WEXITSTATUS(wait_status));
	return out;
}

static void
supervise_bury(struct master *m, struct grave **at, uint32_t kept, bool swept)
{
	struct grave *g = *at;
	struct board_proc *row = &m->seg.board.proc[g->proc];
	char how[96];

	if (swept && g->drained)
		log_msg(LOGL_NOTICE, "worker %u (pid %d) has drained",
		    g->index + 1, (int)g->pid);
	else if (swept)
		log_msg(LOGL_ALERT,
		    "worker %u (pid %d) %s: %u client connections lost, "
		    "%u idle backend connections kept",
		    g->index + 1, (int)g->pid,
		    status_text(g->wait_status, g->violated, how, sizeof(how)),
		    g->clients, kept);
	stat_retire(&m->seg.board, g->proc);
	atomic_store(&row->clients, 0);
	atomic_store(&row->streams, 0);
	atomic_store(&row->tunnels, 0);
	atomic_store(&row->carried, 0);
	atomic_store(&row->left_to, 0);
	atomic_store(&row->instance, 0);
	atomic_store(&row->state, PROC_FREE);
	*at = g->next;
	free(g);
}

static void
supervise_dead_worker(struct child *ch, int wait_status)
{
	struct master *m = ch->m;
	struct board_proc *row = &m->seg.board.proc[ch->proc];
	struct grave *g = mem_alloc(sizeof(*g));
	struct grave **tail = &m->graves;

	g->index = ch->index;
	g->instance = ch->instance;
	g->proc = ch->proc;
	g->pid = ch->pid;
	g->wait_status = wait_status;
	g->clients = atomic_load(&row->clients);
	g->violated = ch->violated;
	g->drained = ch->drains && WIFEXITED(wait_status) &&
	    WEXITSTATUS(wait_status) == 0 && g->clients == 0;
	pairs_forget(g->instance);
	atomic_store(&row->state, PROC_DEAD);
	while (*tail)
		tail = &(*tail)->next;
	*tail = g;
	supervise_tell_dead(m, g);
	close(ch->vault_fd);
	ch->vault_fd = -1;
}

static void
supervise_dead_broker(struct child *ch, int wait_status)
{
	struct master *m = ch->m;
	struct board_proc *row = &m->seg.board.proc[ch->proc];
	char how[96];

	if (m->state != MASTER_STOPPING)
		log_msg(LOGL_ALERT,
		    "broker (pid %d) %s: starting a new one, "
		    "connections of the workers are kept",
		    (int)ch->pid,
		    status_text(wait_status, ch->violated, how, sizeof(how)));
	stat_retire(&m->seg.board, ch->proc);
	atomic_store(&row->instance, 0);
	atomic_store(&row->state, PROC_FREE);
}

/* Off the list of those that leave; false: it is none. */
static bool
supervise_has_left(struct child *ch)
{
	struct child **at = &ch->m->leaving;

	while (*at && *at != ch)
		at = &(*at)->next;
	if (!*at)
		return false;
	*at = ch->next;
	return true;
}

void
supervise_death(struct child *ch, int wait_status)
{
	struct master *m = ch->m;
	bool in_order = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
	bool is_leaving = supervise_has_left(ch);

	clock_update();
	if (ch->chan) {
		/* What it still said counts (a violation, READY). */
		chan_drain(ch->chan);
		if (ch->chan)
			chan_free(&ch->chan);
	}
	ch->state = CHILD_GONE;
	if (ch->role == ROLE_BROKER)
		supervise_dead_broker(ch, wait_status);
	else
		supervise_dead_worker(ch, wait_status);

	switch (m->state) {
	case MASTER_STARTING: {
		char how[96];

		log_msg(LOGL_ALERT, "%s (pid %d) %s before it was ready",
		    ch->role == ROLE_BROKER ? "broker" : "worker", (int)ch->pid,
		    status_text(wait_status, false, how, sizeof(how)));
		master_stop(m, 1);
		break;
	}
	case MASTER_RUNNING:
		if (!is_leaving)
			supervise_respawn(ch);
		break;
	case MASTER_DRAINING:
		if (ch->role == ROLE_BROKER && !in_order)
			supervise_respawn(ch);
		break;
	case MASTER_STOPPING:
	case MASTER_STATE_N:
		break;
	}
	if (is_leaving)
		free(ch);
	master_progress(m);
}

static void
supervise_ready(struct child *ch)
{
	struct board_proc *row = &ch->m->seg.board.proc[ch->proc];

	if (ch->state != CHILD_STARTING)
		return;
	ch->state = CHILD_READY;
	if (atomic_load(&row->state) == PROC_STARTING)
		atomic_store(&row->state, PROC_RUNNING);
	if (ch->m->state == MASTER_RUNNING)
		log_msg(LOGL_NOTICE, "%s (pid %d) is ready",
		    ch->role == ROLE_BROKER ? "broker" : "worker",
		    (int)ch->pid);
	pairs_ready(ch);
	master_progress(ch->m);
}

/* Open a log target anew, for all. */
static void
supervise_log_reopen(struct master *m, unsigned index)
{
	static uint64_t next_us[LOG_TARGETS_MAX];
	struct ipc_msg msg = { .type = IPC_LOG_FD, .fd_count = 1 };
	struct child *ch = NULL;
	int fd, own;

	if (index >= LOG_TARGETS_MAX || clock_us() < next_us[index])
		return;
	next_us[index] = clock_us() + 500000;
	if (logs_reopen(m->conf, index, &fd))
		return;
	msg.fd[0] = fd;
	msg.u.log.target = index;
	if (child_is_alive(&m->broker))
		child_send(&m->broker, &msg);
	while ((ch = child_next_worker(m, ch)))
		if (child_is_alive(ch))
			child_send(ch, &msg);
	own = fd;
	log_target_fd(index, &own);
}

static void
supervise_violation(struct child *from, const struct ipc_violation *v)
{
	struct master *m = from->m;
	struct child *bad = NULL, *ch = NULL;

	if (from->role == ROLE_WORKER &&
	    !pairs_has(v->instance, from->instance) &&
	    !pairs_has(from->instance, v->instance)) {
		bad = &m->broker;
	} else {
		while ((ch = child_next_worker(m, ch)))
			if (ch->instance == v->instance)
				bad = ch;
	}
	if (!bad || !child_is_alive(bad))
		return;
	log_msg(LOGL_ALERT,
	    "%s (pid %d) broke the protocol between "
	    "processes: %.*s (%s, %s); ending it",
	    bad->role == ROLE_BROKER ? "broker" : "worker", (int)bad->pid,
	    (int)sizeof(v->text), v->text,
	    v->type < IPC_TYPE_N && ipc_tbl[v->type].name
		? ipc_tbl[v->type].name
		: "shared memory",
	    err_text(v->err));
	bad->violated = true;
	child_signal(bad, SIGKILL);
}

static int
supervise_dead_done(struct master *m, const struct ipc_dead *d)
{
	for (struct grave **at = &m->graves; *at; at = &(*at)->next)
		if ((*at)->instance == d->instance) {
			supervise_bury(m, at, d->kept, true);
			return 0;
		}
	return -WSE_NOTFOUND;
}

int
supervise_message(struct chan *c, struct ipc_msg *msg, void *arg)
{
	struct child *ch = arg;

	(void)c;
	clock_update();
	switch ((int)msg->type) {
	case IPC_READY:
		supervise_ready(ch);
		return 0;
	case IPC_LOG_REOPEN:
		supervise_log_reopen(ch->m, msg->u.log.target);
		return 0;
	case IPC_VIOLATION:
		supervise_violation(ch, &msg->u.violation);
		return 0;
	case IPC_DRAINED:
		return 0;
	case IPC_DEAD_DONE:
		return supervise_dead_done(ch->m, &msg->u.dead);
	case IPC_CERT_SET:
		return certs_set(ch->m, msg);
	case IPC_CERT_DONE:
		certs_done(ch, &msg->u.cert);
		return 0;
	default:
		return -WSE_DENIED;
	}
}

void
supervise_channel_end(struct chan *c, int err, const char *why, void *arg)
{
	struct child *ch = arg;

	(void)c;
	clock_update();
	if (err) {
		log_msg(LOGL_ALERT,
		    "%s (pid %d) broke the protocol with the "
		    "master: %s; ending it",
		    ch->role == ROLE_BROKER ? "broker" : "worker", (int)ch->pid,
		    why ? why : err_text(err));
		ch->violated = true;
		child_signal(ch, SIGKILL);
	}
	/* EOF is not death: the pidfd says that. */
	chan_free(&ch->chan);
}
