/* SPDX-License-Identifier: MIT */
/*
 * Connections move from this worker to another, or come from one, while data
 * flows; over a channel between the two that the master made.
 */
#ifndef WORKER_HANDOVER_H
#define WORKER_HANDOVER_H

#include "shm/ipc/chan.h"

/* Called for what another worker must not say (reported to the master). */
void handover_on_violation(void (*fn)(const struct ipc_violation *v));
/* The master's PEER: takes its descriptor. */
void handover_peer(struct ipc_msg *m);
/* Give away what can be given, to all that take; as the loop turns. */
void handover_start(void);
/* Again, should it have stopped for want of something: now and then. */
void handover_go_on(void);
/* What is on its way in is not complete: no time to exit. */
bool handover_is_busy(void);

#endif
