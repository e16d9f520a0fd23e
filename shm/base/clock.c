/* SPDX-License-Identifier: MIT */
/*
 * The cached clocks of a process.
 *
 * The wall clock is the monotonic one plus an offset that is read anew every
 * few milliseconds: one clock read a loop turn, and a step of the wall clock
 * is seen soon enough.
 */
#include "shm/base/clock.h"

#include <time.h>

enum { OFFSET_VALID_US = 20000 };

static uint64_t mono_us;
static uint64_t offset_us;    /* wall - monotonic, modulo 2^64 */
static uint64_t offset_at_us; /* monotonic time of its reading, 0: never */

static uint64_t
read_us(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) < 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t
clock_update(void)
{
	mono_us = read_us(CLOCK_MONOTONIC);
	if (offset_at_us == 0 || mono_us - offset_at_us >= OFFSET_VALID_US) {
		offset_us = read_us(CLOCK_REALTIME) - mono_us;
		offset_at_us = mono_us;
	}
	return mono_us;
}

uint64_t
clock_us(void)
{
	return mono_us;
}

uint64_t
clock_read_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

uint64_t
clock_ms(void)
{
	return mono_us / 1000;
}

uint64_t
clock_wall_us(void)
{
	return mono_us + offset_us;
}
