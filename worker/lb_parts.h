/* SPDX-License-Identifier: MIT */
/*
 * The inside of load balancing, for lb*.c alone.
 */
#ifndef WORKER_LB_PARTS_H
#define WORKER_LB_PARTS_H

#include "worker/lb.h"

/* The servers a request may go to, in config order. */
struct lb_set {
	const struct server **srv;
	unsigned *weight; /* current ones, > 0 */
	int count;
	uint64_t total;     /* sum of weight */
	uint64_t signature; /* changes with members and weights */
};

/* Requests now at a server or waiting for it. */
uint32_t lb_load(const struct server *srv);

/* lb_rr.c: the next of the rotation all workers share. */
const struct server *lb_rr_next(const struct proxy *be,
    const struct lb_set *set, const struct server *avoid);
/* The one a hash falls on, in a table with a place per unit of weight. */
const struct server *
lb_rr_at(const struct proxy *be, const struct lb_set *set, uint32_t hash);
/* lb_hash.c: by the hash of what `balance` names; NULL: nothing to hash. */
const struct server *lb_hash_choose(struct txn *t, const struct lb_set *set);

#endif
