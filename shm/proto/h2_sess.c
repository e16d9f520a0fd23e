/* SPDX-License-Identifier: MIT */
/*
 * Life of a session, its streams, and its output.  See h2_sess.h.
 */
#include "shm/proto/h2_sess_int.h"

#include <stdlib.h>

static struct mempool stream_pool = MEMPOOL_SLABS(struct h2_stream);
static nghttp2_session_callbacks *callbacks;
static nghttp2_option *option;

struct h2_stream *
h2_sess_stream(const struct h2_sess *s, uint32_t id)
{
	struct h2_stream *st =
	    nghttp2_session_get_stream_user_data(s->ng, (int32_t)id);
	struct list *it;

	if (st)
		return st;
	/* A request that waits to be sent is not known to nghttp2 yet. */
	for (it = s->streams.prev; it != &s->streams; it = it->prev) {
		st = list_entry(it, struct h2_stream, link);
		if (st->id == id)
			return st;
		if (st->id < id)
			return NULL;
	}
	return NULL;
}

struct h2_stream *
h2_sess_stream_new(struct h2_sess *s, uint32_t id)
{
	struct h2_stream *st = mempool_get(&stream_pool);

	if (!st)
		return NULL;
	st->id = id;
	list_add_tail(&s->streams, &st->link);
	s->stream_count++;
	return st;
}

void
h2_sess_stream_free(struct h2_sess *s, struct h2_stream *st)
{
	if (s->dec_id == st->id)
		s->dec_id = 0;
	list_del(&st->link);
	s->stream_count--;
	mempool_put(&stream_pool, st);
}

/* DATA of st: what pull offers; taken to the output by data_send(). */
static ssize_t
data_read(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t length,
    uint32_t *flags, nghttp2_data_source *source, void *user)
{
	struct h2_sess *s = user;
	struct h2_stream *st = source->ptr;
	size_t room = H2_OUTPUT_MIN, n;
	enum h2_more more = H2_MORE;

	(void)ng, (void)id, (void)buf;
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (s->discarding) {
		n = length < s->discard_bytes ? length : s->discard_bytes;
		s->discard_bytes -= n;
		if (s->discard_bytes == 0 && s->discard_end)
			*flags |= NGHTTP2_DATA_FLAG_EOF;
		else if (n == 0)
			return NGHTTP2_ERR_DEFERRED;
		return (ssize_t)n;
	}
	if (st->is_dead)
		return NGHTTP2_ERR_DEFERRED;
	if (s->out_room > room)
		room = s->out_room;
	if (length > room - H2_HD_BYTES)
		length = room - H2_HD_BYTES;
	n = s->ev->pull(s->conn, st->user, length, &st->offered, &more);
	CHK(n <= length);
	if (n == 0 && more == H2_MORE)
		return NGHTTP2_ERR_DEFERRED;
	if (more != H2_MORE)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (more == H2_MORE_TRAILERS)
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
	return (ssize_t)n;
}

static int
data_send(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *framehd,
    size_t length, nghttp2_data_source *source, void *user)
{
	struct h2_sess *s = user;
	struct h2_stream *st = source->ptr;

	(void)ng;
	if (s->discarding)
		return 0;
	if (s->out_room < H2_HD_BYTES + length)
		return NGHTTP2_ERR_WOULDBLOCK;
	memcpy(s->out, framehd, H2_HD_BYTES);
	if (length)
		memcpy(s->out + H2_HD_BYTES, st->offered, length);
	s->out += H2_HD_BYTES + length;
	s->out_room -= H2_HD_BYTES + length;
	st->offered = NULL;
	if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
		st->out_ended = true;
	h2_calm_earn(&s->calm);
	if (length)
		s->ev->on_sent(s->conn, st->user, length);
	return 0;
}

nghttp2_data_provider
h2_sess_provider(struct h2_stream *st)
{
	return (nghttp2_data_provider){
		.source = { .ptr = st },
		.read_callback = data_read,
	};
}

/* One set for the process; they hold nothing of a connection. */
static bool
is_set_up(void)
{
	if (option)
		return true;
	if (!callbacks && nghttp2_session_callbacks_new(&callbacks) != 0)
		return false;
	if (nghttp2_option_new(&option) != 0)
		return false;
	h2_recv_callbacks(callbacks);
	nghttp2_session_callbacks_set_send_data_callback(callbacks, data_send);
	nghttp2_option_set_no_auto_window_update(option, 1);
	nghttp2_option_set_no_http_messaging(option, 1);
	nghttp2_option_set_no_closed_streams(option, 1);
	nghttp2_option_set_max_deflate_dynamic_table_size(option, 0);
	nghttp2_option_set_peer_max_concurrent_streams(option, 100);
	return true;
}

struct h2_sess *
h2_sess_make(const struct h2_cfg *cfg, const struct h2_events *ev, void *conn,
    uint64_t now_ms)
{
	struct h2_sess *s = is_set_up() ? calloc(1, sizeof(*s)) : NULL;
	int err;

	if (!s)
		return NULL;
	s->cfg = *cfg;
	s->ev = ev;
	s->conn = conn;
	list_init(&s->streams);
	h2_calm_begin(&s->calm, now_ms);
	if (cfg->is_server)
		err = nghttp2_session_server_new2(&s->ng, callbacks, s, option);
	else
		err = nghttp2_session_client_new2(&s->ng, callbacks, s, option);
	if (err) {
		free(s);
		return NULL;
	}
	s->magic_left = cfg->is_server ? H2_MAGIC_BYTES : 0;
	return s;
}

size_t
h2_sess_settings(const struct h2_cfg *cfg, nghttp2_settings_entry *e)
{
	size_t n = 0;

	if (cfg->is_server) {
		e[n++] = (nghttp2_settings_entry){ H2_SET_STREAMS,
			cfg->max_streams };
		if (cfg->connect_protocol)
			e[n++] = (nghttp2_settings_entry){ H2_SET_CONNECT, 1 };
	} else {
		e[n++] = (nghttp2_settings_entry){ H2_SET_PUSH, 0 };
		e[n++] = (nghttp2_settings_entry){ H2_SET_TABLE, 0 };
	}
	if (cfg->window_bytes != H2_WINDOW)
		e[n++] = (nghttp2_settings_entry){ H2_SET_WINDOW,
			cfg->window_bytes };
	e[n++] = (nghttp2_settings_entry){ H2_SET_HEAD, cfg->head_max_bytes };
	CHK(n <= H2_OWN_SETTINGS_MAX);
	return n;
}

/*
 * nghttp2 would end the connection for one stream too many, where the stream
 * is to be refused (RFC 9113 5.1.2): it does not learn of our limit, the first
 * of n entries, so we write what it would have sent.
 */
static bool
server_hello(struct h2_sess *s, const nghttp2_settings_entry *e, size_t n)
{
	const uint8_t *thrown;
	uint8_t *o;
	ssize_t k;

	if (nghttp2_submit_settings(s->ng, NGHTTP2_FLAG_NONE, e + 1, n - 1) !=
	    0)
		return false;
	while ((k = nghttp2_session_mem_send(s->ng, &thrown)) > 0)
		continue;
	if (k < 0)
		return false;
	o = h2_hd_put(s->hello, (uint32_t)n * 6, H2_SETTINGS, 0, 0);
	for (size_t i = 0; i < n; i++)
		o = h2_setting_put(o, (uint16_t)e[i].settings_id, e[i].value);
	s->pend = s->hello;
	s->pend_bytes = (size_t)(o - s->hello);
	return true;
}

struct h2_sess *
h2_sess_new(const struct h2_cfg *cfg, const struct h2_events *ev, void *conn,
    uint64_t now_ms)
{
	struct h2_sess *s = h2_sess_make(cfg, ev, conn, now_ms);
	nghttp2_settings_entry e[H2_OWN_SETTINGS_MAX];
	size_t n = h2_sess_settings(cfg, e);
	bool ok;

	if (!s)
		return NULL;
	if (cfg->is_server)
		ok = server_hello(s, e, n);
	else
		ok = nghttp2_submit_settings(s->ng, NGHTTP2_FLAG_NONE, e, n) ==
		    0;
	if (!ok)
		h2_sess_free(&s);
	else
		s->unacked = 1;
	return s;
}

void
h2_sess_free(struct h2_sess **s)
{
	struct list *it, *tmp;

	if (!*s)
		return;
	(*s)->discarding = true;
	nghttp2_session_del((*s)->ng);
	list_for_safe(it, tmp, &(*s)->streams)
	    h2_sess_stream_free(*s, list_entry(it, struct h2_stream, link));
	free(*s);
	*s = NULL;
}

static void
pend_copy(struct h2_sess *s)
{
	size_t n = s->pend_bytes < s->out_room ? s->pend_bytes : s->out_room;

	memcpy(s->out, s->pend, n);
	s->out += n;
	s->out_room -= n;
	s->pend += n;
	s->pend_bytes -= n;
}

ssize_t
h2_sess_output(struct h2_sess *s, void *out, size_t room)
{
	ssize_t n = 0;

	s->out = out;
	s->out_room = room;
	do {
		if (s->pend_bytes)
			pend_copy(s);
		if (s->pend_bytes)
			break;
		n = nghttp2_session_mem_send(s->ng, &s->pend);
		s->pend_bytes = n > 0 ? (size_t)n : 0;
	} while (n > 0);
	n = (ssize_t)(room - s->out_room);
	s->out = NULL;
	s->out_room = 0;
	return n;
}

bool
h2_sess_has_output(const struct h2_sess *s)
{
	return s->pend_bytes || nghttp2_session_want_write(s->ng);
}

bool
h2_sess_is_over(const struct h2_sess *s)
{
	if (s->pend_bytes || nghttp2_session_want_write(s->ng))
		return false;
	return s->over || !nghttp2_session_want_read(s->ng);
}

bool
h2_sess_is_deaf(const struct h2_sess *s)
{
	return s->over;
}

bool
h2_sess_is_ready(const struct h2_sess *s)
{
	return s->ready;
}

bool
h2_sess_is_going(const struct h2_sess *s)
{
	return s->going || s->over;
}

uint32_t
h2_sess_sent_error(const struct h2_sess *s)
{
	return s->sent_error;
}

bool
h2_sess_is_out_ended(const struct h2_sess *s, uint32_t id)
{
	return nghttp2_session_get_stream_local_close(s->ng, (int32_t)id) != 0;
}

unsigned
h2_sess_stream_count(const struct h2_sess *s)
{
	return s->stream_count;
}

bool
h2_sess_peer_connects(const struct h2_sess *s)
{
	return s->ready &&
	    nghttp2_session_get_remote_settings(
		s->ng, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

uint32_t
h2_sess_peer_streams(const struct h2_sess *s)
{
	if (!s->ready)
		return 100; /* RFC 9113 6.5.2 recommends no less */
	return nghttp2_session_get_remote_settings(
	    s->ng, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

bool
h2_sess_can_open(const struct h2_sess *s)
{
	uint32_t most = h2_sess_peer_streams(s);

	if (s->cfg.max_streams && most > s->cfg.max_streams)
		most = s->cfg.max_streams;
	return !s->cfg.is_server && !h2_sess_is_going(s) &&
	    s->stream_count < most &&
	    nghttp2_session_check_request_allowed(s->ng);
}
