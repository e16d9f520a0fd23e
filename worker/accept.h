/* SPDX-License-Identifier: MIT */
/*
 * Accepting clients: in bounded batches, within maxconn, never spinning when
 * descriptors run out.
 */
#ifndef WORKER_ACCEPT_H
#define WORKER_ACCEPT_H

#include "worker/worker.h"

/* Start accepting; the listeners' descriptors stay the caller's. */
void accept_start(const struct worker_listener *l, int count);
/* Never accept again (drain). */
void accept_stop(void);
/* A connection of this bind ended: its place in maxconn is free. */
void accept_ended(const struct bind *bind);

#endif
