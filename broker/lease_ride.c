/* SPDX-License-Identifier: MIT */
/*
 * Waiters that ride along.
 *
 * A connection of HTTP/2 carries many streams of one worker, so of the waiters
 * of a worker and class that can use nothing else, or do not know yet, the
 * first has a dial and the others ride with it.  When it has its connection
 * they are told, by a GRANT of the permit alone, to share what their worker
 * holds now, as many as the server takes; whoever finds no room after all asks
 * again.  When the dial fails, they fail.  When it turns out to be HTTP/1, each
 * gets a dial of his own.
 *
 * Riders are not counted in `class_waiters`: nothing is dialled for them.
 */
#include "broker/lease_parts.h"
#include "broker/wire.h"

enum {
	ROOM_MAX = 100 /* streams of ours on a connection, as workers have it */
};

/* Not those that HTTP/1 would suit as well: many connections serve them. */
bool
lease_ride_may(const struct waiter *w)
{
	uint8_t any = TAG_BIT(TAG_H1) | TAG_BIT(TAG_H2) | TAG_BIT(TAG_H2WS);

	return w->pool && w->reuse == LEASE_ANY &&
	    (w->tags & TAG_BIT(TAG_H2WS)) && w->tags != any;
}

static void
promote(struct waiter *w)
{
	w->rides = w->shares = false;
	w->pool->riders--;
	w->pool->class_waiters[state_class(w->tags)]++;
}

static struct waiter *
next_of(struct bpool *pool, bool (*is)(const struct waiter *w, const void *arg),
    const void *arg)
{
	struct waiter *w;
	struct list *it;

	list_for(it, &pool->waiters)
	{
		w = list_entry(it, struct waiter, node);
		if (w->rides && is(w, arg))
			return w;
	}
	return NULL;
}

static bool
is_sharing(const struct waiter *w, const void *arg)
{
	(void)arg;
	return w->shares;
}

/* A dial each for so many of a peer and class, the rest ride with them. */
static void
find_drivers(struct bpool *pool)
{
	unsigned room = pool->ride_room ? pool->ride_room : ROOM_MAX, c;
	struct waiter *w;
	struct list *it;

	list_for(it, &broker.peers)
	{
		struct peer *p = list_entry(it, struct peer, node);

		memset(p->drivers, 0, sizeof(p->drivers));
		memset(p->riders, 0, sizeof(p->riders));
	}
	list_for(it, &pool->waiters)
	{
		w = list_entry(it, struct waiter, node);
		if (!w->rides)
			w->peer->drivers[state_class(w->tags)]++;
	}
	list_for(it, &pool->waiters)
	{
		w = list_entry(it, struct waiter, node);
		c = state_class(w->tags);
		if (!w->rides)
			continue;
		if (w->peer->riders[c] < w->peer->drivers[c] * (room - 1)) {
			w->peer->riders[c]++;
		} else {
			promote(w);
			w->peer->drivers[c]++;
		}
	}
}

void
lease_ride_settle(struct bpool *pool)
{
	struct waiter *w;

	while (pool->riders && (w = next_of(pool, is_sharing, NULL)) != NULL)
		lease_grant_permit(w);
	if (pool->riders)
		find_drivers(pool);
}

void
lease_ride_granted(const struct waiter *by, uint32_t slot, enum slot_tag tag)
{
	struct bslot *s = &broker.slots[slot];
	struct bpool *pool = s->pool;
	struct waiter *w;
	struct list *it;
	unsigned room;

	if (!pool->riders)
		return;
	room = tag == TAG_H1 ? 0 : wire_streams(s);
	if (room > ROOM_MAX)
		room = ROOM_MAX;
	if (room)
		pool->ride_room = room;
	list_for(it, &pool->waiters)
	{
		w = list_entry(it, struct waiter, node);
		if (!w->rides || w->shares || w == by)
			continue;
		if (tag == TAG_H1 && (w->tags & TAG_BIT(TAG_H1)))
			promote(w);
		else if (w->peer == by->peer && (w->tags & TAG_BIT(tag)) &&
		    room > 1 && room--)
			w->shares = true;
	}
	lease_dial_later(pool);
}

struct mates {
	const struct peer *peer;
	uint8_t tags;
};

static bool
is_mate(const struct waiter *w, const void *arg)
{
	const struct mates *m = arg;

	return w->peer == m->peer && w->tags == m->tags && !w->shares;
}

void
lease_ride_failed(struct bpool *pool, const struct peer *peer, uint8_t tags,
    enum lease_fail why, int errnum, const char *text)
{
	struct mates m = { peer, tags };
	struct waiter *w;
	struct list *it;

	list_for(it, &pool->waiters)
	{
		w = list_entry(it, struct waiter, node);
		if (!w->rides && w->peer == peer && w->tags == tags)
			return; /* they ride with this one now */
	}
	while (pool->riders && (w = next_of(pool, is_mate, &m)) != NULL)
		lease_fail_text(w, why, errnum, text);
}
