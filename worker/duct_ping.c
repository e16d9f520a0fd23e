/* SPDX-License-Identifier: MIT */
/*
 * option ws-ping: a side of a WebSocket that has been silent for so long is
 * pinged, between two frames; one that then stays silent is taken for dead.
 *
 * The answer, a pong with the same random payload, is kept from the other
 * side, which did not ask: whatever may become one is held back until it is
 * known.  Neither is activity for timeout tunnel.
 */
#include <openssl/rand.h>
#include <string.h>

#include "shm/base/mem.h"
#include "worker/duct_int.h"
#include "worker/ws_inject.h"

enum {
	NONCE_BYTES = 8,
	KEY_BYTES = 4,
	HEAD_BYTES = 2,
	PONG_MAX = HEAD_BYTES + KEY_BYTES + NONCE_BYTES,
	BYTE_PONG = 0x8a, /* FIN and opcode */
	BIT_MASK = 0x80,
	RETRY_MS = 50 /* a frame is half sent, or bytes wait */
};

struct duct_ping {
	uint64_t said_ms[SIDES];  /* when the side said something last */
	uint64_t again_ms[SIDES]; /* no ping before; 0: any time */
	uint64_t sent_ms[SIDES];  /* when it was pinged last; 0: never */
	bool waits[SIDES];        /* it has said nothing since */
	uint8_t nonce[NONCE_BYTES];
	/* from the side: the begin of a frame that may be the answer */
	uint8_t held[SIDES][PONG_MAX];
	uint8_t held_n[SIDES];
};

static struct mempool ping_pool = MEMPOOL_SLABS(struct duct_ping);

static unsigned
interval_ms(const struct duct *d, enum duct_side side)
{
	return side == CLIENT ? duct_fe(d)->http.ws_ping_ms
			      : d->srv->px->http.ws_ping_ms;
}

void
duct_ping_start(struct duct *d)
{
	struct duct_ping *g;

	if (!d->watch.sum.is_ws ||
	    (!interval_ms(d, CLIENT) && !interval_ms(d, SERVER)))
		return;
	g = mempool_get(&ping_pool);
	if (!g)
		return;
	if (RAND_bytes(g->nonce, sizeof(g->nonce)) != 1) {
		mempool_put(&ping_pool, g);
		return;
	}
	g->said_ms[CLIENT] = g->said_ms[SERVER] = clock_ms();
	d->ping = g;
}

void
duct_ping_free(struct duct *d)
{
	if (d->ping)
		mempool_put(&ping_pool, d->ping);
	d->ping = NULL;
}

/* --- the answer --- */

/* Bytes from the frame at hand on that are surely not one. */
static size_t
plain_run(struct ws_frame f, const char *p, size_t n)
{
	size_t at = 0;

	while (
	    at < n && !(ws_frame_is_between(&f) && (uint8_t)p[at] == BYTE_PONG))
		at += ws_frame_skip(&f, p + at, n - at);
	return at;
}

static size_t
pong_bytes(enum duct_side from)
{
	return from == CLIENT ? PONG_MAX : PONG_MAX - KEY_BYTES;
}

static bool
is_ours(const struct duct_ping *g, enum duct_side from)
{
	const uint8_t *key = g->held[from] + HEAD_BYTES;
	const uint8_t *p = from == CLIENT ? key + KEY_BYTES : key;
	uint8_t diff = 0;

	for (int i = 0; i < NONCE_BYTES; i++) {
		uint8_t mask = from == CLIENT ? key[i % KEY_BYTES] : 0;

		diff |= (uint8_t)(p[i] ^ mask ^ g->nonce[i]);
	}
	return diff == 0;
}

/* What is held may still become the answer. */
static bool
may_be_ours(const struct duct_ping *g, enum duct_side from)
{
	uint8_t second = (from == CLIENT ? BIT_MASK : 0) | NONCE_BYTES;

	return g->held_n[from] < HEAD_BYTES || g->held[from][1] == second;
}

/* It is none: it goes on its way. May end d. */
void
duct_ping_flush(struct duct *d, enum duct_side from)
{
	struct duct_ping *g = d->ping;
	char bytes[PONG_MAX];
	size_t n;

	if (!g || !g->held_n[from])
		return;
	n = g->held_n[from];
	memcpy(bytes, g->held[from], n);
	g->held_n[from] = 0;
	duct_pass(d, from, bytes, n);
}

void
duct_ping_pass(struct duct *d, enum duct_side from, const char *p, size_t n)
{
	struct duct_ping *g = d->ping;
	const struct ws_frame *f =
	    &d->watch.frame[from == CLIENT ? WS_IN : WS_OUT];

	g->said_ms[from] = clock_ms();
	g->waits[from] = false;
	if (!g->sent_ms[from]) {
		duct_pass(d, from, p, n);
		return;
	}
	while (n > 0 && !d->dead) {
		size_t k = g->held_n[from] ? 0 : plain_run(*f, p, n);

		if (k) {
			duct_pass(d, from, p, k);
			p += k;
			n -= k;
			continue;
		}
		g->held[from][g->held_n[from]++] = (uint8_t)*p++;
		n--;
		if (!may_be_ours(g, from))
			duct_ping_flush(d, from);
		else if (g->held_n[from] < pong_bytes(from))
			continue;
		else if (is_ours(g, from))
			g->held_n[from] = 0;
		else
			duct_ping_flush(d, from);
	}
}

/* --- the question --- */

/* Both directions can be followed, and neither has been closed. */
static bool
is_open(const struct duct *d)
{
	const struct ws_frame *in = &d->watch.frame[WS_IN];
	const struct ws_frame *out = &d->watch.frame[WS_OUT];

	return !ws_frame_is_lost(in) && !ws_frame_is_lost(out) &&
	    !ws_frame_is_closed(in) && !ws_frame_is_closed(out) &&
	    !d->end[CLIENT].in_done && !d->end[SERVER].in_done;
}

static bool
may_ask(const struct duct *d, enum duct_side to)
{
	struct xprt x = duct_xprt(d, to);

	return !d->end[to].pend && !d->end[to].write_dead &&
	    !xprt_has_unsent(&x) &&
	    ws_frame_is_between(&d->watch.frame[to == CLIENT ? WS_OUT : WS_IN]);
}

/* May end d. */
static void
ask(struct duct *d, enum duct_side to)
{
	struct duct_ping *g = d->ping;
	uint8_t b[WS_INJECT_MAX];
	uint64_t heard_ms = d->heard_ms[to];
	size_t n = ws_inject_frame(
	    b, WS_PING, g->nonce, sizeof(g->nonce), to == SERVER);

	if (!n)
		return;
	g->sent_ms[to] = clock_ms();
	g->waits[to] = true;
	duct_send(d, to, (const char *)b, n);
	if (!d->dead)
		d->heard_ms[to] = heard_ms;
}

static uint64_t
due(const struct duct *d, enum duct_side side)
{
	const struct duct_ping *g = d->ping;
	unsigned ms = interval_ms(d, side);
	uint64_t at;

	if (!g || !ms || !is_open(d))
		return 0;
	if (g->waits[side])
		return g->sent_ms[side] + ms;
	at = g->said_ms[side] + ms;
	return at > g->again_ms[side] ? at : g->again_ms[side];
}

uint64_t
duct_ping_due(const struct duct *d)
{
	uint64_t c = due(d, CLIENT), s = due(d, SERVER);

	return !c ? s : !s || c < s ? c : s;
}

void
duct_ping_timer(struct duct *d)
{
	for (int i = 0; i < SIDES && !d->dead; i++) {
		enum duct_side side = (enum duct_side)i;
		uint64_t at = due(d, side);

		if (!at || at > clock_ms())
			continue;
		if (d->ping->waits[side]) {
			duct_term(d, side == CLIENT ? 'c' : 's', 'D');
			duct_finish(d);
		} else if (may_ask(d, side)) {
			ask(d, side);
		} else {
			d->ping->again_ms[side] = clock_ms() + RETRY_MS;
		}
	}
}
