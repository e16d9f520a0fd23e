/* SPDX-License-Identifier: MIT */
/*
 * Idle expiry and prewarming.
 *
 * Every `pool-purge-delay` the broker closes half (rounded up) of a server's
 * idle connections beyond `pool-low-conn` that nobody has used for that long,
 * the oldest first: what a burst left behind goes away in steps.  Ready ones
 * of `pool-prewarm` do not count and stay.
 */
#include <stdlib.h>

#include "broker/dial.h"
#include "broker/idle.h"
#include "broker/offer.h"
#include "broker/target.h"
#include "broker/tls_dial.h"
#include "shm/base/clock.h"

enum {
	PREWARM_BACKOFF_MAX_S = 60,
	PREWARM_TLS_MAX = 64, /* handshakes at once: or they time out */
	DRIFT_ROUNDS = 3,
	SOON_MS = 5 /* from one taken to its successor's dial */
};

struct census {
	unsigned idle;     /* words that say idle, prewarmed ones left out */
	unsigned old;      /* of those, unused for the purge delay */
	unsigned ready;    /* prewarmed: the broker's, carried no request */
	unsigned ready_ws; /* likewise, of pool-prewarm-ws */
};

static uint64_t
idle_since(uint32_t slot)
{
	return atomic_load_explicit(
	    &broker.board.slot[slot].idle_us, memory_order_relaxed);
}

static bool
is_ready(const struct bslot *s)
{
	return s->state == BS_OWN &&
	    atomic_load_explicit(&broker.board.slot[state_index(s)].uses,
		memory_order_relaxed) == 0;
}

static bool
is_idle(const struct bslot *s)
{
	return (s->state == BS_OWN || s->state == BS_HELD) &&
	    slot_get(&broker.board, state_index(s)).state == SLOT_IDLE;
}

/* One more that the server's line wants ready? */
static bool
count_ready(uint32_t server, const struct bslot *s, struct census *c)
{
	const struct board_pool *cfg = &broker.board.server[server].pool;
	unsigned tag = TAG_BIT(slot_get(&broker.board, state_index(s)).tag);

	if (!is_ready(s))
		return false;
	if ((int)c->ready_ws < cfg->prewarm_ws &&
	    (offer_tags_ws(server) & tag)) {
		c->ready_ws++;
		return true;
	}
	if ((int)c->ready < cfg->prewarm && (offer_tags(server) & tag)) {
		c->ready++;
		return true;
	}
	return false;
}

/* Count a server's idle slots; with `kill`, close that many old ones. */
static void
visit(uint32_t server, uint64_t before_us, struct census *c, unsigned *kill)
{
	struct list *p, *pn, *it, *tmp;
	struct bpool *pool;
	struct bslot *s;

	list_for_safe(p, pn, &state_server(server)->pools)
	{
		pool = list_entry(p, struct bpool, node);
		pool->pins++;
		for (it = pool->slots.prev, tmp = it->prev; it != &pool->slots;
		     it = tmp, tmp = it->prev) {
			s = list_entry(it, struct bslot, node);
			if (!is_idle(s))
				continue;
			if (count_ready(server, s, c))
				continue;
			c->idle++;
			if (idle_since(state_index(s)) > before_us)
				continue;
			c->old++;
			if (kill && *kill > 0 && idle_evict(state_index(s)))
				(*kill)--;
		}
		pool->pins--;
		state_pool_put(pool);
	}
}

static void
purge(uint32_t server, uint64_t now_us)
{
	const struct board_pool *cfg = &broker.board.server[server].pool;
	struct bserver *sv = state_server(server);
	uint64_t delay_us = (uint64_t)cfg->purge_delay_ms * 1000;
	struct census c = { 0 }, again = { 0 };
	unsigned keep = cfg->low_conn > 0 ? (unsigned)cfg->low_conn : 0, kill;

	if (sv->purge_us == 0)
		sv->purge_us = now_us + delay_us;
	if (now_us < sv->purge_us)
		return;
	sv->purge_us = now_us + delay_us;
	visit(server, now_us - delay_us, &c, NULL);
	if (c.idle <= keep || c.old == 0)
		return;
	kill = (c.idle - keep + 1) / 2;
	if (kill > c.old)
		kill = c.old;
	visit(server, now_us - delay_us, &again, &kill);
}

/* The hint on the board: drift is left by killed workers, and by config. */
static void
recount(uint32_t server)
{
	struct board_server *row = &broker.board.server[server];
	struct bserver *sv = state_server(server);
	struct census c = { 0 };
	int drift;

	visit(server, 0, &c, NULL);
	c.idle += c.ready + c.ready_ws;
	if (row->pool.max_conn <= 0) {
		atomic_store_explicit(
		    &row->idle_count, c.idle, memory_order_relaxed);
		return;
	}
	drift = (int)(c.idle - atomic_load(&row->idle_count));
	if (drift == 0 || (drift > 0) != (sv->idle_drift > 0))
		sv->idle_drift = 0;
	if (drift == 0)
		return;
	sv->idle_drift += drift > 0 ? 1 : -1;
	if (abs(sv->idle_drift) < DRIFT_ROUNDS)
		return;
	atomic_fetch_add(&row->idle_count, (uint32_t)drift);
	sv->idle_drift = 0;
}

static void
back_off(struct warm *w, uint64_t now_us)
{
	unsigned shift = w->fails < 6 ? w->fails - 1 : 6;
	unsigned seconds = 1u << shift;

	if (seconds > PREWARM_BACKOFF_MAX_S)
		seconds = PREWARM_BACKOFF_MAX_S;
	w->from_us = now_us + (uint64_t)seconds * 1000000;
}

/* Of the n that are wanted, dial those that are not under way already. */
static void
warm_up(
    struct bpool *pool, struct warm *w, uint8_t tags, int n, uint64_t now_us)
{
	enum lease_fail why;
	int errnum;

	if (now_us < w->from_us)
		return;
	n -= (int)pool->class_dials[state_class(tags)];
	if (tls_dial_is_wanted(pool->server) &&
	    n > PREWARM_TLS_MAX - (int)pool->dials)
		n = PREWARM_TLS_MAX - (int)pool->dials;
	for (; n > 0 && state_free_slot() != UINT32_MAX; n--) {
		if (dial_start(pool, tags, &why, &errnum) != 0)
			w->fails++;
		if (w->fails)
			break;
	}
	if (w->fails)
		back_off(w, now_us);
}

static void
prewarm(uint32_t server, uint64_t now_us)
{
	struct board_server *row = &broker.board.server[server];
	struct bserver *sv = state_server(server);
	uint8_t tags = offer_tags(server), ws = offer_tags_ws(server);
	struct census c = { 0 };
	struct bpool *pool;
	int n, n_ws;

	if ((row->pool.prewarm <= 0 && row->pool.prewarm_ws <= 0) ||
	    row->transport.send_proxy || !sv->usable || broker.draining ||
	    (now_us < sv->warm.from_us && now_us < sv->warm_ws.from_us))
		return;
	visit(server, 0, &c, NULL);
	pool = target_default_pool(server);
	if (!pool)
		return;
	pool->pins++;
	n = row->pool.prewarm - (int)c.ready;
	n_ws = row->pool.prewarm_ws - (int)c.ready_ws;
	if (ws == tags) {
		warm_up(pool, &sv->warm, tags, n + n_ws, now_us);
	} else {
		warm_up(pool, &sv->warm_ws, ws, n_ws, now_us);
		warm_up(pool, &sv->warm, tags, n, now_us);
	}
	pool->pins--;
	state_pool_put(pool);
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	uint32_t i;

	(void)fd;
	(void)what;
	(void)arg;
	clock_update();
	for (i = 0; i < broker.board.cap.server_count; i++) {
		if (!broker.servers[i].warm_soon)
			continue;
		broker.servers[i].warm_soon = false;
		if (state_has_server(i))
			prewarm(i, clock_us());
	}
}

void
idle_taken(uint32_t server)
{
	const struct board_pool *cfg = &broker.board.server[server].pool;
	struct timeval tv = { 0, SOON_MS * 1000 };

	if (cfg->prewarm <= 0 && cfg->prewarm_ws <= 0)
		return;
	state_server(server)->warm_soon = true;
	if (!event_initialized(&broker.soon))
		event_assign(&broker.soon, broker.base, -1, 0, on_soon, NULL);
	if (!event_pending(&broker.soon, EV_TIMEOUT, NULL))
		event_add(&broker.soon, &tv);
}

void
idle_tick(uint64_t now_us, bool count)
{
	uint32_t i, n = atomic_load(&broker.board.hdr->used_servers);

	if (n > broker.board.cap.server_count)
		n = broker.board.cap.server_count;
	for (i = 0; i < n; i++) {
		if (!state_has_server(i))
			continue;
		if (state_server(i)->slot_count)
			purge(i, now_us);
		if (count)
			recount(i);
		prewarm(i, now_us);
	}
}
