/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/unit/shm/proto/h2_pair.h"

#include <stdlib.h>
#include <string.h>

static void
check_done(struct pair *p, uint32_t id, uint64_t up, uint64_t down)
{
	struct pair_end *u = pair_us(p, id), *t = pair_them(p, id);

	assert_int_equal(p->peer_err, 0);
	assert_true(u->closed && t->closed);
	assert_int_equal(u->code, 0);
	assert_false(u->wrong || t->wrong);
	assert_int_equal(u->got, p->cfg.is_server ? up : down);
	assert_int_equal(t->got, p->cfg.is_server ? down : up);
}

static void
h2_sess__many_streams_at_once__all_complete(void **state)
{
	(void)state;
	for (int server = 0; server < 2; server++) {
		struct pair *p = pair_new(server, NULL, 0, 40000);
		uint32_t id[90];

		pair_run(p);
		p->reply_bytes = 123456;
		for (int i = 0; i < 90; i++)
			id[i] = server
			    ? pair_peer_request(p, "/many", (uint64_t)i * 999)
			    : pair_request(p, "/many", (uint64_t)i * 999);
		pair_run(p);
		for (int i = 0; i < 90; i++) {
			check_done(p, id[i], (uint64_t)i * 999, 123456);
			assert_string_equal(server ? pair_us(p, id[i])->path
						   : pair_them(p, id[i])->path,
			    "/many");
		}
		assert_int_equal(h2_sess_stream_count(p->s), 0);
		pair_free(&p);
	}
}

static void
h2_sess__fed_byte_by_byte__the_same(void **state)
{
	(void)state;
	for (int server = 0; server < 2; server++)
		for (size_t step = 1; step < 4; step++) {
			struct pair *p = pair_new(server, NULL, 0, 65535);
			uint32_t id;

			p->feed_step = step;
			p->reply_bytes = 3000;
			pair_run(p);
			id = server ? pair_peer_request(p, "/x", 2000)
				    : pair_request(p, "/x", 2000);
			pair_run(p);
			check_done(p, id, 2000, 3000);
			pair_free(&p);
		}
}

/* What a client sends for a request, split in two at every place. */
static void
h2_sess__split_anywhere__the_same(void **state)
{
	static uint8_t in[4096];
	struct pair *src = pair_new(true, NULL, 0, 65535);
	size_t n = 0;
	const uint8_t *b;
	ssize_t got;

	(void)state;
	pair_peer_request(src, "/split", 300);
	while ((got = nghttp2_session_mem_send(src->peer, &b)) > 0) {
		memcpy(in + n, b, (size_t)got);
		n += (size_t)got;
	}
	pair_free(&src);
	for (size_t at = 0; at <= n; at++) {
		struct pair *p = pair_new(true, NULL, 0, 65535);

		assert_int_equal(pair_feed(p, in, at), 0);
		assert_int_equal(pair_feed(p, in + at, n - at), 0);
		assert_int_equal(p->raw_bytes, 0);
		assert_string_equal(pair_us(p, 1)->path, "/split");
		assert_int_equal(pair_us(p, 1)->got, 300);
		assert_true(pair_us(p, 1)->got_end);
		pair_free(&p);
	}
}

static void
h2_sess__slow_reader__holds_no_more_than_its_window(void **state)
{
	struct pair *p = pair_new(true, NULL, 0, 10000);
	uint32_t slow, fast;

	(void)state;
	pair_run(p);
	slow = pair_peer_request(p, "/slow", 1000000);
	pair_us(p, slow)->hold = true;
	fast = pair_peer_request(p, "/fast", 1000000);
	pair_run(p);
	assert_int_equal(pair_us(p, slow)->got, 10000);
	check_done(p, fast, 1000000, 0);
	pair_us(p, slow)->hold = false;
	h2_sess_consume(p->s, slow, 10000);
	pair_run(p);
	check_done(p, slow, 1000000, 0);
	pair_free(&p);
}

static void
h2_sess__reset_with_bytes_held__window_comes_back(void **state)
{
	struct pair *p = pair_new(true, NULL, 0, 60000);

	(void)state;
	pair_run(p);
	for (int i = 0; i < 30; i++) {
		uint32_t id = pair_peer_request(p, "/x", 1000000);

		pair_us(p, id)->hold = true;
		pair_run(p);
		assert_true(pair_us(p, id)->held >= 60000);
		h2_sess_reset(p->s, id, H2_CANCEL);
		pair_run(p);
		assert_true(pair_us(p, id)->closed);
		assert_int_equal(pair_them(p, id)->code, H2_CANCEL);
		h2_sess_consume(p->s, id, pair_us(p, id)->held);
	}
	pair_free(&p);
}

static void
h2_sess__resets_of_the_peer__show(void **state)
{
	for (int server = 0; server < 2; server++) {
		struct pair *p = pair_new(server, NULL, 0, 60000);
		uint32_t id;

		(void)state;
		pair_run(p);
		p->reply_upgrade = true; /* never ends */
		id = server ? pair_peer_request(p, "/x", 1000000000)
			    : pair_request(p, "/x", 0);
		if (server)
			pair_us(p, id)->hold = true;
		pair_run(p);
		nghttp2_submit_rst_stream(
		    p->peer, 0, (int32_t)id, H2_REFUSED_STREAM);
		pair_run(p);
		assert_true(pair_us(p, id)->closed);
		assert_true(pair_us(p, id)->by_peer);
		assert_int_equal(pair_us(p, id)->code, H2_REFUSED_STREAM);
		pair_free(&p);
	}
}

static void
h2_sess__refused_by_the_caller__refused_stream(void **state)
{
	struct pair *p = pair_new(true, NULL, 0, 60000);
	uint32_t id;

	(void)state;
	pair_run(p);
	p->refuse = true;
	id = pair_peer_request(p, "/x", 100000);
	pair_run(p);
	assert_int_equal(pair_them(p, id)->code, H2_REFUSED_STREAM);
	assert_int_equal(h2_sess_stream_count(p->s), 0);
	p->refuse = false;
	id = pair_peer_request(p, "/x", 100000);
	pair_run(p);
	check_done(p, id, 100000, 0);
	pair_free(&p);
}

static void
h2_sess__more_streams_than_allowed__are_refused(void **state)
{
	static const char block[] = "\x83\x86\x84\x41\x01"
				    "a";
	static const uint8_t settings[9] = { 0, 0, 0, 4 };
	struct pair *p = pair_new(true, NULL, 0, 60000);
	uint8_t b[64], out[16384];

	(void)state;
	assert_int_equal(pair_feed(p, H2_MAGIC, H2_MAGIC_BYTES), 0);
	assert_int_equal(pair_feed(p, settings, 9), 0);
	for (uint32_t i = 0; i <= 100; i++) { /* our SETTINGS not seen yet */
		h2_hd_put(b, sizeof(block) - 1, H2_HEADERS, H2_END_HEADERS,
		    2 * i + 1);
		memcpy(b + 9, block, sizeof(block) - 1);
		assert_int_equal(pair_feed(p, b, 9 + sizeof(block) - 1), 0);
	}
	assert_true(h2_sess_output(p->s, out, sizeof(out)) > 0);
	assert_int_equal(h2_sess_stream_count(p->s), 100);
	assert_false(h2_sess_is_going(p->s));
	pair_free(&p);
}

static void
h2_sess__interim_heads_not_read__are_few(void **state)
{
	static const char block[] = "\x83\x86\x84\x41\x01"
				    "a";
	static const uint8_t settings[9] = { 0, 0, 0, 4 };
	struct h2_fields f = { .count = 1,
		.f[0] = { SV(":status"), SV("103") } };
	struct pair *p = pair_new(true, NULL, 0, 60000);
	uint8_t b[64], out[16384];
	unsigned heads = 0;
	ssize_t n;

	(void)state;
	assert_int_equal(pair_feed(p, H2_MAGIC, H2_MAGIC_BYTES), 0);
	assert_int_equal(pair_feed(p, settings, 9), 0);
	h2_hd_put(b, sizeof(block) - 1, H2_HEADERS, H2_END_HEADERS, 1);
	memcpy(b + 9, block, sizeof(block) - 1);
	p->silent = true;
	assert_int_equal(pair_feed(p, b, 9 + sizeof(block) - 1), 0);
	assert_true(h2_sess_output(p->s, out, sizeof(out)) > 0);
	for (int round = 1; round <= 2; round++) {
		for (int i = 0; i < 1000; i++)
			assert_int_equal(h2_sess_interim(p->s, 1, &f), 0);
		n = h2_sess_output(p->s, out, sizeof(out));
		for (ssize_t at = 0; at < n; heads++)
			at += 9 + h2_hd_get(out + at).len;
		assert_int_equal(heads, round * H2_INTERIMS_MAX);
	}
	pair_free(&p);
}

static void
h2_sess__limit_of_the_server__is_kept(void **state)
{
	nghttp2_settings_entry e = { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
		2 };
	struct pair *p = pair_new(false, &e, 1, 60000);
	uint32_t id;

	(void)state;
	assert_false(h2_sess_is_ready(p->s));
	pair_run(p);
	assert_true(h2_sess_is_ready(p->s));
	p->frozen = true;
	pair_request(p, "/a", 5);
	assert_true(h2_sess_can_open(p->s));
	id = pair_request(p, "/b", 5);
	assert_false(h2_sess_can_open(p->s));
	p->frozen = false;
	pair_run(p);
	check_done(p, id, 5, 0);
	assert_true(h2_sess_can_open(p->s));
	pair_free(&p);
}

static void
h2_sess__goaway_of_the_server__what_is_above_is_refused(void **state)
{
	struct pair *p = pair_new(false, NULL, 0, 60000);
	uint32_t a, b, c;

	(void)state;
	pair_run(p);
	p->reply_upgrade = true;
	a = pair_request(p, "/a", 5);
	pair_run(p);
	b = pair_request(p, "/b", 5);
	p->frozen = true;
	while (pair_out(p))
		continue;
	c = pair_request(p, "/c", 5); /* not even sent */
	nghttp2_submit_goaway(p->peer, 0, (int32_t)a, 0, NULL, 0);
	while (pair_in(p))
		continue;
	p->frozen = false;
	pair_run(p);
	assert_false(pair_us(p, a)->closed);
	assert_true(pair_us(p, b)->closed && pair_us(p, c)->closed);
	assert_int_equal(pair_us(p, b)->code, H2_REFUSED_STREAM);
	assert_int_equal(pair_us(p, c)->code, H2_REFUSED_STREAM);
	assert_true(h2_sess_is_going(p->s));
	assert_false(h2_sess_is_over(p->s));
	h2_sess_reset(p->s, a, H2_CANCEL);
	pair_run(p);
	assert_true(h2_sess_is_over(p->s));
	pair_free(&p);
}

static void
h2_sess__drain__finishes_and_refuses(void **state)
{
	struct pair *p = pair_new(true, NULL, 0, 60000);
	uint32_t a, b;

	(void)state;
	pair_run(p);
	a = pair_peer_request(p, "/a", 5);
	pair_them(p, a)->ends = false;
	pair_run(p);
	h2_sess_drain(p->s, true);
	b = pair_peer_request(p, "/b", 5);
	p->frozen = true;
	while (pair_in(p))
		continue;
	p->frozen = false;
	pair_run(p);
	assert_int_equal(p->peer_goaway, H2_NO_ERROR + 1);
	assert_int_equal(pair_them(p, b)->code, H2_REFUSED_STREAM);
	assert_false(h2_sess_is_over(p->s));
	pair_them(p, a)->ends = true;
	nghttp2_session_resume_data(p->peer, (int32_t)a);
	pair_run(p);
	check_done(p, a, 5, 0);
	assert_true(h2_sess_is_over(p->s));
	pair_free(&p);
}

static void
h2_sess__drain_announced__takes_what_is_under_way(void **state)
{
	struct pair *p = pair_new(true, NULL, 0, 60000);
	uint8_t way[1000];
	const uint8_t *b;
	ssize_t n;
	uint32_t a;

	(void)state;
	pair_run(p);
	a = pair_peer_request(p, "/a", 5);
	n = nghttp2_session_mem_send(p->peer, &b);
	assert_in_range(n, 1, sizeof(way));
	memcpy(way, b, (size_t)n);
	h2_sess_drain(p->s, false);
	while (pair_out(p))
		continue;
	assert_int_equal(p->peer_goaway, H2_NO_ERROR + 1);
	assert_int_equal(pair_feed(p, way, (size_t)n), 0);
	pair_run(p);
	check_done(p, a, 5, 0);
	assert_false(h2_sess_is_going(p->s));
	h2_sess_drain(p->s, true);
	pair_run(p);
	assert_true(h2_sess_is_over(p->s));
	pair_free(&p);
}

static void
h2_sess__ping__is_answered(void **state)
{
	struct pair *p = pair_new(false, NULL, 0, 60000);

	(void)state;
	pair_run(p);
	assert_int_equal(h2_sess_ping(p->s), 0);
	pair_run(p);
	assert_int_equal(p->pings, 1);
	pair_free(&p);
}

/* Types and streams of what we say, as text. */
static const char *
said(struct pair *p)
{
	static const char types[] = "DHPRSpIGWC";
	static char text[256];
	static uint8_t b[65536];
	ssize_t n = h2_sess_output(p->s, b, sizeof(b));
	size_t k = 0;

	for (ssize_t at = 0; at + 9 <= n && k < 200;) {
		struct h2_hd hd = h2_hd_get(b + at);

		text[k++] = types[hd.type];
		text[k++] = (char)('0' + hd.id);
		if (hd.type == H2_SETTINGS && (hd.flags & H2_ACK))
			text[k++] = 'a';
		text[k++] = ' ';
		at += 9 + hd.len;
	}
	text[k] = '\0';
	return text;
}

static void
h2_sess__reset_unopened__is_all_that_shows(void **state)
{
	struct pair *p = pair_new(false, NULL, 0, 60000);

	(void)state;
	pair_run(p);
	assert_int_equal(h2_sess_reset_unopened(p->s), 0);
	assert_string_equal(said(p), "R1 ");
	assert_int_equal(pair_request(p, "/x", 0), 3);
	assert_string_equal(said(p), "H3 ");
	pair_free(&p);
}

static void
h2_sess__first_frames_of_a_frontend__settings_then_ack(void **state)
{
	struct pair *p = pair_new(true, NULL, 0, 60000);

	(void)state;
	assert_string_equal(said(p), "S0 ");
	while (pair_in(p))
		continue;
	assert_string_equal(said(p), "S0a ");
	pair_free(&p);
}

static void
h2_sess__extended_connect__window_update_before_the_answer(void **state)
{
	/* :method CONNECT, :protocol websocket, http, /, :authority a */
	static const char block[] = "\x02\x07"
				    "CONNECT"
				    "\x00\x09:protocol\x09websocket"
				    "\x86\x84\x41\x01"
				    "a";
	static const uint8_t settings[9] = { 0, 0, 0, 4 };

	(void)state;
	for (int end = 0; end < 2; end++) {
		struct pair *p = pair_new(true, NULL, 0, 60000);
		uint8_t b[200];

		assert_int_equal(pair_feed(p, H2_MAGIC, H2_MAGIC_BYTES), 0);
		assert_int_equal(pair_feed(p, settings, 9), 0);
		(void)said(p);
		h2_hd_put(b, sizeof(block) - 1, H2_HEADERS,
		    (uint8_t)(H2_END_HEADERS | end), 1);
		memcpy(b + 9, block, sizeof(block) - 1);
		assert_int_equal(pair_feed(p, b, 9 + sizeof(block) - 1), 0);
		assert_string_equal(pair_us(p, 1)->path, "/");
		assert_string_equal(said(p), end ? "H1 " : "W1 H1 ");
		pair_free(&p);
	}
}

static void
h2_sess__too_large_a_head__is_told(void **state)
{
	static char big[20000];
	struct pair *p = pair_new(true, NULL, 0, 60000);
	nghttp2_nv nv[] = {
		{ (uint8_t *)":method", (uint8_t *)"GET", 7, 3, 0 },
		{ (uint8_t *)":scheme", (uint8_t *)"http", 7, 4, 0 },
		{ (uint8_t *)":path", (uint8_t *)"/", 5, 1, 0 },
		{ (uint8_t *)":authority", (uint8_t *)"a", 10, 1, 0 },
		{ (uint8_t *)"x", (uint8_t *)big, 1, 12000, 0 },
		{ (uint8_t *)"y", (uint8_t *)big, 1, 12000, 0 },
	};

	(void)state;
	memset(big, 'z', sizeof(big));
	pair_run(p);
	assert_int_equal(
	    nghttp2_submit_request(p->peer, NULL, nv, 6, NULL, NULL), 1);
	pair_run(p);
	assert_int_equal(pair_us(p, 1)->err, -WSE_TOOBIG);
	h2_sess_reset(p->s, 1, H2_ENHANCE_YOUR_CALM);
	pair_run(p);
	/* the tables of both ends still agree */
	p->reply_bytes = 10;
	assert_int_equal(pair_peer_request(p, "/next", 10), 3);
	pair_run(p);
	check_done(p, 3, 10, 10);
	pair_free(&p);
}

static void
h2_sess__small_output_room__the_same_bytes(void **state)
{
	struct pair *p = pair_new(true, NULL, 0, 60000);
	uint8_t b[H2_OUTPUT_MIN];
	ssize_t n;

	(void)state;
	pair_run(p);
	p->reply_bytes = 100000;
	pair_peer_request(p, "/x", 10);
	while (pair_in(p))
		continue;
	while ((n = h2_sess_output(p->s, b, sizeof(b))) > 0) {
		assert_int_equal(
		    nghttp2_session_mem_recv(p->peer, b, (size_t)n), n);
		while (pair_in(p))
			continue;
	}
	check_done(p, 1, 10, 100000);
	pair_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h2_sess__many_streams_at_once__all_complete),
		cmocka_unit_test(h2_sess__fed_byte_by_byte__the_same),
		cmocka_unit_test(h2_sess__split_anywhere__the_same),
		cmocka_unit_test(
		    h2_sess__slow_reader__holds_no_more_than_its_window),
		cmocka_unit_test(
		    h2_sess__reset_with_bytes_held__window_comes_back),
		cmocka_unit_test(h2_sess__resets_of_the_peer__show),
		cmocka_unit_test(
		    h2_sess__refused_by_the_caller__refused_stream),
		cmocka_unit_test(
		    h2_sess__more_streams_than_allowed__are_refused),
		cmocka_unit_test(h2_sess__interim_heads_not_read__are_few),
		cmocka_unit_test(h2_sess__limit_of_the_server__is_kept),
		cmocka_unit_test(
		    h2_sess__goaway_of_the_server__what_is_above_is_refused),
		cmocka_unit_test(h2_sess__drain__finishes_and_refuses),
		cmocka_unit_test(
		    h2_sess__drain_announced__takes_what_is_under_way),
		cmocka_unit_test(h2_sess__reset_unopened__is_all_that_shows),
		cmocka_unit_test(h2_sess__ping__is_answered),
		cmocka_unit_test(
		    h2_sess__first_frames_of_a_frontend__settings_then_ack),
		cmocka_unit_test(
		    h2_sess__extended_connect__window_update_before_the_answer),
		cmocka_unit_test(h2_sess__too_large_a_head__is_told),
		cmocka_unit_test(h2_sess__small_output_room__the_same_bytes),
	};

	return cmocka_run_group_tests_name("h2_sess", tests, NULL, NULL);
}
