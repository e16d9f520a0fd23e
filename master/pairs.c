/* SPDX-License-Identifier: MIT */
/*
 * See pairs.h.
 */
#include "master/pairs.h"

#include <stdlib.h>
#include <unistd.h>

#include "shm/base/mem.h"

struct pair {
	struct pair *next;
	uint32_t from, to; /* instances */
};

static struct pair *pairs;

static void
pair_send(struct child *ch, uint32_t other, bool takes, int *fd)
{
	struct ipc_msg msg = { .type = IPC_PEER, .fd_count = 1 };

	msg.fd[0] = *fd;
	msg.u.peer.instance = other;
	msg.u.peer.takes = takes;
	child_send(ch, &msg);
	close(*fd);
	*fd = -1;
}

int
pairs_make(struct child *from, struct child *to)
{
	struct pair *p;
	int fd[2];
	int rc = chan_pair(fd);

	if (rc)
		return rc;
	p = mem_alloc(sizeof(*p));
	p->from = from->instance;
	p->to = to->instance;
	p->next = pairs;
	pairs = p;
	pair_send(to, from->instance, true, &fd[1]);
	pair_send(from, to->instance, false, &fd[0]);
	return 0;
}

bool
pairs_has(uint32_t from, uint32_t to)
{
	for (const struct pair *p = pairs; p; p = p->next)
		if (p->from == from && p->to == to)
			return true;
	return false;
}

void
pairs_forget(uint32_t instance)
{
	struct pair **at = &pairs, *p;

	while ((p = *at)) {
		if (p->from != instance && p->to != instance) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		free(p);
	}
}

/* It gives what it has to all that serve, in any case to its successor. */
static void
drain(struct child *ch)
{
	struct ipc_msg msg = { .type = IPC_DRAIN };
	struct master *m = ch->m;
	int peers = 0, rc;

	for (int i = 0; m->conf->global.tunnel_handover && i < m->worker_count;
	     i++) {
		if (m->workers[i].state != CHILD_READY)
			continue;
		rc = pairs_make(ch, &m->workers[i]);
		if (rc)
			log_msg(LOGL_ERR,
			    "master: no channel between workers: %s",
			    err_text(rc));
		peers += rc == 0;
	}
	log_msg(LOGL_NOTICE, "worker %u (pid %d) drains, %d take over",
	    ch->index + 1, (int)ch->pid, peers);
	ch->drains = true;
	atomic_store(&m->seg.board.proc[ch->proc].state, PROC_DRAINING);
	child_send(ch, &msg);
}

int
master_drain_worker(struct master *m, int index)
{
	struct child *ch, *old;
	int rc;

	if (index < 0 || index >= m->worker_count)
		return -WSE_NOTFOUND;
	ch = &m->workers[index];
	if (m->state != MASTER_RUNNING || ch->state != CHILD_READY)
		return -WSE_AGAIN;
	old = child_leave(ch);
	old->awaits = true;
	rc = child_start(ch);
	if (rc == 0)
		return 0;
	/* nobody comes: the old one is back in its place */
	child_return(old);
	return rc;
}

void
pairs_ready(struct child *ch)
{
	for (struct child *old = ch->m->leaving; old; old = old->next) {
		if (!old->awaits || old->index != ch->index)
			continue;
		old->awaits = false;
		drain(old);
	}
}
