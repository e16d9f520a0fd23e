/* SPDX-License-Identifier: MIT */
/*
 * Time.  Monotonic time is cached once per loop turn; whoever needs it to the
 * microsecond asks for it anew.
 */
#ifndef SHM_BASE_CLOCK_H
#define SHM_BASE_CLOCK_H

#include <stdint.h>

/* Read the clocks and cache them; returns monotonic microseconds. */
uint64_t clock_update(void);
/* The cached monotonic time. CLOCK_MONOTONIC, the same in all processes. */
uint64_t clock_us(void);
uint64_t clock_ms(void);
/* The monotonic time as it is now; the cached one stays. */
uint64_t clock_read_us(void);
/* The cached wall-clock time, microseconds since the epoch. */
uint64_t clock_wall_us(void);

#endif
