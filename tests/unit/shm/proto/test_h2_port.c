/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/unit/shm/proto/h2_pair.h"

#include <string.h>

static const struct h2_cfg cfg = { .max_streams = 100,
	.window_bytes = 65535,
	.conn_window_bytes = 65535,
	.head_max_bytes = 16384 };
static struct h2_port port;

static void
begin(void)
{
	h2_port_begin(&port, 200000, 1000000);
	port.peer.ready = true;
	port.unacked = 0;
	port.last_id = 5;
}

static void
h2_port__every_forged_byte__is_refused_or_sound(void **state)
{
	uint8_t b[H2_PORT_IDLE_BYTES + 1], again[H2_PORT_IDLE_BYTES];

	(void)state;
	begin();
	assert_int_equal(h2_port_pack(&port, b, sizeof(b)), H2_PORT_IDLE_BYTES);
	assert_int_equal(h2_port_pack(&port, b, 10), -WSE_TOOBIG);
	for (size_t n = 0; n <= sizeof(b); n++)
		assert_int_equal(h2_port_unpack(&port, b, n),
		    n == H2_PORT_IDLE_BYTES ? 0 : -WSE_CORRUPT);
	for (size_t i = 0; i < H2_PORT_IDLE_BYTES; i++)
		for (int bit = 0; bit < 8; bit++) {
			struct h2_sess *s;

			b[i] ^= (uint8_t)(1 << bit);
			if (h2_port_unpack(&port, b, H2_PORT_IDLE_BYTES) == 0) {
				assert_int_equal(
				    h2_port_pack(&port, again, sizeof(again)),
				    H2_PORT_IDLE_BYTES);
				assert_memory_equal(again, b, sizeof(again));
				s = h2_move_in(
				    &cfg, &pair_events, NULL, &port, 0);
				assert_non_null(s);
				h2_sess_free(&s);
			}
			b[i] ^= (uint8_t)(1 << bit);
		}
}

static void
h2_port__streams__there_and_back(void **state)
{
	static struct h2_port back;
	static uint8_t b[H2_PORT_BYTES_MAX];
	ssize_t n;

	(void)state;
	begin();
	port.is_server = port.own_connects = true;
	port.last_id = 2 * H2_PORT_STREAMS_MAX + 1;
	port.stream_count = H2_PORT_STREAMS_MAX;
	for (uint32_t i = 0; i < H2_PORT_STREAMS_MAX; i++)
		port.stream[i] = (struct h2_port_stream){ 2 * i + 3, i * 1000,
			200000 + i, 0, i % 3 == 1, i % 3 == 2 };
	n = h2_port_pack(&port, b, sizeof(b));
	assert_int_equal(n, H2_PORT_BYTES_MAX);
	assert_int_equal(h2_port_unpack(&back, b, (size_t)n), 0);
	assert_memory_equal(
	    &port.stream[9], &back.stream[9], sizeof(port.stream[9]));
	assert_int_equal(back.last_id, port.last_id);
	/* ids must rise, and windows add up */
	port.stream[3].id = port.stream[2].id;
	n = h2_port_pack(&port, b, sizeof(b));
	assert_int_equal(h2_port_unpack(&back, b, (size_t)n), -WSE_CORRUPT);
	port.stream[3].id += 2;
	port.stream[3].held_bytes = 1;
	n = h2_port_pack(&port, b, sizeof(b));
	assert_int_equal(h2_port_unpack(&back, b, (size_t)n), -WSE_CORRUPT);
	port.held_bytes = 1;
	n = h2_port_pack(&port, b, sizeof(b));
	assert_int_equal(h2_port_unpack(&back, b, (size_t)n), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    h2_port__every_forged_byte__is_refused_or_sound),
		cmocka_unit_test(h2_port__streams__there_and_back),
	};

	return cmocka_run_group_tests_name("h2_port", tests, NULL, NULL);
}
