/* SPDX-License-Identifier: MIT */
/*
 * Lazy timers of one process: a hashed timing wheel.
 *
 * Moving a deadline later costs one store: the timer stays where it is and is
 * looked at again when its old place comes up.  Resolution WHEEL_TICK_MS;
 * timers never fire early, and late by at most one tick plus the loop's
 * delay.  No system call; the owner arms one event for wheel_next_ms().
 */
#ifndef SHM_BASE_WHEEL_H
#define SHM_BASE_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/base/list.h"

enum { WHEEL_TICK_MS = 4, WHEEL_SLOTS = 4096 };

struct wheel;
struct wheel_timer;
typedef void wheel_fn(struct wheel_timer *t);

struct wheel_timer {
	struct list node;     /* in the wheel's slot while armed */
	uint64_t deadline_ms; /* monotonic; 0: off */
	uint64_t place_ms;    /* the time its slot stands for */
	wheel_fn *fn;         /* called with the timer disarmed */
};

struct wheel *wheel_new(uint64_t now_ms);
void wheel_free(struct wheel **w);
/* Fire at deadline_ms; 0 disarms (lazily). */
void wheel_set(struct wheel *w, struct wheel_timer *t, uint64_t deadline_ms);
/* Unlink at once: needed before the timer's memory is freed. */
void wheel_del(struct wheel *w, struct wheel_timer *t);
/* Call what is due; callbacks may set and delete any timer. */
void wheel_run(struct wheel *w, uint64_t now_ms);
/* Time of the next slot to look at, or UINT64_MAX. */
uint64_t wheel_next_ms(const struct wheel *w);

#endif
