/* SPDX-License-Identifier: MIT */
#include "tools/origin/turn.h"

#include <stdlib.h>

#include "tools/origin/answer.h"
#include "tools/origin/conn.h"
#include "tools/origin/h2.h"

static void
refuse(struct conn *c, const char *status)
{
	if (!c->admin)
		conn_stats.bad++;
	if (c->state == CONN_BODY && c->plan.early) {
		c->state = CONN_CLOSE; /* the answer was given */
		return;
	}
	c->state = CONN_CLOSE;
	conn_putf(c,
	    "HTTP/1.1 %s\r\nContent-Length: 0\r\n"
	    "Connection: close\r\n\r\n",
	    status);
}

/* All of an answer was put into `out` and `gen`: what is next? */
static void
next_request(struct conn *c)
{
	bool body = c->dec.state != DEC_DONE;

	if (c->plan.drop ||
	    (conn_options.close_after && !c->admin &&
		c->requests >= conn_options.close_after))
		c->keep = false;
	if (!c->keep || c->plan.kind == PLAN_ABORT)
		c->state = CONN_CLOSE;
	else if (body)
		c->state = CONN_BODY; /* answered early: read what follows */
	else
		c->state = CONN_HEAD;
	if (c->state == CONN_HEAD && c->in_at == c->in_end)
		conn_start_idle(c);
}

static void
count_request(struct conn *c)
{
	struct conn_stats *st = &conn_stats;

	if (c->admin || c->plan.kind == PLAN_STATS ||
	    c->plan.kind == PLAN_STATS_RESET)
		return;
	c->requests++;
	c->unfinished++;
	st->requests++;
	if (++st->concurrent > st->peak_concurrent)
		st->peak_concurrent = st->concurrent;
}

/* Starts the answer, now or after the delay that was asked for. */
static void
begin_answer(struct conn *c, const char *head, size_t head_len)
{
	answer_start(c, head, head_len);
	if (c->plan.delay) {
		c->after_delay = c->state;
		c->state = CONN_DELAY;
		conn_timer(c, (uint32_t)c->plan.delay);
	}
}

/*
 * Whether a connection's first bytes are those of HTTP/2 by prior
 * knowledge, or may become it. The state has changed if they are.
 */
static bool
may_be_h2(struct conn *c)
{
	enum h2_preface found;

	if (c->wire.tls || h2_options.off || c->in_at == c->in_end)
		return false;
	found = h2_preface_find(c->in + c->in_at, c->in_end - c->in_at);
	if (found == H2_PREFACE_WHOLE && !h2_start(c))
		c->state = CONN_CLOSE;
	return found != H2_PREFACE_NONE;
}

/* Returns false when no whole head is there. */
static bool
read_head(struct conn *c)
{
	const char *head = c->in + c->in_at;
	struct req req;
	ssize_t n;

	if (!c->http1 && may_be_h2(c))
		return false;
	n = req_parse(head, c->in_end - c->in_at, &req);
	if (n == 0) {
		if (c->in_end - c->in_at < sizeof(c->in))
			return false;
		refuse(c, "431 Request Header Fields Too Large");
		return true;
	}
	if (n < 0) {
		refuse(c, "400 Bad Request");
		return true;
	}
	conn_stop_idle(c);
	if (!c->http1 && !c->admin)
		conn_stats.h1_connections++;
	c->http1 = true;
	c->in_at += (size_t)n;
	plan_read(&c->plan, &req);
	count_request(c);
	c->keep = req.keep && !c->plan.close && !c->plan.nolen;
	req_decoder_init(&c->dec, &req);
	if (c->plan.kind == PLAN_HASH) {
		if (!c->hash)
			c->hash = EVP_MD_CTX_new();
		if (!c->hash || !EVP_DigestInit_ex(c->hash, EVP_sha256(), NULL))
			abort();
	}
	if (req.expect && req.body != REQ_BODY_NONE && !c->plan.early)
		conn_putf(c, "HTTP/1.1 100 Continue\r\n\r\n");
	if (c->plan.kind == PLAN_ECHO)
		answer_echo(c, &req);
	if (c->dec.state == DEC_DONE || plan_is_early(&c->plan))
		begin_answer(c, head, (size_t)n);
	else
		c->state = CONN_BODY;
	return true;
}

static void
take_body(struct conn *c, const char *data, size_t len)
{
	if (c->plan.early)
		return;
	if (c->plan.kind == PLAN_HASH) {
		EVP_DigestUpdate(c->hash, data, len);
	} else if (c->plan.kind == PLAN_ECHO && !c->plan.head) {
		if (c->dec.chunked)
			conn_putf(c, "%zx\r\n", len);
		conn_put(c, data, len);
		if (c->dec.chunked)
			conn_put(c, "\r\n", 2);
	}
}

/* Returns false when it waits for input or for room in the output. */
static bool
read_body(struct conn *c)
{
	size_t have = c->in_end - c->in_at, room = conn_room(c), len;
	const char *data;
	ssize_t n;

	if (c->dec.state == DEC_DONE) {
		if (c->plan.early)
			next_request(c);
		else
			begin_answer(c, NULL, 0);
		return true;
	}
	if (c->plan.kind == PLAN_ECHO) {
		if (room < CONN_OUT_ROOM)
			return false;
		if (have > room - 64)
			have = room - 64;
	}
	n = req_decode(&c->dec, c->in + c->in_at, have, &data, &len);
	if (n < 0) {
		refuse(c, "400 Bad Request");
		return true;
	}
	if (len)
		take_body(c, data, len);
	c->in_at += (size_t)n;
	return n > 0;
}

static void
echo_ws(struct conn *c)
{
	struct ws_io io = {
		.in = (uint8_t *)c->in,
		.in_at = c->in_at,
		.in_end = c->in_end,
		.out = (uint8_t *)c->out,
		.out_end = c->out_end,
		.out_size = sizeof(c->out),
	};

	if (!ws_echo(&c->ws, &io))
		c->state = CONN_CLOSE;
	c->in_at = io.in_at;
	c->out_end = io.out_end;
	conn_stats.messages += c->ws.messages;
	c->ws.messages = 0;
}

bool
turn_step(struct conn *c)
{
	switch (c->state) {
	case CONN_HEAD:
		if (conn_room(c) < CONN_OUT_ROOM || c->gen)
			return false;
		return read_head(c) || c->state == CONN_H2;
	case CONN_BODY:
		return read_body(c);
	case CONN_SEND:
		if (c->plan.kind == PLAN_CHUNKED && c->plan.n) {
			answer_more_chunks(c);
			return conn_room(c) >= CONN_OUT_ROOM;
		}
		next_request(c);
		return true;
	case CONN_WS:
		echo_ws(c);
		return false;
	case CONN_H2:
		h2_step(c);
		return false;
	case CONN_SHAKE:
	case CONN_DELAY:
	case CONN_SSE:
	case CONN_CLOSE:
	case CONN_LINGER:
		break;
	}
	return false;
}
