/* SPDX-License-Identifier: MIT */
/*
 * Pairs of workers between which connections move, for the time of it.  Only
 * the master makes them, so that a worker speaks with none of its own choice.
 */
#ifndef MASTER_PAIRS_H
#define MASTER_PAIRS_H

#include "master/master.h"

/* `from` gives connections to `to` once it drains. 0 or -WSE_*. */
MUST_USE int pairs_make(struct child *from, struct child *to);
/* There is, or was, such a pair of two that live. */
bool pairs_has(uint32_t from, uint32_t to);
/* A worker is dead. */
void pairs_forget(uint32_t instance);
/*
 * Another worker takes the place of worker `index`, which then gives all it can
 * to those that serve, finishes the rest and ends.  0; -WSE_NOTFOUND: there is
 * no such worker; -WSE_AGAIN: it starts just now; or why none can be started.
 */
MUST_USE int master_drain_worker(struct master *m, int index);
/* A worker serves: who waits for it may drain. */
void pairs_ready(struct child *ch);

#endif
