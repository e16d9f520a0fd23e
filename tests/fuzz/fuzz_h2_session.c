/* SPDX-License-Identifier: MIT */
/*
 * Fuzzer of whole sessions and of the portable form (libFuzzer).
 *
 * Input: a byte of choices, then what a peer sends (the preface and first
 * SETTINGS are there already), or a forged portable form and then what a peer
 * sends.  In between the session is moved, its output drained in pieces of
 * odd sizes, its streams answered, reset and consumed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/proto/h2_idle.h"
#include "shm/proto/h2_move.h"

#define MUST(x)                                                            \
	do {                                                               \
		if (!(x)) {                                                \
			fprintf(stderr, "%d: broken: %s\n", __LINE__, #x); \
			abort();                                           \
		}                                                          \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STREAMS = 256, ARENA = 16384 };

static struct h2_sess *sess;
static struct http_head head;
_Alignas(8) static char store[ARENA];
static struct arena arena;
static struct h2_fields out;
static uint64_t held[STREAMS]; /* per id / 2 % STREAMS */
static uint32_t owner[STREAMS];
static unsigned choices;
static uint64_t now_ms;

static bool
begin(void *conn, uint32_t id, void **user, struct h2_into *into)
{
	(void)conn;
	arena = (struct arena){ store, 0, sizeof(store) };
	into->head = &head;
	into->arena = &arena;
	into->upgrade = choices & 1 ? SV("websocket") : SV_NULL;
	if (*user == NULL) {
		*user = (void *)(uintptr_t)id;
		held[id / 2 % STREAMS] = 0;
		owner[id / 2 % STREAMS] = id;
	}
	return id % 31 != 7;
}

static void
reply(uint32_t id)
{
	struct h2_dec d = { .part = H2_RESPONSE };

	(void)d;
	out.count = 1;
	out.f[0] = (struct h2_field){ SV(":status"), SV("200") };
	(void)!h2_sess_respond(sess, id, &out, id % 3 != 1);
}

static void
on_head(void *conn, void *user, enum h2_part part, int err, bool end)
{
	uint32_t id = (uint32_t)(uintptr_t)user;

	(void)conn, (void)end;
	if (part == H2_REQUEST && err == 0)
		reply(id);
	else if (err)
		h2_sess_reset(sess, id, H2_CANCEL);
}

static void
on_data(void *conn, void *user, struct sv data)
{
	uint32_t id = (uint32_t)(uintptr_t)user;

	(void)conn;
	MUST(data.n > 0 && data.n <= H2_FRAME_MAX);
	if (owner[id / 2 % STREAMS] != id)
		h2_sess_consume(sess, id, data.n);
	else
		held[id / 2 % STREAMS] += data.n;
}

static void
on_end(void *conn, void *user)
{
	(void)conn, (void)user;
}

static void
on_close(void *conn, void *user, uint32_t id, uint32_t code, bool by_peer)
{
	(void)conn, (void)code, (void)by_peer;
	MUST(!user || (uint32_t)(uintptr_t)user == id);
}

static size_t
pull(void *conn, void *user, size_t max, const char **p_r, enum h2_more *more_r)
{
	static const char bytes[H2_FRAME_MAX];
	uint32_t id = (uint32_t)(uintptr_t)user;

	(void)conn;
	*p_r = bytes;
	if (id % 5 == 1)
		return 0;
	if (id % 5 == 2)
		*more_r = H2_MORE_END;
	return max > 700 ? 700 : max;
}

static void
on_sent(void *conn, void *user, size_t n)
{
	(void)conn, (void)user, (void)n;
}

static void
on_control(void *conn, enum h2_type type, bool ack)
{
	(void)conn, (void)type, (void)ack;
}

static const struct h2_events events = { begin, on_head, on_data, on_end,
	on_close, pull, on_sent, on_control };

static void
drain(void)
{
	static uint8_t b[5000];
	ssize_t n;

	for (int i = 0; i < 8; i++) {
		n = h2_sess_output(sess, b, H2_OUTPUT_MIN + choices * 13);
		MUST(n >= 0 && (size_t)n <= sizeof(b));
	}
	for (unsigned i = 0; i < STREAMS; i++) {
		if (held[i])
			h2_sess_consume(sess, owner[i], held[i]);
		held[i] = 0;
	}
}

/* Through the portable form, if it will. */
static void
move(const struct h2_cfg *cfg)
{
	static struct h2_port port, same;
	static uint8_t b[H2_PORT_BYTES_MAX];
	ssize_t n;

	if (h2_move_ready(sess) != 0)
		return;
	h2_move_out(sess, &port);
	n = h2_port_pack(&port, b, sizeof(b));
	MUST(n > 0 && h2_port_unpack(&same, b, (size_t)n) == 0);
	h2_sess_free(&sess);
	sess = h2_move_in(cfg, &events, NULL, &same, now_ms);
	MUST(sess);
	for (unsigned i = 0; i < same.stream_count; i++)
		MUST(h2_move_attach(sess, same.stream[i].id,
		    (void *)(uintptr_t)same.stream[i].id));
}

static void
session(const struct h2_cfg *cfg, const uint8_t *p, size_t n)
{
	size_t step = 1 + (choices & 15) * 37;

	while (n) {
		size_t k = step < n ? step : n;
		ssize_t got = h2_sess_feed(sess, p, k, now_ms);

		if (got < 0)
			return;
		MUST((size_t)got <= k);
		if (got == 0 && k == n)
			return;
		if (got == 0)
			step += 1 + step / 2;
		p += got;
		n -= (size_t)got;
		now_ms += 3;
		if (choices & 16)
			drain();
		if ((choices & 32) && got)
			move(cfg);
	}
}

static void
requests(void)
{
	out.count = 1;
	out.f[0] = (struct h2_field){ SV(":method"),
		choices & 1 ? SV("CONNECT") : SV("GET") };
	for (int i = 0; i < 3; i++) {
		ssize_t id = h2_sess_request(sess, &out, i != 1, NULL);

		if (id > 0) {
			owner[id / 2 % STREAMS] = (uint32_t)id;
			MUST(h2_move_attach(
			    sess, (uint32_t)id, (void *)(uintptr_t)id));
		}
	}
	drain();
}

static void
idle(const struct h2_cfg *cfg, const uint8_t *p, size_t n)
{
	static struct h2_port port;
	uint8_t b[256];
	size_t said;
	ssize_t got;

	(void)h2_idle_begin(cfg, &port, b);
	do {
		got = h2_idle_feed(&port, p, n, 5, b, sizeof(b), &said);
		MUST(said <= sizeof(b));
		if (got > 0) {
			p += got;
			n -= (size_t)got;
		}
	} while (got > 0 && n);
	if (got < 0 || !port.peer.ready)
		return;
	got = h2_port_pack(&port, b, sizeof(b));
	MUST(got > 0 && h2_port_unpack(&port, b, (size_t)got) == 0);
	sess = h2_move_in(cfg, &events, NULL, &port, now_ms);
	MUST(sess);
	requests();
	h2_sess_free(&sess);
}

/* Sums that keep a forged form from taking seconds. */
static bool
is_quick(const struct h2_port *p)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < p->stream_count; i++)
		if (p->peer.window > p->stream[i].send_window)
			sum += p->peer.window - p->stream[i].send_window;
	return sum < 10000000;
}

static void
forged(const struct h2_cfg *cfg, const uint8_t *p, size_t n)
{
	static struct h2_port port;
	static uint8_t b[H2_PORT_BYTES_MAX];
	size_t k = n ? p[0] : 0;

	if (n < 1 + k || h2_port_unpack(&port, p + 1, k) < 0)
		return;
	MUST(h2_port_pack(&port, b, sizeof(b)) == (ssize_t)k);
	MUST(memcmp(b, p + 1, k) == 0);
	if (!is_quick(&port))
		return;
	sess = h2_move_in(cfg, &events, NULL, &port, now_ms);
	if (!sess)
		return;
	for (unsigned i = 0; i < port.stream_count; i++)
		MUST(h2_move_attach(sess, port.stream[i].id,
		    (void *)(uintptr_t)port.stream[i].id));
	session(cfg, p + 1 + k, n - 1 - k);
	h2_sess_free(&sess);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t settings[H2_HD_BYTES] = { 0, 0, 0, H2_SETTINGS };
	struct h2_cfg cfg = { .connect_protocol = true,
		.max_streams = 20,
		.window_bytes = 20000,
		.conn_window_bytes = 100000,
		.head_max_bytes = 4096 };

	if (size == 0)
		return 0;
	now_ms = 1000;
	choices = data[0] & 63;
	memset(held, 0, sizeof(held));
	memset(owner, 0, sizeof(owner));
	if (data[0] >> 6 == 2) {
		idle(&cfg, data + 1, size - 1);
		return 0;
	}
	if (data[0] >> 6 == 3) {
		forged(&cfg, data + 1, size - 1);
		return 0;
	}
	cfg.is_server = data[0] & 64;
	sess = h2_sess_new(&cfg, &events, NULL, now_ms);
	MUST(sess);
	if (cfg.is_server)
		MUST(h2_sess_feed(sess, H2_MAGIC, H2_MAGIC_BYTES, now_ms) ==
		    H2_MAGIC_BYTES);
	MUST(h2_sess_feed(sess, settings, sizeof(settings), now_ms) ==
	    H2_HD_BYTES);
	if (!cfg.is_server)
		requests();
	session(&cfg, data + 1, size - 1);
	drain();
	(void)h2_sess_is_over(sess);
	h2_sess_free(&sess);
	return 0;
}
