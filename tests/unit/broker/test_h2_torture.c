/* SPDX-License-Identifier: MIT */
/*
 * HTTP/2 connections under a random crowd: waiters of all tags come, give up,
 * use what they get, die; the server talks in between and ends connections.
 * Nobody may break the rules, and nothing may be left over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka wants those first */
#include <cmocka.h>

#include "tests/unit/broker/h2_world.h"

enum { STEPS = 500, SERVED = 50, HELD_MAX = 12 };

/* Leases of a worker that are asked for or held. */
struct crowd {
	struct fake_lease *l[HELD_MAX];
	bool open[HELD_MAX], gave_up[HELD_MAX];
};

static struct crowd crowd[WORKERS];
static unsigned deaths, served, refused;
static uint32_t seed;

static uint32_t
rnd(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static void
ask(unsigned w)
{
	static const uint8_t tags[] = { ANY, H1, H2, WS };
	struct crowd *c = &crowd[w];
	unsigned i;

	if (fake[w].n == FAKE_LEASES)
		return;
	for (i = 0; i < HELD_MAX; i++)
		if (!c->l[i]) {
			c->l[i] = fake_ask(&fake[w], 0, tags[rnd(4)]);
			c->open[i] = c->gave_up[i] = false;
			return;
		}
}

static void
give_up(unsigned w, unsigned i)
{
	struct ipc_msg m = { .type = IPC_CANCEL };

	m.u.cancel.lease = (uint64_t)(crowd[w].l[i] - fake[w].l) + 1;
	assert_int_equal(chan_send(fake[w].chan, &m), 0);
	crowd[w].gave_up[i] = true;
}

static void
give_back(unsigned w, unsigned i)
{
	struct fake_lease *l = crowd[w].l[i];

	if (rnd(8) == 0)
		fake_close(&fake[w], l);
	else
		fake_release(&fake[w], l, (enum slot_tag)l->g.tag);
	crowd[w].l[i] = NULL;
	served++;
}

/* What became of the i-th, and what is done with it. */
static void
look(unsigned w, unsigned i)
{
	struct crowd *c = &crowd[w];
	struct fake_lease *l = c->l[i];

	if (l->failed) {
		c->l[i] = NULL;
		refused++;
	} else if (l->granted && !c->open[i]) {
		fake_open(&fake[w], l);
		c->open[i] = true;
	} else if (c->open[i]) {
		if (l->g.tag != TAG_H1 && l->port.last_id < 1000)
			l->port.last_id += l->port.last_id ? 2 : 1;
		give_back(w, i);
	} else if (!c->gave_up[i] && rnd(6) == 0) {
		give_up(w, i);
	}
}

static void
die(unsigned w)
{
	unsigned before = rig.dead_done;

	fake_stop(&fake[w], true);
	memset(&crowd[w], 0, sizeof(crowd[w]));
	rig_until(&rig, rig.dead_done == before + 1, 8000);
	fake_start(&rig, &fake[w], w);
	deaths++;
}

/* A lease that was given up is not answered unless its GRANT crossed. */
static void
forget(unsigned w)
{
	unsigned i;

	for (i = 0; i < HELD_MAX; i++)
		if (crowd[w].l[i] && crowd[w].gave_up[i] &&
		    !crowd[w].l[i]->granted && !crowd[w].l[i]->failed)
			crowd[w].l[i] = NULL;
}

static void
step(void)
{
	static const enum h2o_word words[] = { H2O_PING, H2O_SETTINGS,
		H2O_UPDATE, H2O_PING_HALF, H2O_BYE };
	unsigned w = rnd(WORKERS), i = rnd(HELD_MAX);

	switch (rnd(12)) {
	case 0:
		h2_origin_say(&origin, words[rnd(5)]);
		break;
	case 1:
		if (rnd(12) == 0)
			die(w);
		break;
	case 2:
	case 3:
	case 4:
		ask(w);
		break;
	default:
		if (crowd[w].l[i])
			look(w, i);
	}
	rig_run(&rig, rnd(3));
}

static bool
is_busy(void)
{
	unsigned w, i;
	bool busy = false;

	for (w = 0; w < WORKERS; w++) {
		forget(w);
		for (i = 0; i < HELD_MAX; i++)
			if (crowd[w].l[i]) {
				look(w, i);
				busy = true;
			}
	}
	return busy;
}

static void
torture(const char *alpn, enum h2o_mode mode)
{
	unsigned i;

	memset(crowd, 0, sizeof(crowd));
	deaths = served = refused = 0;
	world_set_up(alpn, mode, 0);
	rig.srv[0].pool.prewarm = alpn ? 2 : 0;
	rig.srv[0].maxconn = 10;
	rig.px.tmo.connect_ms = 20000;
	world_go(WORKERS);
	for (i = 0; i < STEPS || served < SERVED || deaths == 0; i++) {
		assert_true(i < 100 * STEPS);
		step();
	}
	rig_run(&rig, 100);
	rig_until(&rig, !is_busy(), 20000);
	rig.board.server[0].pool.prewarm = 0;
	rig_until(&rig,
	    rig_count(&rig, SLOT_IDLE) + rig_count(&rig, SLOT_FREE) ==
		rig.slot_count,
	    20000);
	world_tear_down();
}

static void
torture__both_protocols__nothing_is_left_over(void **state)
{
	(void)state;
	seed = 1;
	torture("h2,http/1.1", H2O_CONNECTS);
	torture("http/1.1,h2", H2O_GOOD);
}

static void
torture__h2_alone__nothing_is_left_over(void **state)
{
	(void)state;
	seed = 2;
	torture("h2", H2O_CONNECTS);
	torture(NULL, H2O_GOOD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(torture__both_protocols__nothing_is_left_over),
		cmocka_unit_test(torture__h2_alone__nothing_is_left_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
