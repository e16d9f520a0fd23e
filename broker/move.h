/* SPDX-License-Identifier: MIT */
/*
 * Slots that go from one worker to another with their connection.
 *
 * Their holder says who may have one (GIVE), that one asks for it (TAKE), in
 * either order, as their channels are read in any; with both the word changes,
 * and that is the moment from which on the connection is the other's.
 */
#ifndef BROKER_MOVE_H
#define BROKER_MOVE_H

#include "broker/state.h"

/* 0, or -WSE_* for what no worker in order says. */
MUST_USE int move_give(struct peer *p, const struct ipc_pass *m);
MUST_USE int move_take(struct peer *p, const struct ipc_pass *m);
/* The slot is about to be free: who waits for it is told. */
void move_forget(uint32_t slot);

#endif
