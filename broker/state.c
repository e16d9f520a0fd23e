/* SPDX-License-Identifier: MIT */
/*
 * The broker's private tables; see state.h.
 */
#include "broker/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/keep.h"
#include "broker/move.h"
#include "shm/base/chk.h"
#include "shm/base/clock.h"
#include "shm/base/log.h"
#include "shm/base/mem.h"

struct broker broker;

/* Few slots have one at a time, and a tunnel's is none. */
static struct mempool events = MEMPOOL_SLABS(struct event);

enum { POOL_HASH_MAX = 1 << 16 };

void
state_init(void)
{
	struct bserver *sv;
	uint32_t i;
	unsigned n = 64;

	while (n < broker.board.cap.slot_count && n < POOL_HASH_MAX)
		n *= 2;
	broker.hash = mem_alloc(n * sizeof(*broker.hash));
	broker.hash_mask = n - 1;
	broker.slots =
	    mem_alloc(broker.board.cap.slot_count * sizeof(*broker.slots));
	broker.servers =
	    mem_alloc(broker.board.cap.server_count * sizeof(*broker.servers));
	for (i = 0; i < broker.board.cap.server_count; i++) {
		sv = &broker.servers[i];
		list_init(&sv->queue);
		list_init(&sv->pools);
		sv->usable = true;
	}
	list_init(&broker.free_slots);
	list_init(&broker.peers);
	list_init(&broker.full_pools);
	list_init(&broker.late_pools);
	list_init(&broker.run_list);
}

uint32_t
state_free_slot(void)
{
	struct bslot *s;

	if (!list_is_empty(&broker.free_slots)) {
		s = list_entry(broker.free_slots.next, struct bslot, node);
		return state_index(s);
	}
	if (broker.slots_touched == broker.board.cap.slot_count)
		return UINT32_MAX;
	s = &broker.slots[broker.slots_touched++];
	s->fd = -1;
	list_add_head(&broker.free_slots, &s->node);
	return state_index(s);
}

void
state_join(uint32_t slot, struct bpool *pool)
{
	struct bslot *s = &broker.slots[slot];

	list_del(&s->node);
	s->pool = pool;
	if (!pool)
		return;
	list_add_head(&pool->slots, &s->node);
	pool->slot_count++;
	state_server(pool->server)->slot_count++;
	atomic_store_explicit(&broker.board.server[pool->server].slot_count,
	    state_server(pool->server)->slot_count, memory_order_relaxed);
}

void
state_forget(uint32_t slot)
{
	struct bslot *s = &broker.slots[slot];
	struct bpool *pool = s->pool;

	CHK(s->fd == -1);
	state_unwatch(s);
	keep_wipe(s);
	move_forget(slot);
	s->is_tls = s->is_h2 = false;
	s->waits = 0;
	list_del(&s->node);
	s->pool = NULL;
	s->peer = NULL;
	s->state = BS_FREE;
	list_add_head(&broker.free_slots, &s->node);
	if (broker.full)
		state_later();
	if (!pool)
		return;
	CHK(pool->slot_count > 0);
	pool->slot_count--;
	state_server(pool->server)->slot_count--;
	atomic_store_explicit(&broker.board.server[pool->server].slot_count,
	    state_server(pool->server)->slot_count, memory_order_relaxed);
	state_pool_put(pool);
}

static unsigned
pool_hash(uint32_t server, const struct slot_key *key)
{
	uint64_t h;

	memcpy(&h, key->b, sizeof(h));
	return (unsigned)((h ^ server * 0x9e3779b97f4a7c15ull) >> 7) &
	    broker.hash_mask;
}

struct bpool *
state_pool(uint32_t server, const struct slot_key *key, bool create)
{
	unsigned h = pool_hash(server, key);
	struct bpool *p;

	for (p = broker.hash[h]; p; p = p->hash_next)
		if (p->server == server &&
		    memcmp(&p->key, key, sizeof(*key)) == 0)
			return p;
	if (!create)
		return NULL;
	p = mem_alloc(sizeof(*p));
	p->server = server;
	p->key = *key;
	list_init(&p->slots);
	list_init(&p->waiters);
	list_add_tail(&state_server(server)->pools, &p->node);
	p->hash_next = broker.hash[h];
	broker.hash[h] = p;
	broker.pool_count++;
	return p;
}

void
state_pool_put(struct bpool *p)
{
	struct bpool **pp;

	if (p->slot_count || p->pins)
		return;
	for (pp = &broker.hash[pool_hash(p->server, &p->key)]; *pp != p;)
		pp = &(*pp)->hash_next;
	*pp = p->hash_next;
	list_del(&p->node);
	list_del(&p->full_node);
	broker.pool_count--;
	free(p);
}

struct peer *
state_peer(uint32_t instance)
{
	struct list *it;
	struct peer *p;

	list_for(it, &broker.peers)
	{
		p = list_entry(it, struct peer, node);
		if (p->instance == instance)
			return p;
	}
	return NULL;
}

bool
state_has_server(uint32_t row)
{
	return row < broker.board.cap.server_count &&
	    atomic_load_explicit(
		&broker.board.server[row].row_state, memory_order_acquire) == 1;
}

void
state_attention(uint32_t server)
{
	struct bserver *sv = state_server(server);
	uint32_t a = 0;

	if (sv->queue_count || sv->conn_waiters)
		a |= ATT_QUEUE;
	if (!sv->usable)
		a |= ATT_STATE;
	if (broker.full)
		a |= ATT_FULL;
	if (a == sv->attention)
		return;
	sv->attention = a;
	atomic_store(&broker.board.server[server].attention, a);
}

bool
state_is_adopting(void)
{
	if (broker.claims_until_us == 0)
		return false;
	if (clock_us() < broker.claims_until_us)
		return true;
	broker.claims_until_us = 0;
	broker.run_all = true;
	state_later();
	return false;
}

void
state_later(void)
{
	event_active(&broker.later, EV_TIMEOUT, 0);
}

struct event *
state_watch(struct bslot *s)
{
	if (s->ev)
		event_del(s->ev);
	else
		s->ev = mempool_get(&events);
	CHK(s->ev);
	return s->ev;
}

void
state_unwatch(struct bslot *s)
{
	if (!s->ev)
		return;
	event_del(s->ev);
	mempool_put(&events, s->ev);
	s->ev = NULL;
}

void
state_close_fd(struct bslot *s, bool shut)
{
	state_unwatch(s);
	if (s->fd < 0)
		return;
	if (shut)
		shutdown(s->fd, SHUT_RDWR);
	close(s->fd);
	broker.slot_fds--;
	s->fd = -1;
}

void
state_violation(uint32_t instance, uint32_t type, int err, const char *fmt, ...)
{
	struct ipc_msg m = { .type = IPC_VIOLATION };
	struct ipc_violation *v = &m.u.violation;
	va_list ap;

	v->instance = instance;
	v->type = type;
	v->err = err;
	va_start(ap, fmt);
	vsnprintf(v->text, sizeof(v->text), fmt, ap);
	va_end(ap);
	log_msg(LOGL_ALERT, "broker: instance %u broke the rules: %s", instance,
	    v->text);
	if (broker.master && chan_send(broker.master, &m) != 0)
		log_msg(LOGL_ALERT, "broker: could not tell the master");
}

void
state_quarantine(uint32_t slot, const char *why)
{
	struct bslot *s = &broker.slots[slot];
	uint32_t who = s->peer ? s->peer->instance : s->holder;

	slot_quarantine(&broker.board, slot);
	state_close_fd(s, true);
	keep_wipe(s);
	s->holder = who;
	s->peer = NULL;
	s->state = BS_QUARANTINE;
	state_violation(who, 0, -WSE_CORRUPT, "slot %u: %s", slot, why);
}
