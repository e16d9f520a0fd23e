/* SPDX-License-Identifier: MIT */
/*
 * See able.h.  word = ms:38 | epoch:24 | able:2; 0 says nothing.
 */
#include "shm/seg/able.h"

enum { EPOCH_BITS = 24, ABLE_BITS = 2 };

#define EPOCH_MASK ((UINT64_C(1) << EPOCH_BITS) - 1)
#define ABLE_MASK  ((UINT64_C(1) << ABLE_BITS) - 1)

void
able_set(
    _Atomic uint64_t *word, enum able able, uint32_t epoch, uint64_t now_us)
{
	uint64_t w = now_us / 1000 << (EPOCH_BITS + ABLE_BITS) |
	    (epoch & EPOCH_MASK) << ABLE_BITS | (uint64_t)able;

	atomic_store_explicit(word, w, memory_order_relaxed);
}

enum able
able_last(const _Atomic uint64_t *word, uint32_t epoch, uint64_t *ms_r)
{
	uint64_t w = atomic_load_explicit(word, memory_order_relaxed);

	*ms_r = w >> (EPOCH_BITS + ABLE_BITS);
	if ((w >> ABLE_BITS & EPOCH_MASK) != (epoch & EPOCH_MASK))
		return ABLE_UNKNOWN;
	switch (w & ABLE_MASK) {
	case ABLE_NO:
		return ABLE_NO;
	case ABLE_YES:
		return ABLE_YES;
	default:
		return ABLE_UNKNOWN;
	}
}

enum able
able_get(const _Atomic uint64_t *word, uint32_t epoch, uint64_t now_us,
    uint32_t ttl_ms)
{
	uint64_t ms, now_ms = now_us / 1000;
	enum able able = able_last(word, epoch, &ms);

	return ms > now_ms || now_ms - ms >= ttl_ms ? ABLE_UNKNOWN : able;
}

const char *
able_name(enum able able)
{
	switch (able) {
	case ABLE_NO:
		return "no";
	case ABLE_YES:
		return "yes";
	case ABLE_UNKNOWN:
		break;
	}
	return "unknown";
}
