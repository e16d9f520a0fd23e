/* SPDX-License-Identifier: MIT */
/* See h2_move.h, and the design, section 5. */
#include "shm/proto/h2_move.h"

#include "shm/proto/h2_sess_int.h"

static uint32_t
floor0(int32_t v)
{
	return v > 0 ? (uint32_t)v : 0;
}

static uint32_t
send_window(const struct h2_sess *s, uint32_t id)
{
	return floor0(
	    nghttp2_session_get_stream_remote_window_size(s->ng, (int32_t)id));
}

static bool
can_stream_leave(const struct h2_sess *s, const struct h2_stream *st)
{
	return st->is_tunnel && !st->is_dead &&
	    !(s->shrunk && send_window(s, st->id) == 0);
}

static uint32_t
last_id(const struct h2_sess *s)
{
	uint32_t next;

	if (s->cfg.is_server)
		return s->last_id;
	next = nghttp2_session_get_next_stream_id(s->ng);
	return next < 2 ? 0 : next - 2;
}

static bool
can_leave(const struct h2_sess *s)
{
	struct list *it;

	if (s->over || s->going || s->calm.budget <= 0 ||
	    last_id(s) > H2_ID_MAX - 2 || s->stream_count > H2_PORT_STREAMS_MAX)
		return false;
	list_for(it, &s->streams) if (!can_stream_leave(s,
					  list_entry(it, struct h2_stream,
					      link))) return false;
	return true;
}

static int
give_back(struct h2_sess *s, uint32_t id, int32_t taken, uint32_t held)
{
	if (taken <= (int32_t)held)
		return 0;
	return nghttp2_submit_window_update(
	    s->ng, NGHTTP2_FLAG_NONE, (int32_t)id, taken - (int32_t)held);
}

/*
 * All that was consumed goes back to the peer at once, or the deficits of
 * many moves add up until it stalls.
 */
static int
windows_repair(struct h2_sess *s)
{
	uint32_t held = 0;
	struct list *it;
	int err = 0;

	list_for(it, &s->streams)
	{
		struct h2_stream *st = list_entry(it, struct h2_stream, link);

		held += st->held_bytes;
		if (!st->in_ended && !err)
			err = give_back(s, st->id,
			    nghttp2_session_get_stream_effective_recv_data_length(
				s->ng, (int32_t)st->id),
			    st->held_bytes);
	}
	if (!err)
		err = give_back(s, 0,
		    nghttp2_session_get_effective_recv_data_length(s->ng),
		    held);
	return err ? -WSE_NOMEM : 0;
}

/* Our decoder's table belongs to the process: have the client empty it. */
static int
table_empty(struct h2_sess *s)
{
	nghttp2_settings_entry e = { H2_SET_TABLE, 0 };

	if (nghttp2_submit_settings(s->ng, NGHTTP2_FLAG_NONE, &e, 1) != 0)
		return -WSE_DENIED;
	s->table_zero = true;
	s->unacked++;
	return -WSE_AGAIN;
}

int
h2_move_ready(struct h2_sess *s)
{
	if (!can_leave(s))
		return -WSE_DENIED;
	if (s->magic_left || !s->ready || s->in_block)
		return -WSE_AGAIN;
	if (s->cfg.is_server && !s->table_zero)
		return table_empty(s);
	if (s->unacked && (s->cfg.is_server || s->stream_count))
		return -WSE_AGAIN;
	if (windows_repair(s) < 0)
		return -WSE_DENIED;
	return h2_sess_has_output(s) ? -WSE_AGAIN : 0;
}

static uint32_t
peer_setting(const struct h2_sess *s, nghttp2_settings_id id)
{
	return nghttp2_session_get_remote_settings(s->ng, id);
}

void
h2_move_out(const struct h2_sess *s, struct h2_port *p)
{
	struct list *it;

	h2_port_begin(p, s->cfg.window_bytes, s->cfg.conn_window_bytes);
	p->is_server = s->cfg.is_server;
	p->own_connects = s->cfg.is_server && s->cfg.connect_protocol;
	p->window_grown =
	    s->window_grown && s->cfg.conn_window_bytes >= H2_WINDOW;
	p->unacked = s->unacked;
	p->peer.ready = s->ready;
	p->peer.connects = h2_sess_peer_connects(s);
	p->peer.streams =
	    peer_setting(s, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
	p->peer.window = peer_setting(s, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE);
	p->peer.frame = peer_setting(s, NGHTTP2_SETTINGS_MAX_FRAME_SIZE);
	p->peer.head = peer_setting(s, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE);
	p->last_id = last_id(s);
	p->send_window = floor0(nghttp2_session_get_remote_window_size(s->ng));
	p->budget = (uint16_t)s->calm.budget;
	list_for(it, &s->streams)
	{
		const struct h2_stream *st =
		    list_entry(it, struct h2_stream, link);

		p->stream[p->stream_count++] = (struct h2_port_stream){
			.id = st->id,
			.send_window = send_window(s, st->id),
			.own_window = floor0(
			    nghttp2_session_get_stream_effective_local_window_size(
				s->ng, (int32_t)st->id)),
			.held_bytes = st->held_bytes,
			.in_ended = st->in_ended,
			.out_ended = st->out_ended,
		};
		p->held_bytes += st->held_bytes;
	}
}

/*
 * The way in.  Each step is true while nghttp2 goes along; it refuses what a
 * forged form makes of the numbers.
 */

static bool
give(struct h2_sess *s, const uint8_t *p, size_t n)
{
	return nghttp2_session_mem_recv(s->ng, p, n) == (ssize_t)n;
}

/* Throw away what it has to say. */
static bool
hush(struct h2_sess *s)
{
	const uint8_t *p;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(s->ng, &p)) > 0)
		continue;
	return n == 0;
}

static bool
give_frame(struct h2_sess *s, uint8_t type, uint8_t flags, uint32_t id)
{
	uint8_t b[H2_HD_BYTES];

	h2_hd_put(b, 0, type, flags, id);
	return give(s, b, sizeof(b));
}

static bool
give_word(struct h2_sess *s, uint8_t type, uint32_t id, uint32_t v)
{
	uint8_t b[H2_HD_BYTES + 4];

	h2_put_word(b, type, id, v);
	return give(s, b, sizeof(b));
}

static bool
give_settings(struct h2_sess *s, const nghttp2_settings_entry *e, size_t count)
{
	uint8_t b[H2_HD_BYTES + 6 * 8], *o;

	o = h2_hd_put(b, (uint32_t)count * 6, H2_SETTINGS, 0, 0);
	for (size_t i = 0; i < count; i++)
		o = h2_setting_put(o, (uint16_t)e[i].settings_id, e[i].value);
	return give(s, b, (size_t)(o - b)) && hush(s);
}

/* What opens the connection: the peer's first SETTINGS, ours, our window. */
static bool
begin(struct h2_sess *s, const struct h2_port *p)
{
	nghttp2_settings_entry peer = { H2_SET_WINDOW, p->peer.window };
	nghttp2_settings_entry own[3];
	size_t n = 0;

	own[n++] = (nghttp2_settings_entry){ H2_SET_WINDOW, p->own_window };
	if (p->own_connects)
		own[n++] = (nghttp2_settings_entry){ H2_SET_CONNECT, 1 };
	if (!p->is_server)
		own[n++] = (nghttp2_settings_entry){ H2_SET_PUSH, 0 };
	if (p->is_server && !give(s, (const uint8_t *)H2_MAGIC, H2_MAGIC_BYTES))
		return false;
	if (nghttp2_submit_settings(s->ng, NGHTTP2_FLAG_NONE, own, n) != 0 ||
	    !hush(s))
		return false;
	if (p->peer.ready && !give_settings(s, &peer, 1))
		return false;
	if (p->unacked == 0 && !give_frame(s, H2_SETTINGS, H2_ACK, 0))
		return false;
	if (p->window_grown &&
	    nghttp2_session_set_local_window_size(
		s->ng, NGHTTP2_FLAG_NONE, 0, (int32_t)p->own_conn_window) != 0)
		return false;
	return hush(s);
}

/* A stream in both ends' eyes; st NULL: one that is over. */
static bool
open_stream(struct h2_sess *s, uint32_t id, struct h2_stream *st)
{
	static const char status[] = ":status", ok[] = "200";
	nghttp2_nv nv = { (uint8_t *)(uintptr_t)status,
		(uint8_t *)(uintptr_t)ok, sizeof(status) - 1, sizeof(ok) - 1,
		NGHTTP2_NV_FLAG_NONE };
	nghttp2_data_provider body = h2_sess_provider(st);

	if (s->cfg.is_server)
		return give_frame(s, H2_HEADERS, H2_END_HEADERS, id) &&
		    nghttp2_session_set_stream_user_data(
			s->ng, (int32_t)id, st) == 0 &&
		    nghttp2_submit_response(
			s->ng, (int32_t)id, &nv, 1, &body) == 0 &&
		    hush(s);
	return nghttp2_session_set_next_stream_id(s->ng, (int32_t)id) == 0 &&
	    nghttp2_submit_request(s->ng, NULL, &nv, 1, &body, st) ==
	    (int32_t)id &&
	    hush(s) && give_frame(s, H2_HEADERS, H2_END_HEADERS, id);
}

/* Use up n bytes of the send windows of a stream and the connection. */
static bool
spend(struct h2_sess *s, uint32_t id, uint32_t n)
{
	s->discard_bytes = n;
	/* a window that grew may have resumed it already */
	(void)nghttp2_session_resume_data(s->ng, (int32_t)id);
	return hush(s) && s->discard_bytes == 0;
}

/* Of one stream; the connection's stays as it was. */
static bool
send_window_set(struct h2_sess *s, uint32_t id, uint32_t have, uint32_t want)
{
	if (want > have)
		return give_word(s, H2_WINDOW_UPDATE, id, want - have);
	while (have > want) {
		uint32_t n = have - want;

		if (n > H2_WINDOW)
			n = H2_WINDOW;
		if (!spend(s, id, n) || !give_word(s, H2_WINDOW_UPDATE, 0, n))
			return false;
		have -= n;
	}
	return true;
}

static bool
take_held(struct h2_sess *s, uint32_t id, uint32_t n)
{
	static const uint8_t zeros[H2_FRAME_MAX];
	uint8_t b[H2_HD_BYTES];

	while (n) {
		uint32_t k = n < H2_FRAME_MAX ? n : H2_FRAME_MAX;

		h2_hd_put(b, k, H2_DATA, 0, id);
		if (!give(s, b, sizeof(b)) || !give(s, zeros, k))
			return false;
		n -= k;
	}
	return true;
}

static bool
tunnel_in(
    struct h2_sess *s, const struct h2_port *p, const struct h2_port_stream *ps)
{
	struct h2_stream *st = h2_sess_stream_new(s, ps->id);

	if (!st)
		return false;
	st->has_head = st->is_connect = st->is_tunnel = true;
	st->in_ended = ps->in_ended;
	st->out_ended = ps->out_ended;
	st->held_bytes = ps->held_bytes;
	if (!open_stream(s, ps->id, st) ||
	    !send_window_set(s, ps->id, p->peer.window, ps->send_window))
		return false;
	if (ps->own_window > p->own_window &&
	    nghttp2_session_set_local_window_size(s->ng, NGHTTP2_FLAG_NONE,
		(int32_t)ps->id, (int32_t)ps->own_window) != 0)
		return false;
	if (!hush(s) || !take_held(s, ps->id, ps->held_bytes))
		return false;
	return !ps->in_ended || give_frame(s, H2_DATA, H2_END_STREAM, ps->id);
}

/* The connection's send window, through stream id, which keeps its own. */
static bool
conn_window_set(struct h2_sess *s, uint32_t id, uint32_t want)
{
	uint32_t n = H2_WINDOW - want;

	if (want > H2_WINDOW)
		return give_word(s, H2_WINDOW_UPDATE, 0, want - H2_WINDOW);
	if (n == 0)
		return true;
	if (send_window(s, id) >= n)
		return spend(s, id, n) && give_word(s, H2_WINDOW_UPDATE, id, n);
	return give_word(s, H2_WINDOW_UPDATE, id, n) && spend(s, id, n);
}

/* Close our end; nghttp2 wants a window even for no bytes. */
static bool
end_stream(struct h2_sess *s, uint32_t id)
{
	if (send_window(s, id) == 0 && !give_word(s, H2_WINDOW_UPDATE, id, 1))
		return false;
	s->discard_end = true;
	if (!spend(s, id, 0))
		return false;
	s->discard_end = false;
	return nghttp2_session_get_stream_local_close(s->ng, (int32_t)id) == 1;
}

/*
 * The streams are open by now.  The highest one that is over must not look
 * idle, or a late frame on it would end the connection.  The connection's
 * window comes last, through it or the last tunnel, which may end with that.
 */
static bool
finish(struct h2_sess *s, const struct h2_port *p)
{
	unsigned n = p->stream_count, ends = n;
	bool over = n == 0 || p->last_id > p->stream[n - 1].id;

	if (!over && p->stream[n - 1].out_ended && p->send_window < H2_WINDOW)
		ends--;
	for (unsigned i = 0; i < ends; i++)
		if (p->stream[i].out_ended && !end_stream(s, p->stream[i].id))
			return false;
	if (over && !open_stream(s, p->last_id, NULL))
		return false;
	s->discard_end = ends < n;
	if (!conn_window_set(s, p->last_id, p->send_window))
		return false;
	s->discard_end = false;
	return !over || give_word(s, H2_RST_STREAM, p->last_id, H2_CANCEL);
}

/* What would have stood in the way before: the peer's limits. */
static bool
limits_in(struct h2_sess *s, const struct h2_port *p)
{
	nghttp2_settings_entry peer[4] = {
		{ H2_SET_STREAMS, p->peer.streams },
		{ H2_SET_FRAME, p->peer.frame },
		{ H2_SET_HEAD, p->peer.head },
		{ H2_SET_CONNECT, p->peer.connects },
	};

	return !p->peer.ready || give_settings(s, peer, 4);
}

static bool
rebuild(struct h2_sess *s, const struct h2_port *p)
{
	if (!begin(s, p))
		return false;
	for (unsigned i = 0; i < p->stream_count; i++)
		if (!tunnel_in(s, p, &p->stream[i]))
			return false;
	if (p->last_id && !finish(s, p))
		return false;
	if (!p->last_id && p->send_window > H2_WINDOW &&
	    !conn_window_set(s, 0, p->send_window))
		return false;
	return limits_in(s, p) && hush(s) && nghttp2_session_want_read(s->ng);
}

struct h2_sess *
h2_move_in(const struct h2_cfg *cfg, const struct h2_events *ev, void *conn,
    const struct h2_port *p, uint64_t now_ms)
{
	struct h2_cfg c = *cfg;
	struct h2_sess *s;

	c.is_server = p->is_server;
	c.connect_protocol = p->own_connects;
	c.window_bytes = p->own_window;
	c.conn_window_bytes = p->own_conn_window;
	s = h2_sess_make(&c, ev, conn, now_ms);
	if (!s)
		return NULL;
	s->discarding = true;
	s->magic_left = 0;
	if (!rebuild(s, p)) {
		h2_sess_free(&s);
		return NULL;
	}
	s->discarding = false;
	s->ready = p->peer.ready;
	s->unacked = p->unacked;
	s->window_grown = p->window_grown;
	s->table_zero = p->is_server;
	s->last_id = p->is_server ? p->last_id : 0;
	s->cut.below = p->last_id; /* what was reset there is not known here */
	s->calm.budget = p->budget;
	return s;
}

bool
h2_move_attach(struct h2_sess *s, uint32_t id, void *user)
{
	struct h2_stream *st = h2_sess_stream(s, id);

	if (!st)
		return false;
	st->user = user;
	return true;
}
