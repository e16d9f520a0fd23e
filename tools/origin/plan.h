/* SPDX-License-Identifier: MIT */
/* What a request asks the demo origin to do, read from path and query. */
#ifndef ORIGIN_PLAN_H
#define ORIGIN_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/origin/req.h"

struct conn;

enum plan_kind {
	PLAN_PAGE,
	PLAN_BYTES,
	PLAN_CHUNKED,
	PLAN_ECHO,
	PLAN_HASH,
	PLAN_HEADERS,
	PLAN_STATUS,
	PLAN_CONN,
	PLAN_ABORT,
	PLAN_SSE,
	PLAN_WS,
	PLAN_WS_MISSING, /* /ws without a handshake */
	PLAN_KEY_UPDATE,
	PLAN_STATS,
	PLAN_STATS_RESET,
	PLAN_NOT_FOUND,
};

struct plan {
	enum plan_kind kind;
	bool head; /* HEAD: no body in the answer */
	bool http10;
	bool close;   /* ?close: says so and closes */
	bool drop;    /* ?drop: closes without saying so */
	bool early;   /* ?early: answers before the body is read */
	bool nolen;   /* ?nolen: the body ends with the connection */
	bool rst;     /* ?rst: /abort ends with RST instead of FIN */
	bool unclean; /* ?unclean: ends without close_notify */
	bool request; /* ?request=1: /keyupdate wants the client's too */
	bool bad_key; /* ?badaccept: a wrong Sec-WebSocket-Accept */
	uint16_t status;
	uint32_t delay_ms;
	uint64_t n;
	char key[REQ_KEY_BYTES]; /* of PLAN_WS */
};

void plan_read(struct plan *plan, const struct req *req);

/* Whether the answer is written while the body is still being read. */
bool plan_is_early(const struct plan *plan);

/* Writes the answer into the connection; head is what /headers shows. */
void plan_answer(struct conn *c, const char *head, size_t head_len);

/* Starts the answer to a /echo, whose body follows. */
void plan_answer_echo(struct conn *c, const struct req *req);

/* Writes more of a /chunked or /sse answer. */
void plan_more_chunks(struct conn *c);
void plan_tick(struct conn *c);

#endif
