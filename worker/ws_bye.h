/* SPDX-License-Identifier: MIT */
/*
 * How a tunnel is ended by us: at its moment, each side of a WebSocket is told
 * by a Close frame behind a whole message, its own Close is awaited, and what
 * else it says is dropped; then TLS and TCP are ended in order.  Each of these
 * takes a bounded time.  What is no WebSocket has its end at once.
 *
 * A direction is named as in ws_watch.h, a side by the direction of what it
 * says.  This is the part that does not ask what the ends are.
 */
#ifndef WORKER_WS_BYE_H
#define WORKER_WS_BYE_H

#include "worker/ws_inject.h"
#include "worker/ws_watch.h"

enum ws_bye_phase {
	WS_BYE_NONE,    /* nothing is planned */
	WS_BYE_PLANNED, /* its moment is to come */
	WS_BYE_SAYING,  /* a Close waits for the end of a message */
	WS_BYE_HEARING, /* both were told, and are to answer */
	WS_BYE_ENDING   /* both get the end of their connection, or stream */
};

/*
 * End it at that time, clock_ms(), with this code; one that is planned already
 * is planned anew.  False: it has begun, or there is no memory.
 */
bool ws_bye_plan(struct ws_watch *w, uint64_t at_ms, unsigned code);
/* Not, after all; one that has begun goes on. */
void ws_bye_unplan(struct ws_watch *w);
void ws_bye_free(struct ws_watch *w);
/* Its moment has come.  Nothing of either direction is held back. */
void ws_bye_begin(struct ws_watch *w);
enum ws_bye_phase ws_bye_phase(const struct ws_watch *w);
/* Bytes of this direction are dropped: ws_bye_drop(). */
bool ws_bye_drops(const struct ws_watch *w, int way);

static inline bool
ws_bye_has_begun(const struct ws_watch *w)
{
	return w->bye && ws_bye_phase(w) > WS_BYE_PLANNED;
}

/* When to call ws_bye_begin(), or ws_bye_step(); clock_ms(), 0: never. */
uint64_t ws_bye_due(const struct ws_watch *w);
/*
 * Begun: how many of the n bytes that came in this direction still go on to
 * the other side, to be followed by ws_watch_bytes(); then comes ws_bye_say(),
 * and ws_bye_drop() for the rest.
 */
MUST_USE size_t ws_bye_pass(
    const struct ws_watch *w, int way, const void *p, size_t n);
/* The Close that goes out now in this direction; 0: none. */
MUST_USE size_t ws_bye_say(
    struct ws_watch *w, int way, uint8_t out[WS_INJECT_MAX]);
/* These bytes are not passed on, but the Close among them counts. */
void ws_bye_drop(struct ws_watch *w, int way, const void *p, size_t n);
/* The one that hears this direction takes no more, or its source has ended. */
void ws_bye_mute(struct ws_watch *w, int way);
/* Nothing more comes from this side. */
void ws_bye_over(struct ws_watch *w, int side);
bool ws_bye_is_over(const struct ws_watch *w, int side);
/*
 * Something happened, or the time has come.  The phase it is in now; due is
 * true if ENDING has lasted long enough.
 */
enum ws_bye_phase ws_bye_step(struct ws_watch *w, bool *due_r);

#endif
