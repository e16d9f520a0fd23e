/* SPDX-License-Identifier: MIT */
#include "tools/origin/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/origin/conn.h"
#include "tools/origin/page.h"

#define CHUNK_BYTES 16384
#define SSE_MS      1000
#define HEAD_SHOWN  (CONN_OUT_ROOM - 2048) /* of a request, by /headers */

static const char *
reason(uint64_t status)
{
	switch (status) {
	case 200:
		return "OK";
	case 204:
		return "No Content";
	case 304:
		return "Not Modified";
	case 404:
		return "Not Found";
	case 426:
		return "Upgrade Required";
	default:
		return "Status";
	}
}

static void
put_hints(struct conn *c)
{
	for (uint64_t i = 0; i < c->plan.hints; i++)
		conn_putf(c,
		    "HTTP/1.1 103 Early Hints\r\n"
		    "Link: </hint/%llu>; rel=preload\r\n\r\n",
		    (unsigned long long)i);
}

/* Status line and fields; the body's framing is the caller's. */
static void
put_head(struct conn *c, const char *type)
{
	struct plan *plan = &c->plan;

	conn_putf(c, "HTTP/1.1 %u %s\r\nServer: wsbroker-origin\r\n",
	    (unsigned int)plan->status, reason(plan->status));
	if (!plan_has_no_body(plan))
		conn_putf(c, "Content-Type: %s\r\n", type);
	if (!c->keep)
		conn_putf(c, "Connection: close\r\n");
	else if (plan->http10)
		conn_putf(c, "Connection: keep-alive\r\n");
}

static void
put_text(struct conn *c, const char *type, const char *text, size_t len)
{
	put_head(c, type);
	if (plan_has_no_body(&c->plan)) {
		conn_putf(c, "\r\n");
		return;
	}
	if (c->plan.nolen)
		conn_putf(c, "\r\n");
	else
		conn_putf(c, "Content-Length: %zu\r\n\r\n", len);
	if (!c->plan.head)
		conn_put(c, text, len);
}

static void
answer_bytes(struct conn *c)
{
	struct plan *plan = &c->plan;

	put_head(c, "application/octet-stream");
	if (plan_has_no_body(plan)) {
		conn_putf(c, "\r\n");
		return;
	}
	if (plan->nolen)
		conn_putf(c, "\r\n");
	else
		conn_putf(c, "Content-Length: %llu\r\n\r\n",
		    (unsigned long long)plan->n);
	c->gen_at = 0;
	c->gen = plan->head ? 0 : plan->n;
}

static void
answer_chunked(struct conn *c)
{
	if (c->plan.http10) {
		c->keep = false;
		c->plan.nolen = true;
		c->plan.kind = PLAN_BYTES;
		answer_bytes(c);
		return;
	}
	put_head(c, "application/octet-stream");
	conn_putf(c,
	    "Trailer: X-Origin-Trailer\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n");
	c->gen_at = 0;
	if (c->plan.head)
		c->plan.n = 0;
	else if (c->plan.n == 0)
		conn_putf(c, "0\r\nX-Origin-Trailer: end\r\n\r\n");
}

void
answer_more_chunks(struct conn *c)
{
	while (c->plan.n > 0 && conn_room(c) >= CONN_OUT_ROOM) {
		size_t len = conn_room(c) - 128;

		if (len > CHUNK_BYTES)
			len = CHUNK_BYTES;
		if (len > c->plan.n)
			len = (size_t)c->plan.n;
		conn_putf(c, "%zx\r\n", len);
		conn_put_pattern(c, len);
		conn_put(c, "\r\n", 2);
		c->plan.n -= len;
		if (c->plan.n == 0)
			conn_putf(c, "0\r\nX-Origin-Trailer: end\r\n\r\n");
	}
}

/* Some bytes of an answer that promises more, then nothing. */
static void
answer_abort(struct conn *c)
{
	if (c->plan.n > 0) {
		conn_putf(c, "HTTP/1.1 200 OK\r\nContent-Length: %llu\r\n\r\n",
		    2 * (unsigned long long)c->plan.n);
		c->gen_at = 0;
		c->gen = c->plan.n;
	}
	c->keep = false;
}

static void
answer_sse(struct conn *c)
{
	put_head(c, "text/event-stream");
	conn_putf(c, "Cache-Control: no-store\r\n");
	if (!c->plan.http10)
		conn_putf(c, "Transfer-Encoding: chunked\r\n");
	conn_putf(c, "\r\n");
	c->plan.n = 0;
	answer_tick(c);
}

void
answer_tick(struct conn *c)
{
	char event[64];
	int n;

	conn_timer(c, SSE_MS);
	if (conn_room(c) < CONN_OUT_ROOM)
		return; /* a slow reader misses events */
	n = snprintf(event, sizeof(event), "data: tick %llu\n\n",
	    (unsigned long long)c->plan.n++);
	if (c->plan.http10)
		conn_putf(c, "%s", event);
	else
		conn_putf(c, "%x\r\n%s\r\n", (unsigned int)n, event);
}

static void
answer_ws(struct conn *c)
{
	char accept[WS_ACCEPT_BYTES];

	ws_accept_key(c->plan.bad_key ? "no such key" : c->plan.key, accept);
	conn_putf(c,
	    "HTTP/1.1 101 Switching Protocols\r\n"
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: %s\r\n\r\n",
	    accept);
	conn_stats.websockets++;
	c->keep = true;
}

static void
answer_ws_missing(struct conn *c)
{
	c->plan.status = 426;
	conn_putf(c,
	    "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade%s\r\nContent-Length: 0\r\n\r\n",
	    c->keep ? "" : ", close");
}

void
answer_echo(struct conn *c, const struct req *req)
{
	put_hints(c);
	put_head(c, "application/octet-stream");
	if (req->body == REQ_BODY_CHUNKED)
		conn_putf(c, "Transfer-Encoding: chunked\r\n\r\n");
	else
		conn_putf(c, "Content-Length: %llu\r\n\r\n",
		    (unsigned long long)req->length);
}

void
answer_start(struct conn *c, const char *head, size_t head_len)
{
	const struct page_subject subject = {
		.head = head,
		.head_len = head_len < HEAD_SHOWN ? head_len : HEAD_SHOWN,
		.conn_id = c->id,
		.request = c->requests,
		.hash = c->hash,
		.tls = c->wire.tls,
	};
	struct page page;

	c->state = CONN_SEND;
	if (c->plan.kind != PLAN_ECHO)
		put_hints(c);
	if (c->plan.kind == PLAN_WS_MISSING) {
		answer_ws_missing(c);
		return;
	}
	if (page_make(&c->plan, &subject, &page)) {
		put_text(c, page.type, page.text, page.len);
		return;
	}
	switch (c->plan.kind) {
	case PLAN_BYTES:
		answer_bytes(c);
		break;
	case PLAN_CHUNKED:
		answer_chunked(c);
		break;
	case PLAN_ECHO:
		if (c->dec.chunked && !c->plan.head)
			conn_put(c, "0\r\n\r\n", 5);
		break;
	case PLAN_ABORT:
		answer_abort(c);
		break;
	case PLAN_SSE:
		answer_sse(c);
		c->state = CONN_SSE;
		break;
	case PLAN_WS:
		answer_ws(c);
		c->state = CONN_WS;
		break;
	case PLAN_PAGE:
	case PLAN_HASH:
	case PLAN_HEADERS:
	case PLAN_STATUS:
	case PLAN_CONN:
	case PLAN_CLOSE:
	case PLAN_WS_MISSING:
	case PLAN_KEY_UPDATE:
	case PLAN_STATS:
	case PLAN_STATS_RESET:
	case PLAN_NOT_FOUND:
		break; /* pages */
	}
}
