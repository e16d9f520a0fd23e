/* SPDX-License-Identifier: MIT */
/*
 * The word: second:24 | before:20 | now:20.  The second is the clock's, cut;
 * whoever comes first in a new one moves `now` to `before`.
 */
#include "shm/seg/rate.h"

enum { SEC_MASK = (1 << 24) - 1, SECOND_US = 1000000 };

struct rate {
	uint32_t sec, before, now;
};

static struct rate
unpack(uint64_t w, uint64_t now_us)
{
	struct rate r = { (uint32_t)(w >> 40), (uint32_t)(w >> 20) & RATE_MAX,
		(uint32_t)w & RATE_MAX };
	uint32_t sec = (uint32_t)(now_us / SECOND_US) & SEC_MASK;

	if (sec == r.sec)
		return r;
	/* a reader whose clock reading is older than the writer's */
	if (((r.sec - sec) & SEC_MASK) == 1)
		return r;
	r.before = ((sec - r.sec) & SEC_MASK) == 1 ? r.now : 0;
	r.now = 0;
	r.sec = sec;
	return r;
}

static uint64_t
pack(struct rate r)
{
	return (uint64_t)r.sec << 40 | (uint64_t)r.before << 20 | r.now;
}

/* Events in the last second, in millionths of one. */
static uint64_t
sum(struct rate r, uint64_t now_us)
{
	uint64_t left = SECOND_US - now_us % SECOND_US;

	return (uint64_t)r.now * SECOND_US + r.before * left;
}

static unsigned
wait_ms(struct rate r, uint32_t max, uint64_t now_us)
{
	uint64_t at = now_us % SECOND_US, until = SECOND_US;

	/* when enough of the second before has passed, or in the next one */
	if (r.now < max && r.before > max - r.now)
		until =
		    SECOND_US - (uint64_t)(max - r.now) * SECOND_US / r.before;
	return until > at ? (unsigned)((until - at) / 1000 + 1) : 1;
}

bool
rate_try(
    _Atomic uint64_t *word, uint32_t max, uint64_t now_us, unsigned *wait_ms_r)
{
	uint64_t w = atomic_load(word);
	struct rate r;

	do {
		r = unpack(w, now_us);
		if (sum(r, now_us) >= (uint64_t)max * SECOND_US) {
			*wait_ms_r = wait_ms(r, max, now_us);
			return false;
		}
		r.now++;
	} while (!atomic_compare_exchange_weak(word, &w, pack(r)));
	return true;
}

void
rate_undo(_Atomic uint64_t *word, uint64_t now_us)
{
	uint64_t w = atomic_load(word);
	struct rate r;

	do {
		r = unpack(w, now_us);
		if (r.now == 0)
			return;
		r.now--;
	} while (!atomic_compare_exchange_weak(word, &w, pack(r)));
}

uint32_t
rate_now(const _Atomic uint64_t *word, uint64_t now_us)
{
	uint64_t n = sum(unpack(atomic_load(word), now_us), now_us);

	return (uint32_t)((n + SECOND_US - 1) / SECOND_US);
}
