/* SPDX-License-Identifier: MIT */
/*
 * See shut.h.  What is asked has numbers in order, and each worker answers
 * with the last it has done; so all that is known of a worker are two numbers.
 */
#include "broker/shut.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/cli_parts.h"
#include "broker/peer.h"
#include "shm/base/clock.h"
#include "shm/base/log.h"
#include "shm/base/mem.h"

enum { WAIT_US = 5000000 };

struct shut {
	struct list node; /* asked, in order */
	uint32_t serial, server;
	char why;
	struct cli *cli; /* who waits, or NULL */
	uint64_t until_us;
};

static struct list asked = { &asked, &asked };
static uint32_t last;

/* It was there when this was asked, and has not done it. */
static bool
is_due(const struct peer *p, const struct shut *s)
{
	return p->opened && !p->ended && p->shut_from < s->serial &&
	    p->shut_done < s->serial;
}

static bool
is_done(const struct shut *s)
{
	struct list *it;

	list_for(
	    it, &broker.peers) if (is_due(list_entry(it, struct peer, node),
				       s)) return false;
	return true;
}

bool
shut_flush(struct peer *p)
{
	struct ipc_msg m = { .type = IPC_SHUT };
	struct list *it;
	int r;

	list_for(it, &asked)
	{
		struct shut *s = list_entry(it, struct shut, node);

		if (!is_due(p, s) || p->shut_sent >= s->serial)
			continue;
		m.u.shut.serial = s->serial;
		m.u.shut.server = s->server;
		m.u.shut.why = (uint32_t)s->why;
		r = peer_send(p, &m);
		if (r != 0 && r != -WSE_EOF)
			return true;
		p->shut_sent = s->serial;
	}
	return false;
}

bool
shut_ask(uint32_t server, char why, struct cli *c)
{
	struct shut *s = mem_alloc(sizeof(*s));

	s->serial = ++last;
	s->server = server;
	s->why = why;
	s->until_us = clock_us() + WAIT_US;
	list_add_tail(&asked, &s->node);
	if (is_done(s)) {
		list_del(&s->node);
		free(s);
		return false;
	}
	s->cli = c;
	state_later();
	return true;
}

void
shut_forget(const struct cli *c)
{
	struct list *it;

	list_for(it, &asked)
	{
		struct shut *s = list_entry(it, struct shut, node);

		if (s->cli == c)
			s->cli = NULL;
	}
}

void
shut_joined(struct peer *p)
{
	p->shut_from = p->shut_sent = last;
}

int
shut_done(struct peer *p, const struct ipc_shut *m)
{
	if (m->serial > p->shut_sent)
		return -WSE_RANGE;
	if (m->serial > p->shut_done)
		p->shut_done = m->serial;
	shut_look();
	return 0;
}

static void
name_late(const struct shut *s)
{
	struct list *it;

	list_for(it, &broker.peers)
	{
		const struct peer *p = list_entry(it, struct peer, node);

		if (is_due(p, s))
			cli_say(s->cli, LOGL_WARN,
			    "worker %u has not confirmed it yet\n",
			    p->worker_index + 1);
	}
}

void
shut_look(void)
{
	struct list *it, *tmp;
	struct cli *c;
	bool over;

	list_for_safe(it, tmp, &asked)
	{
		struct shut *s = list_entry(it, struct shut, node);

		over = is_done(s);
		if (!over && clock_us() < s->until_us)
			continue;
		if (!over && s->cli)
			name_late(s);
		c = s->cli;
		list_del(&s->node);
		free(s);
		if (!c)
			continue;
		/* which may ask, too: from the begin */
		cli_resume(c);
		tmp = asked.next;
	}
}
