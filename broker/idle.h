/* SPDX-License-Identifier: MIT */
/*
 * Idle connections: stealing, watching, parking, closing, prewarming.
 */
#ifndef BROKER_IDLE_H
#define BROKER_IDLE_H

#include "broker/state.h"

/* An idle slot of the pool that fits, or UINT32_MAX. Nothing is changed. */
uint32_t idle_find(
    struct bpool *pool, const struct peer *to, uint8_t tags, uint8_t reuse);
/* Does this slot's word say idle, and would it fit? Cost 0..1, or -1. */
int
idle_fits(struct bslot *s, const struct peer *to, uint8_t tags, uint8_t reuse);
/*
 * IDLE(holder) -> LEASED(to); tells the former holder.  *held_r: `to` has the
 * descriptor already.  False: somebody was faster, or it was corrupt.
 */
MUST_USE bool idle_steal(uint32_t slot, struct peer *to, bool *held_r);
/* DIALING -> IDLE(broker), watched. */
void idle_keep_dialled(uint32_t slot, enum slot_tag tag);
/* IDLE(holder) -> closed and FREE. False: not idle any more. */
bool idle_evict(uint32_t slot);
/* IDLE(peer) -> IDLE(broker), watched. False: not idle, or not clean. */
bool idle_park(uint32_t slot);
/* Close the least recently used idle connection of any server. */
bool idle_evict_lru(void);
/* Close all idle connections of a server. */
void idle_evict_server(uint32_t server);
/* Expiry, prewarming, counts; called about every 100 ms. */
void idle_tick(uint64_t now_us, bool recount);
/* A connection made ahead of need was taken: its successor is dialled soon. */
void idle_taken(uint32_t server);
/* Where pool-max-conn is set, the hint on the board is kept exact. */
void idle_count(uint32_t server, int delta);

#endif
