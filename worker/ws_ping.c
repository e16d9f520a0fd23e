/* SPDX-License-Identifier: MIT */
#include "worker/ws_ping.h"

#include <openssl/rand.h>
#include <stddef.h>
#include <string.h>

#include "shm/base/clock.h"
#include "shm/base/mem.h"
#include "worker/ws_inject.h"

enum {
	NONCE_BYTES = 8,
	KEY_BYTES = 4,
	HEAD_BYTES = 2,
	PONG_MAX = HEAD_BYTES + KEY_BYTES + NONCE_BYTES,
	BYTE_PONG = 0x8a, /* FIN and opcode */
	BIT_MASK = 0x80,
	RETRY_MS = 50, /* a frame is half sent, or bytes wait */
	SIDES = 2
};

_Static_assert((int)PONG_MAX == (int)WS_PING_MAX, "what is held back");

struct ws_ping {
	unsigned every_ms[SIDES]; /* 0: it is not pinged */
	uint64_t said_ms[SIDES];  /* when the side said something last */
	uint64_t again_ms[SIDES]; /* no ping before; 0: any time */
	uint64_t sent_ms[SIDES];  /* when it was pinged last; 0: never */
	bool waits[SIDES];        /* it has said nothing since */
	uint8_t nonce[NONCE_BYTES];
	/* from the side: the begin of a frame that may be the answer */
	uint8_t held[SIDES][PONG_MAX];
	uint8_t held_n[SIDES];
};

static struct mempool ping_pool = MEMPOOL_SLABS(struct ws_ping);

void
ws_ping_start(struct ws_watch *w, unsigned client_ms, unsigned server_ms)
{
	struct ws_ping *g;

	if (!w->sum.is_ws || (!client_ms && !server_ms))
		return;
	g = mempool_get(&ping_pool);
	if (!g)
		return;
	if (RAND_bytes(g->nonce, sizeof(g->nonce)) != 1) {
		mempool_put(&ping_pool, g);
		return;
	}
	g->every_ms[WS_IN] = client_ms;
	g->every_ms[WS_OUT] = server_ms;
	g->said_ms[WS_IN] = g->said_ms[WS_OUT] = clock_ms();
	w->ping = g;
}

void
ws_ping_end(struct ws_watch *w)
{
	if (w->ping)
		mempool_put(&ping_pool, w->ping);
	w->ping = NULL;
}

struct sv
ws_ping_bytes(const struct ws_watch *w)
{
	return sv_of((const char *)w->ping, sizeof(*w->ping));
}

int
ws_ping_from(struct ws_watch *w, struct sv bytes)
{
	struct ws_ping *g;
	uint8_t waits;

	if (bytes.n != sizeof(*g))
		return -WSE_CORRUPT;
	g = mempool_get(&ping_pool);
	if (!g)
		return -WSE_NOMEM;
	memcpy(g, bytes.p, sizeof(*g));
	for (int i = 0; i < SIDES; i++) { /* any byte may have come */
		memcpy(
		    &waits, bytes.p + offsetof(struct ws_ping, waits) + i, 1);
		g->waits[i] = waits != 0;
	}
	w->ping = g;
	if (g->held_n[WS_IN] < PONG_MAX && g->held_n[WS_OUT] < PONG_MAX)
		return 0;
	ws_ping_end(w);
	return -WSE_CORRUPT;
}

/* --- the answer --- */

bool
ws_ping_is_asked(const struct ws_watch *w, int who)
{
	return w->ping && w->ping->sent_ms[who] != 0;
}

void
ws_ping_heard(struct ws_watch *w, int who)
{
	if (!w->ping)
		return;
	w->ping->said_ms[who] = clock_ms();
	w->ping->waits[who] = false;
}

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
pong_bytes(int who)
{
	return who == WS_IN ? PONG_MAX : PONG_MAX - KEY_BYTES;
}

static bool
is_ours(const struct ws_ping *g, int who)
{
	const uint8_t *key = g->held[who] + HEAD_BYTES;
	const uint8_t *p = who == WS_IN ? key + KEY_BYTES : key;
	uint8_t diff = 0;

	for (int i = 0; i < NONCE_BYTES; i++) {
		uint8_t mask = who == WS_IN ? key[i % KEY_BYTES] : 0;

		diff |= (uint8_t)(p[i] ^ mask ^ g->nonce[i]);
	}
	return diff == 0;
}

/* What is held may still become the answer. */
static bool
may_be_ours(const struct ws_ping *g, int who)
{
	uint8_t second = (who == WS_IN ? BIT_MASK : 0) | NONCE_BYTES;

	return g->held_n[who] < HEAD_BYTES || g->held[who][1] == second;
}

bool
ws_ping_flush(struct ws_watch *w, int who, struct sv *run_r)
{
	static char bytes[PONG_MAX];
	struct ws_ping *g = w->ping;
	size_t n = g ? g->held_n[who] : 0;

	if (n == 0)
		return false;
	memcpy(bytes, g->held[who], n);
	g->held_n[who] = 0;
	*run_r = sv_of(bytes, n);
	return true;
}

bool
ws_ping_next(struct ws_watch *w, int who, struct sv *in, struct sv *run_r)
{
	struct ws_ping *g = w->ping;

	ws_ping_heard(w, who);
	while (in->n > 0) {
		size_t k =
		    g->held_n[who] ? 0 : plain_run(w->frame[who], in->p, in->n);

		if (k) {
			*run_r = sv_of(in->p, k);
			*in = sv_from(*in, k);
			return true;
		}
		g->held[who][g->held_n[who]++] = (uint8_t)*in->p;
		*in = sv_from(*in, 1);
		if (!may_be_ours(g, who))
			return ws_ping_flush(w, who, run_r);
		if (g->held_n[who] < pong_bytes(who))
			continue;
		if (!is_ours(g, who))
			return ws_ping_flush(w, who, run_r);
		g->held_n[who] = 0;
	}
	return false;
}

/* --- the question --- */

/* Both directions can be followed, and neither has been closed. */
static bool
is_open(const struct ws_watch *w)
{
	const struct ws_frame *in = &w->frame[WS_IN];
	const struct ws_frame *out = &w->frame[WS_OUT];

	return !ws_frame_is_lost(in) && !ws_frame_is_lost(out) &&
	    !ws_frame_is_closed(in) && !ws_frame_is_closed(out);
}

static uint64_t
due_of(const struct ws_ping *g, int who)
{
	unsigned ms = g->every_ms[who];
	uint64_t at;

	if (!ms)
		return 0;
	if (g->waits[who])
		return g->sent_ms[who] + ms;
	at = g->said_ms[who] + ms;
	return at > g->again_ms[who] ? at : g->again_ms[who];
}

uint64_t
ws_ping_due(const struct ws_watch *w)
{
	uint64_t c, s;

	if (!w->ping || !is_open(w))
		return 0;
	c = due_of(w->ping, WS_IN);
	s = due_of(w->ping, WS_OUT);
	return !c ? s : !s || c < s ? c : s;
}

enum ws_ping_todo
ws_ping_todo(struct ws_watch *w, int who, bool flushed)
{
	struct ws_ping *g = w->ping;
	uint64_t at = g && is_open(w) ? due_of(g, who) : 0, now = clock_ms();

	if (!at || at > now)
		return WS_PING_WAIT;
	if (g->waits[who] && flushed)
		return WS_PING_DEAD;
	if (g->waits[who]) { /* it has not got the ping: its time is to come */
		g->sent_ms[who] = now;
		return WS_PING_WAIT;
	}
	g->again_ms[who] = now + RETRY_MS;
	/* the frames to it are those that the other one says */
	return flushed && ws_frame_is_between(&w->frame[!who]) ? WS_PING_ASK
							       : WS_PING_WAIT;
}

size_t
ws_ping_ask(struct ws_watch *w, int who, uint8_t *b)
{
	struct ws_ping *g = w->ping;
	size_t n = ws_inject_frame(
	    b, WS_PING, g->nonce, sizeof(g->nonce), who == WS_OUT);

	if (n) {
		g->sent_ms[who] = clock_ms();
		g->waits[who] = true;
	}
	return n;
}
