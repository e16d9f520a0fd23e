/* SPDX-License-Identifier: MIT */
/*
 * A hashed timing wheel with one bit per slot, so that the next slot in use is
 * found without walking the empty ones.
 *
 * Invariants: an armed timer lies in slot (place_ms / WHEEL_TICK_MS) mod
 * WHEEL_SLOTS with tick < place <= tick + WHEEL_SLOTS - 1, so a slot holds
 * one place only; a slot's bit is set if its list holds anything.  Deadlines
 * beyond the horizon are placed at the horizon and looked at again there.
 */
#include "shm/base/wheel.h"

#include <stdlib.h>

#include "shm/base/chk.h"
#include "shm/base/mem.h"

enum { WORDS = WHEEL_SLOTS / 64 };

struct wheel {
	uint64_t tick;        /* slots up to this tick are done */
	uint64_t summary;     /* bit i: bits[i] is not 0 */
	uint64_t bits[WORDS]; /* bit per slot: its list is not empty */
	struct list slot[WHEEL_SLOTS];
};

_Static_assert(WORDS == 64, "the summary is one word");

struct wheel *
wheel_new(uint64_t now_ms)
{
	struct wheel *w = mem_alloc(sizeof(*w));

	w->tick = now_ms / WHEEL_TICK_MS;
	for (unsigned i = 0; i < WHEEL_SLOTS; i++)
		list_init(&w->slot[i]);
	return w;
}

void
wheel_free(struct wheel **w)
{
	free(*w);
	*w = NULL;
}

static void
bit_set(struct wheel *w, unsigned s)
{
	w->bits[s / 64] |= UINT64_C(1) << (s % 64);
	w->summary |= UINT64_C(1) << (s / 64);
}

static void
bit_clear(struct wheel *w, unsigned s)
{
	w->bits[s / 64] &= ~(UINT64_C(1) << (s % 64));
	if (!w->bits[s / 64])
		w->summary &= ~(UINT64_C(1) << (s / 64));
}

/* First slot in use at or after s without wrapping, or -1. */
static int
bit_next(const struct wheel *w, unsigned s)
{
	uint64_t m;

	if (s >= WHEEL_SLOTS)
		return -1;
	m = w->bits[s / 64] >> (s % 64);
	if (m)
		return (int)s + __builtin_ctzll(m);
	if (s / 64 == WORDS - 1)
		return -1;
	m = w->summary & (~UINT64_C(0) << (s / 64 + 1));
	if (!m)
		return -1;
	s = (unsigned)__builtin_ctzll(m);
	return (int)(s * 64) + __builtin_ctzll(w->bits[s]);
}

/* Tick of the next slot in use after w->tick, or UINT64_MAX. */
static uint64_t
tick_next(const struct wheel *w)
{
	unsigned from = (unsigned)((w->tick + 1) % WHEEL_SLOTS);
	int s;

	if (!w->summary)
		return UINT64_MAX;
	s = bit_next(w, from);
	if (s >= 0)
		return w->tick + 1 + ((unsigned)s - from);
	s = bit_next(w, 0);
	CHK(s >= 0);
	return w->tick + 1 + ((unsigned)s + WHEEL_SLOTS - from);
}

static void
timer_place(struct wheel *w, struct wheel_timer *t)
{
	uint64_t tick = t->deadline_ms / WHEEL_TICK_MS +
	    (t->deadline_ms % WHEEL_TICK_MS != 0);
	unsigned s;

	if (tick <= w->tick)
		tick = w->tick + 1;
	if (tick > w->tick + WHEEL_SLOTS - 1)
		tick = w->tick + WHEEL_SLOTS - 1;
	s = (unsigned)(tick % WHEEL_SLOTS);
	t->place_ms = tick * WHEEL_TICK_MS;
	list_add_tail(&w->slot[s], &t->node);
	bit_set(w, s);
}

void
wheel_set(struct wheel *w, struct wheel_timer *t, uint64_t deadline_ms)
{
	t->deadline_ms = deadline_ms;
	if (list_is_linked(&t->node)) {
		if (deadline_ms == 0 || deadline_ms >= t->place_ms)
			return;
		/* within the tick of its place it fires there as well */
		if (deadline_ms + WHEEL_TICK_MS > t->place_ms)
			return;
		wheel_del(w, t);
		t->deadline_ms = deadline_ms;
	}
	if (deadline_ms)
		timer_place(w, t);
}

void
wheel_del(struct wheel *w, struct wheel_timer *t)
{
	unsigned s;

	t->deadline_ms = 0;
	if (!list_is_linked(&t->node))
		return;
	list_del(&t->node);
	s = (unsigned)(t->place_ms / WHEEL_TICK_MS % WHEEL_SLOTS);
	if (list_is_empty(&w->slot[s]))
		bit_clear(w, s);
}

/* Empty slot s: fire what is due at now_ms, place the others anew. */
static void
slot_run(struct wheel *w, unsigned s, uint64_t now_ms)
{
	struct list due;

	list_init(&due);
	if (!list_is_empty(&w->slot[s])) {
		due = w->slot[s];
		due.next->prev = &due;
		due.prev->next = &due;
		list_init(&w->slot[s]);
	}
	bit_clear(w, s);
	while (!list_is_empty(&due)) {
		struct wheel_timer *t =
		    list_entry(due.next, struct wheel_timer, node);

		list_del(&t->node);
		if (t->deadline_ms == 0)
			continue;
		if (t->deadline_ms > now_ms) {
			timer_place(w, t);
			continue;
		}
		t->deadline_ms = 0;
		t->fn(t);
	}
}

void
wheel_run(struct wheel *w, uint64_t now_ms)
{
	uint64_t now_tick = now_ms / WHEEL_TICK_MS;
	uint64_t tick;

	while ((tick = tick_next(w)) <= now_tick) {
		w->tick = tick;
		slot_run(w, (unsigned)(tick % WHEEL_SLOTS), now_ms);
	}
	if (now_tick > w->tick)
		w->tick = now_tick;
}

uint64_t
wheel_next_ms(const struct wheel *w)
{
	uint64_t tick = tick_next(w);

	return tick == UINT64_MAX ? UINT64_MAX : tick * WHEEL_TICK_MS;
}
