/* SPDX-License-Identifier: MIT */
/*
 * Which server of a backend serves a request.
 */
#ifndef WORKER_LB_H
#define WORKER_LB_H

#include "worker/rules/txn.h"

/*
 * By the backend's `balance`; `avoid` (may be NULL) just failed and is taken
 * only where there is no other. NULL: none is usable.
 */
const struct server *lb_choose(struct txn *t, const struct server *avoid);
/* Up, not in maintenance (a draining one serves use-server rules only). */
bool lb_is_usable(const struct server *srv);
/* It has no free permit, or a queue. */
bool lb_is_full(const struct server *srv);
/* Servers lb_choose() may choose from now. */
int lb_usable_count(const struct proxy *be);

#endif
