/* SPDX-License-Identifier: MIT */
#include "tools/origin/ws.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROOM 2048

/* Three messages, one of two parts with a Ping between, and a Close. */
static const char talk[] = "\x81\x85\1\2\3\4igohn"
			   "\x02\x81\0\0\0\0a"
			   "\x89\x82\0\0\0\0hi"
			   "\x80\x81\0\0\0\0b"
			   "\x82\xfe\0\x7e\0\0\0\0"
			   "0123456789012345678901234567890123456789"
			   "0123456789012345678901234567890123456789"
			   "0123456789012345678901234567890123456789"
			   "012345"
			   "\x88\x82\0\0\0\0\3\xe8";
static const char echo[] = "\x81\x05hello"
			   "\x02\x01"
			   "a"
			   "\x8a\x02hi"
			   "\x80\x01"
			   "b"
			   "\x82\x7e\0\x7e"
			   "0123456789012345678901234567890123456789"
			   "0123456789012345678901234567890123456789"
			   "0123456789012345678901234567890123456789"
			   "012345"
			   "\x88\x02\3\xe8";

/* Gives the input in pieces; returns whether the last frame is there. */
static bool
feed(struct ws *ws, const void *data, size_t len, size_t piece,
    uint8_t out[ROOM], size_t *len_r)
{
	uint8_t in[ROOM];
	struct ws_io io = { .in = in, .out = out, .out_size = ROOM };
	bool open = true;

	assert_true(len <= sizeof(in));
	memcpy(in, data, len);
	for (size_t at = 0; at < len && open; at += piece) {
		io.in_end = at + piece < len ? at + piece : len;
		open = ws_echo(ws, &io);
	}
	*len_r = io.out_end;
	return !open;
}

static void
ws__talk_in_pieces_of_every_size__is_echoed(void **state)
{
	size_t len = sizeof(talk) - 1;
	uint8_t out[ROOM];
	size_t n;

	(void)state;
	for (size_t piece = 1; piece <= len; piece++) {
		struct ws ws = { .left = 0 };

		assert_true(feed(&ws, talk, len, piece, out, &n));
		assert_int_equal(n, sizeof(echo) - 1);
		assert_memory_equal(out, echo, n);
		assert_int_equal(ws.messages, 4);
	}
}

static void
ws__little_room__waits_and_goes_on(void **state)
{
	static uint8_t in[14 + 70000], out[WS_ROOM_BYTES + 10];
	struct ws_io io = { .in = in,
		.in_end = sizeof(in),
		.out = out,
		.out_size = sizeof(out) };
	struct ws ws = { .left = 0 };
	size_t total = 0;

	(void)state;
	memcpy(in, "\x82\xff\0\0\0\0\0\1\x11\x70\0\0\0\0", 14);
	memset(in + 14, 'x', 70000);
	do {
		assert_true(ws_echo(&ws, &io));
		total += io.out_end;
		assert_true(io.out_end > 0);
		io.out_end = 0;
	} while (io.in_at < io.in_end);
	assert_int_equal(total, 10 + 70000);
	io.out_end = io.out_size - WS_ROOM_BYTES + 1;
	assert_true(ws_echo(&ws, &io));
	assert_int_equal(io.out_end, io.out_size - WS_ROOM_BYTES + 1);
}

static void
ws__frames_that_rfc_6455_forbids__close_1002(void **state)
{
	static const struct {
		const char *frame;
		size_t len;
	} bad[] = {
		{ "\x81\x01x", 3 },        /* not masked */
		{ "\xc1\x80\0\0\0\0", 6 }, /* a reserved bit */
		{ "\x83\x80\0\0\0\0", 6 }, /* no such opcode */
		{ "\x80\x80\0\0\0\0", 6 }, /* nothing to go on */
		{ "\x01\x80\0\0\0\0\x81\x80\0\0\0\0", 12 }, /* within one */
		{ "\x09\x80\0\0\0\0", 6 },                  /* Ping in parts */
		{ "\x89\xfe\0\x7e\0\0\0\0", 8 },            /* a long Ping */
		{ "\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0", 14 }, /* 2^63 */
	};
	uint8_t out[ROOM];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ws ws = { .left = 0 };

		assert_true(feed(&ws, bad[i].frame, bad[i].len, 1, out, &n));
		assert_true(n >= 4);
		assert_memory_equal(out + n - 4, "\x88\2\3\xea", 4);
	}
}

static void
ws__key_of_rfc_6455__gives_its_accept(void **state)
{
	char accept[WS_ACCEPT_BYTES];

	(void)state;
	ws_accept_key("dGhlIHNhbXBsZSBub25jZQ==", accept);
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ws__talk_in_pieces_of_every_size__is_echoed),
		cmocka_unit_test(ws__little_room__waits_and_goes_on),
		cmocka_unit_test(ws__frames_that_rfc_6455_forbids__close_1002),
		cmocka_unit_test(ws__key_of_rfc_6455__gives_its_accept),
	};

	return cmocka_run_group_tests_name("ws", tests, NULL, NULL);
}
