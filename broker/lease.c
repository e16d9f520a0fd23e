/* SPDX-License-Identifier: MIT */
/*
 * Leases; see lease.h.
 *
 * No lost wakeups: before anybody waits, `attention` is set (seq_cst) and
 * then counts and idle slots are looked at again; who releases does it the
 * other way round, and says RELEASED when it sees the word set.
 *
 * What is dialled, and for whom: lease_dial.c.
 */
#include "broker/lease.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/idle.h"
#include "broker/keep.h"
#include "broker/lease_parts.h"
#include "broker/offer.h"
#include "broker/peer.h"
#include "broker/target.h"
#include "shm/base/chk.h"
#include "shm/base/clock.h"
#include "shm/base/log.h"
#include "shm/base/mem.h"

static struct mempool waiters = MEMPOOL_INIT(struct waiter);

static void
waiter_free(struct waiter *w)
{
	list_del(&w->node);
	list_del(&w->peer_node);
	w->peer->lease_count--;
	mempool_put(&waiters, w);
}

/* By arrival; most come in order, so look from the tail. */
static void
insert(struct list *head, struct waiter *w)
{
	struct list *it = head->prev;

	while (it != head &&
	    list_entry(it, struct waiter, node)->arrival_us > w->arrival_us)
		it = it->prev;
	list_add_head(it, &w->node);
}

static void
show_queue(uint32_t server, int delta)
{
	struct bserver *sv = state_server(server);
	struct board_server *row = &broker.board.server[server];

	sv->queue_count = (unsigned)((int)sv->queue_count + delta);
	atomic_store_explicit(
	    &row->queue_count, sv->queue_count, memory_order_relaxed);
	if (row->proxy < broker.board.cap.proxy_count)
		atomic_fetch_add_explicit(
		    &broker.board.proxy[row->proxy].queue_count,
		    (uint32_t)delta, memory_order_relaxed);
}

/* Out of the gate it waits at; its permit stays. */
static void
leave(struct waiter *w)
{
	if (!list_is_linked(&w->node))
		return;
	list_del(&w->node);
	if (w->state == W_QUEUE) {
		show_queue(w->server, -1);
	} else if (w->state == W_CONN) {
		w->pool->waiter_count--;
		if (w->rides)
			w->pool->riders--;
		else
			w->pool->class_waiters[state_class(w->tags)]--;
		if (!w->rides && w->pool->riders)
			lease_dial_later(w->pool); /* who takes its place? */
		state_server(w->server)->conn_waiters--;
		if (w->pool->waiter_count == 0)
			list_del(&w->pool->full_node);
		lease_show_full();
	}
	state_attention(w->server);
}

static void
permit_drop(struct waiter *w)
{
	if (limit_take_back(
		&broker.board, LIM_SERVER, w->server, w->peer->proc) != 0)
		state_violation(w->peer->instance, 0, -WSE_CORRUPT,
		    "its cell of server row %u lost a count", w->server);
	lease_run_later(w->server);
}

int
lease_send(struct waiter *w)
{
	struct ipc_msg m = { .type = w->failed ? IPC_FAIL : IPC_GRANT };
	int r;

	if (w->failed) {
		m.u.fail = w->fail;
	} else {
		m.u.grant = w->grant;
		if (w->grant.slot != UINT32_MAX &&
		    !(w->grant.flags & GRANT_F_HELD)) {
			m.fd[0] = broker.slots[w->grant.slot].fd;
			m.fd_count = 1;
		}
	}
	r = peer_send(w->peer, &m);
	if (r == -WSE_FULL || r == -WSE_NOFD || r == -WSE_NOMEM)
		return -WSE_FULL;
	/* -WSE_EOF: DEAD will follow, and sweep what was granted */
	if (r != 0 && r != -WSE_EOF)
		log_msg(LOGL_ERR, "broker: an answer to instance %u: %s",
		    w->peer->instance, err_text(r));
	waiter_free(w);
	return 0;
}

static void
unpin(struct waiter *w)
{
	struct bpool *pool = w->pool;

	w->pool = NULL;
	if (!pool)
		return;
	pool->pins--;
	state_pool_put(pool);
}

static void
answer(struct waiter *w)
{
	struct peer *p = w->peer;

	leave(w);
	unpin(w);
	w->state = W_UNSENT;
	if (list_is_empty(&p->unsent) && lease_send(w) == 0)
		return;
	list_add_tail(&p->unsent, &w->node);
	state_later();
}

void
lease_fail_text(
    struct waiter *w, enum lease_fail why, int errnum, const char *text)
{
	w->failed = true;
	w->fail.lease = w->lease;
	w->fail.why = why;
	w->fail.errnum = errnum;
	w->fail.text[0] = '\0';
	if (text)
		snprintf(w->fail.text, sizeof(w->fail.text), "%s", text);
	if (w->state == W_CONN)
		permit_drop(w);
	answer(w);
}

static void
fail(struct waiter *w, enum lease_fail why, int errnum)
{
	lease_fail_text(w, why, errnum, NULL);
}

/* The word is LEASED(w's worker). */
void
lease_grant(struct waiter *w, uint32_t slot, unsigned flags)
{
	struct bslot *s = &broker.slots[slot];
	uint32_t uses = atomic_load_explicit(
	    &broker.board.slot[slot].uses, memory_order_relaxed);

	lease_ride_granted(w, slot, slot_get(&broker.board, slot).tag);
	s->peer = w->peer;
	s->state = BS_HELD;
	if (s->is_tls)
		flags |= GRANT_F_TLS;
	if (s->is_h2)
		flags |= GRANT_F_H2;
	keep_give(s, w->peer);
	w->grant = (struct ipc_grant){
		.lease = w->lease,
		.slot = slot,
		.gen = s->gen,
		.server = w->server,
		.uses = uses,
		.queue_pos = w->queue_pos,
		.tag = slot_get(&broker.board, slot).tag,
		.flags = (uint8_t)(flags | (uses ? 0 : GRANT_F_FRESH)),
		.dial_us = flags & GRANT_F_DIALED ? s->dial_us : 0,
		.dial_start_us = w->start_us,
	};
	answer(w);
}

/* The stream has its connection, or its worker has one to share. */
void
lease_grant_permit(struct waiter *w)
{
	w->grant = (struct ipc_grant){
		.lease = w->lease,
		.slot = UINT32_MAX,
		.server = w->server,
		.queue_pos = w->queue_pos,
		.tag = TAG_NONE,
		.dial_start_us = w->start_us,
	};
	answer(w);
}

static bool
take_idle(struct waiter *w)
{
	uint32_t slot;
	bool held;

	for (;;) {
		slot = idle_find(w->pool, w->peer, w->tags, w->reuse);
		if (slot == UINT32_MAX)
			return false;
		if (idle_steal(slot, w->peer, &held)) {
			lease_grant(w, slot, held ? GRANT_F_HELD : 0);
			return true;
		}
	}
}

/* Idle connections to those who wait, the longest first. */
static void
serve_waiters(struct bpool *pool)
{
	struct list *it, *tmp;
	struct waiter *w;
	uint8_t none[CLASS_N] = { 0 }; /* reuse modes without an idle one */

	list_for_safe(it, tmp, &pool->waiters)
	{
		w = list_entry(it, struct waiter, node);
		if (!(none[state_class(w->tags)] & 1u << w->reuse) &&
		    !take_idle(w))
			none[state_class(w->tags)] |= (uint8_t)(1u << w->reuse);
	}
}

/* w has its permit: the second gate. */
static void
conn_wait(struct waiter *w)
{
	struct bserver *sv = state_server(w->server);
	struct bpool *pool = w->pool;

	w->state = W_CONN;
	w->start_us = clock_us();
	if (!pool) {
		lease_grant_permit(w);
		return;
	}
	/* while others wait, they come first */
	if (pool->waiter_count == 0 && !(sv->attention & ATT_QUEUE) &&
	    take_idle(w))
		return;
	insert(&pool->waiters, w);
	pool->waiter_count++;
	w->rides = lease_ride_may(w);
	if (w->rides)
		pool->riders++;
	else
		pool->class_waiters[state_class(w->tags)]++;
	sv->conn_waiters++;
	state_attention(w->server);
	pool->pins++;
	serve_waiters(pool);
	lease_dial_pool(pool);
	pool->pins--;
	state_pool_put(pool);
}

static bool
permit_try(struct waiter *w)
{
	uint32_t max = board_server_maxconn(&broker.board.server[w->server]);

	if (max && state_is_adopting())
		return false; /* others may have waited longer */
	return limit_try(
	    &broker.board, LIM_SERVER, w->server, w->peer->proc, max);
}

void
lease_run(uint32_t server)
{
	struct bserver *sv = state_server(server);
	struct waiter *w;

	list_del(&sv->run_node);
	while (!list_is_empty(&sv->queue)) {
		w = list_entry(sv->queue.next, struct waiter, node);
		if (!permit_try(w))
			return;
		/* `attention` stays set while the next gate is passed */
		list_del(&w->node);
		show_queue(server, -1);
		conn_wait(w);
		state_attention(server);
	}
}

void
lease_run_later(uint32_t server)
{
	struct bserver *sv = state_server(server);

	if (list_is_linked(&sv->run_node) || list_is_empty(&sv->queue))
		return;
	list_add_tail(&broker.run_list, &sv->run_node);
	state_later();
}

void
lease_run_all_later(void)
{
	uint32_t i;

	for (i = 0; i < broker.board.cap.server_count; i++)
		if (broker.servers[i].queue_count)
			lease_run_later(i);
}

void
lease_run_pending(void)
{
	struct bserver *sv;

	if (!state_is_adopting())
		lease_run_late();
	if (broker.run_all)
		lease_run_all_later();
	broker.run_all = false;
	while (!list_is_empty(&broker.run_list)) {
		sv = list_entry(broker.run_list.next, struct bserver, run_node);
		lease_run((uint32_t)(sv - broker.servers));
	}
	lease_run_full();
}

static void
queue_wait(struct waiter *w, uint32_t maxqueue)
{
	struct bserver *sv = state_server(w->server);

	if (maxqueue && sv->queue_count >= maxqueue) {
		fail(w, LFAIL_QUEUE_FULL, 0);
		return;
	}
	w->queue_pos = sv->queue_count;
	insert(&sv->queue, w);
	show_queue(w->server, 1);
	state_attention(w->server);
	lease_run(w->server);
}

static bool
pin(struct waiter *w, const struct ipc_lease *l)
{
	w->pool = target_pool(l);
	if (!w->pool)
		return false;
	w->pool->pins++;
	return true;
}

static struct waiter *
waiter_new(struct peer *p, const struct ipc_lease *l)
{
	struct waiter *w = mempool_get(&waiters);

	CHK(w);
	w->peer = p;
	w->lease = l->lease;
	w->server = l->server;
	w->tags = l->tags;
	w->reuse = l->flags & LEASE_F_PRIVATE ? LEASE_FRESH_ONLY : l->reuse;
	w->arrival_us = l->arrival_us;
	if (w->arrival_us == 0 || w->arrival_us > clock_us())
		w->arrival_us = clock_us();
	list_add_tail(&p->leases, &w->peer_node);
	p->lease_count++;
	return w;
}

int
lease_ask(struct peer *p, const struct ipc_lease *l)
{
	struct board_server *row;
	struct waiter *w;

	if (!state_has_server(l->server) || l->dst_bytes > sizeof(l->dst) ||
	    l->name_bytes > sizeof(l->name) || l->sni_bytes > sizeof(l->sni) ||
	    l->reuse >= LEASE_REUSE_N)
		return -WSE_RANGE;
	if (p->lease_count >= 2 * BROKER_CREDIT)
		return -WSE_FULL;
	w = waiter_new(p, l);
	row = &broker.board.server[l->server];
	if (p->lease_count > BROKER_CREDIT)
		fail(w, LFAIL_CREDIT, 0);
	else if (l->epoch != atomic_load(&row->epoch))
		fail(w, LFAIL_EPOCH, 0);
	else if (!state_server(l->server)->usable)
		fail(w, LFAIL_DOWN, 0);
	else if (!(l->flags & LEASE_F_PERMIT_ONLY) &&
	    !offer_allows(l->server, l->tags))
		lease_fail_text(w, LFAIL_UNFIT, 0,
		    "the server line allows no protocol that would do");
	else if (!(l->flags & LEASE_F_PERMIT_ONLY) && !pin(w, l))
		fail(w, LFAIL_NOADDR, 0);
	else if (state_server(l->server)->queue_count || !permit_try(w))
		queue_wait(w, row->maxqueue);
	else
		conn_wait(w);
	return 0;
}

void
lease_cancel(struct peer *p, uint64_t id)
{
	struct waiter *w;
	struct list *it;

	list_for(it, &p->leases)
	{
		w = list_entry(it, struct waiter, peer_node);
		if (w->lease != id)
			continue;
		if (w->state == W_UNSENT)
			return; /* crosses: the worker sorts it out */
		if (w->state == W_CONN)
			permit_drop(w);
		leave(w);
		unpin(w);
		waiter_free(w);
		return;
	}
}

void
lease_offer(uint32_t slot)
{
	struct bslot *s = &broker.slots[slot];
	struct list *it, *tmp;
	struct waiter *w;
	uint32_t gen = s->gen;
	bool held;

	lease_run(s->pool->server); /* a permit may have come back, too */
	if ((s->state != BS_HELD && s->state != BS_OWN) || s->gen != gen)
		return;
	list_for_safe(it, tmp, &s->pool->waiters)
	{
		w = list_entry(it, struct waiter, node);
		if (idle_fits(s, w->peer, w->tags, w->reuse) < 0)
			continue;
		if (idle_steal(slot, w->peer, &held))
			lease_grant(w, slot, held ? GRANT_F_HELD : 0);
		return;
	}
	if (broker.full && slot_get(&broker.board, slot).state == SLOT_IDLE &&
	    idle_evict(slot))
		state_later();
}

void
lease_fail_all(uint32_t server, enum lease_fail why)
{
	struct bserver *sv = state_server(server);
	struct list *it, *w, *tmp;
	struct bpool *pool;

	while (!list_is_empty(&sv->queue))
		fail(list_entry(sv->queue.next, struct waiter, node), why, 0);
	/* a failed waiter's pool may go with it: start over each time */
	do {
		pool = NULL;
		list_for(it, &sv->pools)
		{
			pool = list_entry(it, struct bpool, node);
			if (pool->waiter_count)
				break;
			pool = NULL;
		}
		if (!pool)
			return;
		pool->pins++;
		list_for_safe(w, tmp, &pool->waiters)
		    fail(list_entry(w, struct waiter, node), why, 0);
		pool->pins--;
		state_pool_put(pool);
	} while (1);
}

void
lease_drop_peer(struct peer *p)
{
	struct waiter *w;

	while (!list_is_empty(&p->leases)) {
		w = list_entry(p->leases.next, struct waiter, peer_node);
		leave(w);
		unpin(w);
		waiter_free(w);
	}
}
