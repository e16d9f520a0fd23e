/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/unit/shm/proto/h2_pair.h"

#include <stdlib.h>
#include <string.h>

static void
exchange(struct pair *p, uint64_t up, uint64_t down)
{
	uint32_t id;

	p->reply_bytes = down;
	if (p->cfg.is_server)
		id = pair_peer_request(p, "/x", up);
	else
		id = pair_request(p, "/x", up);
	pair_run(p);
	assert_int_equal(p->peer_err, 0);
	assert_true(pair_us(p, id)->closed && pair_them(p, id)->closed);
	assert_int_equal(pair_us(p, id)->code, 0);
	assert_int_equal(pair_them(p, id)->code, 0);
	assert_false(pair_us(p, id)->wrong || pair_them(p, id)->wrong);
	assert_int_equal(pair_us(p, id)->got, p->cfg.is_server ? up : down);
	assert_int_equal(pair_them(p, id)->got, p->cfg.is_server ? down : up);
}

static void
h2_move__idle_client_side__goes_on_over_many_moves(void **state)
{
	struct pair *p = pair_new(false, NULL, 0, 100000);

	(void)state;
	pair_run(p);
	for (int i = 0; i < 12; i++) {
		exchange(p, (uint64_t)i * 50000, (uint64_t)i * 70001);
		pair_move(p);
	}
	/* far beyond all windows, both ways */
	exchange(p, 3000000, 5000000);
	pair_move(p);
	exchange(p, 100, 0);
	assert_int_equal(p->peer_goaway, 0);
	pair_free(&p);
}

static void
h2_move__idle_server_side__goes_on_over_many_moves(void **state)
{
	struct pair *p = pair_new(true, NULL, 0, 100000);

	(void)state;
	pair_run(p);
	for (int i = 0; i < 12; i++) {
		exchange(p, (uint64_t)i * 50000, (uint64_t)i * 70001);
		pair_move(p);
	}
	exchange(p, 3000000, 5000000);
	pair_move(p);
	exchange(p, 100, 0);
	assert_int_equal(p->peer_goaway, 0);
	pair_free(&p);
}

static void
h2_move__tiny_windows__are_kept(void **state)
{
	for (int server = 0; server < 2; server++) {
		nghttp2_settings_entry e[] = {
			{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 7 },
			{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 3 },
		};
		struct pair *p = pair_new(server, e, server ? 1 : 2, 11);

		(void)state;
		pair_run(p);
		for (int i = 0; i < 10; i++) {
			exchange(p, 500, 700);
			pair_move(p);
		}
		pair_free(&p);
	}
}

static void
h2_move__settings_change_in_between__are_carried(void **state)
{
	struct pair *p = pair_new(false, NULL, 0, 65535);

	(void)state;
	pair_run(p);
	for (int i = 0; i < 10; i++) {
		nghttp2_settings_entry e[] = {
			{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
			    (uint32_t)(i * 30000 + 5) },
			{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
			    (uint32_t)i + 1 },
			{ NGHTTP2_SETTINGS_HEADER_TABLE_SIZE,
			    (uint32_t)i * 400 },
			{ NGHTTP2_SETTINGS_MAX_FRAME_SIZE,
			    16384 + (uint32_t)i },
		};

		assert_int_equal(nghttp2_submit_settings(p->peer, 0, e, 4), 0);
		pair_run(p);
		pair_move(p);
		assert_int_equal(h2_sess_peer_streams(p->s), i + 1);
		exchange(p, 200000, 100000);
	}
	pair_free(&p);
}

static void
h2_move__late_frames_on_finished_streams__are_harmless(void **state)
{
	for (int server = 0; server < 2; server++) {
		struct pair *p = pair_new(server, NULL, 0, 65535);
		uint8_t b[13];

		(void)state;
		pair_run(p);
		exchange(p, 10, 10);
		exchange(p, 10, 10);
		exchange(p, 10, 10);
		for (int i = 0; i < 3; i++) {
			pair_move(p);
			for (uint32_t id = 1; id <= 5; id += 2) {
				h2_put_word(b, H2_WINDOW_UPDATE, id, 100);
				assert_int_equal(pair_feed(p, b, 13), 0);
				h2_put_word(b, H2_RST_STREAM, id, 8);
				assert_int_equal(pair_feed(p, b, 13), 0);
			}
			pair_run(p);
			assert_false(h2_sess_is_going(p->s));
		}
		exchange(p, 10, 10);
		/* one that was never used is another matter */
		h2_put_word(b, H2_RST_STREAM, 9 + 8, 8);
		assert_int_equal(pair_feed(p, b, 13), 0);
		pair_run(p);
		assert_int_equal(p->peer_goaway, H2_PROTOCOL_ERROR + 1);
		pair_free(&p);
	}
}

static void
h2_move__before_any_request__goes_on(void **state)
{
	struct pair *p = pair_new(false, NULL, 0, 65535);

	(void)state;
	pair_run(p);
	pair_move(p);
	pair_move(p);
	exchange(p, 70000, 70000);
	assert_true(pair_us(p, 1)->closed); /* ids begin at 1 */
	pair_free(&p);
}

static void
h2_move__goaway_or_open_request__is_denied(void **state)
{
	struct pair *p = pair_new(false, NULL, 0, 65535);

	(void)state;
	pair_run(p);
	p->frozen = true;
	pair_request(p, "/x", 10);
	pair_run(p);
	assert_int_equal(h2_move_ready(p->s), -WSE_DENIED);
	p->frozen = false;
	pair_run(p);
	assert_int_equal(h2_move_ready(p->s), 0);
	nghttp2_submit_goaway(p->peer, 0, 1, 0, NULL, 0);
	pair_run(p);
	assert_int_equal(p->goaways, 1);
	assert_int_equal(h2_move_ready(p->s), -WSE_DENIED);
	assert_false(h2_sess_can_open(p->s));
	pair_free(&p);
}

/* More to send on a tunnel, both ways; whatever windows allow arrives. */
static void
talk(struct pair *p, uint32_t id, uint64_t up, uint64_t down)
{
	pair_us(p, id)->total += up;
	pair_them(p, id)->total += down;
	h2_sess_resume(p->s, id);
	nghttp2_session_resume_data(p->peer, (int32_t)id);
	pair_run(p);
	assert_int_equal(p->peer_err, 0);
	assert_int_equal(p->peer_goaway, 0);
	assert_false(pair_us(p, id)->wrong || pair_them(p, id)->wrong);
}

static void
check_all(struct pair *p, uint32_t id)
{
	assert_int_equal(pair_us(p, id)->sent, pair_us(p, id)->total);
	assert_int_equal(pair_them(p, id)->got, pair_us(p, id)->total);
	assert_int_equal(pair_us(p, id)->got, pair_them(p, id)->total);
}

static void
tunnels_move(bool server)
{
	nghttp2_settings_entry e[] = {
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 50000 },
		{ NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 },
	};
	struct pair *p = pair_new(server, e, server ? 1 : 2, 30000);
	uint32_t id[3];

	pair_run(p);
	p->reply_upgrade = true;
	for (int i = 0; i < 3; i++)
		id[i] = server ? pair_peer_connect(p) : pair_connect(p);
	pair_run(p);
	assert_int_equal(
	    server ? pair_them(p, 1)->status : pair_us(p, 1)->status,
	    server ? 200 : 101);
	for (int round = 0; round < 12; round++) {
		for (int i = 0; i < 3; i++) {
			talk(p, id[i], (uint64_t)(round * 9001 + i),
			    (uint64_t)(round * 7003 + i));
			check_all(p, id[i]);
		}
		pair_move(p);
		if (round == 5) { /* others come and go beside them */
			p->reply_upgrade = false;
			exchange(p, 90000, 90000);
			p->reply_bytes = 0;
			pair_move(p);
			p->reply_upgrade = true;
		}
	}
	/* a half-close each way survives the move */
	pair_us(p, id[0])->ends = true;
	pair_them(p, id[1])->ends = true;
	talk(p, id[0], 10, 10);
	talk(p, id[1], 10, 10);
	assert_true(pair_them(p, id[0])->got_end);
	assert_true(pair_us(p, id[1])->got_end);
	pair_move(p);
	pair_move(p);
	talk(p, id[0], 0, 200000);
	talk(p, id[1], 200000, 0);
	check_all(p, id[0]);
	check_all(p, id[1]);
	pair_them(p, id[0])->ends = true;
	pair_us(p, id[1])->ends = true;
	talk(p, id[0], 0, 1);
	talk(p, id[1], 1, 0);
	for (int i = 0; i < 2; i++) {
		assert_true(pair_us(p, id[i])->closed);
		assert_true(pair_them(p, id[i])->closed);
		assert_int_equal(pair_us(p, id[i])->code, 0);
	}
	h2_sess_reset(p->s, id[2], H2_CANCEL);
	pair_run(p);
	assert_int_equal(pair_them(p, id[2])->code, H2_CANCEL);
	assert_int_equal(h2_sess_stream_count(p->s), 0);
	pair_move(p);
	pair_free(&p);
}

static void
h2_move__tunnels_client_side__go_on(void **state)
{
	(void)state;
	tunnels_move(false);
}

static void
h2_move__tunnels_server_side__go_on(void **state)
{
	(void)state;
	tunnels_move(true);
}

/* What a slow reader holds stays counted, and the peer stays bounded. */
static void
held_moves(bool server)
{
	nghttp2_settings_entry e = { NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL,
		1 };
	struct pair *p = pair_new(server, &e, server ? 0 : 1, 20000);
	uint32_t id;

	pair_run(p);
	p->reply_upgrade = true;
	id = server ? pair_peer_connect(p) : pair_connect(p);
	pair_run(p);
	pair_us(p, id)->hold = true;
	talk(p, id, 0, 100000);
	for (int i = 0; i < 10; i++) {
		uint64_t held = pair_us(p, id)->held;

		assert_in_range(held, 20000, 20001);
		pair_move(p);
		pair_run(p);
		assert_int_equal(
		    pair_us(p, id)->got, 20000 + server + (uint64_t)i * 5000);
		h2_sess_consume(p->s, id, 5000);
		pair_us(p, id)->held -= 5000;
		assert_int_equal(h2_move_ready(p->s), -WSE_AGAIN);
		pair_run(p);
	}
	h2_sess_consume(p->s, id, pair_us(p, id)->held);
	pair_us(p, id)->hold = false;
	pair_run(p);
	check_all(p, id);
	pair_free(&p);
}

static void
h2_move__held_bytes__stay_counted(void **state)
{
	(void)state;
	held_moves(false);
	held_moves(true);
}

static void
h2_move__windows_used_up_by_the_other__are_restored(void **state)
{
	for (int server = 0; server < 2; server++) {
		nghttp2_settings_entry e[] = {
			{ NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 },
			{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1000 },
		};
		struct pair *p = pair_new(server, e + server, 2 - server, 1000);
		uint32_t id;
		uint64_t sent;

		(void)state;
		pair_run(p);
		p->reply_upgrade = true;
		id = server ? pair_peer_connect(p) : pair_connect(p);
		pair_run(p);
		/* the peer's updates do not come */
		p->frozen = true;
		pair_us(p, id)->total = 50000;
		h2_sess_resume(p->s, id);
		pair_run(p);
		sent = pair_us(p, id)->sent;
		assert_int_equal(sent, 1000);
		for (int i = 0; i < 3; i++) {
			while (h2_move_ready(p->s) == -WSE_AGAIN)
				if (!pair_out(p))
					pair_in(p);
			pair_move(p);
			while (pair_out(p))
				continue;
		}
		p->frozen = false;
		pair_run(p);
		check_all(p, id);
		assert_int_equal(p->peer_goaway, 0);
		pair_free(&p);
	}
}

/* Both windows used up on a tunnel whose sending end is closed by then. */
static void
h2_move__half_closed_and_used_up__is_restored(void **state)
{
	for (int server = 0; server < 2; server++) {
		nghttp2_settings_entry e[] = {
			{ NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 },
			{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 200000 },
		};
		struct pair *p = pair_new(server, e + server, 2 - server, 9000);
		uint32_t id, other;

		(void)state;
		pair_run(p);
		p->reply_upgrade = true;
		other = server ? pair_peer_connect(p) : pair_connect(p);
		id = server ? pair_peer_connect(p) : pair_connect(p);
		pair_run(p);
		p->frozen = true;
		pair_us(p, id)->total = 65535;
		pair_us(p, id)->ends = true;
		h2_sess_resume(p->s, id);
		pair_run(p);
		pair_us(p, other)->total = 100000;
		h2_sess_resume(p->s, other);
		pair_run(p);
		assert_int_equal(pair_us(p, id)->sent, 65535);
		assert_int_equal(pair_us(p, other)->sent, 0);
		assert_true(pair_them(p, id)->got_end);
		p->frozen = false; /* moves ask for a SETTINGS ACK */
		for (int i = 0; i < 3; i++)
			pair_move(p);
		pair_run(p);
		check_all(p, other);
		talk(p, id, 0, 100000);
		check_all(p, id);
		pair_free(&p);
	}
}

/* Tunnels that come, talk and go at random, between moves at random. */
static void
walk(bool server, unsigned seed)
{
	nghttp2_settings_entry e[] = {
		{ NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 100 },
	};
	struct pair *p = pair_new(server, e + server, 2 - server, 3000);
	uint32_t id[8] = { 0 };

	pair_run(p);
	for (int i = 0; i < 300; i++) {
		unsigned k = (unsigned)rand_r(&seed) % 8;
		unsigned what = (unsigned)rand_r(&seed) % 10;

		p->reply_upgrade = true;
		p->reply_bytes = 0;
		if (what < 4)
			pair_move(p);
		else if (!id[k])
			id[k] = server ? pair_peer_connect(p) : pair_connect(p);
		else if (what < 7)
			talk(p, id[k], (unsigned)rand_r(&seed) % 9999,
			    (unsigned)rand_r(&seed) % 9999);
		else if (what == 7)
			h2_sess_reset(p->s, id[k], H2_CANCEL);
		else if (what == 8)
			nghttp2_submit_rst_stream(
			    p->peer, 0, (int32_t)id[k], H2_CANCEL);
		else
			nghttp2_submit_settings(p->peer, 0, &e[1], 1);
		pair_run(p);
		if (what == 9) {
			e[1].value += (unsigned)rand_r(&seed) % 3000;
			p->reply_upgrade = false;
			exchange(p, 5000, 5000);
		}
		assert_int_equal(p->peer_goaway, 0);
		if (id[k] && !pair_us(p, id[k])->closed)
			check_all(p, id[k]);
		else
			id[k] = 0;
	}
	pair_free(&p);
}

static void
h2_move__random_walks__nothing_is_lost(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 40; seed++)
		walk(seed & 1, seed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    h2_move__idle_client_side__goes_on_over_many_moves),
		cmocka_unit_test(
		    h2_move__idle_server_side__goes_on_over_many_moves),
		cmocka_unit_test(h2_move__tiny_windows__are_kept),
		cmocka_unit_test(
		    h2_move__settings_change_in_between__are_carried),
		cmocka_unit_test(
		    h2_move__late_frames_on_finished_streams__are_harmless),
		cmocka_unit_test(h2_move__before_any_request__goes_on),
		cmocka_unit_test(h2_move__goaway_or_open_request__is_denied),
		cmocka_unit_test(h2_move__tunnels_client_side__go_on),
		cmocka_unit_test(h2_move__tunnels_server_side__go_on),
		cmocka_unit_test(h2_move__half_closed_and_used_up__is_restored),
		cmocka_unit_test(h2_move__random_walks__nothing_is_lost),
		cmocka_unit_test(h2_move__held_bytes__stay_counted),
		cmocka_unit_test(
		    h2_move__windows_used_up_by_the_other__are_restored),
	};

	return cmocka_run_group_tests_name("h2_move", tests, NULL, NULL);
}
