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

/* --- lease_dial.c --- */

/* Dial for the pool, or have it wait for a slot of the table. */
void lease_dial_pool(struct bpool *pool);
/* Pools that were put off; pools that wait for a slot. */
void lease_run_late(void);
void lease_run_full(void);
/* Every server's releases are reported while somebody waits for a slot. */
void lease_show_full(void);

#endif
