/* SPDX-License-Identifier: MIT */
/*
 * The broker's side of a worker: its channel, what it may say, its end.
 */
#ifndef BROKER_PEER_H
#define BROKER_PEER_H

#include "broker/state.h"

/* The master's CHILD: takes both descriptors of m. */
MUST_USE int peer_add(struct ipc_msg *m);
/* The master's DEAD: drain, sweep, answer DEAD_DONE. */
void peer_dead(const struct ipc_dead *d);
/* An answer to a worker; -WSE_FULL: try again later, -WSE_EOF: it is gone. */
MUST_USE int peer_send(struct peer *p, const struct ipc_msg *m);
/* "It is no longer yours"; collapses into SWEEP when the channel is full. */
void peer_revoke(struct peer *p, uint32_t slot, uint32_t gen);
/* TAKE is answered: the slot is its own. */
void peer_moved(struct peer *p, uint32_t slot, uint32_t gen);
void peer_keep(struct peer *p, uint32_t slot, uint32_t gen);
/* Send what was refused; true if something is still unsent. */
bool peer_flush(struct peer *p);

#endif
