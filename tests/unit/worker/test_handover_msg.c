/* SPDX-License-Identifier: MIT */
#include "worker/handover_msg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "shm/base/log.h"

static struct moved_tunnel t;
static struct moved_parts parts;
static uint8_t tls[TLS_STATE_BYTES_MAX], bytes[4096];
static size_t n;

static void
tls_part(void)
{
	struct tls_state st = { .version = 13,
		.aead = TLS_AES_128_GCM,
		.hash_bytes = 32,
		.plain_max = 16384,
		.rx.seq = 5,
		.tx.seq = 7 };
	ssize_t k = tls_state_pack(&st, tls, sizeof(tls));

	assert_true(k > 0);
	parts.end[0].tls = sv_of((char *)tls, (size_t)k);
}

/* A tunnel wss to ws, half a record read, a server that takes nothing. */
static int
setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	memset(&parts, 0, sizeof(parts));
	t.form = MOVE_FORM;
	t.begun_us = 1;
	t.bind = 2;
	t.server = 3;
	t.slot = 4;
	t.gen = 5;
	t.line_format = 6;
	memcpy(t.term, "--", 2);
	memcpy(t.cookie, "NN", 2);
	t.is_ws = 1;
	t.level = LOGL_INFO;
	t.closed_by = 'C';
	t.bytes[0] = 7;
	t.msgs[1][WS_PONG] = 8;
	ws_frame_start(&t.frame[0], true, 0);
	ws_frame_start(&t.frame[1], false, 0);
	tls_part();
	parts.line = SV("a line");
	parts.ping = SV("ping's");
	parts.end[0].in = SV("opened, sealed");
	parts.end[0].out = SV("sealed");
	parts.end[1].pend = SV("not taken");
	t.line_bytes = 6;
	t.ping_bytes = 6;
	t.end[0].tls_bytes = (uint32_t)parts.end[0].tls.n;
	t.end[0].in_bytes = 14;
	t.end[0].plain_bytes = 6;
	t.end[0].out_bytes = 6;
	t.end[0].has_more = 1;
	t.end[1].pend_bytes = 9;
	t.end[1].in_done = 1;
	n = handover_msg_bytes(&t);
	assert_true(n < sizeof(bytes));
	handover_msg_put(&t, &parts, bytes);
	return 0;
}

static int
get(const uint8_t *p, size_t size, struct moved_tunnel *t_r,
    struct moved_parts *parts_r)
{
	struct tls_state st[MOVE_ENDS];

	memset(st, 0, sizeof(st));
	return handover_msg_get(p, size, t_r, parts_r, st);
}

static void
msg__put_and_got__is_the_same(void **state)
{
	struct tls_state st[MOVE_ENDS] = { 0 };
	struct moved_parts got;
	struct moved_tunnel u;
	uint8_t again[sizeof(bytes)];

	(void)state;
	assert_int_equal(handover_msg_get(bytes, n, &u, &got, st), 0);
	assert_memory_equal(&u, &t, sizeof(t));
	assert_true(sv_eq(got.line, parts.line));
	assert_true(sv_eq(got.ping, parts.ping));
	assert_true(sv_eq(got.end[0].in, parts.end[0].in));
	assert_true(sv_eq(got.end[0].out, parts.end[0].out));
	assert_true(sv_eq(got.end[1].pend, parts.end[1].pend));
	assert_int_equal(st[0].rx.seq, 5);
	assert_int_equal(st[0].tx.seq, 7);
	handover_msg_put(&u, &got, again);
	assert_memory_equal(again, bytes, n);
}

/* Each prefix, on memory of its own for the sanitizer, and a byte more. */
static void
msg__of_any_other_length__is_refused(void **state)
{
	struct moved_parts got;
	struct moved_tunnel u;

	(void)state;
	for (size_t k = 0; k <= n + 1; k++) {
		uint8_t *p = malloc(k ? k : 1);

		assert_non_null(p);
		memcpy(p, bytes, k);
		assert_int_equal(
		    get(p, k, &u, &got), k == n ? 0 : -WSE_CORRUPT);
		free(p);
	}
}

static void
refused(int err)
{
	uint8_t p[sizeof(bytes)];
	struct moved_parts got;
	struct moved_tunnel u;

	memcpy(p, bytes, n);
	memcpy(p, &t, sizeof(t));
	assert_int_equal(get(p, n, &u, &got), err);
}

#define REFUSES(change)                      \
	do {                                 \
		struct moved_tunnel was = t; \
		change;                      \
		refused(-WSE_CORRUPT);       \
		t = was;                     \
	} while (0)

static void
msg__field_out_of_range__is_refused(void **state)
{
	(void)state;
	refused(0);
	REFUSES(t.slot = UINT32_MAX);
	REFUSES(t.gen = 0);
	REFUSES(t.level = LOGL_DEBUG + 1);
	REFUSES(t.is_ws = 2);
	REFUSES(t.is_lost = 2);
	REFUSES(t.counted = 2);
	REFUSES(t.closed_by = 'X');
	REFUSES(t.term[0] = '\n');
	REFUSES(t.term[1] = 0);
	REFUSES(t.cookie[1] = ' ');
	REFUSES(t.frame[0].at = 77);
	REFUSES((t.frame[1].at = 4, t.frame[1].more = 9));
	REFUSES(t.line_bytes += 1);
	REFUSES((t.line_bytes -= 1, t.ping_bytes += 2));
	REFUSES(t.ping_bytes = MOVE_PING_MAX + 1);
	REFUSES(t.line_bytes = MOVE_LINE_MAX + 1);
	for (int i = 0; i < MOVE_ENDS; i++) {
		struct moved_end *e = &t.end[i];

		REFUSES(e->in_done = 2);
		REFUSES(e->shut = 2);
		REFUSES(e->write_dead = 2);
		REFUSES(e->has_more = 2);
		REFUSES(e->is_truncated = 2);
		REFUSES(e->pad[5] = 1);
		REFUSES(e->tls_end = WSE_NOMEM);
		REFUSES(e->plain_bytes = e->in_bytes + 1);
		REFUSES(e->pend_bytes = UINT32_MAX);
		REFUSES(e->in_bytes = MOVE_BUF_MAX + 1);
		REFUSES(e->out_bytes = MOVE_BUF_MAX + 1);
		REFUSES(e->tls_bytes = TLS_STATE_BYTES_MAX + 1);
	}
	/* of TLS, and there is none */
	REFUSES(t.end[1].has_more = 1);
	REFUSES(t.end[1].is_truncated = 1);
	REFUSES(t.end[1].tls_end = WSE_EOF);
	REFUSES((t.end[1].in_bytes = 1, t.end[1].pend_bytes -= 1));
}

static void
msg__forged_tls_state__is_refused(void **state)
{
	size_t at = sizeof(t) + t.line_bytes + t.ping_bytes;
	struct moved_parts got;
	struct moved_tunnel u;

	(void)state;
	bytes[at] ^= 1;
	assert_int_equal(get(bytes, n, &u, &got), -WSE_CORRUPT);
}

static void
msg__of_another_form__is_not_supported(void **state)
{
	(void)state;
	t.form++;
	refused(-WSE_UNSUPP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(msg__put_and_got__is_the_same, setup),
		cmocka_unit_test_setup(
		    msg__of_any_other_length__is_refused, setup),
		cmocka_unit_test_setup(
		    msg__field_out_of_range__is_refused, setup),
		cmocka_unit_test_setup(
		    msg__forged_tls_state__is_refused, setup),
		cmocka_unit_test_setup(
		    msg__of_another_form__is_not_supported, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
