/* SPDX-License-Identifier: MIT */
/*
 * A rate that all processes keep to together: events of the second under way
 * and of the one before, in one word of the board.
 */
#ifndef SHM_SEG_RATE_H
#define SHM_SEG_RATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Largest limit: what the fields of the word hold. */
enum { RATE_MAX = (1 << 20) - 1 };

/*
 * Count one event at now_us (CLOCK_MONOTONIC) if at most max (1..RATE_MAX)
 * then lie in the last second, taking those of the second before as evenly
 * spread (as HAProxy does).  False: not counted; *wait_ms_r (1..1000) says
 * when to try again.  Any word is a valid one: workers write it.
 */
bool rate_try(
    _Atomic uint64_t *word, uint32_t max, uint64_t now_us, unsigned *wait_ms_r);
/* One that was counted just now did not happen. */
void rate_undo(_Atomic uint64_t *word, uint64_t now_us);
/* Events in the last second. */
uint32_t rate_now(const _Atomic uint64_t *word, uint64_t now_us);

#endif
