/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/unit/shm/proto/h2_pair.h"

#include <string.h>

#include "shm/proto/h2_calm.h"
#include "shm/proto/h2_idle.h"

static const struct h2_cfg cfg = { .max_streams = 100,
	.window_bytes = 200000,
	.conn_window_bytes = 1000000,
	.head_max_bytes = 16384 };
static struct h2_port port;
static uint8_t out[4096], frame[H2_HD_BYTES + H2_FRAME_MAX];
static size_t out_bytes;

static ssize_t
feed(uint8_t type, uint8_t flags, uint32_t id, const char *p, size_t n)
{
	h2_hd_put(frame, (uint32_t)n, type, flags, id);
	if (n)
		memcpy(frame + H2_HD_BYTES, p, n);
	return h2_idle_feed(
	    &port, frame, H2_HD_BYTES + n, 0, out, sizeof(out), &out_bytes);
}

/* As an idle connection that carried streams up to id 5. */
static void
begin(void)
{
	h2_idle_begin(&cfg, &port, out);
	assert_int_equal(feed(H2_SETTINGS, 0, 0, "", 0), 9);
	assert_int_equal(feed(H2_SETTINGS, H2_ACK, 0, "", 0), 9);
	port.last_id = 5;
}

static void
h2_idle__dialled__learns_and_answers(void **state)
{
	uint8_t want[9];

	(void)state;
	assert_true(h2_idle_begin(&cfg, &port, out) <= H2_IDLE_HELLO_BYTES);
	assert_false(h2_idle_is_quiet(&port, 0));
	assert_int_equal(
	    feed(H2_SETTINGS, 0, 0,
		"\0\x08\0\0\0\x01\0\x03\0\0\0\x07\0\x04\0\0\0\x09", 18),
	    27);
	h2_hd_put(want, 0, H2_SETTINGS, H2_ACK, 0);
	assert_int_equal(out_bytes, 9);
	assert_memory_equal(out, want, 9);
	assert_true(port.peer.ready && port.peer.connects);
	assert_int_equal(port.peer.streams, 7);
	assert_int_equal(port.peer.window, 9);
	assert_true(h2_idle_is_quiet(&port, 0));
	assert_false(h2_idle_is_quiet(&port, 1));
	assert_int_equal(port.unacked, 1);
	assert_int_equal(feed(H2_SETTINGS, H2_ACK, 0, "", 0), 9);
	assert_int_equal(port.unacked, 0);
}

struct row {
	const char *name;
	uint8_t type, flags;
	uint32_t id;
	const char *p;
	size_t n;
	int err;
	size_t says;
};

static const struct row rows[] = {
	{ "PING", H2_PING, 0, 0, "12345678", 8, 0, 17 },
	{ "PING ACK", H2_PING, H2_ACK, 0, "12345678", 8, 0, 0 },
	{ "short PING", H2_PING, 0, 0, "1234567", 7, -WSE_PROTO, 0 },
	{ "PING on 1", H2_PING, 0, 1, "12345678", 8, -WSE_PROTO, 0 },
	{ "SETTINGS", H2_SETTINGS, 0, 0, "", 0, 0, 9 },
	{ "SETTINGS ACK too many", H2_SETTINGS, H2_ACK, 0, "", 0, -WSE_PROTO,
	    0 },
	{ "SETTINGS window", H2_SETTINGS, 0, 0, "\0\x04\x80\0\0\0", 6,
	    -WSE_PROTO, 0 },
	{ "SETTINGS frame", H2_SETTINGS, 0, 0, "\0\x05\0\0\0\x01", 6,
	    -WSE_PROTO, 0 },
	{ "SETTINGS push", H2_SETTINGS, 0, 0, "\0\x02\0\0\0\x01", 6, -WSE_PROTO,
	    0 },
	{ "SETTINGS connect 2", H2_SETTINGS, 0, 0, "\0\x08\0\0\0\x02", 6,
	    -WSE_PROTO, 0 },
	{ "SETTINGS cut", H2_SETTINGS, 0, 0, "\0\x08\0\0\0", 5, -WSE_PROTO, 0 },
	{ "SETTINGS table", H2_SETTINGS, 0, 0, "\0\x01\0\0\0\0", 6, 0, 9 },
	{ "WINDOW_UPDATE", H2_WINDOW_UPDATE, 0, 0, "\0\0\0\x05", 4, 0, 0 },
	{ "WINDOW_UPDATE 0", H2_WINDOW_UPDATE, 0, 0, "\0\0\0\0", 4, -WSE_PROTO,
	    0 },
	{ "WINDOW_UPDATE over", H2_WINDOW_UPDATE, 0, 0, "\x7f\xff\xff\xff", 4,
	    -WSE_PROTO, 0 },
	{ "late WINDOW_UPDATE", H2_WINDOW_UPDATE, 0, 5, "\0\0\0\x05", 4, 0, 0 },
	{ "early WINDOW_UPDATE", H2_WINDOW_UPDATE, 0, 7, "\0\0\0\x05", 4,
	    -WSE_PROTO, 0 },
	{ "late RST_STREAM", H2_RST_STREAM, 0, 3, "\0\0\0\x05", 4, 0, 0 },
	{ "early RST_STREAM", H2_RST_STREAM, 0, 7, "\0\0\0\x05", 4, -WSE_PROTO,
	    0 },
	{ "late DATA", H2_DATA, 0, 3, "abc", 3, 0, 13 },
	{ "late DATA, empty", H2_DATA, 1, 3, "", 0, 0, 0 },
	{ "early DATA", H2_DATA, 0, 7, "abc", 3, -WSE_PROTO, 0 },
	{ "late HEADERS", H2_HEADERS, 4, 3, "\x88", 1, 0, 0 },
	{ "late HEADERS, more to come", H2_HEADERS, 0, 3, "\x88", 1, -WSE_PROTO,
	    0 },
	{ "early HEADERS", H2_HEADERS, 4, 7, "\x88", 1, -WSE_PROTO, 0 },
	{ "CONTINUATION", H2_CONTINUATION, 4, 3, "\x88", 1, -WSE_PROTO, 0 },
	{ "PUSH_PROMISE", H2_PUSH_PROMISE, 4, 3, "\0\0\0\x02", 4, -WSE_PROTO,
	    0 },
	{ "PRIORITY", H2_PRIORITY, 0, 9, "\0\0\0\0\0", 5, 0, 0 },
	{ "unknown", 0x42, 0, 9, "x", 1, 0, 0 },
	{ "GOAWAY", H2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0", 8, -WSE_EOF, 0 },
};

static void
h2_idle__frames__verdict(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		ssize_t n;

		begin();
		n = feed(r->type, r->flags, r->id, r->p, r->n);
		if (n != (r->err ? r->err : (ssize_t)(9 + r->n)) ||
		    out_bytes != r->says)
			fail_msg("%s: %zd, %zu", r->name, n, out_bytes);
	}
}

static void
h2_idle__split_anywhere__the_same(void **state)
{
	(void)state;
	for (size_t at = 0; at <= 17; at++) {
		begin();
		h2_hd_put(frame, 8, H2_PING, 0, 0);
		memcpy(frame + 9, "abcdefgh", 8);
		assert_int_equal(h2_idle_feed(&port, frame, at, 0, out,
				     sizeof(out), &out_bytes),
		    at == 17 ? 17 : 0);
	}
}

static void
h2_idle__little_room__one_frame_at_a_time(void **state)
{
	uint8_t in[17 * 40];
	size_t at = 0, turns = 0;

	(void)state;
	begin();
	for (int i = 0; i < 40; i++) {
		h2_hd_put(in + 17 * i, 8, H2_PING, 0, 0);
		memcpy(in + 17 * i + 9, "abcdefgh", 8);
	}
	while (at < sizeof(in)) {
		ssize_t n = h2_idle_feed(&port, in + at, sizeof(in) - at, 0,
		    out, H2_IDLE_OUT_MIN, &out_bytes);

		assert_true(n > 0);
		assert_int_equal(n, out_bytes);
		assert_true(out_bytes <= H2_IDLE_OUT_MIN);
		at += (size_t)n;
		turns++;
	}
	assert_true(turns >= 10);
}

static void
h2_idle__flood__ends(void **state)
{
	int i = 0;

	(void)state;
	begin();
	while (i < 10000 && feed(H2_PING, 0, 0, "12345678", 8) > 0)
		i++;
	assert_in_range(i, 1000, 2100);
	/* one a second is none */
	begin();
	h2_hd_put(frame, 8, H2_PING, 0, 0);
	for (i = 0; i < 10000; i++)
		assert_int_equal(h2_idle_feed(&port, frame, 17, 1000, out,
				     sizeof(out), &out_bytes),
		    17);
}

/* Our output to the peer, the peer's to the idle connection, until quiet. */
static void
settle(struct pair *p, uint8_t *from_us, size_t n)
{
	const uint8_t *b;
	ssize_t got;

	for (;;) {
		if (n)
			assert_int_equal(
			    nghttp2_session_mem_recv(p->peer, from_us, n), n);
		got = nghttp2_session_mem_send(p->peer, &b);
		assert_true(got >= 0);
		if (got == 0)
			return;
		assert_int_equal(h2_idle_feed(&port, b, (size_t)got, 0, out,
				     sizeof(out), &out_bytes),
		    got);
		from_us = out;
		n = out_bytes;
	}
}

static void
h2_idle__between_sessions__connection_goes_on(void **state)
{
	nghttp2_settings_entry e[] = { { H2_SET_CONNECT, 1 },
		{ H2_SET_WINDOW, 20000 } };
	struct pair *p = pair_new(false, e, 2, 65535);
	uint8_t packed[128], hello[H2_IDLE_HELLO_BYTES];
	ssize_t n;

	(void)state;
	h2_sess_free(&p->s);
	n = (ssize_t)h2_idle_begin(&cfg, &port, hello);
	settle(p, hello, (size_t)n);
	assert_true(port.peer.connects);
	for (int i = 0; i < 10; i++) {
		uint32_t id;

		n = h2_port_pack(&port, packed, sizeof(packed));
		assert_int_equal(n, H2_PORT_IDLE_BYTES);
		assert_int_equal(h2_port_unpack(&port, packed, (size_t)n), 0);
		p->s = h2_move_in(&cfg, &pair_events, p, &port, 0);
		assert_non_null(p->s);
		p->reply_bytes = 100000;
		id = pair_request(p, "/x", 100000);
		pair_run(p);
		assert_true(pair_us(p, id)->closed && pair_them(p, id)->closed);
		assert_int_equal(pair_us(p, id)->got, 100000);
		assert_int_equal(pair_them(p, id)->got, 100000);
		while (h2_move_ready(p->s) == -WSE_AGAIN)
			pair_run(p);
		h2_move_out(p->s, &port);
		h2_sess_free(&p->s);
		/* in the broker's hands */
		nghttp2_submit_ping(p->peer, 0, NULL);
		e[1].value = 10000 + (uint32_t)i * 5000;
		nghttp2_submit_settings(p->peer, 0, e, 2);
		nghttp2_submit_window_update(p->peer, 0, 0, 1000);
		settle(p, NULL, 0);
		assert_int_equal(port.peer.window, e[1].value);
	}
	h2_idle_bye(hello);
	assert_int_equal(
	    nghttp2_session_mem_recv(p->peer, hello, H2_IDLE_BYE_BYTES),
	    H2_IDLE_BYE_BYTES);
	assert_int_equal(p->peer_goaway, H2_NO_ERROR + 1);
	pair_free(&p);
}

static void
h2_idle__leased_before_the_ack__goes_on(void **state)
{
	struct pair *p = pair_new(false, NULL, 0, 65535);
	uint8_t hello[H2_IDLE_HELLO_BYTES];
	const uint8_t *b;
	ssize_t n;
	uint32_t id;

	(void)state;
	h2_sess_free(&p->s);
	n = nghttp2_session_mem_send(p->peer, &b); /* its SETTINGS alone */
	(void)h2_idle_begin(&cfg, &port, hello);
	assert_int_equal(
	    h2_idle_feed(&port, b, (size_t)n, 0, out, sizeof(out), &out_bytes),
	    n);
	assert_true(h2_idle_is_quiet(&port, 0));
	n = (ssize_t)h2_idle_begin(&cfg, &(struct h2_port){ 0 }, hello);
	assert_int_equal(
	    nghttp2_session_mem_recv(p->peer, hello, (size_t)n), n);
	assert_int_equal(
	    nghttp2_session_mem_recv(p->peer, out, out_bytes), out_bytes);
	assert_int_equal(port.unacked, 1);
	p->s = h2_move_in(&cfg, &pair_events, p, &port, 0);
	assert_non_null(p->s);
	p->reply_bytes = 2000000;
	id = pair_request(p, "/x", 100000);
	pair_run(p);
	assert_int_equal(p->acks, 1);
	assert_true(pair_us(p, id)->closed);
	assert_int_equal(pair_us(p, id)->got, 2000000);
	pair_move(p);
	pair_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h2_idle__dialled__learns_and_answers),
		cmocka_unit_test(h2_idle__frames__verdict),
		cmocka_unit_test(h2_idle__split_anywhere__the_same),
		cmocka_unit_test(h2_idle__little_room__one_frame_at_a_time),
		cmocka_unit_test(h2_idle__flood__ends),
		cmocka_unit_test(h2_idle__leased_before_the_ack__goes_on),
		cmocka_unit_test(h2_idle__between_sessions__connection_goes_on),
	};

	return cmocka_run_group_tests_name("h2_idle", tests, NULL, NULL);
}
