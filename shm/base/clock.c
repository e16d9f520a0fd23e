/* SPDX-License-Identifier: MIT */
/*
 * The cached clocks of a process.
 */
#include "shm/base/clock.h"

#include <time.h>

static uint64_t mono_us;
static uint64_t wall_us;

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
	wall_us = read_us(CLOCK_REALTIME);
	return mono_us;
}

uint64_t
clock_us(void)
{
	return mono_us;
}

uint64_t
clock_ms(void)
{
	return mono_us / 1000;
}

uint64_t
clock_wall_us(void)
{
	return wall_us;
}
