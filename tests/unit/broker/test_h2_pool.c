/* SPDX-License-Identifier: MIT */
/*
 * HTTP/2 connections as the broker handles them: states that move through
 * vaults, its own idle ones, what workers may not do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka wants those first */
#include <cmocka.h>

#include "tests/unit/broker/h2_world.h"

static void
h2__alpn_chose_it__grant_has_both_states(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, 0 };
	struct fake_lease *l;
	unsigned v;

	(void)state;
	for (v = 0; v < 2; v++) {
		world_set_up(
		    "h2,http/1.1", v ? H2O_CONNECTS : H2O_GOOD, versions[v]);
		world_go(1);
		l = world_get(0, ANY);
		assert_int_equal(l->g.tag, v ? TAG_H2WS : TAG_H2);
		assert_int_equal(l->g.flags,
		    GRANT_F_TLS | GRANT_F_H2 | GRANT_F_DIALED | GRANT_F_FRESH);
		assert_int_equal(l->kind, VAULT_TLS | VAULT_ALPN_H2 | VAULT_H2);
		assert_int_equal(l->port.peer.connects, v);
		assert_int_equal(l->port.peer.streams, 100);
		fake_ping(l);
		fake_close(&fake[0], l);
		assert_int_equal(origin.acks, 1);
		world_tear_down();
	}
}

static void
h2__by_prior_knowledge__plain_and_over_tls(void **state)
{
	struct fake_lease *l;
	unsigned v;

	(void)state;
	for (v = 0; v < 2; v++) {
		world_set_up(v ? "" : NULL, H2O_CONNECTS, 0);
		if (v)
			origin.alpn = NULL;
		world_go(1);
		if (v) { /* this origin speaks what ALPN says: nothing */
			l = world_get(0, H2);
			assert_true(l->failed);
			assert_int_equal(l->f.why, LFAIL_PROTO);
			assert_int_equal(origin.h1, 1);
		} else {
			l = world_get(0, H2);
			assert_int_equal(l->g.tag, TAG_H2WS);
			assert_int_equal(l->kind, VAULT_PLAIN | VAULT_H2);
			fake_ping(l);
			fake_close(&fake[0], l);
		}
		world_tear_down();
	}
}

static void
h2__connection_changes_worker_forty_times__one_dial(void **state)
{
	static const uint8_t none[VAULT_STATE_MAX];
	static const char *const alpn[] = { "h2", NULL };
	unsigned v, i, k;

	(void)state;
	for (v = 0; v < 2; v++) {
		world_set_up(alpn[v], H2O_CONNECTS, 0);
		world_go(WORKERS);
		for (i = 0; i < 40; i++)
			world_use(i % WORKERS, i & 4 ? WS : H2);
		for (i = 0; i < WORKERS - 1; i++)
			for (k = 0; k < rig.slot_count; k++)
				assert_memory_equal(
				    fake[i].vault.entry[k].state, none,
				    sizeof(none));
		world_use(3, H2); /* its own: the broker gives it back */
		assert_int_equal(origin.accepted, 1);
		assert_int_equal(origin.pings, 41);
		world_tear_down();
	}
}

/* The worker learned of RFC 8441 while it had the connection. */
static void
h2__released_with_a_higher_tag__fits_who_wants_it(void **state)
{
	struct fake_lease *l;

	(void)state;
	world_set_up("h2", H2O_GOOD, 0);
	world_go(2);
	l = world_get(0, H2);
	assert_int_equal(l->g.tag, TAG_H2);
	l->port.peer.connects = true;
	fake_release(&fake[0], l, TAG_H2WS);
	world_use(1, WS);
	assert_int_equal(origin.accepted, 1);
	world_tear_down();
}

/* A connection the broker itself has, as after a worker's death. */
static void
park(unsigned worker)
{
	struct fake_lease *l = world_get(worker, H2);

	fake_ping(l);
	l->port.last_id = 1;
	fake_release(&fake[worker], l, (enum slot_tag)l->g.tag);
	fake_stop(&fake[worker], true);
	rig_until(&rig, rig.dead_done > 0, 4000);
	assert_int_equal(rig.kept, 1);
}

static void
own__harmless_frames__are_answered(void **state)
{
	unsigned v;

	(void)state;
	for (v = 0; v < 2; v++) {
		world_set_up(v ? "h2" : NULL, H2O_GOOD, 0);
		world_go(2);
		park(0);
		h2_origin_say(&origin, H2O_PING);
		rig_until(&rig, origin.pongs == 1, 4000);
		h2_origin_say(&origin, H2O_SETTINGS);
		rig_until(&rig, origin.acks == 2, 4000);
		h2_origin_say(&origin, H2O_UPDATE);
		rig_run(&rig, 60);
		h2_origin_say(&origin, H2O_LATE);
		rig_until(&rig, origin.updates == 5, 4000);
		h2_origin_say(&origin, H2O_PING_HALF);
		rig_until(&rig, origin.pongs == 2, 4000);
		world_use(1, H2);
		assert_int_equal(fake[1].l[0].port.send_window, 65535 + 8);
		assert_true(fake[1].l[0].port.peer.connects);
		assert_int_equal(origin.accepted, 1);
		world_tear_down();
	}
}

static void
own__part_of_a_frame__is_not_handed_out(void **state)
{
	struct fake_lease *l;
	unsigned v;

	(void)state;
	for (v = 0; v < 2; v++) {
		world_set_up(v ? "h2" : NULL, H2O_GOOD, 0);
		world_go(2);
		park(0);
		h2_origin_say(&origin, H2O_HALF_ONLY);
		rig_run(&rig, 100);
		assert_int_equal(rig_count(&rig, SLOT_IDLE), 1);
		l = world_get(1, H2);
		assert_true(l->g.flags & GRANT_F_DIALED);
		assert_int_equal(origin.accepted, 2);
		/* and it does not stay */
		rig_until(&rig, rig_count(&rig, SLOT_IDLE) == 0, 4000);
		fake_close(&fake[1], l);
		world_tear_down();
	}
}

static void
own__goaway_and_the_like__close_it_politely(void **state)
{
	static const enum h2o_word words[] = { H2O_BYE, H2O_BAD, H2O_EOF };
	unsigned v, i;

	(void)state;
	for (v = 0; v < 2; v++)
		for (i = 0; i < 3; i++) {
			world_set_up(v ? "h2" : NULL, H2O_GOOD, 0);
			world_go(2);
			park(0);
			h2_origin_say(&origin, words[i]);
			rig_until(&rig, rig_count(&rig, SLOT_IDLE) == 0, 4000);
			rig_until(&rig, origin.open == 0, 4000);
			if (words[i] != H2O_EOF) {
				assert_int_equal(origin.byes, 1);
				assert_int_equal(origin.notifies, v);
			}
			world_use(1, H2);
			assert_int_equal(origin.accepted, 2);
			world_tear_down();
		}
}

static void
evicted__from_a_worker__says_goaway(void **state)
{
	unsigned v;

	(void)state;
	for (v = 0; v < 2; v++) {
		world_set_up(v ? "h2" : NULL, H2O_GOOD, 0);
		world_go(1);
		world_use(0, H2);
		atomic_store(&rig.board.server[0].admin_state, SRV_FMAINT);
		rig_until(&rig, origin.open == 0, 4000);
		assert_int_equal(origin.byes, 1);
		assert_int_equal(origin.notifies, v);
		assert_int_equal(rig_count(&rig, SLOT_IDLE), 0);
		atomic_store(&rig.board.server[0].admin_state, 0);
		rig_run(&rig, 300);
		world_tear_down();
	}
}

/* Whatever a worker wrote into its vault, nobody else gets it. */
static void
forged__states__are_refused_and_reported(void **state)
{
	enum { WAYS = 8 };
	struct vault_entry *e;
	struct fake_lease *l;
	unsigned i;

	(void)state;
	for (i = 0; i < WAYS; i++) {
		world_set_up(i < 4 ? "h2" : NULL, H2O_GOOD, 0);
		world_go(2);
		l = world_get(0, H2);
		fake_release(&fake[0], l, TAG_H2);
		e = &fake[0].vault.entry[l->g.slot];
		switch (i % 4) {
		case 0:
			memset(e->state, 0xff, VAULT_STATE_MAX);
			break;
		case 1: /* the port of a server */
			e->state[e->state_bytes - H2_PORT_IDLE_BYTES + 2] |= 1;
			break;
		case 2:
			e->kind &= ~(uint32_t)VAULT_H2;
			break;
		case 3: /* of another length */
			e->state_bytes--;
			break;
		}
		l = world_get(1, H2);
		assert_true(l->g.flags & GRANT_F_DIALED);
		fake_ping(l);
		fake_close(&fake[1], l);
		assert_int_equal(rig.violations, 1);
		rig.violations = 0;
		fake_stop(&fake[0], true);
		rig_until(&rig, rig.dead_done == 1, 4000);
		rig_run(&rig, 20);
		world_tear_down();
	}
}

static void
forged__tag_says_more_than_the_state__is_refused(void **state)
{
	struct fake_lease *l;

	(void)state;
	world_set_up("h2", H2O_GOOD, 0);
	world_go(2);
	l = world_get(0, H2);
	fake_release(&fake[0], l, TAG_H2WS);
	l = world_get(1, WS);
	/* not that one: dialled, in vain */
	assert_true(l->g.flags & GRANT_F_DIALED);
	assert_int_equal(l->g.tag, TAG_H2);
	fake_close(&fake[1], l);
	assert_int_equal(rig.violations, 1);
	rig.violations = 0;
	fake_stop(&fake[0], true);
	rig_until(&rig, rig.dead_done == 1, 4000);
	world_tear_down();
}

static void
broker_dies__idle_ones_stay(void **state)
{
	unsigned v, i;

	(void)state;
	for (v = 0; v < 2; v++) {
		world_set_up(v ? "h2" : NULL, H2O_GOOD, 0);
		world_go(2);
		world_use(0, H2);
		rig_broker_kill(&rig);
		rig_broker_start(&rig, true);
		fake_again(&fake[0]);
		fake_again(&fake[1]);
		rig_run(&rig, 50);
		for (i = 0; i < 10; i++)
			world_use(i % 2, H2);
		assert_int_equal(origin.accepted, 1);
		world_tear_down();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h2__alpn_chose_it__grant_has_both_states),
		cmocka_unit_test(h2__by_prior_knowledge__plain_and_over_tls),
		cmocka_unit_test(
		    h2__connection_changes_worker_forty_times__one_dial),
		cmocka_unit_test(
		    h2__released_with_a_higher_tag__fits_who_wants_it),
		cmocka_unit_test(own__harmless_frames__are_answered),
		cmocka_unit_test(own__part_of_a_frame__is_not_handed_out),
		cmocka_unit_test(own__goaway_and_the_like__close_it_politely),
		cmocka_unit_test(evicted__from_a_worker__says_goaway),
		cmocka_unit_test(forged__states__are_refused_and_reported),
		cmocka_unit_test(
		    forged__tag_says_more_than_the_state__is_refused),
		cmocka_unit_test(broker_dies__idle_ones_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
