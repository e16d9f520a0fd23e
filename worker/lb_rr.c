/* SPDX-License-Identifier: MIT */
/*
 * Weighted round robin over all workers: a smooth sequence, computed the same
 * way by each of them from the weights, and one shared position in it.
 */
#include <stdlib.h>
#include <string.h>

#include "shm/base/mem.h"
#include "worker/lb_parts.h"
#include "worker/wk.h"

enum { SEQUENCE_MAX = 4096, MAP_MAX = 1 << 20 };

/* A backend's sequence: indices into the set it was made for. */
struct sequence {
	uint64_t signature;
	uint32_t len;
	uint16_t *at;
};

static struct sequence *sequences; /* by proxy row */

static unsigned
gcd(unsigned a, unsigned b)
{
	while (b) {
		unsigned c = a % b;

		a = b;
		b = c;
	}
	return a;
}

/* Smooth: each step the one furthest behind its share. */
static void
fill_smooth(
    struct sequence *q, const struct lb_set *set, unsigned div, uint64_t total)
{
	int64_t *due = mem_alloc((size_t)set->count * sizeof(*due));

	for (uint32_t k = 0; k < q->len; k++) {
		int best = 0;

		for (int i = 0; i < set->count; i++) {
			due[i] += set->weight[i] / div;
			if (due[i] > due[best])
				best = i;
		}
		due[best] -= (int64_t)total;
		q->at[k] = (uint16_t)best;
	}
	free(due);
}

/*
 * The table of static-rr and of map-based hashes, in HAProxy's order, so that
 * a key meets the server it meets there.
 */
static void
fill_map(struct sequence *q, const struct lb_set *set, unsigned div)
{
	int64_t *score = mem_alloc((size_t)set->count * sizeof(*score));
	int64_t total = q->len;

	for (uint32_t k = 0; k < q->len; k++) {
		int64_t most = -1;
		int best = 0;

		for (int i = 0; i < set->count; i++) {
			int64_t v;

			score[i] += set->weight[i] / div;
			v = (score[i] + total) / total;
			if (v > most) {
				most = v;
				best = i;
			}
		}
		score[best] -= total;
		q->at[k] = (uint16_t)best;
	}
	free(score);
}

static bool
is_map(const struct proxy *be)
{
	switch (be->lb.algo) {
	case LB_STATIC_RR:
	case LB_SOURCE:
	case LB_URI:
	case LB_HDR:
		return true;
	case LB_ROUNDROBIN:
	case LB_LEASTCONN:
	case LB_RANDOM:
	case LB_FIRST:
	case LB_N:
		break;
	}
	return false;
}

static void
sequence_make(
    struct sequence *q, const struct proxy *be, const struct lb_set *set)
{
	unsigned div = set->weight[0];
	uint32_t max = is_map(be) ? MAP_MAX : SEQUENCE_MAX;
	uint64_t total = set->total;

	for (int i = 1; i < set->count; i++)
		div = gcd(div, set->weight[i]);
	total /= div;
	q->len = total > max ? max : (uint32_t)total;
	q->at = mem_realloc(q->at, q->len * sizeof(*q->at));
	q->signature = set->signature;
	if (is_map(be))
		fill_map(q, set, div);
	else
		fill_smooth(q, set, div, total);
}

static const struct sequence *
sequence_of(const struct proxy *be, const struct lb_set *set)
{
	struct sequence *q;

	if (!sequences)
		sequences =
		    mem_alloc(wk.board.cap.proxy_count * sizeof(*sequences));
	q = &sequences[be->row];
	if (!q->at || q->signature != set->signature)
		sequence_make(q, be, set);
	return q;
}

const struct server *
lb_rr_at(const struct proxy *be, const struct lb_set *set, uint32_t hash)
{
	const struct sequence *q = sequence_of(be, set);

	return set->srv[q->at[hash % q->len]];
}

const struct server *
lb_rr_next(const struct proxy *be, const struct lb_set *set,
    const struct server *avoid)
{
	const struct sequence *q = sequence_of(be, set);
	_Atomic uint32_t *pos = &wk.board.proxy[be->row].rr_next;
	const struct server *srv = NULL, *fallback = NULL;

	for (uint32_t k = 0; k < q->len; k++) {
		uint32_t i =
		    atomic_fetch_add_explicit(pos, 1, memory_order_relaxed) %
		    q->len;

		srv = set->srv[q->at[i]];
		if (srv == avoid)
			continue;
		if (!lb_is_full(srv))
			return srv;
		/* All full: wait for the one whose turn it was. */
		fallback = fallback ? fallback : srv;
		if (k >= (uint32_t)set->count * 2)
			break;
	}
	return fallback ? fallback : srv;
}
