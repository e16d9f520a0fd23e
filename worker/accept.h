/* SPDX-License-Identifier: MIT */
/*
 * Accepting clients: in bounded batches, within maxconn, never spinning when
 * descriptors run out.
 */
#ifndef WORKER_ACCEPT_H
#define WORKER_ACCEPT_H

#include "worker/even.h"
#include "worker/worker.h"

enum accept_result { ACCEPT_DONE, ACCEPT_MORE, ACCEPT_CANNOT };

/* Start accepting; the listeners' descriptors are closed by accept_stop(). */
void accept_start(const struct worker_heritage *h);
/* Take who waits, then never accept again (drain). */
void accept_stop(void);
/* One came from another worker, where it was counted before. */
void accept_moved(const struct bind *bind);
/* A connection of this bind ended: its place in maxconn is free. */
void accept_ended(const struct bind *bind);
/*
 * Take clients from another worker's queues while that one has more. DONE:
 * none wait, or it has not more; MORE: a batch was taken; CANNOT: a limit.
 */
MUST_USE enum accept_result accept_help(const struct even_call *c);
/*
 * Own listeners that were left to another worker: look at them again; answered:
 * at those that all workers share a little later.
 */
void accept_resume(bool answered);

#endif
