/* SPDX-License-Identifier: MIT */
/*
 * Dialling backends: nonblocking connect, PROXY header, timeout.
 */
#ifndef BROKER_DIAL_H
#define BROKER_DIAL_H

#include "broker/state.h"

/*
 * Start one dial for a pool with a destination; want: the tags of those who
 * wait for it (TAG_BIT()s), which decide what is offered.  0: under way or
 * done; -WSE_FULL: no slot free and nothing idle to close; else it failed at
 * once with *why_r and *errnum_r (nothing was told to any waiter).  May call
 * lease_dialled() before it returns.
 */
MUST_USE int dial_start(
    struct bpool *pool, uint8_t want, enum lease_fail *why_r, int *errnum_r);
enum lease_fail dial_why(int errnum);
/* The slot's connection is ready to carry requests: give it away. */
void dial_finish(uint32_t slot, enum slot_tag tag);
/* It failed; text says more than errnum, or is NULL. */
void
dial_fail(uint32_t slot, enum lease_fail why, int errnum, const char *text);
/* "Server b/s: WHAT failed: WHY" to the log, at most once a second. */
void dial_complain(uint32_t server, const char *what, const char *why);

#endif
