/* SPDX-License-Identifier: MIT */
/*
 * What passes through a tunnel, counted: bytes, and the messages of a
 * WebSocket.  On the board they are counted as they pass; the tunnel's own sum
 * is for its log line.
 */
#ifndef WORKER_WS_WATCH_H
#define WORKER_WS_WATCH_H

#include "shm/proto/ws_frame.h"
#include "worker/rules/txn.h"

enum { WS_IN, WS_OUT }; /* from the client; to it */

struct ws_bye;  /* ws_bye.h */
struct ws_ping; /* ws_ping.h */

struct ws_watch {
	struct ws_frame frame[2]; /* WS_IN, WS_OUT */
	struct ws_bye *bye;       /* NULL: we do not end it */
	struct txn_tunnel sum;
	struct ws_ping *ping; /* ws_ping.h; NULL: nobody is pinged */
};

/* Begin; t->req and t->res are those of the handshake. */
void ws_watch_start(struct ws_watch *w, const struct txn *t);
/* These bytes passed in direction way. be may be fe. */
void ws_watch_bytes(struct ws_watch *w, int way, const void *p, size_t n,
    const struct proxy *fe, const struct server *srv);
/* It ends by the client ('C'), the server ('S') or us ('P'), unless that is
 * known. */
void ws_watch_ended(struct ws_watch *w, char who);

#endif
