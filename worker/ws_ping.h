/* SPDX-License-Identifier: MIT */
/*
 * option ws-ping, of one tunnel: a side of a WebSocket that has been silent for
 * so long is pinged, between two frames; one that then stays silent is taken
 * for dead.
 *
 * The answer, a pong with the same random payload, is kept from the other
 * side, which did not ask: whatever may become one is held back until it is
 * known.  Neither is activity for timeout tunnel.
 *
 * A side is named by the direction of what it says: WS_IN the client, WS_OUT
 * the server.
 */
#ifndef WORKER_WS_PING_H
#define WORKER_WS_PING_H

#include "shm/base/sv.h"
#include "worker/ws_inject.h"
#include "worker/ws_watch.h"

enum { WS_PING_MAX = 14 }; /* bytes that are held back, at most */

enum ws_ping_todo {
	WS_PING_WAIT,
	WS_PING_ASK, /* it is silent: ws_ping_ask() */
	WS_PING_DEAD /* it was asked, and stayed silent */
};

/*
 * w has begun: w->ping, if it is a WebSocket, and one time is not 0; without
 * memory nobody is pinged.  All others are harmless then.
 */
void ws_ping_start(struct ws_watch *w, unsigned client_ms, unsigned server_ms);
void ws_ping_end(struct ws_watch *w);
/*
 * For another process: its state in bytes (w->ping is one), and back from them,
 * which are input.  0, -WSE_NOMEM, -WSE_CORRUPT.
 */
struct sv ws_ping_bytes(const struct ws_watch *w);
MUST_USE int ws_ping_from(struct ws_watch *w, struct sv bytes);
/*
 * What it says is to be seen by ws_ping_next(), which can make it up to
 * WS_PING_MAX bytes more; else ws_ping_heard() will do.
 */
bool ws_ping_is_asked(const struct ws_watch *w, int who);
/* The side said something. */
void ws_ping_heard(struct ws_watch *w, int who);
/*
 * It said *in: true, and *run_r is what of it goes on to the other side first,
 * to be followed (ws_watch_bytes()) before the next call; false: that was all.
 * *run_r is valid up to the next call for any tunnel.
 */
bool ws_ping_next(struct ws_watch *w, int who, struct sv *in, struct sv *run_r);
/* No more comes from there: true, and *run_r is what was held back. */
bool ws_ping_flush(struct ws_watch *w, int who, struct sv *run_r);
/* When to look at ws_ping_todo(), clock_ms(); 0: never, as things are. */
uint64_t ws_ping_due(const struct ws_watch *w);
/*
 * What to do about a side now.  flushed: all that was said to it has left.
 */
enum ws_ping_todo ws_ping_todo(struct ws_watch *w, int who, bool flushed);
/* The ping to send to it now, of WS_INJECT_MAX bytes at most. 0: none. */
size_t ws_ping_ask(struct ws_watch *w, int who, uint8_t *b);

#endif
