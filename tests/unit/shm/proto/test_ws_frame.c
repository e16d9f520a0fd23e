/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "shm/proto/ws_frame.h"

enum { MAX = 1 << 18 };

static uint8_t wire[MAX];
static size_t wire_n;

/* Append a frame; masked with a key of its own. */
static void
put(uint8_t first, bool masked, const void *payload, uint64_t n)
{
	static const uint8_t key[4] = { 0x37, 0xfa, 0x21, 0x3d };
	uint8_t *p = wire + wire_n;
	int more = n < 126 ? 0 : n < 65536 ? 2 : 8;

	*p++ = first;
	*p++ = (uint8_t)((masked ? 0x80 : 0) |
	    (more == 0          ? n
		    : more == 2 ? 126
				: 127));
	while (more-- > 0)
		*p++ = (uint8_t)(n >> (8 * more));
	if (masked) {
		memcpy(p, key, 4);
		p += 4;
	}
	for (uint64_t i = 0; i < n; i++)
		*p++ =
		    ((const uint8_t *)payload)[i] ^ (masked ? key[i % 4] : 0);
	wire_n = (size_t)(p - wire);
}

/* In pieces of `step` bytes, the first of `first`. */
static void
run(struct ws_frame *f, bool masked, uint8_t rsv, size_t first, size_t step,
    uint32_t *count)
{
	memset(count, 0, WS_KIND_N * sizeof(*count));
	ws_frame_start(f, masked, rsv);
	for (size_t at = 0, k = first; at < wire_n; at += k, k = step) {
		k = k < wire_n - at ? k : wire_n - at;
		ws_frame_count(f, wire + at, k, count);
	}
}

/* Whole, at every split, byte by byte: always the same. */
static struct ws_frame
feed(bool masked, uint8_t rsv, uint32_t *count)
{
	uint32_t again[WS_KIND_N];
	struct ws_frame f, g;

	run(&f, masked, rsv, wire_n, wire_n, count);
	for (size_t i = 1; i<wire_n; i += wire_n> 4096 ? 977 : 1) {
		run(&g, masked, rsv, i, wire_n, again);
		assert_memory_equal(&f, &g, sizeof(f));
		assert_memory_equal(count, again, sizeof(again));
	}
	run(&g, masked, rsv, 1, 1, again);
	assert_memory_equal(&f, &g, sizeof(f));
	assert_memory_equal(count, again, sizeof(again));
	return f;
}

static void
ws_frame__messages_of_all_kinds__counted(void **state)
{
	static uint8_t big[70000];
	uint32_t n[WS_KIND_N];
	struct ws_frame f;

	(void)state;
	for (int masked = 0; masked < 2; masked++) {
		wire_n = 0;
		put(0x81, masked, "hello", 5);
		put(0x82, masked, "", 0);
		put(0x82, masked, big, 126);
		put(0x81, masked, big, 65535);
		put(0x82, masked, big, 65536);
		put(0x89, masked, "p", 1);
		put(0x8a, masked, big, 125);
		f = feed(masked, 0, n);
		assert_int_equal(n[WS_TEXT], 2);
		assert_int_equal(n[WS_BINARY], 3);
		assert_int_equal(n[WS_PING], 1);
		assert_int_equal(n[WS_PONG], 1);
		assert_int_equal(n[WS_CLOSE], 0);
		assert_true(ws_frame_is_between(&f));
		assert_false(ws_frame_is_closed(&f));
	}
}

static void
ws_frame__fragments__one_message(void **state)
{
	uint32_t n[WS_KIND_N];
	struct ws_frame f;

	(void)state;
	wire_n = 0;
	put(0x01, true, "a", 1);
	put(0x89, true, "", 0); /* between fragments */
	put(0x00, true, "", 0);
	put(0x80, true, "b", 1);
	put(0x02, true, "c", 1);
	put(0x80, true, "d", 1);
	f = feed(true, 0, n);
	assert_int_equal(n[WS_TEXT], 1);
	assert_int_equal(n[WS_BINARY], 1);
	assert_int_equal(n[WS_PING], 1);
	assert_true(ws_frame_is_between(&f));
	wire_n = 0;
	put(0x02, true, "a", 1);
	f = feed(true, 0, n);
	assert_int_equal(n[WS_BINARY], 0);
	assert_true(ws_frame_is_between(&f));
}

static uint16_t
code_of(bool masked, const char *payload, size_t len)
{
	uint32_t n[WS_KIND_N];
	struct ws_frame f;

	wire_n = 0;
	put(0x88, masked, payload, len);
	put(0x88, masked, "\x03\xea", 2); /* a second one is not asked */
	f = feed(masked, 0, n);
	assert_int_equal(n[WS_CLOSE], 2);
	assert_true(ws_frame_is_closed(&f));
	return f.code;
}

static void
ws_frame__close__its_code(void **state)
{
	(void)state;
	for (int masked = 0; masked < 2; masked++) {
		assert_int_equal(code_of(masked, "\x03\xe8", 2), 1000);
		assert_int_equal(code_of(masked, "\x0f\xa0 bye", 6), 4000);
		assert_int_equal(code_of(masked, "", 0), WS_NO_CODE);
		assert_int_equal(code_of(masked, "\x03", 1), WS_NO_CODE);
	}
}

static void
ws_frame__inside_a_frame__not_between(void **state)
{
	struct ws_frame f;
	uint32_t n[WS_KIND_N] = { 0 };

	(void)state;
	wire_n = 0;
	put(0x82, true, "abc", 3);
	ws_frame_start(&f, true, 0);
	assert_true(ws_frame_is_between(&f));
	for (size_t i = 0; i < wire_n; i++) {
		ws_frame_count(&f, wire + i, 1, n);
		assert_int_equal(ws_frame_is_between(&f), i + 1 == wire_n);
	}
}

static void
ws_frame__follow__stops_behind_each_message(void **state)
{
	enum ws_kind kind;
	struct ws_frame f;

	(void)state;
	wire_n = 0;
	put(0x82, false, "abc", 3);
	put(0x8a, false, "", 0);
	put(0x01, false, "x", 1);
	ws_frame_start(&f, false, 0);
	assert_int_equal(ws_frame_follow(&f, wire, wire_n, &kind), 5);
	assert_int_equal(kind, WS_BINARY);
	assert_int_equal(ws_frame_follow(&f, wire + 5, wire_n - 5, &kind), 2);
	assert_int_equal(kind, WS_PONG);
	assert_int_equal(ws_frame_follow(&f, wire + 7, wire_n - 7, &kind), 3);
	assert_int_equal(kind, WS_KIND_N);
}

static void
ws_frame__skip__stops_behind_each_frame(void **state)
{
	struct ws_frame f;

	(void)state;
	wire_n = 0;
	put(0x01, true, "abc", 3);
	put(0x89, true, "", 0);
	put(0x80, true, "x", 1);
	ws_frame_start(&f, true, 0);
	assert_int_equal(ws_frame_skip(&f, wire, 4), 4);
	assert_false(ws_frame_is_between(&f));
	assert_int_equal(ws_frame_skip(&f, wire + 4, wire_n - 4), 5);
	assert_true(ws_frame_is_between(&f));
	assert_int_equal(ws_frame_skip(&f, wire + 9, wire_n - 9), 6);
	assert_int_equal(ws_frame_skip(&f, wire + 15, wire_n - 15), 7);
	assert_true(ws_frame_is_between(&f));
	assert_int_equal(ws_frame_skip(&f, "GET", 3), 3);
	assert_true(ws_frame_is_lost(&f));
}

static void
ws_frame__no_websocket__lost_for_good(void **state)
{
	static const struct {
		const char *p;
		size_t n;
		bool masked;
	} bad[] = {
		{ "\x83\x00", 2, false },         /* opcode */
		{ "\x8b\x00", 2, false },         /* the same */
		{ "\xc1\x00", 2, false },         /* RSV1 */
		{ "\xa1\x00", 2, false },         /* RSV2 */
		{ "\x80\x00", 2, false },         /* continues nothing */
		{ "\x01\x00\x81\x00", 4, false }, /* in a message */
		{ "\x09\x00", 2, false },         /* fragmented */
		{ "\x88\x7e\x00\x7e", 4, false }, /* too long */
		{ "\x81\x80zzzz", 6, false },     /* masked */
		{ "\x81\x00", 2, true },          /* not masked */
		{ "\x82\x7f\x80\0\0\0\0\0\0\0", 10, false }, /* top bit */
		{ "HTTP/1.1 400\r\n", 14, false },
	};
	uint32_t n[WS_KIND_N];
	struct ws_frame f;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		memcpy(wire, bad[i].p, bad[i].n);
		wire_n = bad[i].n;
		put(0x81, bad[i].masked, "after", 5);
		f = feed(bad[i].masked, 0, n);
		assert_true(ws_frame_is_lost(&f));
		assert_false(ws_frame_is_between(&f));
		assert_int_equal(n[WS_TEXT], 0);
	}
	memset(&f, 0, sizeof(f));
	assert_true(ws_frame_is_lost(&f));
}

static void
ws_frame__bits_of_an_extension__followed(void **state)
{
	uint32_t n[WS_KIND_N];
	struct ws_frame f;

	(void)state;
	wire_n = 0;
	put(0xc1, true, "zip", 3);
	f = feed(true, WS_RSV1, n);
	assert_int_equal(n[WS_TEXT], 1);
	put(0xa1, true, "?", 1);
	f = feed(true, WS_RSV1, n);
	assert_true(ws_frame_is_lost(&f));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ws_frame__messages_of_all_kinds__counted),
		cmocka_unit_test(ws_frame__fragments__one_message),
		cmocka_unit_test(ws_frame__close__its_code),
		cmocka_unit_test(ws_frame__inside_a_frame__not_between),
		cmocka_unit_test(ws_frame__follow__stops_behind_each_message),
		cmocka_unit_test(ws_frame__skip__stops_behind_each_frame),
		cmocka_unit_test(ws_frame__no_websocket__lost_for_good),
		cmocka_unit_test(ws_frame__bits_of_an_extension__followed),
	};

	return cmocka_run_group_tests_name("ws_frame", tests, NULL, NULL);
}
