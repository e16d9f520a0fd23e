/* SPDX-License-Identifier: MIT */
/*
 * Dials for those who wait.
 *
 * Connections never outnumber the requests outstanding: a dial starts only
 * while there are fewer dials than waiters and no idle slot that fits.  This
 * holds for each class, the waiters of the same tags: a dial is made for a
 * class and offers by ALPN what suits it, so nobody waits behind a dial that
 * may negotiate what he cannot use.  What comes of it goes to whoever waits
 * longest in its class, or else in any other and can use it; a dial that a
 * class has no need for any more counts for another, if whatever comes of it
 * will do there.
 */
#include "broker/dial.h"
#include "broker/lease_parts.h"
#include "broker/offer.h"
#include "broker/srv.h"

static uint8_t
tags_of(unsigned class)
{
	return (uint8_t)(class << 1);
}

/* Waiters of each class without a dial; the sum of them. */
static unsigned
missing(const struct bpool *p, unsigned miss[CLASS_N])
{
	unsigned spare[CLASS_N], c, k, n, all = 0;
	uint8_t can;

	for (c = 0; c < CLASS_N; c++) {
		n = p->class_waiters[c];
		k = p->class_dials[c];
		miss[c] = n > k ? n - k : 0;
		spare[c] = k > n ? k - n : 0;
		all += miss[c];
	}
	if (all == 0 || p->dials == 0)
		return all;
	for (k = 0; k < CLASS_N; k++) {
		can = spare[k] ? offer_can(p->server, tags_of(k)) : 0;
		for (c = 0; c < CLASS_N && can; c++) {
			n = miss[c] < spare[k] ? miss[c] : spare[k];
			if (n == 0 || (can & ~tags_of(c)))
				continue;
			miss[c] -= n;
			spare[k] -= n;
			all -= n;
		}
	}
	return all;
}

/* Who of these classes waits longest, or NULL. */
static struct waiter *
oldest(const struct bpool *p, const unsigned miss[CLASS_N])
{
	struct waiter *w;
	struct list *it;

	list_for(it, &p->waiters)
	{
		w = list_entry(it, struct waiter, node);
		if (!w->rides && miss[state_class(w->tags)] > 0)
			return w;
	}
	return NULL;
}

/* A dial for each waiter that has none; false: the slot table is full. */
static bool
dial_missing(struct bpool *pool)
{
	unsigned miss[CLASS_N];
	enum lease_fail why;
	int errnum, r;
	bool done = true;
	uint8_t want;

	pool->pins++;
	pool->dialing = true;
	lease_ride_settle(pool);
	while (missing(pool, miss) > 0) {
		want = oldest(pool, miss)->tags;
		r = dial_start(pool, want, &why, &errnum);
		if (r == -WSE_FULL) {
			done = false;
			break;
		}
		if (r != 0)
			lease_dial_failed(pool, want, why, errnum, NULL);
	}
	pool->dialing = false;
	pool->pins--;
	state_pool_put(pool);
	return done;
}

void
lease_show_full(void)
{
	bool full = !list_is_empty(&broker.full_pools);
	uint32_t i, n;

	if (full == broker.full)
		return;
	broker.full = full;
	n = atomic_load(&broker.board.hdr->used_servers);
	for (i = 0; i < n && i < broker.board.cap.server_count; i++)
		state_attention(i);
}

static void
put_off(struct bpool *pool)
{
	if (!list_is_linked(&pool->full_node))
		list_add_tail(&broker.late_pools, &pool->full_node);
}

void
lease_dial_pool(struct bpool *pool)
{
	if (state_is_adopting()) {
		put_off(pool); /* an idle one may come back with a HOLD */
		return;
	}
	if (dial_missing(pool))
		return;
	if (!list_is_linked(&pool->full_node))
		list_add_tail(&broker.full_pools, &pool->full_node);
	lease_show_full();
	/* set first, then looked again: see the head of lease.c */
	pool->pins++;
	if (dial_missing(pool))
		list_del(&pool->full_node);
	pool->pins--;
	state_pool_put(pool);
}

void
lease_dial_over(struct bpool *pool)
{
	unsigned miss[CLASS_N];

	if (pool->waiter_count == 0 || pool->dialing ||
	    missing(pool, miss) == 0)
		return;
	lease_dial_later(pool);
}

void
lease_dial_later(struct bpool *pool)
{
	put_off(pool);
	state_later();
}

void
lease_run_full(void)
{
	struct bpool *p;

	while (!list_is_empty(&broker.full_pools)) {
		p = list_entry(broker.full_pools.next, struct bpool, full_node);
		p->pins++;
		if (!dial_missing(p)) {
			p->pins--;
			break;
		}
		list_del(&p->full_node);
		p->pins--;
		state_pool_put(p);
	}
	lease_show_full();
}

void
lease_run_late(void)
{
	struct bpool *p;

	while (!list_is_empty(&broker.late_pools)) {
		p = list_entry(broker.late_pools.next, struct bpool, full_node);
		list_del(&p->full_node);
		lease_dial_pool(p);
	}
}

/* Why a connection does not suit those it was made for. */
static const char *
unfit_text(uint8_t want, enum slot_tag tag)
{
	if (tag == TAG_H1)
		return "the server did not choose h2 by ALPN";
	if (!(want & TAG_BIT(TAG_H2)) && tag == TAG_H2)
		return "the server does not take WebSockets over HTTP/2 "
		       "(RFC 8441)";
	return "the server chose another protocol";
}

/*
 * Those it was made for cannot use what it speaks: one fails, and who rides
 * with it.  A server without RFC 8441 is to hear of it, as HAProxy's does: it
 * is granted all the same, and the worker refuses the WebSocket on it.  True:
 * that has happened.
 */
static bool
unfit(uint32_t slot, enum slot_tag tag)
{
	struct bslot *s = &broker.slots[slot];
	struct bpool *pool = s->pool;
	const struct server *c = srv_conf(pool->server);
	const char *why = unfit_text(s->offer, tag);
	bool ws = !(s->offer & TAG_BIT(TAG_H2)); /* but h2ws would do */
	unsigned miss[CLASS_N], only[CLASS_N] = { 0 };
	struct peer *peer;
	struct waiter *w;

	(void)missing(pool, miss);
	if (miss[state_class(s->offer)] == 0)
		return false;
	/* ... or HTTP/1, which it will take then */
	if (ws && c && c->ws == WS_PREFER_H2) {
		lease_dial_failed(pool, s->offer, LFAIL_UNFIT, 0, why);
		return false;
	}
	dial_complain(pool->server, ws ? "A WebSocket" : "A connection", why);
	only[state_class(s->offer)] = 1;
	w = oldest(pool, only);
	peer = w->peer;
	if (!ws || tag == TAG_H1 ||
	    slot_dial_lease(&broker.board, slot, s->gen, tag, peer->instance) !=
		0) {
		lease_dial_failed(pool, s->offer, LFAIL_UNFIT, 0, why);
		return false;
	}
	lease_grant(w, slot, GRANT_F_DIALED);
	lease_ride_failed(pool, peer, s->offer, LFAIL_UNFIT, 0, why);
	return true;
}

/* Who gets a connection that speaks `tag`; NULL: nobody. */
static struct waiter *
taker(const struct bslot *s, enum slot_tag tag)
{
	unsigned fit[CLASS_N] = { 0 }, c = state_class(s->offer);

	fit[c] = (s->offer & TAG_BIT(tag)) != 0;
	if (fit[c] && s->pool->class_waiters[c] > 0)
		return oldest(s->pool, fit);
	for (c = 0; c < CLASS_N; c++)
		fit[c] = (tags_of(c) & TAG_BIT(tag)) != 0;
	return oldest(s->pool, fit);
}

bool
lease_dialled(uint32_t slot, enum slot_tag tag)
{
	struct bslot *s = &broker.slots[slot];
	struct waiter *w;

	/* the server has told him, also if somebody else can use it */
	if (!(s->offer & TAG_BIT(tag)) && unfit(slot, tag))
		return true;
	w = taker(s, tag);
	if (!w)
		return false;
	if (slot_dial_lease(
		&broker.board, slot, s->gen, tag, w->peer->instance) != 0) {
		state_quarantine(slot, "a dial's word was changed");
		lease_dial_failed(s->pool, s->offer, LFAIL_OTHER, 0, NULL);
	} else {
		lease_grant(w, slot, GRANT_F_DIALED);
	}
	return true;
}

void
lease_dial_failed(struct bpool *pool, uint8_t want, enum lease_fail why,
    int errnum, const char *text)
{
	unsigned miss[CLASS_N], only[CLASS_N] = { 0 }, c = state_class(want);
	struct waiter *w;
	struct peer *peer;

	(void)missing(pool, miss);
	if (miss[c] == 0)
		return;
	only[c] = 1;
	w = oldest(pool, only);
	peer = w->peer;
	pool->pins++;
	lease_fail_text(w, why, errnum, text);
	lease_ride_failed(pool, peer, want, why, errnum, text);
	pool->pins--;
	state_pool_put(pool);
}
