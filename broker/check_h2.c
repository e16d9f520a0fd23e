/* SPDX-License-Identifier: MIT */
/*
 * A check over HTTP/2: one request on a connection of its own, or a WebSocket
 * by extended CONNECT (RFC 8441), for which the server's SETTINGS are awaited.
 */
#include <stdio.h>
#include <stdlib.h>

#include "broker/check_parts.h"
#include "shm/base/clock.h"
#include "shm/base/mem.h"
#include "shm/proto/h2_sess.h"

enum { ARENA_BYTES = 16384, OUT_BYTES = 4096, WINDOW = 65535 };

struct check_h2 {
	struct check_conn *c;
	struct h2_sess *s;
	const struct check_send *send;
	const char *host;
	bool is_ws, asked, agreed, head_bad, closed;
	uint32_t id, code;
	struct http_head head;
	struct arena in, out;
	struct check_reply *reply; /* while it is being fed */
	uint8_t close_frame[CHECK_WS_CLOSE_BYTES];
	size_t sent; /* of body or Close frame */
	char arena_in[ARENA_BYTES], arena_out[ARENA_BYTES];
};

static bool
on_begin(void *conn, uint32_t id, void **user, struct h2_into *into)
{
	struct check_h2 *h = conn;

	(void)id;
	*user = h;
	h->in = (struct arena){ h->arena_in, 0, sizeof(h->arena_in) };
	into->head = &h->head;
	into->arena = &h->in;
	into->method = http_method_of(
	    sv_str(h->is_ws || !h->send->method ? "GET" : h->send->method));
	into->upgrade = h->is_ws ? SV("websocket") : SV_NULL;
	return true;
}

static void
on_head(void *conn, void *user, enum h2_part part, int err, bool end)
{
	struct check_h2 *h = conn;
	struct check_reply *r = h->reply;

	(void)user;
	if (err != 0)
		h->head_bad = true;
	if (err != 0 || part != H2_RESPONSE || !r ||
	    (h->head.status < 200 && h->head.status != 101))
		return;
	r->has_head = true;
	r->status = h->head.status;
	snprintf(r->reason, sizeof(r->reason), "%s", http_reason(r->status));
	r->ended |= end;
}

static void
on_data(void *conn, void *user, struct sv data)
{
	struct check_h2 *h = conn;

	(void)user;
	if (h->reply && !h->is_ws)
		check_http_body(h->reply, data);
	h2_sess_consume(h->s, h->id, data.n);
}

static void
on_end(void *conn, void *user)
{
	struct check_h2 *h = conn;

	(void)user;
	if (h->reply)
		h->reply->ended = true;
}

static void
on_close(void *conn, void *user, uint32_t id, uint32_t code, bool by_peer)
{
	struct check_h2 *h = conn;

	(void)user;
	(void)id;
	(void)by_peer;
	h->closed = true;
	h->code = code;
	if (h->reply)
		h->reply->ended = true;
}

static size_t
pull(void *conn, void *user, size_t max, const char **p_r, enum h2_more *more_r)
{
	struct check_h2 *h = conn;
	struct sv all = h->is_ws
	    ? sv_of((const char *)h->close_frame, sizeof(h->close_frame))
	    : sv_str(h->send->body);
	size_t n;

	(void)user;
	*more_r = H2_MORE;
	if (h->is_ws && !h->agreed)
		return 0;
	n = all.n - h->sent;
	if (n > max)
		n = max;
	*p_r = all.p + h->sent;
	if (h->sent + n == all.n)
		*more_r = H2_MORE_END;
	return n;
}

static void
on_sent(void *conn, void *user, size_t n)
{
	struct check_h2 *h = conn;

	(void)user;
	h->sent += n;
}

static void
on_control(void *conn, enum h2_type type, bool ack)
{
	(void)conn;
	(void)type;
	(void)ack;
}

static const struct h2_events events = { on_begin, on_head, on_data, on_end,
	on_close, pull, on_sent, on_control };

static int
add(struct http_head *h, const char *name, const char *value)
{
	return http_add(h, sv_str(name), sv_str(value));
}

static int
add_fields(struct check_h2 *h, struct http_head *q)
{
	bool has_host = false;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < h->send->hdr_count; i++) {
		r = add(q, h->send->hdr[i].name, h->send->hdr[i].value);
		has_host |= sv_ieq(sv_str(h->send->hdr[i].name), SV("Host"));
	}
	if (r == 0 && !has_host)
		r = add(q, "Host", h->host);
	if (r != 0 || !h->is_ws)
		return r;
	q->conn_upgrade = true;
	r = add(q, "Connection", "Upgrade");
	if (r == 0)
		r = add(q, "Upgrade", "websocket");
	return r == 0 ? add(q, "Sec-WebSocket-Version", "13") : r;
}

static int
ask(struct check_h2 *h)
{
	static struct http_head q;
	static struct h2_fields f;
	const struct check_send *s = h->send;
	const char *method = h->is_ws || !s->method ? "GET" : s->method;
	ssize_t id;
	int r;

	memset(&q, 0, sizeof(q));
	q.minor = 1;
	q.method = http_method_of(sv_str(method));
	q.method_text = sv_str(method);
	q.target = sv_str(s->uri ? s->uri : "/");
	q.framing = s->body && !h->is_ws ? HTTP_BODY_CHUNKED : HTTP_BODY_NONE;
	r = add_fields(h, &q);
	if (r == 0)
		r = h2_head_request(&q,
		    h->is_ws || h->c->is_tls ? SV("https") : SV("http"),
		    &h->out, &f);
	if (r != 0)
		return r;
	id = h2_sess_request(h->s, &f, h->is_ws || s->body, h);
	if (id < 0)
		return (int)id;
	h->id = (uint32_t)id;
	h->asked = true;
	return 0;
}

struct check_h2 *
check_h2_new(struct check_conn *c, const struct check_send *s, bool is_ws,
    const char *host)
{
	struct h2_cfg cfg = { .max_streams = 1,
		.window_bytes = WINDOW,
		.conn_window_bytes = WINDOW,
		.head_max_bytes = ARENA_BYTES };
	struct check_h2 *h = mem_alloc(sizeof(*h));

	h->c = c;
	h->send = s;
	h->is_ws = is_ws;
	h->host = host;
	h->out = (struct arena){ h->arena_out, 0, sizeof(h->arena_out) };
	check_ws_close(h->close_frame);
	h->s = h2_sess_new(&cfg, &events, h, clock_ms());
	if (!h->s)
		check_h2_free(&h);
	return h;
}

void
check_h2_free(struct check_h2 **hp)
{
	struct check_h2 *h = *hp;

	*hp = NULL;
	if (!h)
		return;
	h2_sess_free(&h->s);
	free(h);
}

/* False: the socket failed, which was told; h is gone then. */
static bool
say(struct check_h2 *h)
{
	struct check_conn *c = h->c;
	uint8_t out[OUT_BYTES];
	ssize_t n;

	while ((n = h2_sess_output(h->s, out, sizeof(out))) > 0)
		if (!check_conn_send(c, out, (size_t)n))
			return false;
	return true;
}

/* What there is to be said of it, or NULL. */
static const char *
trouble(const struct check_h2 *h)
{
	if (h->head_bad)
		return "the response's head is too large";
	if (h->closed && !h->reply->has_head)
		return "the stream was reset";
	if (h2_sess_is_over(h->s) && !h->reply->has_head)
		return "what the server sends is not HTTP/2";
	if (h->is_ws && !h->asked && h2_sess_is_ready(h->s) &&
	    !h2_sess_peer_connects(h->s))
		return "the server takes no WebSockets over HTTP/2";
	return NULL;
}

bool
check_h2_feed(struct check_h2 *h, struct check_reply *r, const char **why_r)
{
	struct check_conn *c = h->c;
	ssize_t n = 0;

	h->reply = r;
	if (c->in_bytes > 0)
		n = h2_sess_feed(h->s, c->in, c->in_bytes, clock_ms());
	*why_r = n < 0 ? "what the server sends is not HTTP/2" : trouble(h);
	if (n > 0)
		check_conn_eat(c, (size_t)n);
	if (!*why_r && !h->asked && (!h->is_ws || h2_sess_is_ready(h->s)) &&
	    ask(h) != 0)
		*why_r = "the request cannot be sent over HTTP/2";
	h->reply = NULL;
	if (*why_r)
		return false;
	return say(h);
}

bool
check_h2_is_agreed(struct check_h2 *h)
{
	h->agreed = true;
	h2_sess_resume(h->s, h->id);
	return say(h);
}
