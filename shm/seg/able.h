/* SPDX-License-Identifier: MIT */
/*
 * What a server was seen to be able to, for a while: a yes or no with the time
 * and the transport epoch it was seen in, in one word of the board.
 */
#ifndef SHM_SEG_ABLE_H
#define SHM_SEG_ABLE_H

#include <stdatomic.h>
#include <stdint.h>

enum able { ABLE_UNKNOWN, ABLE_NO, ABLE_YES };

/* Seen at now_us (CLOCK_MONOTONIC). */
void able_set(
    _Atomic uint64_t *word, enum able able, uint32_t epoch, uint64_t now_us);
/*
 * Unknown, too, when it was seen in another epoch, ttl_ms ago or earlier, or
 * in the future.  Any word is a valid one.
 */
enum able able_get(const _Atomic uint64_t *word, uint32_t epoch,
    uint64_t now_us, uint32_t ttl_ms);

/* However long ago; *ms_r: when. */
enum able
able_last(const _Atomic uint64_t *word, uint32_t epoch, uint64_t *ms_r);
/* "unknown", "no", "yes". */
const char *able_name(enum able able);

#endif
