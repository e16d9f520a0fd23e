/* SPDX-License-Identifier: MIT */
/*
 * The key of a WebSocket handshake (RFC 6455 4): a request that came by HTTP/2
 * has none, HTTP/1 wants one, and that it was understood.
 */
#ifndef WORKER_WS_KEY_H
#define WORKER_WS_KEY_H

#include "shm/base/mem.h"
#include "shm/proto/http.h"

/* The head's Upgrade fields name websocket. */
bool ws_key_is_wanted(const struct http_head *h);
/* There is one key, and not an empty one. */
bool ws_key_is_given(const struct http_head *req);
/* Give the head a key if it asks for a WebSocket and has none. 0 or -WSE_*. */
MUST_USE int ws_key_add(struct http_head *req, struct arena *a);
/* What answers a key (no NUL at the end); false: it is no key. */
enum { WS_KEY_ACCEPT_BYTES = 28 };
bool ws_key_accept(struct sv key, char out[WS_KEY_ACCEPT_BYTES]);
/*
 * The response accepts the request's key; true, too, if that has none, or asks
 * for something else.
 */
bool
ws_key_is_accepted(const struct http_head *req, const struct http_head *res);

#endif
