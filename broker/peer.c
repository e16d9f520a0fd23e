/* SPDX-License-Identifier: MIT */
/*
 * A worker as the broker sees it: its channel, what it reports about slots,
 * HELLO and HOLD after a broker's death, and its end.
 */
#include "broker/peer.h"

#include <stdlib.h>
#include <unistd.h>

#include "broker/idle.h"
#include "broker/lease.h"
#include "broker/move.h"
#include "broker/shut.h"
#include "broker/tls_dial.h"
#include "shm/base/chk.h"
#include "shm/base/clock.h"
#include "shm/base/log.h"
#include "shm/base/mem.h"
#include "shm/seg/stat.h"

enum { CLAIM_GRACE_US = 10000 };

int
peer_send(struct peer *p, const struct ipc_msg *m)
{
	return p->chan ? chan_send(p->chan, m) : -WSE_EOF;
}

static void
tell_slot(struct peer *p, enum ipc_type type, uint32_t slot, uint32_t gen)
{
	struct ipc_msg m = { .type = type };
	int r;

	m.u.slot.slot = slot;
	m.u.slot.gen = gen;
	m.u.slot.server =
	    broker.slots[slot].pool ? broker.slots[slot].pool->server : 0;
	r = peer_send(p, &m);
	if (r == 0 || r == -WSE_EOF)
		return;
	p->sweep = true;
	state_later();
}

void
peer_revoke(struct peer *p, uint32_t slot, uint32_t gen)
{
	struct stat_proc *st;

	st = stat_proc(&broker.board, broker.heritage->proc);
	stat_add(&st->revokes, 1);
	tell_slot(p, IPC_REVOKE, slot, gen);
}

void
peer_keep(struct peer *p, uint32_t slot, uint32_t gen)
{
	tell_slot(p, IPC_KEEP, slot, gen);
}

void
peer_moved(struct peer *p, uint32_t slot, uint32_t gen)
{
	tell_slot(p, IPC_MOVED, slot, gen);
}

bool
peer_flush(struct peer *p)
{
	struct ipc_msg m = { .type = IPC_SWEEP };
	struct stat_proc *st;
	int r;

	while (!list_is_empty(&p->unsent))
		if (lease_send(
			list_entry(p->unsent.next, struct waiter, node)) != 0)
			return true;
	if (shut_flush(p))
		return true;
	if (!p->sweep)
		return false;
	r = peer_send(p, &m);
	if (r != 0 && r != -WSE_EOF)
		return true;
	p->sweep = false;
	st = stat_proc(&broker.board, broker.heritage->proc);
	stat_add(&st->sweeps, 1);
	return false;
}

/* The slot a worker names, if it is granted to it in this generation. */
static struct bslot *
granted(struct peer *p, const struct ipc_slot *m)
{
	struct bslot *s;

	if (m->slot >= broker.board.cap.slot_count)
		return NULL;
	s = &broker.slots[m->slot];
	if ((s->state != BS_HELD && s->state != BS_TUNNEL) || s->peer != p ||
	    s->gen != m->gen)
		return NULL;
	return s;
}

static int
on_released(struct peer *p, const struct ipc_slot *m)
{
	struct bslot *s;
	struct slot_view v;

	if (m->slot == UINT32_MAX) {
		if (!state_has_server(m->server))
			return -WSE_RANGE;
		lease_run(m->server);
		return 0;
	}
	if (m->slot >= broker.board.cap.slot_count)
		return -WSE_RANGE;
	s = granted(p, m);
	if (!s || s->state != BS_HELD)
		return 0; /* stolen meanwhile: REVOKE or GRANT was the answer */
	lease_offer(m->slot);
	if (granted(p, m) != s)
		return 0;
	v = slot_get(&broker.board, m->slot);
	if (v.state != SLOT_IDLE || v.holder != p->instance)
		return 0;
	if (!state_server(s->pool->server)->usable ||
	    s->epoch !=
		atomic_load(&broker.board.server[s->pool->server].epoch))
		(void)idle_evict(m->slot);
	else
		peer_keep(p, m->slot, m->gen);
	return 0;
}

static int
on_close(struct peer *p, const struct ipc_slot *m)
{
	struct bslot *s = granted(p, m);

	if (!s)
		return -WSE_STALE;
	if (slot_free(&broker.board, m->slot, m->gen, p->instance) != 0)
		return -WSE_CORRUPT;
	state_close_fd(s, true);
	state_forget(m->slot);
	return 0;
}

static int
on_tunnel(struct peer *p, const struct ipc_slot *m)
{
	struct bslot *s = granted(p, m);
	struct slot_view v;

	if (!s)
		return -WSE_STALE;
	v = slot_get(&broker.board, m->slot);
	if (v.gen != m->gen || v.holder != p->instance ||
	    (v.state != SLOT_TUNNEL && v.state != SLOT_CLOSING))
		return -WSE_CORRUPT;
	state_close_fd(s, false);
	s->state = BS_TUNNEL;
	list_del(&s->node); /* nobody who looks for one has to pass it */
	return 0;
}

static int
on_park(struct peer *p, const struct ipc_slot *m)
{
	struct bslot *s = granted(p, m);

	if (s && idle_park(m->slot))
		lease_offer(m->slot);
	return 0;
}

/* An adopted slot comes back with its descriptor. */
static int
on_hold(struct peer *p, struct ipc_msg *m)
{
	const struct ipc_slot *h = &m->u.slot;
	const struct slot *row;
	struct slot_view v;
	struct bslot *s;

	if (h->slot >= broker.board.cap.slot_count)
		return -WSE_RANGE;
	s = &broker.slots[h->slot];
	row = &broker.board.slot[h->slot];
	v = slot_get(&broker.board, h->slot);
	if (s->state != BS_CLAIM || s->holder != p->instance ||
	    s->gen != h->gen || v.gen != h->gen || v.holder != p->instance)
		return -WSE_STALE;
	if (!state_has_server(row->server))
		return -WSE_CORRUPT;
	s->epoch = row->epoch;
	s->peer = p;
	s->is_tls = tls_dial_is_wanted(row->server);
	s->is_h2 = v.tag == TAG_H2 || v.tag == TAG_H2WS;
	s->state = v.state == SLOT_TUNNEL ? BS_TUNNEL : BS_HELD;
	state_join(h->slot, state_pool(row->server, &row->key, true));
	if (s->state == BS_TUNNEL)
		list_del(&s->node);
	if (h->why != 0) { /* CLOSING when it was sent: no CLOSE follows */
		if (slot_free(&broker.board, h->slot, h->gen, p->instance))
			return -WSE_CORRUPT;
		state_forget(h->slot);
		return 0;
	}
	if (m->fd_count == 1 && s->state == BS_HELD) {
		s->fd = m->fd[0];
		broker.slot_fds++;
		m->fd[0] = -1;
	}
	/* no descriptor here: nobody else can get it, so it does not idle */
	if (s->fd < 0 && s->state == BS_HELD)
		(void)idle_evict(h->slot);
	else if (v.state == SLOT_IDLE)
		lease_offer(h->slot); /* nobody saw it before */
	return 0;
}

/* What a living worker did not claim, or a dead one cannot. */
static unsigned
drop_claims(uint32_t instance)
{
	struct board *b = &broker.board;
	struct bslot *s;
	unsigned n = 0;
	uint32_t i;

	for (i = 0; i < broker.slots_touched; i++) {
		s = &broker.slots[i];
		if (s->state != BS_CLAIM || s->holder != instance)
			continue;
		n++;
		if (slot_reap(b, i, s->gen, instance) != 0 &&
		    (slot_park(b, i, s->gen, instance) != 0 ||
			slot_reap(b, i, s->gen, HOLDER_BROKER) != 0)) {
			state_quarantine(i, "not claimed, and changed");
			continue;
		}
		state_forget(i);
	}
	return n;
}

static int
on_hello(struct peer *p, const struct ipc_hello *h)
{
	struct ipc_msg m = { .type = IPC_WELCOME };
	int r;

	if (h->instance != p->instance || h->abi != BOARD_ABI)
		return -WSE_DENIED;
	m.u.welcome.broker_instance = broker.heritage->instance;
	m.u.welcome.credit = BROKER_CREDIT;
	chan_phase(p->chan, PHASE_HOLDING);
	r = peer_send(p, &m);
	return r == -WSE_EOF ? 0 : r;
}

/*
 * One living worker less to wait for.  Its leases follow its HOLD_END closely,
 * so the last one gets a moment more: the queue is to be in order.
 */
static void
claim_done(void)
{
	struct timeval tv = { 0, CLAIM_GRACE_US };

	if (broker.claims == 0 || --broker.claims > 0)
		return;
	broker.claims_until_us = clock_us() + CLAIM_GRACE_US;
	event_add(&broker.retry, &tv);
}

static int
on_hold_end(struct peer *p)
{
	unsigned n = drop_claims(p->instance);

	if (n)
		log_msg(LOGL_NOTICE,
		    "broker: instance %u claims %u slots less than the board "
		    "says",
		    p->instance, n);
	if (!p->opened)
		claim_done();
	p->opened = true;
	chan_phase(p->chan, PHASE_OPEN);
	lease_run_all_later();
	return 0;
}

static int
on_msg(struct chan *c, struct ipc_msg *m, void *arg)
{
	struct peer *p = arg;
	int r;

	(void)c;
	clock_update();
	switch (m->type) {
	case IPC_HELLO:
		return on_hello(p, &m->u.hello);
	case IPC_HOLD:
		return on_hold(p, m);
	case IPC_HOLD_END:
		return on_hold_end(p);
	case IPC_LEASE:
		r = lease_ask(p, &m->u.lease);
		break;
	case IPC_CANCEL:
		lease_cancel(p, m->u.cancel.lease);
		return 0;
	case IPC_RELEASED:
		r = on_released(p, &m->u.slot);
		break;
	case IPC_CLOSE:
		r = on_close(p, &m->u.slot);
		break;
	case IPC_TUNNEL:
		r = on_tunnel(p, &m->u.slot);
		break;
	case IPC_GIVE:
		r = move_give(p, &m->u.pass);
		break;
	case IPC_TAKE:
		r = move_take(p, &m->u.pass);
		break;
	case IPC_PARK:
		r = on_park(p, &m->u.slot);
		break;
	case IPC_SHUT_DONE:
		return shut_done(p, &m->u.shut);
	default:
		r = -WSE_DENIED;
	}
	return r;
}

static void
on_end(struct chan *c, int err, const char *why, void *arg)
{
	struct peer *p = arg;
	struct ipc_dead d = { .instance = p->instance, .proc = p->proc };

	(void)c;
	p->ended = true;
	if (err < 0)
		state_violation(p->instance, 0, err, "%s", why);
	/* EOF is not death, unless nobody is left to say DEAD */
	if (broker.master_gone) {
		peer_dead(&d);
		state_later(); /* it may have been the last one */
	}
}

int
peer_add(struct ipc_msg *m)
{
	const struct ipc_child *c = &m->u.child;
	struct peer *p;
	int r;

	if (c->proc >= broker.board.cap.proc_count || state_peer(c->instance))
		return -WSE_RANGE;
	p = mem_alloc(sizeof(*p));
	r = vault_attach(m->fd[1], broker.board.cap.slot_count, &p->vault);
	if (r != 0) {
		free(p);
		return r;
	}
	p->instance = c->instance;
	p->proc = c->proc;
	p->pid = c->pid;
	p->worker_index = c->worker_index;
	list_init(&p->leases);
	list_init(&p->unsent);
	shut_joined(p);
	list_add_tail(&broker.peers, &p->node);
	broker.peer_count++;
	p->chan = chan_new(broker.base, &m->fd[0], ROLE_BROKER, ROLE_WORKER,
	    on_msg, on_end, p);
	return 0;
}

/* One slot of a dead worker. True: it stays, idle. */
static bool
sweep_slot(struct peer *p, uint32_t i)
{
	struct bslot *s = &broker.slots[i];

	if (s->state == BS_HELD && idle_park(i))
		return true;
	if (s->peer != p)
		return false; /* idle, but not clean: closed */
	state_close_fd(s, true);
	if (slot_reap(&broker.board, i, s->gen, p->instance) != 0) {
		slot_quarantine(&broker.board, i);
		if (slot_unquarantine(&broker.board, i, s->gen) != 0)
			log_msg(LOGL_ERR, "broker: slot %u is lost", i);
	}
	state_forget(i);
	return false;
}

static void
sweep(struct peer *p, struct ipc_dead *done)
{
	struct bslot *s;
	uint32_t i;

	for (i = 0; i < broker.slots_touched; i++) {
		s = &broker.slots[i];
		if (s->peer == p) {
			if (sweep_slot(p, i))
				done->kept++;
			else
				done->lost++;
		} else if (s->state == BS_QUARANTINE &&
		    s->holder == p->instance) {
			if (slot_unquarantine(&broker.board, i,
				slot_get(&broker.board, i).gen) == 0)
				state_forget(i);
			done->lost++;
		}
	}
}

/* Idle slots it released without living to say so. */
static void
offer_all_own(void)
{
	uint32_t i;

	for (i = 0; i < broker.slots_touched; i++)
		if (broker.slots[i].state == BS_OWN)
			lease_offer(i);
}

static void
peer_free(struct peer *p)
{
	list_del(&p->node);
	broker.peer_count--;
	vault_detach(&p->vault);
	chan_free(&p->chan);
	free(p);
}

void
peer_dead(const struct ipc_dead *d)
{
	struct ipc_msg m = { .type = IPC_DEAD_DONE };
	struct peer *p = state_peer(d->instance);

	m.u.dead = *d;
	m.u.dead.kept = m.u.dead.lost = 0;
	if (p && p->chan) {
		chan_drain(p->chan);
		chan_free(&p->chan);
		lease_drop_peer(p);
		sweep(p, &m.u.dead);
	}
	m.u.dead.lost += drop_claims(d->instance);
	if (p && !p->opened)
		claim_done();
	if (d->proc < broker.board.cap.proc_count)
		limit_reap(&broker.board, d->proc);
	offer_all_own();
	lease_run_all_later();
	if (p)
		peer_free(p);
	if (broker.master && chan_send(broker.master, &m) != 0)
		log_msg(LOGL_ALERT, "broker: could not answer DEAD");
}
