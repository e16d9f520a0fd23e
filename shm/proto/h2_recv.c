/* SPDX-License-Identifier: MIT */
/*
 * What a session makes of its input: frames admitted one by one, then
 * nghttp2's callbacks turned into events.  See h2_sess.h.
 */
#include "shm/proto/h2_sess_int.h"

static struct h2_stream *
known(nghttp2_session *ng, int32_t id)
{
	return nghttp2_session_get_stream_user_data(ng, id);
}

/*
 * A peer that makes us reset streams is as bad as one that does.  It pays at
 * once: resets that it does not read would pile up.
 */
static void
refuse(struct h2_sess *s, uint32_t id, enum h2_error code)
{
	if (h2_sess_cut(s, id, code) != 0)
		h2_sess_end(s, H2_INTERNAL_ERROR);
	else if (!h2_calm_pay(&s->calm, H2_CALM_RESET))
		h2_sess_end(s, H2_ENHANCE_YOUR_CALM);
}

/* A broken message (RFC 9113 8.1.1). */
static void
malformed(struct h2_sess *s, uint32_t id)
{
	refuse(s, id, H2_PROTOCOL_ERROR);
}

/* Server: a stream for a new request, or NULL: not wanted. */
static struct h2_stream *
stream_open(struct h2_sess *s, const nghttp2_frame *f)
{
	struct h2_stream *st;

	st = h2_sess_stream_new(s, (uint32_t)f->hd.stream_id);
	if (!st ||
	    nghttp2_session_set_stream_user_data(s->ng, f->hd.stream_id, st) !=
		0)
		return st ? (h2_sess_stream_free(s, st), NULL) : NULL;
	st->out_ended = false;
	return st;
}

static int
begin_headers(nghttp2_session *ng, const nghttp2_frame *f, void *user)
{
	struct h2_sess *s = user;
	uint32_t id = (uint32_t)f->hd.stream_id;
	struct h2_stream *st = known(ng, f->hd.stream_id);
	struct h2_into into = { 0 };
	bool fresh = false;

	s->dec_id = 0;
	if (s->cfg.is_server && id > s->last_id) {
		if (id > s->last_id + 2) {
			s->cut.gap_from = s->last_id + 2;
			s->cut.gap_to = id - 2;
		}
		s->last_id = id;
		fresh = f->headers.cat == NGHTTP2_HCAT_REQUEST;
	}
	if (s->discarding)
		return 0;
	if (fresh && s->stream_count < s->cfg.max_streams)
		st = stream_open(s, f);
	if (fresh && !st)
		refuse(s, id, H2_REFUSED_STREAM);
	if (!st || st->is_dead)
		return 0;
	if (!s->ev->on_begin(s->conn, id, &st->user, &into)) {
		/* on_begin took nothing: no event of it will show */
		if (fresh) {
			nghttp2_session_set_stream_user_data(
			    ng, f->hd.stream_id, NULL);
			h2_sess_stream_free(s, st);
		}
		refuse(s, id, fresh ? H2_REFUSED_STREAM : H2_CANCEL);
		return 0;
	}
	s->dec = (struct h2_dec){
		.part = st->has_head   ? H2_TRAILERS
		    : s->cfg.is_server ? H2_REQUEST
				       : H2_RESPONSE,
		.may_connect = s->cfg.connect_protocol,
		.method = into.method,
		.upgrade = into.upgrade,
		.left_bytes = s->cfg.head_max_bytes,
		.h = into.head,
		.a = into.arena,
	};
	h2_head_begin(&s->dec);
	s->dec_id = id;
	return 0;
}

static int
header(nghttp2_session *ng, const nghttp2_frame *f, const uint8_t *name,
    size_t name_bytes, const uint8_t *value, size_t value_bytes, uint8_t flags,
    void *user)
{
	struct h2_sess *s = user;

	(void)ng, (void)flags;
	if (s->dec_id && s->dec_id == (uint32_t)f->hd.stream_id)
		h2_head_field(&s->dec, sv_of((const char *)name, name_bytes),
		    sv_of((const char *)value, value_bytes));
	return 0;
}

/* A tunnel's window shows the peer that we listen, before any answer. */
static void
tunnel_invite(struct h2_sess *s, struct h2_stream *st)
{
	int32_t id = (int32_t)st->id;

	(void)nghttp2_session_set_local_window_size(s->ng, NGHTTP2_FLAG_NONE,
	    id,
	    nghttp2_session_get_stream_effective_local_window_size(s->ng, id) +
		1);
}

static void
request_note(struct h2_sess *s, struct h2_stream *st, bool end)
{
	const struct http_head *h = s->dec.h;

	st->is_connect = h->method == HTTP_CONNECT || h->conn_upgrade;
	if (st->is_connect && h->conn_upgrade && !end)
		tunnel_invite(s, st);
}

/* A section that is in order: what the stream has to remember of it. */
static void
section_note(struct h2_sess *s, struct h2_stream *st, bool end)
{
	const struct http_head *h = s->dec.h;
	bool connected;

	if (s->dec.part == H2_TRAILERS ||
	    (s->dec.part == H2_RESPONSE && h->status < 200 && h->status != 101))
		return;
	connected = h->is_response && st->is_connect &&
	    (h->status == 101 || h->status / 100 == 2);
	st->has_head = true;
	st->has_length = h->has_length && !connected;
	st->left_bytes = h->content_length;
	if (h->is_response && h->framing == HTTP_BODY_NONE && !connected) {
		st->has_length = true; /* HEAD, 204, 304, length 0: no DATA */
		st->left_bytes = 0;
	}
	if (s->dec.part == H2_REQUEST)
		request_note(s, st, end);
	else if (connected)
		st->is_tunnel = !end;
}

static void
section_end(struct h2_sess *s, struct h2_stream *st, bool end)
{
	int err = h2_head_end(&s->dec, end);

	s->dec_id = 0;
	if (err == -WSE_PROTO ||
	    (s->dec.part == H2_TRAILERS && st->has_length && st->left_bytes)) {
		malformed(s, st->id);
		return;
	}
	st->in_ended = end;
	if (err == 0)
		section_note(s, st, end);
	else
		st->has_head = true; /* what follows are trailers at most */
	s->ev->on_head(s->conn, st->user, s->dec.part, err, end);
}

static int
data_chunk(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *p,
    size_t n, void *user)
{
	struct h2_sess *s = user;
	struct h2_stream *st = known(ng, id);

	(void)flags;
	if (s->discarding)
		return 0;
	if (!s->window_grown) {
		s->window_grown = true;
		if (s->cfg.conn_window_bytes > H2_WINDOW)
			(void)nghttp2_session_set_local_window_size(ng,
			    NGHTTP2_FLAG_NONE, 0,
			    (int32_t)s->cfg.conn_window_bytes);
	}
	if (st && !st->is_dead &&
	    (!st->has_head || (st->has_length && n > st->left_bytes)))
		malformed(s, st->id);
	if (!st || st->is_dead) {
		(void)nghttp2_session_consume_connection(ng, n);
		return 0;
	}
	if (st->has_length)
		st->left_bytes -= n;
	st->held_bytes += (uint32_t)n;
	s->ev->on_data(s->conn, st->user, sv_of((const char *)p, n));
	return 0;
}

static void
data_end(struct h2_sess *s, struct h2_stream *st)
{
	if (!st->has_head || (st->has_length && st->left_bytes)) {
		malformed(s, st->id);
		return;
	}
	st->in_ended = true;
	s->ev->on_end(s->conn, st->user);
}

static void
settings_note(struct h2_sess *s, bool ack)
{
	if (ack && s->unacked)
		s->unacked--;
	if (!ack)
		s->ready = true;
	s->ev->on_control(s->conn, H2_SETTINGS, ack);
}

/* RFC 9113 5.3.2: what a peer says of priorities is not followed. */
static void
priority_drop(nghttp2_session *ng, const nghttp2_frame *f)
{
	nghttp2_priority_spec even;

	if (!(f->hd.flags & NGHTTP2_FLAG_PRIORITY))
		return;
	nghttp2_priority_spec_default_init(&even);
	(void)nghttp2_session_change_stream_priority(
	    ng, f->hd.stream_id, &even);
}

static int
frame_recv(nghttp2_session *ng, const nghttp2_frame *f, void *user)
{
	struct h2_sess *s = user;
	bool end = f->hd.flags & NGHTTP2_FLAG_END_STREAM;
	struct h2_stream *st = known(ng, f->hd.stream_id);

	if (s->discarding)
		return 0;
	switch (f->hd.type) {
	case NGHTTP2_HEADERS:
		priority_drop(ng, f);
		if (st && !st->is_dead && s->dec_id == st->id)
			section_end(s, st, end);
		break;
	case NGHTTP2_DATA:
		if (st && !st->is_dead && end)
			data_end(s, st);
		break;
	case NGHTTP2_SETTINGS:
		settings_note(s, f->hd.flags & NGHTTP2_FLAG_ACK);
		break;
	case NGHTTP2_GOAWAY:
		s->going = true;
		s->ev->on_control(s->conn, H2_GOAWAY, false);
		break;
	case NGHTTP2_PING:
		if (f->hd.flags & NGHTTP2_FLAG_ACK)
			s->ev->on_control(s->conn, H2_PING, true);
		break;
	default:
		break;
	}
	return 0;
}

static int
stream_close(nghttp2_session *ng, int32_t id, uint32_t code, void *user)
{
	struct h2_sess *s = user;
	struct h2_stream *st = known(ng, id);

	if (!st || s->discarding)
		return 0;
	s->ev->on_close(s->conn, st->user, st->id, code, st->by_peer);
	h2_sess_stream_free(s, st);
	return 0;
}

/* What became of a frame of ours. */
static int
frame_sent(nghttp2_session *ng, const nghttp2_frame *f, void *user)
{
	struct h2_sess *s = user;
	struct h2_stream *st;

	if (s->discarding)
		return 0;
	if (f->hd.type == NGHTTP2_GOAWAY &&
	    f->goaway.last_stream_id != H2_ID_MAX)
		s->going = true;
	if (f->hd.type == NGHTTP2_GOAWAY)
		s->sent_error = f->goaway.error_code;
	st = known(ng, f->hd.stream_id);
	if (f->hd.type == NGHTTP2_HEADERS && st && st->interims)
		st->interims--;
	if (f->hd.type == NGHTTP2_RST_STREAM)
		h2_sess_cut_note(s, (uint32_t)f->hd.stream_id);
	/* nghttp2's own; ours were paid for */
	if (f->hd.type == NGHTTP2_RST_STREAM && st && !st->is_dead &&
	    !h2_calm_pay(&s->calm, H2_CALM_RESET))
		h2_sess_end(s, H2_ENHANCE_YOUR_CALM);
	return 0;
}

/* A request that could not be sent (a GOAWAY came first): safe to retry. */
static int
frame_unsent(nghttp2_session *ng, const nghttp2_frame *f, int err, void *user)
{
	struct h2_sess *s = user;
	struct h2_stream *st;

	(void)err;
	if (f->hd.type != NGHTTP2_HEADERS ||
	    f->headers.cat != NGHTTP2_HCAT_REQUEST ||
	    known(ng, f->hd.stream_id))
		return 0;
	st = h2_sess_stream(s, (uint32_t)f->hd.stream_id);
	if (!st)
		return 0;
	s->ev->on_close(
	    s->conn, st->user, st->id, H2_REFUSED_STREAM, !st->is_dead);
	h2_sess_stream_free(s, st);
	return 0;
}

void
h2_recv_callbacks(nghttp2_session_callbacks *cb)
{
	nghttp2_session_callbacks_set_on_begin_headers_callback(
	    cb, begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
	    cb, data_chunk);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, frame_recv);
	nghttp2_session_callbacks_set_on_stream_close_callback(
	    cb, stream_close);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, frame_sent);
	nghttp2_session_callbacks_set_on_frame_not_send_callback(
	    cb, frame_unsent);
}

/* A reset of the peer: what it cost, and that it was the peer. */
static bool
reset_note(struct h2_sess *s, const struct h2_hd *hd)
{
	struct h2_stream *st = h2_sess_stream(s, hd->id);

	if (!st)
		return h2_calm_pay(&s->calm, H2_CALM_OTHER);
	st->by_peer = true;
	return h2_calm_pay(&s->calm, H2_CALM_RESET);
}

/*
 * The peer changes the windows of open streams: none may overflow, and those
 * below zero cannot move (RFC 9113 6.9.2).
 */
static bool
window_note(struct h2_sess *s, uint32_t to)
{
	uint32_t from = nghttp2_session_get_remote_settings(
	    s->ng, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE);
	struct list *it;

	if (s->stream_count && to < from)
		s->shrunk = true;
	if (to <= from)
		return true;
	list_for(it, &s->streams)
	{
		uint32_t id = list_entry(it, struct h2_stream, link)->id;
		int32_t w = nghttp2_session_get_stream_remote_window_size(
		    s->ng, (int32_t)id);

		if (w > 0 && (uint32_t)w > H2_WINDOW_MAX - (to - from))
			return false;
	}
	return true;
}

static bool
settings_judge(struct h2_sess *s, const struct h2_hd *hd, const uint8_t *p)
{
	for (uint32_t at = 0; at + 6 <= hd->len; at += 6) {
		uint32_t v = h2_get32(p + at + 2);

		if (p[at] == 0 && p[at + 1] == H2_SET_WINDOW &&
		    v <= H2_WINDOW_MAX && !window_note(s, v))
			return false;
	}
	return true;
}

static bool
is_cut(const struct h2_sess *s, uint32_t id)
{
	if (id <= s->cut.below || s->going)
		return true;
	for (int i = 0; i < H2_CUT_MAX; i++)
		if (s->cut.id[i] == id)
			return true;
	return false;
}

/*
 * DATA or HEADERS on a stream that is over, which nghttp2 would pass over:
 * right only if we reset it (RFC 9113 5.1, 5.1.1).  The code, or 0.
 */
static enum h2_error
closed_judge(const struct h2_sess *s, uint32_t id)
{
	uint32_t next = nghttp2_session_get_next_stream_id(s->ng);

	if (!(id & 1) || h2_sess_stream(s, id) || is_cut(s, id))
		return H2_NO_ERROR;
	if (s->cfg.is_server ? id > s->last_id : id >= next)
		return H2_NO_ERROR; /* new, or idle */
	if (id >= s->cut.gap_from && id <= s->cut.gap_to)
		return H2_PROTOCOL_ERROR;
	return H2_STREAM_CLOSED;
}

enum admit { PASS, SKIP, STOP };

static enum admit
calm_down(struct h2_sess *s)
{
	h2_sess_end(s, H2_ENHANCE_YOUR_CALM);
	return STOP;
}

/* What becomes of a whole frame, before nghttp2 sees it. */
static enum admit
admit(struct h2_sess *s, const struct h2_hd *hd, const uint8_t *payload,
    uint64_t now_ms)
{
	if (!h2_calm_frame(
		&s->calm, hd, payload, s->cfg.head_max_bytes, now_ms))
		return calm_down(s);
	if (s->in_block && hd->type != H2_CONTINUATION)
		return PASS; /* which ends the connection */
	if (hd->type == H2_HEADERS || hd->type == H2_CONTINUATION)
		s->in_block = !(hd->flags & H2_END_HEADERS);
	if (!s->ready)
		return PASS; /* only SETTINGS is right */
	if (hd->type == H2_PUSH_PROMISE) {
		h2_sess_end(s, H2_PROTOCOL_ERROR);
		return STOP;
	}
	if (hd->type == H2_RST_STREAM && hd->len == 4 && !reset_note(s, hd))
		return calm_down(s);
	if (hd->type == H2_SETTINGS && !(hd->flags & H2_ACK) &&
	    !settings_judge(s, hd, payload)) {
		h2_sess_end(s, H2_FLOW_CONTROL_ERROR);
		return STOP;
	}
	if (hd->type == H2_DATA || hd->type == H2_HEADERS) {
		enum h2_error code = closed_judge(s, hd->id);

		if (code != H2_NO_ERROR) {
			h2_sess_end(s, code);
			return STOP;
		}
	}
	/* well-formed ones cost nothing but the look at them */
	if (hd->type == H2_PRIORITY && hd->len == 5 && hd->id)
		return SKIP;
	return PASS;
}

static int
give(struct h2_sess *s, const uint8_t *p, size_t n)
{
	ssize_t got = nghttp2_session_mem_recv(s->ng, p, n);

	if (got == NGHTTP2_ERR_NOMEM)
		return -WSE_NOMEM;
	if (got == NGHTTP2_ERR_FLOODED)
		h2_sess_end(s, H2_ENHANCE_YOUR_CALM);
	else if (got < 0)
		h2_sess_end(s, H2_INTERNAL_ERROR);
	return 0;
}

/* The client's preface, compared as far as it is there. */
static ssize_t
magic_take(struct h2_sess *s, const uint8_t *p, size_t n)
{
	const char *want = &H2_MAGIC[H2_MAGIC_BYTES - s->magic_left];

	if (n > s->magic_left)
		n = s->magic_left;
	if (memcmp(p, want, n) != 0)
		return -WSE_PROTO;
	s->magic_left -= (uint32_t)n;
	return give(s, p, n) < 0 ? -WSE_NOMEM : (ssize_t)n;
}

/*
 * A client's GOAWAY tells of streams that were pushed, of which there are none;
 * nghttp2 takes offence at 2^31 - 1 in it, which is no error (RFC 9113 6.8).
 */
static int
goaway_give(struct h2_sess *s, const uint8_t *payload)
{
	uint8_t b[H2_HD_BYTES + 8];
	uint8_t *o = h2_hd_put(b, 8, H2_GOAWAY, 0, 0);

	o = h2_put32(h2_put32(o, 0), h2_get32(payload + 4));
	return give(s, b, (size_t)(o - b));
}

static int
frame_give(struct h2_sess *s, const struct h2_hd *hd, const uint8_t *p)
{
	if (s->cfg.is_server && s->ready && !s->in_block &&
	    hd->type == H2_GOAWAY && !hd->id && hd->len >= 8)
		return goaway_give(s, p + H2_HD_BYTES);
	return give(s, p, H2_HD_BYTES + hd->len);
}

/* One frame. Bytes, 0: not whole yet, -WSE_NOMEM. */
static ssize_t
frame_take(struct h2_sess *s, const uint8_t *p, size_t n, uint64_t now_ms)
{
	struct h2_hd hd;
	enum admit a = PASS;

	if (n < H2_HD_BYTES)
		return 0;
	hd = h2_hd_get(p);
	if (hd.len > H2_FRAME_MAX) {
		/* its head is enough to refuse it */
		h2_sess_end(s, H2_FRAME_SIZE_ERROR);
		return (ssize_t)n;
	}
	if (n < H2_HD_BYTES + hd.len)
		return 0;
	a = admit(s, &hd, p + H2_HD_BYTES, now_ms);
	if (a == PASS && frame_give(s, &hd, p) < 0)
		return -WSE_NOMEM;
	return (ssize_t)(H2_HD_BYTES + hd.len);
}

ssize_t
h2_sess_feed(struct h2_sess *s, const void *p, size_t n, uint64_t now_ms)
{
	const uint8_t *b = p;
	size_t at = 0;

	while (at < n && !s->over) {
		ssize_t got = s->magic_left
		    ? magic_take(s, b + at, n - at)
		    : frame_take(s, b + at, n - at, now_ms);

		if (got < 0)
			return got;
		if (got == 0)
			break;
		at += (size_t)got;
	}
	return (ssize_t)(s->over ? n : at);
}
