/* SPDX-License-Identifier: MIT */
/*
 * Which protocol a WebSocket, or any other stream, takes to a server: `ws` of
 * the server line, its `proto` and `alpn`, and what was learned of the server.
 */
#ifndef SHM_CONF_WS_H
#define SHM_CONF_WS_H

#include "shm/conf/conf.h"

/* As TAG_BIT() of shm/seg/slot.h, which this layer does not see. */
enum {
	WS_TAG_H1 = 1 << 1,
	WS_TAG_H2 = 1 << 2,  /* HTTP/2 without RFC 8441 */
	WS_TAG_H2WS = 1 << 3 /* ... and with it */
};

enum ws_use {
	WS_USE_ORDINARY,
	WS_USE_UPGRADE, /* another upgrade than to a WebSocket */
	WS_USE_WEBSOCKET,
	WS_USE_N
};

/* Whether the server takes WebSockets over HTTP/2, as far as is known. */
enum ws_able { WS_ABLE_UNKNOWN, WS_ABLE_NO, WS_ABLE_YES, WS_ABLE_N };

/* WS_TAG_* that fit. */
uint8_t ws_tags(const struct server *s, enum ws_use use, enum ws_able able);
/* Those of all uses, whatever is learned. */
uint8_t ws_tags_ever(const struct server *s);
/* Whether what is spoken is negotiated: `ssl` with `alpn`. */
bool ws_has_alpn(const struct server *s);
/*
 * What to offer by ALPN for streams that take `tags`: for those of HTTP/1 alone
 * or HTTP/2 alone just that, also if `alpn` lacks it, else the line's list as
 * far as `proto` allows it.  Empty: no ALPN.
 */
void ws_offer(const struct server *s, uint8_t tags, struct tls_alpn *alpn_r);
/* Is that all the line has to offer: is its answer the server's own choice? */
bool ws_is_full_offer(const struct server *s, uint8_t tags);
/* A kind of WebSocket message by its name, as enum ws_kind of
 * shm/proto/ws_frame.h, which this layer does not see, either; -1: none. */
int ws_msg_kind(const char *name);
/* Where nothing is negotiated: HTTP/2 for these, not HTTP/1? */
bool ws_is_prior_h2(const struct server *s, uint8_t tags);

#endif
