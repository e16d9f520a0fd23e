/* SPDX-License-Identifier: MIT */
/*
 * Inside lease*.c.
 */
#ifndef BROKER_LEASE_PARTS_H
#define BROKER_LEASE_PARTS_H

#include "broker/lease.h"

/* --- lease.c --- */

/* The word is LEASED(w's worker). */
void lease_grant(struct waiter *w, uint32_t slot, unsigned flags);
void lease_fail_text(
    struct waiter *w, enum lease_fail why, int errnum, const char *text);

/* To use what its worker holds already. */
void lease_grant_permit(struct waiter *w);

/* --- lease_ride.c --- */

/* May it wait for another's dial? */
bool lease_ride_may(const struct waiter *w);
/* Before dials are counted: tell those that share, give the others a dial. */
void lease_ride_settle(struct bpool *pool);
/* `by` gets the slot: who rides with it shares it, or needs a dial. */
void
lease_ride_granted(const struct waiter *by, uint32_t slot, enum slot_tag tag);
/* A dial for this peer and these tags was in vain, for all who rode with it. */
void lease_ride_failed(struct bpool *pool, const struct peer *peer,
    uint8_t tags, enum lease_fail why, int errnum, const char *text);

/* --- lease_dial.c --- */

/* Look at the pool's waiters at the end of this loop turn. */
void lease_dial_later(struct bpool *pool);

/* Dial for the pool, or have it wait for a slot of the table. */
void lease_dial_pool(struct bpool *pool);
/* Pools that were put off; pools that wait for a slot. */
void lease_run_late(void);
void lease_run_full(void);
/* Every server's releases are reported while somebody waits for a slot. */
void lease_show_full(void);

#endif
