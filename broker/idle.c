/* SPDX-License-Identifier: MIT */
/*
 * Idle connections as the broker handles them.  Whoever holds an idle slot
 * may take it at any moment, so each step here starts with a won CAS.
 */
#include "broker/idle.h"

#include <stdlib.h>

#include "broker/lease.h"
#include "broker/offer.h"
#include "broker/peer.h"
#include "broker/wire.h"
#include "shm/base/clock.h"
#include "shm/seg/stat.h"

enum {
	FIND_MORE = 16,    /* slots to look at for one that costs less */
	PART_WAIT_MS = 20, /* for the rest of a TLS record, or of a frame */
	PART_WAITS = 50
};

static uint32_t
holder_of(const struct bslot *s)
{
	return s->peer ? s->peer->instance : HOLDER_BROKER;
}

/* What only a scribbling worker can cause. */
static bool
word_is_sane(const struct bslot *s, struct slot_view v)
{
	if (v.gen != s->gen || v.holder != holder_of(s))
		return false;
	if (s->state == BS_OWN)
		return v.state == SLOT_IDLE;
	return v.state == SLOT_LEASED || v.state == SLOT_IDLE ||
	    v.state == SLOT_CLOSING || v.state == SLOT_TUNNEL;
}

static bool
reuse_fits(uint32_t uses, uint8_t reuse)
{
	switch ((enum lease_reuse)reuse) {
	case LEASE_FRESH_ONLY:
		return uses == 0;
	case LEASE_PROVEN:
		return uses != 1;
	case LEASE_ANY:
		return true;
	case LEASE_REUSE_N:
		break;
	}
	return false;
}

/* One of pool-prewarm-ws is not for those whom another protocol suits, too. */
static bool
is_reserved(const struct bslot *s, uint8_t tags, uint32_t uses)
{
	uint32_t server = s->pool->server;

	return uses == 0 && s->state == BS_OWN &&
	    broker.board.server[server].pool.prewarm_ws > 0 &&
	    s->offer != tags && !(s->offer & ~tags) &&
	    tags == offer_tags(server) && s->offer == offer_tags_ws(server);
}

int
idle_fits(struct bslot *s, const struct peer *to, uint8_t tags, uint8_t reuse)
{
	uint32_t slot = state_index(s), server = s->pool->server, uses;
	struct slot_view v;

	if ((s->state != BS_OWN && s->state != BS_HELD) || s->fd < 0 ||
	    !keep_is_quiet(s))
		return -1;
	v = slot_get(&broker.board, slot);
	if (!word_is_sane(s, v)) {
		state_quarantine(slot, "its word names another holder");
		return -1;
	}
	if (v.state != SLOT_IDLE || !(tags & TAG_BIT(v.tag)) ||
	    s->epoch != atomic_load(&broker.board.server[server].epoch))
		return -1;
	uses = atomic_load_explicit(
	    &broker.board.slot[slot].uses, memory_order_relaxed);
	if (!reuse_fits(uses, reuse) || is_reserved(s, tags, uses))
		return -1;
	return s->state == BS_OWN || s->peer == to ? 0 : 1;
}

uint32_t
idle_find(
    struct bpool *pool, const struct peer *to, uint8_t tags, uint8_t reuse)
{
	struct list *it, *tmp;
	uint32_t best = UINT32_MAX;
	unsigned more = FIND_MORE;
	struct bslot *s;
	int cost;

	list_for_safe(it, tmp, &pool->slots)
	{
		s = list_entry(it, struct bslot, node);
		cost = idle_fits(s, to, tags, reuse);
		if (cost == 0)
			return state_index(s);
		if (cost > 0 && best == UINT32_MAX)
			best = state_index(s);
		if (best != UINT32_MAX && more-- == 0)
			break;
	}
	return best;
}

void
idle_count(uint32_t server, int delta)
{
	struct board_server *row = &broker.board.server[server];

	if (row->pool.max_conn > 0)
		atomic_fetch_add_explicit(
		    &row->idle_count, (uint32_t)delta, memory_order_relaxed);
}

bool
idle_steal(uint32_t slot, struct peer *to, bool *held_r)
{
	struct bslot *s = &broker.slots[slot];
	struct peer *from = s->peer;

	if (slot_steal(
		&broker.board, slot, s->gen, holder_of(s), to->instance) != 0)
		return false;
	idle_count(s->pool->server, -1);
	if (!from)
		idle_taken(s->pool->server);
	state_unwatch(s);
	if (from &&
	    (!vault_take(&from->vault, slot, s->gen) || !keep_take(s, from))) {
		peer_revoke(from, slot, s->gen);
		state_quarantine(slot, "idle without portable state");
		return false;
	}
	*held_r = from == to;
	if (from && from != to) {
		peer_revoke(from, slot, s->gen);
		stat_add(
		    &stat_proc(&broker.board, broker.heritage->proc)->steals,
		    1);
	}
	return true;
}

static void own(uint32_t slot);
static void on_part(evutil_socket_t fd, short what, void *arg);

/* Part of a record: look again soon, without being woken all the time. */
static void
wait_for_rest(struct bslot *s)
{
	struct timeval tv = { 0, PART_WAIT_MS * 1000 };

	event_del(s->ev);
	event_assign(s->ev, broker.base, -1, 0, on_part, s);
	event_add(s->ev, &tv);
}

/* 0: it stays; -WSE_AGAIN: part of a record is there; else it is of no use. */
static int
look(struct bslot *s)
{
	int r;

	if (!s->is_tls && !s->is_h2)
		return -WSE_PROTO; /* closed, or said what nobody asked for */
	r = wire_read(s);
	if (r == 0 && s->kept->out_bytes > 0)
		return -WSE_RESET; /* it does not listen */
	if (r == -WSE_AGAIN && ++s->waits >= PART_WAITS)
		return -WSE_TIMEOUT;
	if (r == 0)
		s->waits = 0;
	return r;
}

/* It is readable, or (part of a frame being there) has said no more. */
static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct timeval tv = { PART_WAITS * PART_WAIT_MS / 1000, 0 };
	struct bslot *s = arg;
	bool was_quiet = keep_is_quiet(s);
	int r;

	(void)fd;
	clock_update();
	r = what & EV_TIMEOUT ? -WSE_TIMEOUT : look(s);
	if (r == -WSE_AGAIN) {
		wait_for_rest(s);
		return;
	}
	if (r != 0) {
		if (!idle_evict(state_index(s)))
			state_quarantine(
			    state_index(s), "the broker's own slot");
		return;
	}
	if (!keep_is_quiet(s)) {
		event_add(s->ev, &tv);
		return;
	}
	event_remove_timer(s->ev);
	if (!was_quiet)
		lease_offer(state_index(s));
}

static void
on_part(evutil_socket_t fd, short what, void *arg)
{
	struct bslot *s = arg;

	(void)fd;
	(void)what;
	own(state_index(s));
}

/* BS_OWN from now on. */
static void
own(uint32_t slot)
{
	struct bslot *s = &broker.slots[slot];

	s->peer = NULL;
	s->state = BS_OWN;
	event_assign(state_watch(s), broker.base, s->fd, EV_READ | EV_PERSIST,
	    on_readable, s);
	event_add(s->ev, NULL);
}

void
idle_keep_dialled(uint32_t slot, enum slot_tag tag)
{
	struct bslot *s = &broker.slots[slot];

	if (slot_dial_idle(&broker.board, slot, s->gen, tag, clock_us()) != 0) {
		state_quarantine(slot, "a dial's word was changed");
		return;
	}
	idle_count(s->pool->server, 1);
	own(slot);
	if (broker.full)
		state_later(); /* it may have to make room */
	if (s->epoch !=
	    atomic_load(&broker.board.server[s->pool->server].epoch))
		(void)idle_evict(slot); /* the transport changed meanwhile */
}

bool
idle_evict(uint32_t slot)
{
	struct bslot *s = &broker.slots[slot];
	struct peer *from = s->peer;

	if ((s->state != BS_OWN && s->state != BS_HELD) ||
	    slot_evict(&broker.board, slot, s->gen, holder_of(s)) != 0)
		return false;
	idle_count(s->pool->server, -1);
	if (from && vault_take(&from->vault, slot, s->gen))
		(void)!keep_take(s, from);
	if (from)
		vault_wipe(&from->vault, slot);
	wire_bye(s);
	state_close_fd(s, true);
	if (from)
		peer_revoke(from, slot, s->gen);
	if (slot_free(&broker.board, slot, s->gen, HOLDER_BROKER) != 0)
		state_quarantine(slot, "a closing slot's word was changed");
	else
		state_forget(slot);
	return true;
}

bool
idle_park(uint32_t slot)
{
	struct bslot *s = &broker.slots[slot];
	struct peer *from = s->peer;

	if (s->state != BS_HELD ||
	    slot_park(&broker.board, slot, s->gen, from->instance) != 0)
		return false;
	peer_revoke(from, slot, s->gen);
	if (vault_take(&from->vault, slot, s->gen) && keep_take(s, from) &&
	    s->fd >= 0) {
		own(slot);
		return true;
	}
	/* died between release and state, or never wrote it */
	s->peer = NULL;
	s->state = BS_OWN;
	(void)idle_evict(slot);
	return false;
}

static int
by_age(const void *a, const void *b)
{
	const struct victim *x = a, *y = b;

	return x->idle_us < y->idle_us ? 1 : x->idle_us > y->idle_us ? -1 : 0;
}

/* The least recently used of all idle slots, the oldest last. */
static void
collect_victims(void)
{
	struct victim *v = broker.victims, x;
	struct bslot *s;
	uint32_t i;

	broker.victim_count = 0;
	for (i = 0; i < broker.slots_touched; i++) {
		s = &broker.slots[i];
		if ((s->state != BS_OWN && s->state != BS_HELD) ||
		    slot_get(&broker.board, i).state != SLOT_IDLE)
			continue;
		x.slot = i;
		x.gen = s->gen;
		x.idle_us = atomic_load_explicit(
		    &broker.board.slot[i].idle_us, memory_order_relaxed);
		if (broker.victim_count < VICTIMS_MAX)
			v[broker.victim_count++] = x;
		else if (x.idle_us < v[0].idle_us)
			v[0] = x;
		else
			continue;
		if (broker.victim_count == VICTIMS_MAX)
			qsort(v, VICTIMS_MAX, sizeof(*v), by_age);
	}
	if (broker.victim_count < VICTIMS_MAX)
		qsort(v, broker.victim_count, sizeof(*v), by_age);
}

/* Candidates are collected in batches; each is looked at again before use. */
bool
idle_evict_lru(void)
{
	struct victim v;
	int round;

	for (round = 0; round < 2; round++) {
		while (broker.victim_count > 0) {
			v = broker.victims[--broker.victim_count];
			if (broker.slots[v.slot].gen == v.gen &&
			    atomic_load_explicit(
				&broker.board.slot[v.slot].idle_us,
				memory_order_relaxed) == v.idle_us &&
			    idle_evict(v.slot))
				return true;
		}
		if (round == 0)
			collect_victims();
	}
	return false;
}

void
idle_evict_server(uint32_t server)
{
	uint32_t i;

	for (i = 0; i < broker.slots_touched; i++)
		if (broker.slots[i].pool &&
		    broker.slots[i].pool->server == server)
			(void)idle_evict(i);
}
