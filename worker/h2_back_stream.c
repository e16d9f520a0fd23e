/* SPDX-License-Identifier: MIT */
/*
 * Streams on a connection to a server that speaks HTTP/2: what they call
 * (struct back_ops, struct xmux_ops) and what the session tells them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/base/chk.h"
#include "worker/h2_back_int.h"
#include "worker/hop.h"
#include "worker/stream_parts.h"
#include "worker/ws_key.h"

enum { PROBE_MS = 250 }; /* of silence before an end is suspicious */

static struct mempool end_pool = MEMPOOL_INIT(struct h2_end);
static struct list heads = { &heads, &heads };

static struct h2_end *
end_of(struct xmux *m)
{
	return (struct h2_end *)(void *)m;
}

void
h2_back_end_free(struct h2_end *e)
{
	if (e->left_ms)
		e->hb->left--;
	list_del(&e->node);
	list_del(&e->waiting);
	(void)xmux_free(&e->m);
	free(e->trail);
	mempool_put(&end_pool, e);
}

void
h2_back_break(struct h2_back *hb)
{
	struct list *it;

	list_for(it, &hb->ends)
	{
		struct h2_end *e = list_entry(it, struct h2_end, node);

		if (!e->s || e->closed)
			continue;
		e->m.gone = true;
		xmux_break(&e->m, e->id == 0);
	}
}

/* The answer is complete, but the server does not take the request's rest. */
void
h2_back_expire(struct h2_back *hb)
{
	struct list *it;

	list_for(it, &hb->ends)
	{
		struct h2_end *e = list_entry(it, struct h2_end, node);

		if (e->left_ms && e->left_ms + H2_BACK_REST_MS <= clock_ms())
			h2_sess_reset(hb->sess, e->id, H2_CANCEL);
	}
}

/* --- struct xmux_ops --- */

static void
on_consumed(struct xmux *m, uint32_t n)
{
	struct h2_end *e = end_of(m);

	if (e->hb->broken || !e->id)
		return;
	h2_sess_consume(e->hb->sess, e->id, n);
	if (h2_sess_has_output(e->hb->sess))
		h2_back_wake(e->hb);
}

static void
on_kick(struct xmux *m)
{
	struct h2_end *e = end_of(m);

	if (e->hb->broken || !e->id || e->closed)
		return;
	h2_sess_resume(e->hb->sess, e->id);
	h2_back_wake(e->hb);
}

static const struct xmux_ops ops = { on_consumed, on_kick };

/* --- struct back_ops --- */

/*
 * The stream does not have it after all; it was counted by a permit.  A new one
 * that takes no stream at all is a failure, else another is asked for.
 */
static int
deny(struct h2_back *hb, bool fresh)
{
	bool gone = hb->broken || h2_sess_is_going(hb->sess);

	hb->useless |= list_is_empty(&hb->ends) && !hb->pong_ms;
	if (hb->count == 0 && !hb->owes_permit)
		hb->owes_permit = true;
	else
		pool_unpermit(hb->bc->pool, hb->bc);
	h2_back_wake(hb);
	return fresh && hb->useless && !gone ? -WSE_EOF : -WSE_DENIED;
}

/*
 * Nobody was on it: is it still there?  What a reused one has to say (its end,
 * perhaps) is read first where a retry might not be safe.
 */
static void
look_first(struct h2_back *hb, const struct stream *s)
{
	struct bconn *bc = hb->bc;

	if (hb->count == 0 && !hb->feeding &&
	    (bc->unseen ||
		(!bc->fresh && !retry_is_idempotent(s->t.req->method))))
		h2_back_read(hb);
	bc->unseen = false;
}

static int
open_end(struct stream *s, struct bconn *bc)
{
	struct h2_back *hb = h2_back_of(bc);
	struct h2_end *e;

	if (!hb) {
		pool_close(bc->pool, &bc, WSE_NOMEM);
		return -WSE_NOMEM;
	}
	look_first(hb, s);
	if (!h2_back_share(hb))
		return deny(hb, bc->fresh);
	e = mempool_get(&end_pool);
	if (!e) {
		(void)deny(hb, false);
		return -WSE_NOMEM;
	}
	if (hb->owes_permit)
		pool_unpermit(bc->pool, bc);
	hb->owes_permit = false;
	e->m.ops = &ops;
	e->m.rev = &s->b.rev;
	e->m.wev = &s->b.wev;
	e->m.reading = &s->b.reading;
	e->m.writing = &s->b.writing;
	e->hb = hb;
	e->s = s;
	list_add_tail(&hb->ends, &e->node);
	hb->count++;
	hb->is_private |= s->t.be->http.reuse == REUSE_NEVER;
	s->b.x.mux = &e->m;
	return 0;
}

/* A rule took the length away, or it was not plain. */
static int
length_add(struct http_head *h, struct arena *a)
{
	char *text;

	if (h->framing != HTTP_BODY_LENGTH ||
	    http_find_id(h, HID_CONTENT_LENGTH, 0) >= 0)
		return 0;
	text = arena_get(a, 24);
	if (!text)
		return -WSE_NOMEM;
	snprintf(text, 24, "%llu", (unsigned long long)h->content_length);
	return http_add(h, SV("Content-Length"), sv_str(text));
}

/*
 * An upgrade this connection cannot take.  The server of one made for it alone
 * hears of it, as HAProxy's does: it may end the connection for that.
 */
static int
upgrade_refuse(struct h2_back *hb)
{
	if (hb->bc->fresh && hb->count == 1 && hb->left == 0) {
		hb->useless = h2_sess_reset_unopened(hb->sess) == 0;
		h2_back_share(hb);
		h2_back_wake(hb);
	}
	return -WSE_UNSUPP;
}

/* A WebSocket's key is answered here, HTTP/2 has none. 0 or -WSE_UNSUPP. */
static int
upgrade_note(struct stream *s, struct h2_end *e)
{
	struct http_head *h = s->t.req;
	struct sv up = h2_head_upgrade(h);
	int i = http_find_id(h, HID_SEC_WEBSOCKET_KEY, 0);

	s->is_upgrade = up.n > 0;
	if (!s->is_upgrade) {
		h->conn_upgrade = false;
		return 0;
	}
	if (h->framing != HTTP_BODY_NONE || e->hb->bc->tag != TAG_H2WS)
		return upgrade_refuse(e->hb);
	e->upgrade = up;
	e->has_accept = i >= 0 && sv_ieq(up, SV("websocket")) &&
	    ws_key_accept(h->hdr[i].value, e->accept);
	return 0;
}

/*
 * Towards a server without TLS nothing is secure; but an upgrade is said to be,
 * as HAProxy has it.
 */
static struct sv
scheme_of(const struct stream *s)
{
	return s->t.srv->tls.enabled || s->is_upgrade ? SV("https")
						      : SV("http");
}

static int
send_head(struct stream *s)
{
	static struct h2_fields f; /* large */
	struct h2_end *e = end_of(s->b.x.mux);
	struct http_head *h = s->t.req;
	bool has_body;
	ssize_t id;
	int err;

	err = upgrade_note(s, e);
	if (err)
		return err;
	hop_strip(h, s->is_upgrade);
	s->b.srv_close = false;
	err = length_add(h, &s->t.arena);
	if (!err)
		err = h2_head_request(h, scheme_of(s), &s->t.arena, &f);
	if (err)
		return err;
	has_body =
	    s->is_upgrade || h->method == HTTP_CONNECT || !flow_is_done(&s->up);
	e->m.tx_end = !has_body;
	id = h2_sess_request(e->hb->sess, &f, has_body, e);
	if (id < 0)
		return (int)id;
	e->id = (uint32_t)id;
	e->sent_ms = clock_ms();
	h2_back_share(e->hb);
	h2_back_wake(e->hb);
	return 0;
}

/* Has the server said anything at all since this one asked? */
static bool
is_suspicious(const struct h2_end *e)
{
	return e->id && !e->has_head && !e->closed &&
	    e->hb->heard_ms <= e->sent_ms &&
	    clock_ms() - e->sent_ms >= PROBE_MS;
}

static void
leave(struct stream *s, bool in_order)
{
	struct h2_end *e = end_of(s->b.x.mux);
	struct h2_back *hb = e->hb;
	uint32_t unread = buf_len(&e->m.rx);

	e->s = NULL;
	e->m.reading = e->m.writing = NULL;
	hb->count--;
	/* what waits to be sent may be on its way already */
	buf_put(&e->m.rx);
	buf_put(&e->m.rx_trail);
	if (!hb->broken && unread)
		h2_sess_consume(hb->sess, e->id, unread);
	if (!in_order && is_suspicious(e))
		h2_back_probe(hb);
	if (!e->id || e->closed || hb->broken) {
		h2_back_end_free(e);
	} else {
		e->left_ms = clock_ms();
		hb->left++;
		if (!in_order || !e->m.tx_end)
			h2_sess_reset(hb->sess, e->id, H2_CANCEL);
	}
	if (hb->count == 0)
		hb->owes_permit = true; /* goes with the connection */
	else
		pool_unpermit(hb->bc->pool, hb->bc);
	h2_back_settle(hb);
}

static const struct back_ops back = { open_end, send_head, leave };

void
h2_back_init(void)
{
	back_h2 = &back;
}

/* --- struct h2_events --- */

static bool
on_begin(void *conn, uint32_t id, void **user, struct h2_into *into)
{
	struct h2_end *e = *user;

	(void)conn;
	(void)id;
	if (!e || !e->s)
		return false;
	into->method = e->s->t.req->method;
	into->upgrade = e->upgrade;
	into->head = &e->s->mem->res;
	into->arena = &e->s->t.arena;
	e->arena_bytes = into->arena->used_bytes;
	if (!e->has_head)
		return true;
	if (!e->trail)
		e->trail = malloc(sizeof(*e->trail));
	if (!e->trail)
		return false;
	e->trail->arena =
	    (struct arena){ e->trail->mem, 0, sizeof(e->trail->mem) };
	into->head = &e->trail->head;
	into->arena = &e->trail->arena;
	return true;
}

/* As HTTP/1 has them; they may be dropped (RFC 9110 6.5.1). */
static void
trailers_came(struct h2_end *e, int err)
{
	struct http_head *h = &e->trail->head;
	struct buf *b = &e->m.rx_trail;
	size_t n = 2;

	for (unsigned i = 0; i < h->hdr_count; i++)
		n += h->hdr[i].name.n + h->hdr[i].value.n + 4;
	if (err == 0 && h->hdr_count && n <= BUF_SMALL &&
	    buf_get(b, BUF_SMALL) == 0) {
		for (unsigned i = 0; i < h->hdr_count; i++)
			b->w += (uint32_t)snprintf(buf_wp(b), buf_room(b),
			    SV_FMT ": " SV_FMT "\r\n", SV_ARG(h->hdr[i].name),
			    SV_ARG(h->hdr[i].value));
		memcpy(buf_wp(b), "\r\n", 2);
		b->w += 2;
	}
	free(e->trail);
	e->trail = NULL;
	xmux_put_end(&e->m);
}

/* RFC 6455 4.2.2: what HTTP/2 leaves out. */
static int
accept_add(struct h2_end *e, struct http_head *h)
{
	if (h->status != 101 || !e->has_accept)
		return 0;
	return http_add(
	    h, SV("Sec-WebSocket-Accept"), sv_of(e->accept, sizeof(e->accept)));
}

static void
on_head(void *conn, void *user, enum h2_part part, int err, bool end)
{
	struct h2_end *e = user;
	struct stream *s = e->s;
	struct http_head *h;

	(void)conn;
	if (!s)
		return;
	if (part == H2_TRAILERS) {
		trailers_came(e, err);
		return;
	}
	h = &s->mem->res;
	if (err == 0)
		err = accept_add(e, h);
	e->has_head = err < 0 || h->status >= 200 || h->status == 101;
	e->m.rx_end = end;
	if (e->has_head) {
		e->head_err = err;
		e->head_ends = end;
		list_add_tail(&heads, &e->waiting);
		return;
	}
	stream_res_begin(s, err, end);
	if (e->s) /* an interim one has been passed on */
		s->t.arena.used_bytes = e->arena_bytes;
}

void
h2_back_heads(void)
{
	while (!list_is_empty(&heads)) {
		struct h2_end *e =
		    list_entry(heads.next, struct h2_end, waiting);

		list_del(&e->waiting);
		if (e->s)
			stream_res_begin(e->s, e->head_err, e->head_ends);
	}
}

static void
on_data(void *conn, void *user, struct sv data)
{
	struct h2_end *e = user;
	struct h2_back *hb = conn;

	if (e->s && xmux_put(&e->m, data) == 0)
		return;
	h2_sess_consume(hb->sess, e->id, data.n);
	if (e->s) /* no memory: on_close tells the stream */
		h2_sess_reset(hb->sess, e->id, H2_INTERNAL_ERROR);
}

static void
on_end(void *conn, void *user)
{
	struct h2_end *e = user;

	(void)conn;
	if (e->s)
		xmux_put_end(&e->m);
}

static void
on_close(void *conn, void *user, uint32_t id, uint32_t code, bool by_peer)
{
	struct h2_end *e = user;
	bool whole =
	    code == H2_NO_ERROR && e->m.rx_end && e->m.tx_end && !e->m.tx.data;

	(void)conn;
	(void)id;
	(void)by_peer;
	e->closed = true;
	if (!e->s)
		h2_back_end_free(e);
	else if (!whole)
		xmux_break(&e->m, code == H2_REFUSED_STREAM && !e->has_head);
}

/* Request trailers, HTTP/1 text, into the session. False: there are none. */
static bool
trailers_send(struct h2_end *e)
{
	static struct http_head h; /* large, */
	static struct h2_fields f; /* large */
	struct buf *b = &e->m.tx_trail;
	struct h1_scan scan = { 0 };
	struct h1_fault fault;

	if (h1_parse_trailer(
		buf_rp(b), buf_len(b), BUF_SMALL, &scan, &h, &fault) <= 0)
		return false;
	h2_head_trailers(&h, &f);
	return f.count && h2_sess_trailers(e->hb->sess, e->id, &f) == 0;
}

static size_t
pull(void *conn, void *user, size_t max, const char **p_r, enum h2_more *more_r)
{
	struct h2_end *e = user;
	size_t n = xmux_pull(&e->m, max, p_r, more_r);

	(void)conn;
	if (*more_r == H2_MORE_TRAILERS && !trailers_send(e))
		*more_r = H2_MORE_END;
	return n;
}

static void
on_sent(void *conn, void *user, size_t n)
{
	struct h2_end *e = user;

	(void)conn;
	xmux_pulled(&e->m, n);
}

static void
on_control(void *conn, enum h2_type type, bool ack)
{
	(void)conn; /* the turn looks at what it has become */
	(void)type;
	(void)ack;
}

const struct h2_events h2_back_events = {
	.on_begin = on_begin,
	.on_head = on_head,
	.on_data = on_data,
	.on_end = on_end,
	.on_close = on_close,
	.pull = pull,
	.on_sent = on_sent,
	.on_control = on_control,
};
