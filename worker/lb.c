/* SPDX-License-Identifier: MIT */
/*
 * Load balancing: who is a candidate, and the methods that look at load.
 */
#include <stdlib.h>

#include "shm/base/mem.h"
#include "worker/lb_parts.h"
#include "worker/wk.h"

enum { HAS_DRAIN = SRV_FDRAIN | SRV_IDRAIN };

bool
lb_is_usable(const struct server *srv)
{
	return board_server_is_usable(wk_server_row(srv));
}

static unsigned
weight_of(const struct server *srv)
{
	const struct board_server *b = wk_server_row(srv);

	if (!board_server_is_usable(b) ||
	    atomic_load_explicit(&b->op_state, memory_order_relaxed) ==
		SRV_STOPPING ||
	    (atomic_load_explicit(&b->admin_state, memory_order_relaxed) &
		HAS_DRAIN))
		return 0;
	return atomic_load_explicit(&b->weight, memory_order_relaxed);
}

/* A share of its weight while it starts slowly, out of hundred. */
static unsigned
part_of(const struct server *srv)
{
	uint32_t part = atomic_load_explicit(
	    &wk_server_row(srv)->throttle, memory_order_relaxed);

	return part > 0 && part < 100 ? part : 100;
}

/* Some start slowly: all weights in hundredths, as those have it. */
static void
set_slow(struct lb_set *set)
{
	bool slow = false;

	for (int i = 0; i < set->count; i++)
		slow |= part_of(set->srv[i]) < 100;
	if (!slow)
		return;
	set->total = 0;
	set->signature = 14695981039346656037u;
	for (int i = 0; i < set->count; i++) {
		set->weight[i] *= part_of(set->srv[i]);
		set->total += set->weight[i];
		set->signature =
		    (set->signature ^
			((uint64_t)set->srv[i]->row << 16 | set->weight[i])) *
		    1099511628211u;
	}
}

/* Storage for one set, grown to the largest backend. */
static struct lb_set *
scratch(int count)
{
	static struct lb_set set;
	static int room;

	if (count > room) {
		room = count;
		set.srv = mem_realloc(set.srv, (size_t)room * sizeof(*set.srv));
		set.weight =
		    mem_realloc(set.weight, (size_t)room * sizeof(*set.weight));
	}
	set.count = 0;
	set.total = 0;
	set.signature = 14695981039346656037u;
	return &set;
}

static void
set_add(struct lb_set *set, const struct server *srv, unsigned weight)
{
	set->srv[set->count] = srv;
	set->weight[set->count++] = weight;
	set->total += weight;
	set->signature =
	    (set->signature ^ ((uint64_t)srv->row << 16 | weight)) *
	    1099511628211u;
}

/* Usable active servers; when there is none, the first usable backup. */
static struct lb_set *
candidates(const struct proxy *be)
{
	struct lb_set *set = scratch(be->server_count);
	const struct server *srv;
	unsigned w;

	for (srv = be->servers; srv; srv = srv->next)
		if (!srv->backup && (w = weight_of(srv)) > 0)
			set_add(set, srv, w);
	for (srv = be->servers; srv && set->count == 0; srv = srv->next)
		if (srv->backup && (w = weight_of(srv)) > 0)
			set_add(set, srv, w);
	if (!be->lb.consistent && be->lb.algo != LB_STATIC_RR)
		set_slow(set);
	return set;
}

int
lb_usable_count(const struct proxy *be)
{
	return candidates(be)->count;
}

uint32_t
lb_load(const struct server *srv)
{
	return limit_sum(&wk.board, LIM_SERVER, (uint32_t)srv->row) +
	    atomic_load_explicit(
		&wk_server_row(srv)->queue_count, memory_order_relaxed);
}

bool
lb_is_full(const struct server *srv)
{
	const struct board_server *b = wk_server_row(srv);

	uint32_t max = board_server_maxconn(b);

	if (max == 0)
		return false;
	return atomic_load_explicit(&b->queue_count, memory_order_relaxed) ||
	    limit_sum(&wk.board, LIM_SERVER, (uint32_t)srv->row) >= max;
}

/* a/wa < b/wb */
static bool
is_lighter(uint64_t a, unsigned wa, uint64_t b, unsigned wb)
{
	return a * wb < b * wa;
}

/* Least load per weight, an idle server least of all; ties go round. */
static const struct server *
least(const struct proxy *be, const struct lb_set *set,
    const struct server *avoid)
{
	uint32_t from = atomic_fetch_add_explicit(
	    &wk.board.proxy[be->row].rr_next, 1, memory_order_relaxed);
	uint64_t best_load = 0;
	int best = -1;

	for (int k = 0; k < set->count; k++) {
		int i = (int)((from + (unsigned)k) % (unsigned)set->count);
		uint64_t load = lb_load(set->srv[i]);

		load += load > 0;
		if (set->srv[i] == avoid && set->count > 1)
			continue;
		if (best < 0 ||
		    is_lighter(
			load, set->weight[i], best_load, set->weight[best])) {
			best = i;
			best_load = load;
		}
	}
	return set->srv[best];
}

static uint32_t
random_next(void)
{
	static uint64_t x;

	if (!x)
		x = (clock_us() * 2654435761u ^ (uint64_t)wk.instance << 32) |
		    1;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 32);
}

static int
draw(const struct lb_set *set)
{
	uint64_t at = random_next() % set->total;

	for (int i = 0; i < set->count; i++) {
		if (at < set->weight[i])
			return i;
		at -= set->weight[i];
	}
	return set->count - 1;
}

/* The less loaded of some drawn by weight. */
static const struct server *
random_choose(const struct proxy *be, const struct lb_set *set,
    const struct server *avoid)
{
	unsigned draws = be->lb.random_draws ? be->lb.random_draws : 2;
	int best = draw(set);

	for (unsigned k = 1; k < draws; k++) {
		int i = draw(set);

		if (set->srv[best] == avoid ||
		    is_lighter(lb_load(set->srv[i]), set->weight[i],
			lb_load(set->srv[best]), set->weight[best]))
			best = i;
	}
	if (set->srv[best] == avoid && set->count > 1)
		best = (best + 1) % set->count;
	return set->srv[best];
}

/* The first with a free place; all full: the first. */
static const struct server *
first_choose(const struct lb_set *set, const struct server *avoid)
{
	for (int i = 0; i < set->count; i++)
		if (set->srv[i] != avoid && !lb_is_full(set->srv[i]))
			return set->srv[i];
	return set->srv[0] == avoid && set->count > 1 ? set->srv[1]
						      : set->srv[0];
}

const struct server *
lb_choose(struct txn *t, const struct server *avoid)
{
	const struct proxy *be = t->be;
	const struct lb_set *set = candidates(be);
	const struct server *srv = NULL;

	if (set->count == 0)
		return NULL;
	if (set->count == 1)
		return set->srv[0];
	switch (be->lb.algo) {
	case LB_LEASTCONN:
		return least(be, set, avoid);
	case LB_RANDOM:
		return random_choose(be, set, avoid);
	case LB_FIRST:
		return first_choose(set, avoid);
	case LB_SOURCE:
	case LB_URI:
	case LB_HDR:
		srv = lb_hash_choose(t, set);
		if (srv && srv != avoid)
			return srv;
		break;
	case LB_ROUNDROBIN:
	case LB_STATIC_RR:
	case LB_N:
		break;
	}
	return lb_rr_next(be, set, avoid);
}
