/* SPDX-License-Identifier: MIT */
/*
 * What is offered by ALPN and for whom; dials for waiters of different tags.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka wants those first */
#include <cmocka.h>

#include "tests/unit/broker/h2_world.h"

static void
offer__who_wants_h1__is_not_offered_h2(void **state)
{
	struct fake_lease *h1, *any, *h1_again;

	(void)state;
	world_set_up("h2,http/1.1", H2O_GOOD, 0);
	world_go(2);
	any = fake_ask(&fake[0], 0, ANY);
	h1 = fake_ask(&fake[1], 0, H1);
	fake_await(&fake[0], any);
	fake_await(&fake[1], h1);
	fake_open(&fake[0], any);
	fake_open(&fake[1], h1);
	assert_int_equal(any->g.tag, TAG_H2);
	assert_int_equal(h1->g.tag, TAG_H1);
	assert_int_equal(h1->kind, VAULT_TLS | VAULT_ALPN_H1);
	/* an idle h2 connection is no use to it either */
	fake_release(&fake[0], any, TAG_H2);
	h1_again = world_get(0, H1);
	assert_int_equal(h1_again->g.tag, TAG_H1);
	assert_int_equal(origin.accepted, 3);
	fake_release(&fake[0], h1_again, TAG_H1);
	fake_release(&fake[1], h1, TAG_H1);
	rig_run(&rig, 5);
	world_tear_down();
}

static void
offer__the_order_of_the_line__is_ours_the_choice_the_servers(void **state)
{
	struct fake_lease *l;

	(void)state;
	world_set_up("h2,http/1.1", H2O_GOOD, 0);
	origin.alpn = "http/1.1,h2";
	world_go(1);
	l = world_get(0, ANY);
	assert_int_equal(l->g.tag, TAG_H1);
	fake_close(&fake[0], l);
	l = world_get(0, H2);
	assert_int_equal(l->g.tag, TAG_H2);
	fake_close(&fake[0], l);
	world_tear_down();
}

/* A mixed crowd: all are served, and nobody's dial is one too many. */
static void
offer__classes_mixed__all_served_with_as_many_connections(void **state)
{
	static const uint8_t tags[] = { ANY, H1, H2, WS, ANY, H1 };
	enum { N = 24 };
	struct fake_lease *l[N];
	unsigned i, round;

	(void)state;
	world_set_up("h2,http/1.1", H2O_CONNECTS, 0);
	world_go(WORKERS);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < N; i++)
			l[i] = fake_ask(&fake[i % WORKERS], 0, tags[i % 6]);
		for (i = 0; i < N; i++) {
			fake_await(&fake[i % WORKERS], l[i]);
			fake_open(&fake[i % WORKERS], l[i]);
			assert_true(TAG_BIT(l[i]->g.tag) & tags[i % 6]);
		}
		/* later, ANY may have taken what H1 needs */
		if (round == 0)
			assert_int_equal(origin.accepted, N);
		for (i = 0; i < N; i++)
			fake_release(&fake[i % WORKERS], l[i],
			    (enum slot_tag)l[i]->g.tag);
		rig_run(&rig, 20);
	}
	world_tear_down();
}

static void
offer__server_without_websockets__fails_those_alone(void **state)
{
	struct fake_lease *ws, *any, *h1;

	(void)state;
	world_set_up("h2,http/1.1", H2O_GOOD, 0);
	rig.srv[0].ws = WS_PREFER_H2;
	world_go(1);
	ws = fake_ask(&fake[0], 0, WS);
	any = fake_ask(&fake[0], 0, ANY);
	h1 = fake_ask(&fake[0], 0, H1);
	fake_await(&fake[0], ws);
	fake_await(&fake[0], any);
	fake_await(&fake[0], h1);
	assert_true(ws->failed);
	assert_int_equal(ws->f.why, LFAIL_UNFIT);
	assert_non_null(strstr(ws->f.text, "RFC 8441"));
	fake_open(&fake[0], any);
	fake_open(&fake[0], h1);
	fake_close(&fake[0], any);
	fake_close(&fake[0], h1);
	/* what was dialled in vain does not pile up */
	ws = world_get(0, WS);
	ws = world_get(0, WS);
	assert_true(ws->failed);
	rig_until(&rig, origin.open <= 1, 4000);
	assert_true(rig_count(&rig, SLOT_IDLE) <= 1);
	world_tear_down();
}

/* Unless HTTP/1 would do: then the worker refuses it, on the connection. */
static void
offer__server_without_websockets__is_granted_to_hear_of_it(void **state)
{
	struct fake_lease *l;
	unsigned i;

	(void)state;
	world_set_up("h2,http/1.1", H2O_GOOD, 0);
	rig.srv[0].ws = WS_H2;
	world_go(1);
	for (i = 0; i < 3; i++) {
		l = world_get(0, WS);
		assert_int_equal(l->g.tag, TAG_H2);
		assert_true(l->g.flags & GRANT_F_FRESH);
		fake_close(&fake[0], l);
	}
	assert_int_equal(origin.accepted, 3);
	world_tear_down();
}

static void
offer__server_knows_no_alpn__is_http1(void **state)
{
	struct fake_lease *l;

	(void)state;
	world_set_up("h2,http/1.1", H2O_GOOD, 0);
	origin.alpn = NULL;
	world_go(1);
	l = world_get(0, ANY);
	assert_int_equal(l->g.tag, TAG_H1);
	assert_int_equal(l->kind, VAULT_TLS);
	fake_close(&fake[0], l);
	l = world_get(0, H2);
	assert_true(l->failed);
	assert_int_equal(l->f.why, LFAIL_UNFIT);
	assert_non_null(strstr(l->f.text, "ALPN"));
	world_tear_down();
}

static void
offer__line_has_no_such_protocol__fails_at_once(void **state)
{
	struct fake_lease *l;

	(void)state;
	world_set_up("h2", H2O_GOOD, 0);
	world_go(1);
	l = fake_ask(&fake[0], 1, WS); /* plain, http/1.1 */
	fake_await(&fake[0], l);
	assert_true(l->failed);
	assert_int_equal(l->f.why, LFAIL_UNFIT);
	assert_int_equal(origin.accepted, 0);
	world_tear_down();
}

static void
prewarm__offers_all__and_dials_anew_after_goaway(void **state)
{
	struct fake_lease *l;

	(void)state;
	world_set_up("h2,http/1.1", H2O_CONNECTS, 0);
	rig.srv[0].pool.prewarm = 3;
	world_go(1);
	rig_until(&rig, rig_count(&rig, SLOT_IDLE) == 3, 8000);
	h2_origin_say(&origin, H2O_BYE);
	rig_until(&rig, origin.byes == 3, 4000);
	rig_until(&rig, rig_count(&rig, SLOT_IDLE) == 3 && origin.accepted == 6,
	    8000);
	assert_int_equal(origin.h1, 0);
	l = world_get(0, WS);
	assert_false(l->g.flags & GRANT_F_DIALED);
	assert_true(l->g.flags & GRANT_F_FRESH);
	fake_ping(l);
	fake_close(&fake[0], l);
	world_tear_down();
}

/* Prewarmed h2 is of no use to who wants h1, and neither is what is dialled. */
static void
prewarm__with_nothing_that_fits__waiters_get_their_own(void **state)
{
	struct fake_lease *l;

	(void)state;
	world_set_up("h2,http/1.1", H2O_SILENT, 0);
	rig.srv[0].pool.prewarm = 2;
	rig.px.tmo.connect_ms = 60000;
	world_go(1);
	rig_until(&rig, rig.board.server[0].dial_count == 2, 8000);
	l = world_get(0, H1); /* while those are under way */
	assert_int_equal(l->g.tag, TAG_H1);
	fake_close(&fake[0], l);
	fake_stop(&fake[0], false);
	rig_stop(&rig);
	h2_origin_fini(&origin);
	SSL_CTX_free(rig.srv[0].tls.ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offer__who_wants_h1__is_not_offered_h2),
		cmocka_unit_test(
		    offer__the_order_of_the_line__is_ours_the_choice_the_servers),
		cmocka_unit_test(
		    offer__classes_mixed__all_served_with_as_many_connections),
		cmocka_unit_test(
		    offer__server_without_websockets__fails_those_alone),
		cmocka_unit_test(
		    offer__server_without_websockets__is_granted_to_hear_of_it),
		cmocka_unit_test(offer__server_knows_no_alpn__is_http1),
		cmocka_unit_test(
		    offer__line_has_no_such_protocol__fails_at_once),
		cmocka_unit_test(
		    prewarm__offers_all__and_dials_anew_after_goaway),
		cmocka_unit_test(
		    prewarm__with_nothing_that_fits__waiters_get_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
