/* SPDX-License-Identifier: MIT */
/*
 * Heads on their way out as HTTP/1: hop-by-hop fields are ours, RFC 9112 9.
 */
#include <stdio.h>
#include <string.h>

#include "worker/hop.h"
#include "worker/stream_parts.h"
#include "worker/ws_key.h"

int
h1_head_put(const struct http_head *h, struct buf *b)
{
	ssize_t n;

	if (!b->data && buf_get(b, BUF_SMALL) < 0)
		return -WSE_NOMEM;
	n = h1_write_head(h, buf_wp(b), buf_room(b));
	if (n == -WSE_TOOBIG && b->size < BUF_LARGE) {
		if (buf_grow(b) < 0)
			return -WSE_NOMEM;
		n = h1_write_head(h, buf_wp(b), buf_room(b));
	}
	if (n < 0)
		return (int)n;
	b->w += (uint32_t)n;
	return 0;
}

/* A length the head lacks (it was not plain, or a rule removed it). */
static int
length_add(struct http_head *h, struct arena *a)
{
	char *text;

	if (http_find_id(h, HID_CONTENT_LENGTH, 0) >= 0)
		return 0;
	text = arena_get(a, 24);
	if (!text)
		return -WSE_NOMEM;
	snprintf(text, 24, "%llu", (unsigned long long)h->content_length);
	return http_add(h, SV("Content-Length"), sv_str(text));
}

static int
framing_add(struct http_head *h, enum http_framing out, struct arena *a)
{
	switch (out) {
	case HTTP_BODY_CHUNKED:
		return http_add(h, SV("Transfer-Encoding"), SV("chunked"));
	case HTTP_BODY_LENGTH:
		return length_add(h, a);
	case HTTP_BODY_NONE:
	case HTTP_BODY_EOF:
	case HTTP_FRAMING_N:
		break;
	}
	return 0;
}

/* TE and Upgrade have to be named, RFC 9110 7.8 and 10.1.4. */
static int
request_connection_add(const struct stream *s, struct http_head *h, bool close)
{
	bool te = http_find_id(h, HID_TE, 0) >= 0;
	struct sv v = SV_NULL;

	if (s->is_upgrade)
		v = te ? SV("upgrade, te") : SV("upgrade");
	else if (close && h->minor)
		v = te ? SV("close, te") : SV("close");
	else if (!close && h->minor == 0)
		v = SV("keep-alive");
	else if (te)
		v = SV("te");
	return v.n ? http_add(h, SV("Connection"), v) : 0;
}

int
h1_head_request(struct stream *s)
{
	struct txn *t = &s->t;
	struct http_head *h = t->req;
	const struct proxy_http *be = &t->be->http;
	bool close = be->httpclose || be->server_close ||
	    t->fe->http.httpclose || t->fe->http.server_close;
	int err;

	s->is_upgrade =
	    h->conn_upgrade && h->minor > 0 && hop_upgrade_filter(h, &t->arena);
	hop_strip(h, s->is_upgrade);
	err = framing_add(h, h->framing, &t->arena);
	if (!err && s->is_upgrade && t->req_h2)
		err = ws_key_add(h, &t->arena);
	if (!err)
		err = request_connection_add(s, h, close);
	if (!err)
		err = h1_head_put(h, &s->to_srv);
	if (err)
		return err;
	s->b.srv_close = close;
	if (h->minor == 0) /* a request without Host must stay what it is */
		s->to_srv.data[h->method_text.n + h->target.n + 9] = '0';
	return 0;
}

int
h1_head_interim(struct stream *s)
{
	if (s->fc->front)
		return s->fc->front->head(s, &s->mem->res, true);
	hop_strip(&s->mem->res, false);
	return h1_head_put(&s->mem->res, &s->to_cli);
}

static int
connection_add(struct stream *s, struct http_head *h, bool upgrade)
{
	struct sv v = SV_NULL;

	if (h->status == 101)
		v = SV("upgrade");
	else if (upgrade)
		v = s->keep_client ? SV("upgrade") : SV("upgrade, close");
	else if (!s->keep_client)
		v = SV("close");
	else if (s->t.req->minor == 0)
		v = SV("keep-alive");
	return v.n ? http_add(h, SV("Connection"), v) : 0;
}

/* No Connection, no Transfer-Encoding: what is left is a length. */
static int
shared_response(struct stream *s, struct http_head *h)
{
	int i, err = 0;

	if (h->status < 200 || h->status == 204)
		while ((i = http_find_id(h, HID_CONTENT_LENGTH, 0)) >= 0)
			http_del(h, (unsigned)i);
	else if (h->framing == HTTP_BODY_LENGTH)
		err = length_add(h, &s->t.arena);
	if (err)
		return err;
	return s->fc->front->head(
	    s, h, stream_res_is_tunnel(s) || s->down.in != HTTP_BODY_NONE);
}

int
h1_head_response(struct stream *s)
{
	struct http_head *h = s->t.res;
	bool upgrade = (h->status == 101 || h->status == 426) &&
	    http_find_id(h, HID_UPGRADE, 0) >= 0;
	bool chunked;
	int err = 0, i;

	chunked = h->method == HTTP_HEAD && !h->has_length &&
	    http_find_id(h, HID_TRANSFER_ENCODING, 0) >= 0 &&
	    s->t.req->minor > 0;
	if (s->fc->front)
		return shared_response(s, h);
	hop_strip(h, upgrade);
	if (chunked) /* what a GET would have */
		err = http_add(h, SV("Transfer-Encoding"), SV("chunked"));
	if (h->status < 200 || h->status == 204)
		while ((i = http_find_id(h, HID_CONTENT_LENGTH, 0)) >= 0)
			http_del(h, (unsigned)i);
	if (!err)
		err = framing_add(h, s->down.out, &s->t.arena);
	if (!err)
		err = connection_add(s, h, upgrade);
	return err ? err : h1_head_put(h, &s->to_cli);
}
