/* SPDX-License-Identifier: MIT */
/*
 * HTTP/2 connections as the broker handles them: what is offered and for
 * whom, the first SETTINGS, states that move through vaults, its own idle
 * ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka wants those first */
#include <cmocka.h>

#include <unistd.h>

#include "shm/proto/h2_frame.h"
#include "tests/unit/broker/fake.h"
#include "tests/unit/broker/h2_origin.h"

enum {
	H1 = TAG_BIT(TAG_H1),
	WS = TAG_BIT(TAG_H2WS),
	H2 = TAG_BIT(TAG_H2) | WS,
	ANY = H1 | H2,
	WORKERS = 4
};

static struct rig rig;
static struct h2_origin origin;
static struct fake fake[WORKERS];
static unsigned fakes;

/* alpn: what the server line says; NULL: plain, with `proto h2`. */
static void
set_up(const char *alpn, enum h2o_mode mode, int max_version)
{
	struct server *s = &rig.srv[0];

	rig_init(&rig);
	rig_origin_close(&rig, 0);
	h2_origin_init(&origin, alpn != NULL, max_version);
	origin.mode = (int)mode;
	rig.o[0].port = origin.t.port;
	s->proto_h2 = !alpn;
	s->tls.enabled = alpn;
	if (!alpn)
		return;
	s->tls.ctx = tls_origin_client(&origin.t, false);
	if (*alpn)
		assert_int_equal(tls_alpn_parse(alpn, &s->tls.opts.alpn), 0);
	else
		s->proto_h2 = true;
}

static void
go(unsigned workers)
{
	unsigned i;

	rig_start(&rig, 0);
	h2_origin_run(&origin);
	for (i = 0; i < workers; i++)
		fake_start(&rig, &fake[i], i);
	fakes = workers;
}

static void
tear_down(void)
{
	unsigned i;

	for (i = 0; i < fakes; i++)
		if (fake[i].chan)
			fake_stop(&fake[i], false);
	rig_check_rest(&rig);
	rig_stop(&rig);
	h2_origin_fini(&origin);
	assert_int_equal(origin.bad, 0);
	SSL_CTX_free(rig.srv[0].tls.ctx);
}

static struct fake_lease *
get(unsigned worker, uint8_t tags)
{
	struct fake_lease *l = fake_ask(&fake[worker], 0, tags);

	fake_await(&fake[worker], l);
	if (l->granted)
		fake_open(&fake[worker], l);
	return l;
}

/* Ask, send something, release. */
static void
use(unsigned worker, uint8_t tags)
{
	struct fake_lease *l = get(worker, tags);

	if (l->failed)
		fail_msg("failed: %s", l->f.text);
	fake_ping(l);
	l->port.last_id += l->port.last_id ? 2 : 1;
	fake_release(&fake[worker], l, (enum slot_tag)l->g.tag);
	rig_run(&rig, 2);
}

static void
h2__alpn_chose_it__grant_has_both_states(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, 0 };
	struct fake_lease *l;
	unsigned v;

	(void)state;
	for (v = 0; v < 2; v++) {
		set_up("h2,http/1.1", v ? H2O_CONNECTS : H2O_GOOD, versions[v]);
		go(1);
		l = get(0, ANY);
		assert_int_equal(l->g.tag, v ? TAG_H2WS : TAG_H2);
		assert_int_equal(l->g.flags,
		    GRANT_F_TLS | GRANT_F_H2 | GRANT_F_DIALED | GRANT_F_FRESH);
		assert_int_equal(l->kind, VAULT_TLS | VAULT_ALPN_H2 | VAULT_H2);
		assert_int_equal(l->port.peer.connects, v);
		assert_int_equal(l->port.peer.streams, 100);
		fake_ping(l);
		fake_close(&fake[0], l);
		assert_int_equal(origin.acks, 1);
		tear_down();
	}
}

static void
h2__by_prior_knowledge__plain_and_over_tls(void **state)
{
	struct fake_lease *l;
	unsigned v;

	(void)state;
	for (v = 0; v < 2; v++) {
		set_up(v ? "" : NULL, H2O_CONNECTS, 0);
		if (v)
			origin.alpn = NULL;
		go(1);
		if (v) { /* this origin speaks what ALPN says: nothing */
			l = get(0, H2);
			assert_true(l->failed);
			assert_int_equal(l->f.why, LFAIL_PROTO);
			assert_int_equal(origin.h1, 1);
		} else {
			l = get(0, H2);
			assert_int_equal(l->g.tag, TAG_H2WS);
			assert_int_equal(l->kind, VAULT_PLAIN | VAULT_H2);
			fake_ping(l);
			fake_close(&fake[0], l);
		}
		tear_down();
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
		set_up(alpn[v], H2O_CONNECTS, 0);
		go(WORKERS);
		for (i = 0; i < 40; i++)
			use(i % WORKERS, i & 4 ? WS : H2);
		for (i = 0; i < WORKERS - 1; i++)
			for (k = 0; k < rig.slot_count; k++)
				assert_memory_equal(
				    fake[i].vault.entry[k].state, none,
				    sizeof(none));
		use(3, H2); /* its own: the broker gives it back */
		assert_int_equal(origin.accepted, 1);
		assert_int_equal(origin.pings, 41);
		tear_down();
	}
}

/* The worker learned of RFC 8441 while it had the connection. */
static void
h2__released_with_a_higher_tag__fits_who_wants_it(void **state)
{
	struct fake_lease *l;

	(void)state;
	set_up("h2", H2O_GOOD, 0);
	go(2);
	l = get(0, H2);
	assert_int_equal(l->g.tag, TAG_H2);
	l->port.peer.connects = true;
	fake_release(&fake[0], l, TAG_H2WS);
	use(1, WS);
	assert_int_equal(origin.accepted, 1);
	tear_down();
}

static void
offer__who_wants_h1__is_not_offered_h2(void **state)
{
	struct fake_lease *h1, *any, *h1_again;

	(void)state;
	set_up("h2,http/1.1", H2O_GOOD, 0);
	go(2);
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
	h1_again = get(0, H1);
	assert_int_equal(h1_again->g.tag, TAG_H1);
	assert_int_equal(origin.accepted, 3);
	fake_release(&fake[0], h1_again, TAG_H1);
	fake_release(&fake[1], h1, TAG_H1);
	rig_run(&rig, 5);
	tear_down();
}

static void
offer__the_order_of_the_line__is_ours_the_choice_the_servers(void **state)
{
	struct fake_lease *l;

	(void)state;
	set_up("h2,http/1.1", H2O_GOOD, 0);
	origin.alpn = "http/1.1,h2";
	go(1);
	l = get(0, ANY);
	assert_int_equal(l->g.tag, TAG_H1);
	fake_close(&fake[0], l);
	l = get(0, H2);
	assert_int_equal(l->g.tag, TAG_H2);
	fake_close(&fake[0], l);
	tear_down();
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
	set_up("h2,http/1.1", H2O_CONNECTS, 0);
	go(WORKERS);
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
	tear_down();
}

static void
offer__server_without_websockets__fails_those_alone(void **state)
{
	struct fake_lease *ws, *any, *h1;

	(void)state;
	set_up("h2,http/1.1", H2O_GOOD, 0);
	go(1);
	ws = fake_ask(&fake[0], 0, WS);
	any = fake_ask(&fake[0], 0, ANY);
	h1 = fake_ask(&fake[0], 0, H1);
	fake_await(&fake[0], ws);
	fake_await(&fake[0], any);
	fake_await(&fake[0], h1);
	assert_true(ws->failed);
	assert_int_equal(ws->f.why, LFAIL_PROTO);
	assert_non_null(strstr(ws->f.text, "RFC 8441"));
	fake_open(&fake[0], any);
	fake_open(&fake[0], h1);
	fake_close(&fake[0], any);
	fake_close(&fake[0], h1);
	/* what was dialled in vain does not pile up */
	ws = get(0, WS);
	ws = get(0, WS);
	assert_true(ws->failed);
	rig_until(&rig, origin.open <= 1, 4000);
	assert_true(rig_count(&rig, SLOT_IDLE) <= 1);
	tear_down();
}

static void
offer__server_knows_no_alpn__is_http1(void **state)
{
	struct fake_lease *l;

	(void)state;
	set_up("h2,http/1.1", H2O_GOOD, 0);
	origin.alpn = NULL;
	go(1);
	l = get(0, ANY);
	assert_int_equal(l->g.tag, TAG_H1);
	assert_int_equal(l->kind, VAULT_TLS);
	fake_close(&fake[0], l);
	l = get(0, H2);
	assert_true(l->failed);
	assert_int_equal(l->f.why, LFAIL_PROTO);
	assert_non_null(strstr(l->f.text, "ALPN"));
	tear_down();
}

static void
offer__line_has_no_such_protocol__fails_at_once(void **state)
{
	struct fake_lease *l;

	(void)state;
	set_up("h2", H2O_GOOD, 0);
	go(1);
	l = get(0, H1);
	assert_true(l->failed);
	assert_int_equal(l->f.why, LFAIL_PROTO);
	l = fake_ask(&fake[0], 1, WS); /* plain, http/1.1 */
	fake_await(&fake[0], l);
	assert_true(l->failed);
	assert_int_equal(origin.accepted, 0);
	tear_down();
}

struct bad_hello {
	enum h2o_mode mode;
	enum lease_fail why;
	const char *text;
};

static void
hello__bad_servers__fail_with_a_reason(void **state)
{
	static const struct bad_hello bad[] = {
		{ H2O_SILENT, LFAIL_TIMEOUT, "no SETTINGS" },
		{ H2O_HTTP1, LFAIL_PROTO, "not HTTP/2" },
		{ H2O_NOT_FIRST, LFAIL_PROTO, "not HTTP/2" },
		{ H2O_GOAWAY, LFAIL_PROTO, "instead of" },
		{ H2O_CLOSE, LFAIL_PROTO, "instead of" },
	};
	struct fake_lease *l;
	unsigned i, v;

	(void)state;
	for (v = 0; v < 2; v++)
		for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
			set_up(v ? "h2" : NULL, bad[i].mode, 0);
			rig.px.tmo.connect_ms =
			    bad[i].mode == H2O_SILENT ? 300 : 5000;
			go(1);
			l = get(0, H2);
			assert_true(l->failed);
			assert_int_equal(l->f.why, bad[i].why);
			assert_non_null(strstr(l->f.text, bad[i].text));
			assert_string_equal(
			    rig.board.server[0].last_error, l->f.text);
			assert_int_equal(rig.board.server[0].dial_errors, 1);
			rig_until(&rig, origin.open == 0, 4000);
			assert_int_equal(
			    rig_count(&rig, SLOT_FREE), rig.slot_count);
			tear_down();
		}
}

static void
hello__settings_in_pieces__are_waited_for(void **state)
{
	static const enum h2o_mode modes[] = { H2O_SLOW, H2O_HALF };
	struct fake_lease *l;
	unsigned i, v;

	(void)state;
	for (v = 0; v < 2; v++)
		for (i = 0; i < 2; i++) {
			set_up(v ? "h2" : NULL, modes[i], 0);
			rig.px.tmo.connect_ms = 20000;
			go(1);
			l = get(0, H2);
			assert_true(l->granted);
			if (modes[i] == H2O_HALF)
				assert_int_equal(
				    l->port.send_window, 65535 + 1);
			fake_ping(l);
			fake_close(&fake[0], l);
			assert_int_equal(origin.accepted, 1);
			tear_down();
		}
}

/* A connection the broker itself has, as after a worker's death. */
static void
park(unsigned worker)
{
	struct fake_lease *l = get(worker, H2);

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
		set_up(v ? "h2" : NULL, H2O_GOOD, 0);
		go(2);
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
		use(1, H2);
		assert_int_equal(fake[1].l[0].port.send_window, 65535 + 8);
		assert_true(fake[1].l[0].port.peer.connects);
		assert_int_equal(origin.accepted, 1);
		tear_down();
	}
}

static void
own__part_of_a_frame__is_not_handed_out(void **state)
{
	struct fake_lease *l;
	unsigned v;

	(void)state;
	for (v = 0; v < 2; v++) {
		set_up(v ? "h2" : NULL, H2O_GOOD, 0);
		go(2);
		park(0);
		h2_origin_say(&origin, H2O_HALF_ONLY);
		rig_run(&rig, 100);
		assert_int_equal(rig_count(&rig, SLOT_IDLE), 1);
		l = get(1, H2);
		assert_true(l->g.flags & GRANT_F_DIALED);
		assert_int_equal(origin.accepted, 2);
		/* and it does not stay */
		rig_until(&rig, rig_count(&rig, SLOT_IDLE) == 0, 4000);
		fake_close(&fake[1], l);
		tear_down();
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
			set_up(v ? "h2" : NULL, H2O_GOOD, 0);
			go(2);
			park(0);
			h2_origin_say(&origin, words[i]);
			rig_until(&rig, rig_count(&rig, SLOT_IDLE) == 0, 4000);
			rig_until(&rig, origin.open == 0, 4000);
			if (words[i] != H2O_EOF) {
				assert_int_equal(origin.byes, 1);
				assert_int_equal(origin.notifies, v);
			}
			use(1, H2);
			assert_int_equal(origin.accepted, 2);
			tear_down();
		}
}

static void
evicted__from_a_worker__says_goaway(void **state)
{
	unsigned v;

	(void)state;
	for (v = 0; v < 2; v++) {
		set_up(v ? "h2" : NULL, H2O_GOOD, 0);
		go(1);
		use(0, H2);
		atomic_store(&rig.board.server[0].admin_state, SRV_FMAINT);
		rig_until(&rig, origin.open == 0, 4000);
		assert_int_equal(origin.byes, 1);
		assert_int_equal(origin.notifies, v);
		assert_int_equal(rig_count(&rig, SLOT_IDLE), 0);
		atomic_store(&rig.board.server[0].admin_state, 0);
		rig_run(&rig, 300);
		tear_down();
	}
}

static void
prewarm__offers_all__and_dials_anew_after_goaway(void **state)
{
	struct fake_lease *l;

	(void)state;
	set_up("h2,http/1.1", H2O_CONNECTS, 0);
	rig.srv[0].pool.prewarm = 3;
	go(1);
	rig_until(&rig, rig_count(&rig, SLOT_IDLE) == 3, 8000);
	h2_origin_say(&origin, H2O_BYE);
	rig_until(&rig, origin.byes == 3, 4000);
	rig_until(&rig, rig_count(&rig, SLOT_IDLE) == 3 && origin.accepted == 6,
	    8000);
	assert_int_equal(origin.h1, 0);
	l = get(0, WS);
	assert_false(l->g.flags & GRANT_F_DIALED);
	assert_true(l->g.flags & GRANT_F_FRESH);
	fake_ping(l);
	fake_close(&fake[0], l);
	tear_down();
}

/* Prewarmed h2 is of no use to who wants h1, and neither is what is dialled. */
static void
prewarm__with_nothing_that_fits__waiters_get_their_own(void **state)
{
	struct fake_lease *l;

	(void)state;
	set_up("h2,http/1.1", H2O_SILENT, 0);
	rig.srv[0].pool.prewarm = 2;
	rig.px.tmo.connect_ms = 60000;
	go(1);
	rig_until(&rig, rig.board.server[0].dial_count == 2, 8000);
	l = get(0, H1); /* while those are under way */
	assert_int_equal(l->g.tag, TAG_H1);
	fake_close(&fake[0], l);
	fake_stop(&fake[0], false);
	rig_stop(&rig);
	h2_origin_fini(&origin);
	SSL_CTX_free(rig.srv[0].tls.ctx);
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
		set_up(i < 4 ? "h2" : NULL, H2O_GOOD, 0);
		go(2);
		l = get(0, H2);
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
		l = get(1, H2);
		assert_true(l->g.flags & GRANT_F_DIALED);
		fake_ping(l);
		fake_close(&fake[1], l);
		assert_int_equal(rig.violations, 1);
		rig.violations = 0;
		fake_stop(&fake[0], true);
		rig_until(&rig, rig.dead_done == 1, 4000);
		rig_run(&rig, 20);
		tear_down();
	}
}

static void
forged__tag_says_more_than_the_state__is_refused(void **state)
{
	struct fake_lease *l;

	(void)state;
	set_up("h2", H2O_GOOD, 0);
	go(2);
	l = get(0, H2);
	fake_release(&fake[0], l, TAG_H2WS);
	l = get(1, WS);
	assert_true(l->failed); /* dialled, in vain */
	assert_int_equal(rig.violations, 1);
	rig.violations = 0;
	fake_stop(&fake[0], true);
	rig_until(&rig, rig.dead_done == 1, 4000);
	tear_down();
}

static void
broker_dies__idle_ones_stay(void **state)
{
	unsigned v, i;

	(void)state;
	for (v = 0; v < 2; v++) {
		set_up(v ? "h2" : NULL, H2O_GOOD, 0);
		go(2);
		use(0, H2);
		rig_broker_kill(&rig);
		rig_broker_start(&rig, true);
		fake_again(&fake[0]);
		fake_again(&fake[1]);
		rig_run(&rig, 50);
		for (i = 0; i < 10; i++)
			use(i % 2, H2);
		assert_int_equal(origin.accepted, 1);
		tear_down();
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
		cmocka_unit_test(offer__who_wants_h1__is_not_offered_h2),
		cmocka_unit_test(
		    offer__the_order_of_the_line__is_ours_the_choice_the_servers),
		cmocka_unit_test(
		    offer__classes_mixed__all_served_with_as_many_connections),
		cmocka_unit_test(
		    offer__server_without_websockets__fails_those_alone),
		cmocka_unit_test(offer__server_knows_no_alpn__is_http1),
		cmocka_unit_test(
		    offer__line_has_no_such_protocol__fails_at_once),
		cmocka_unit_test(hello__bad_servers__fail_with_a_reason),
		cmocka_unit_test(hello__settings_in_pieces__are_waited_for),
		cmocka_unit_test(own__harmless_frames__are_answered),
		cmocka_unit_test(own__part_of_a_frame__is_not_handed_out),
		cmocka_unit_test(own__goaway_and_the_like__close_it_politely),
		cmocka_unit_test(evicted__from_a_worker__says_goaway),
		cmocka_unit_test(
		    prewarm__offers_all__and_dials_anew_after_goaway),
		cmocka_unit_test(
		    prewarm__with_nothing_that_fits__waiters_get_their_own),
		cmocka_unit_test(forged__states__are_refused_and_reported),
		cmocka_unit_test(
		    forged__tag_says_more_than_the_state__is_refused),
		cmocka_unit_test(broker_dies__idle_ones_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
