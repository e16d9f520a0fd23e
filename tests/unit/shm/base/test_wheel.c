/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "shm/base/list.h"
#include "shm/base/wheel.h"

enum { COUNT = 500 };

struct probe {
	struct wheel_timer t;
	uint64_t want_ms; /* 0: must not fire */
	uint64_t fired_ms;
	int fires;
};

static struct wheel *wheel;
static uint64_t now;

static void
probe_fire(struct wheel_timer *t)
{
	struct probe *p = list_entry(t, struct probe, t);

	assert_true(t->deadline_ms == 0);
	assert_false(list_is_linked(&t->node));
	p->fired_ms = now;
	p->fires++;
}

static void
run_until(uint64_t end_ms)
{
	while (now < end_ms) {
		uint64_t next = wheel_next_ms(wheel);

		now = next < end_ms ? (next > now ? next : now + 1) : end_ms;
		wheel_run(wheel, now);
	}
}

static void
wheel__one_timer__never_early_at_most_a_tick_late(void **state)
{
	(void)state;
	for (uint64_t d = 1; d < 60000; d += 1 + d / 7) {
		struct probe p = { .t.fn = probe_fire };
		uint64_t want;

		now = 1000003 + d;
		wheel = wheel_new(now);
		assert_true(wheel_next_ms(wheel) == UINT64_MAX);
		want = now + d;
		wheel_set(wheel, &p.t, want);
		run_until(want - 1);
		assert_int_equal(p.fires, 0);
		run_until(want + WHEEL_TICK_MS);
		assert_int_equal(p.fires, 1);
		assert_true(p.fired_ms >= want);
		assert_true(wheel_next_ms(wheel) == UINT64_MAX);
		wheel_free(&wheel);
	}
}

static void
wheel__deadline_moved__later_is_lazy_earlier_is_not(void **state)
{
	struct probe p = { .t.fn = probe_fire };
	uint64_t place;

	(void)state;
	now = 5000;
	wheel = wheel_new(now);
	wheel_set(wheel, &p.t, 5100);
	place = p.t.place_ms;
	wheel_set(wheel, &p.t, 9000);
	assert_true(p.t.place_ms == place);
	run_until(8999);
	assert_int_equal(p.fires, 0);
	wheel_set(wheel, &p.t, 30000);
	wheel_set(wheel, &p.t, 10000);
	run_until(10000 + WHEEL_TICK_MS);
	assert_int_equal(p.fires, 1);
	wheel_set(wheel, &p.t, 11000);
	wheel_set(wheel, &p.t, 0);
	run_until(12000);
	assert_int_equal(p.fires, 1);
	assert_false(list_is_linked(&p.t.node));
	wheel_set(wheel, &p.t, 13000);
	wheel_del(wheel, &p.t);
	wheel_del(wheel, &p.t);
	assert_true(wheel_next_ms(wheel) == UINT64_MAX);
	wheel_free(&wheel);
}

static struct probe victim;

static void
delete_victim(struct wheel_timer *t)
{
	wheel_del(wheel, &victim.t);
	wheel_set(wheel, t, now + 8); /* and itself again */
}

static void
wheel__callback__may_set_and_delete_any(void **state)
{
	struct probe killer = { .t.fn = delete_victim };

	(void)state;
	now = 4000;
	wheel = wheel_new(now);
	memset(&victim, 0, sizeof(victim));
	victim.t.fn = probe_fire;
	wheel_set(wheel, &killer.t, 4100);
	wheel_set(wheel, &victim.t, 4100);
	run_until(4104);
	assert_int_equal(victim.fires, 0);
	assert_true(list_is_linked(&killer.t.node));
	wheel_del(wheel, &killer.t);
	wheel_free(&wheel);
}

static void
wheel__clock_jumps__all_due_fire_once(void **state)
{
	static struct probe p[COUNT];

	(void)state;
	now = 777;
	wheel = wheel_new(now);
	memset(p, 0, sizeof(p));
	for (int i = 0; i < COUNT; i++) {
		p[i].t.fn = probe_fire;
		wheel_set(wheel, &p[i].t, now + 1 + (uint64_t)i * 97);
	}
	now += 1000000;
	wheel_run(wheel, now);
	run_until(now + 2 * WHEEL_TICK_MS);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(p[i].fires, 1);
	wheel_free(&wheel);
}

/* Random moves against a plain list of what is wanted. */
static void
wheel__random_moves__each_fires_when_it_should(void **state)
{
	static struct probe p[COUNT];

	(void)state;
	now = 123456;
	wheel = wheel_new(now);
	memset(p, 0, sizeof(p));
	srandom(1);
	for (int step = 0; step < 20000; step++) {
		struct probe *q = &p[random() % COUNT];

		q->t.fn = probe_fire;
		if (random() % 8 == 0) {
			q->want_ms = 0;
			if (random() % 2)
				wheel_del(wheel, &q->t);
			else
				wheel_set(wheel, &q->t, 0);
		} else {
			q->want_ms = now +
			    (uint64_t)random() % (random() % 2 ? 300 : 40000) +
			    1;
			wheel_set(wheel, &q->t, q->want_ms);
		}
		if (step % 4 == 0)
			run_until(now + (uint64_t)random() % 50);
		for (int i = 0; i < COUNT; i++) {
			if (p[i].fires) {
				assert_int_equal(p[i].fires, 1);
				assert_true(p[i].want_ms > 0);
				assert_true(p[i].fired_ms >= p[i].want_ms);
				assert_true(p[i].fired_ms <=
				    p[i].want_ms + WHEEL_TICK_MS);
				p[i].fires = 0;
				p[i].want_ms = 0;
			} else if (p[i].want_ms) {
				assert_true(now < p[i].want_ms + WHEEL_TICK_MS);
			}
		}
	}
	wheel_free(&wheel);
	assert_null(wheel);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    wheel__one_timer__never_early_at_most_a_tick_late),
		cmocka_unit_test(
		    wheel__deadline_moved__later_is_lazy_earlier_is_not),
		cmocka_unit_test(wheel__callback__may_set_and_delete_any),
		cmocka_unit_test(wheel__clock_jumps__all_due_fire_once),
		cmocka_unit_test(
		    wheel__random_moves__each_fires_when_it_should),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
