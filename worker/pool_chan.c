/* SPDX-License-Identifier: MIT */
/*
 * The worker's talk with the broker: HELLO and HOLD, notices about slots,
 * and what the broker says.
 *
 * A notice (CLOSE, TUNNEL, RELEASED, PARK) is read off the slot's word at the
 * time it is sent; one that cannot be sent now is remembered by its slot.
 */
#include <stdio.h>

#include "shm/base/clock.h"
#include "worker/pool_parts.h"

static void hold_run(struct pool *p);

void
pool_chan_violation(
    struct pool *p, enum ipc_type type, int err, const char *text)
{
	struct ipc_violation v = { .type = type, .err = err };

	snprintf(v.text, sizeof(v.text), "%s", text ? text : err_text(err));
	v.instance = atomic_load(&p->board->hdr->acting_broker);
	if (p->on_violation)
		p->on_violation(p->violation_arg, &v);
}

void
pool_chan_later(struct pool *p)
{
	event_active(&p->later, EV_TIMEOUT, 0);
}

static void
owe(struct pool *p, uint32_t slot)
{
	p->owes[slot] = true;
	if (p->owed_count == p->owed_room) {
		p->owed_room = p->owed_room ? p->owed_room * 2 : 64;
		p->owed = mem_realloc(p->owed, p->owed_room * sizeof(*p->owed));
	}
	p->owed[p->owed_count++] = slot;
}

/* 0: said, or nothing to say. */
static int
notice(struct pool *p, uint32_t slot)
{
	struct slot_view v = slot_get(p->board, slot);
	struct ipc_msg m = { .type = IPC_NONE };

	if (v.holder != p->instance)
		return 0; /* taken meanwhile: nothing of ours to report */
	if (v.state == SLOT_CLOSING)
		m.type = IPC_CLOSE;
	else if (v.state == SLOT_TUNNEL)
		m.type = IPC_TUNNEL;
	else if (v.state == SLOT_IDLE)
		m.type = p->draining ? IPC_PARK : IPC_RELEASED;
	else
		return 0;
	m.u.slot.slot = slot;
	m.u.slot.gen = v.gen;
	m.u.slot.server = p->board->slot[slot].server;
	return chan_send(p->chan, &m);
}

void
pool_chan_tell(struct pool *p, uint32_t slot)
{
	if (p->owes[slot])
		return; /* the word is read when it is sent */
	if (p->open) {
		if (notice(p, slot) == 0)
			return;
	} else if (!p->chan || p->hold_done || slot >= p->hold_next) {
		/* a HOLD yet to come says it */
		if (!p->hold_done)
			return;
	}
	owe(p, slot);
}

void
pool_chan_tell_permit(struct pool *p, uint32_t server)
{
	struct ipc_msg m = { .type = IPC_RELEASED };

	m.u.slot.slot = UINT32_MAX;
	m.u.slot.server = server;
	/* without a broker nobody waits there; HELLO wakes the new one's queue
	 */
	if (p->open && chan_send(p->chan, &m) != 0) {
		p->servers[server].permit_back = true;
		pool_chan_later(p);
	}
}

void
pool_chan_flush(struct pool *p)
{
	unsigned n = 0;
	uint32_t i;

	if (!p->open)
		return;
	while (n < p->owed_count && notice(p, p->owed[n]) == 0)
		p->owes[p->owed[n++]] = false;
	if (n > 0)
		memmove(p->owed, p->owed + n,
		    (p->owed_count - n) * sizeof(*p->owed));
	p->owed_count -= n;
	for (i = 0; i < p->board->cap.server_count; i++) {
		if (!p->servers[i].permit_back)
			continue;
		p->servers[i].permit_back = false;
		pool_chan_tell_permit(p, i);
		if (p->servers[i].permit_back)
			return;
	}
}

/* That all was done that was asked for. */
static void
shut_say(struct pool *p)
{
	struct ipc_msg m = { .type = IPC_SHUT_DONE, .u.shut = p->shut_done };
	int r;

	if (p->shut_done.serial == 0 || !p->chan)
		return;
	r = chan_send(p->chan, &m);
	if (r == 0 || r == -WSE_EOF)
		p->shut_done = (struct ipc_shut){ 0 };
}

static void
on_later(evutil_socket_t fd, short what, void *arg)
{
	struct pool *p = arg;

	(void)fd;
	(void)what;
	clock_update();
	if (p->owed_count)
		pool_chan_flush(p);
	shut_say(p);
	pool_pass_again(p, false);
	pool_lease_send(p);
	pool_lease_serve_local(p);
	pool_lease_serve_open(p);
}

/* --- what the broker says --- */

static int
on_keep(struct pool *p, const struct ipc_slot *m)
{
	struct bconn *bc;

	if (m->slot >= p->board->cap.slot_count)
		return -WSE_RANGE;
	if (pool_pass_answer(p, m->slot, m->gen, true))
		return 0;
	bc = p->by_slot[m->slot];
	if (bc && bc->gen == m->gen)
		bc->asked = false;
	if (!list_is_empty(&p->local))
		pool_chan_later(p);
	return 0;
}

static int
on_revoke(struct pool *p, const struct ipc_slot *m)
{
	struct bconn *bc;

	if (m->slot >= p->board->cap.slot_count)
		return -WSE_RANGE;
	if (pool_pass_answer(p, m->slot, m->gen, false))
		return 0;
	bc = p->by_slot[m->slot];
	if (!bc || bc->gen != m->gen)
		return 0;
	if (!bc->idle)
		return -WSE_PROTO; /* in use: nobody may take it */
	pool_idle_drop(p, bc);
	return 0;
}

/* Drop what is no longer ours; what was asked about is answered by this. */
static void
sweep(struct pool *p)
{
	struct slot_view v;
	struct bconn *bc;
	uint32_t i;

	for (i = 0; i < p->board->cap.slot_count; i++) {
		bc = p->by_slot[i];
		if (!bc || !bc->idle)
			continue;
		v = slot_get(p->board, i);
		if (v.gen != bc->gen || v.holder != p->instance)
			pool_idle_drop(p, bc);
		else
			bc->asked = false; /* or its GRANT follows */
	}
	pool_pass_again(p, true);
}

static int
on_shut(struct pool *p, const struct ipc_shut *m)
{
	if (m->server >= p->board->cap.server_count)
		return -WSE_RANGE;
	if (p->on_shut)
		p->shut_done.count +=
		    p->on_shut(p->shut_arg, m->server, (char)m->why);
	p->shut_done.serial = m->serial;
	shut_say(p);
	return 0;
}

static int
on_welcome(struct pool *p, const struct ipc_welcome *w)
{
	bool first = !p->welcomed;

	p->credit = w->credit;
	p->welcomed = true;
	chan_phase(p->chan, PHASE_OPEN);
	hold_run(p);
	if (first && p->on_welcome)
		p->on_welcome(p->welcome_arg);
	return 0;
}

static int
on_msg(struct chan *c, struct ipc_msg *m, void *arg)
{
	struct pool *p = arg;

	(void)c;
	clock_update();
	switch (m->type) {
	case IPC_WELCOME:
		return on_welcome(p, &m->u.welcome);
	case IPC_GRANT:
		return pool_lease_granted(p, m);
	case IPC_FAIL:
		return pool_lease_failed(p, &m->u.fail);
	case IPC_MOVED:
		(void)pool_pass_answer(p, m->u.slot.slot, m->u.slot.gen, true);
		return 0;
	case IPC_KEEP:
		return on_keep(p, &m->u.slot);
	case IPC_REVOKE:
		return on_revoke(p, &m->u.slot);
	case IPC_SWEEP:
		sweep(p);
		return 0;
	case IPC_SHUT:
		return on_shut(p, &m->u.shut);
	default:
		return -WSE_DENIED;
	}
}

/* No broker: own idle connections go on, leases wait for the next one. */
static void
disconnect(struct pool *p)
{
	p->open = false;
	p->hold_done = false;
	p->hold_next = 0;
	p->shut_done = (struct ipc_shut){ 0 }; /* who asked is gone */
	while (p->owed_count > 0)              /* HOLD tells all of it */
		p->owes[p->owed[--p->owed_count]] = false;
	chan_free(&p->chan);
	pool_lease_unsend(p);
	pool_chan_later(p);
}

static void
on_end(struct chan *c, int err, const char *why, void *arg)
{
	struct pool *p = arg;

	(void)c;
	if (err != 0)
		pool_chan_violation(p, IPC_NONE, err, why);
	disconnect(p);
}

/* --- a new broker --- */

/* False: the channel is full, go on later. */
static bool
hold_one(struct pool *p, uint32_t i)
{
	struct ipc_msg m = { .type = IPC_HOLD };
	struct slot_view v = slot_get(p->board, i);
	struct bconn *bc = p->by_slot[i];
	int r;

	if (v.holder != p->instance || (bc && bc->gen != v.gen)) {
		if (bc && bc->idle)
			pool_idle_drop(p, bc); /* stolen by the dead broker */
		return true;
	}
	/* a GRANT that never came; a notice that never went, or a tunnel */
	if (!bc && v.state != SLOT_CLOSING && v.state != SLOT_TUNNEL)
		return true;
	m.u.slot.slot = i;
	m.u.slot.gen = v.gen;
	m.u.slot.server = p->board->slot[i].server;
	m.u.slot.why = v.state == SLOT_CLOSING ? WSE_EOF : WSE_OK;
	if (bc && (v.state == SLOT_LEASED || v.state == SLOT_IDLE)) {
		m.fd[0] = bc->fd;
		m.fd_count = 1;
		bc->asked = false;
	}
	r = chan_send(p->chan, &m);
	return r == 0 || r == -WSE_EOF;
}

static void
hold_run(struct pool *p)
{
	struct ipc_msg m = { .type = IPC_HOLD_END };

	if (!p->hold_done) {
		/* one message may wait, or each would keep a second descriptor
		 */
		chan_limit(p->chan, 1);
		for (; p->hold_next < p->board->cap.slot_count; p->hold_next++)
			if (!hold_one(p, p->hold_next))
				return;
		chan_limit(p->chan, CHAN_QUEUE_MAX);
		p->hold_done = chan_send(p->chan, &m) == 0;
	}
	/* a new broker's credit is that of the old one until it says so */
	if (!p->hold_done || p->credit == 0 || p->open)
		return;
	p->open = true;
	pool_chan_flush(p);
	pool_lease_send(p);
	pool_pass_new_broker(p);
	pool_chan_later(p);
}

static void
on_room(struct chan *c, void *arg)
{
	struct pool *p = arg;

	(void)c;
	if (!p->hold_done)
		hold_run(p);
	else
		pool_chan_later(p);
}

/* What the dead broker counted for leases it never answered is taken back. */
static void
repair_cells(struct pool *p)
{
	uint32_t i;

	for (i = 0; i < p->board->cap.server_count; i++)
		atomic_store(limit_cell(p->board, LIM_SERVER, i, p->proc),
		    p->servers[i].permits);
}

void
pool_broker(struct pool *p, int *fd)
{
	struct ipc_msg m = { .type = IPC_HELLO };

	if (p->chan) {
		/* the old broker is dead: what it still said comes first */
		chan_drain(p->chan);
		if (p->chan)
			disconnect(p);
	}
	repair_cells(p);
	p->welcomed = false;
	p->chan =
	    chan_new(p->base, fd, ROLE_WORKER, ROLE_BROKER, on_msg, on_end, p);
	chan_on_room(p->chan, on_room);
	m.u.hello.instance = p->instance;
	m.u.hello.abi = BOARD_ABI;
	m.u.hello.hold_count = p->held_count;
	if (chan_send(p->chan, &m) == 0)
		hold_run(p);
}

void
pool_chan_init(struct pool *p)
{
	p->owes = mem_alloc(p->board->cap.slot_count);
	event_assign(&p->later, p->base, -1, 0, on_later, p);
}
