/* SPDX-License-Identifier: MIT */
#include "tools/origin/h2.h"

#include <stdlib.h>
#include <string.h>

#include "tools/origin/h2_int.h"

#define CHUNK_ROOM       (16384 + 1024) /* for a frame of nghttp2's */
#define WINDOW           (256 * 1024)
#define CONN_WINDOW      (1024 * 1024)
#define HEADER_TABLE     4096
#define MAX_FRAME        16384
#define MAX_STREAMS      100
#define HEADER_BYTES_MAX 131072
#define SETTINGS_MAX     6
#define STRING(s)        (const char *)(s)

struct h2_options h2_options = { .window = WINDOW,
	.conn_window = CONN_WINDOW,
	.max_streams = MAX_STREAMS,
	.max_frame = MAX_FRAME,
	.header_table = HEADER_TABLE };

static const char preface[] = NGHTTP2_CLIENT_MAGIC;

enum h2_preface
h2_preface_find(const char *buf, size_t len)
{
	size_t n = len < H2_PREFACE_BYTES ? len : H2_PREFACE_BYTES;

	if (memcmp(buf, preface, n) != 0)
		return H2_PREFACE_NONE;
	return n < H2_PREFACE_BYTES ? H2_PREFACE_PART : H2_PREFACE_WHOLE;
}

static int
on_begin_headers(
    nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2 *h = arg;
	struct h2_stream *s;

	if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	s = h2_stream_new(h, frame->hd.stream_id);
	if (!s)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	nghttp2_session_set_stream_user_data(session, s->id, s);
	return 0;
}

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame,
    const uint8_t *name, size_t name_len, const uint8_t *value,
    size_t value_len, uint8_t flags, void *arg)
{
	struct h2_stream *s =
	    nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	(void)flags;
	(void)arg;
	if (s)
		h2_stream_header(
		    s, frame, STRING(name), name_len, STRING(value), value_len);
	return 0;
}

static int
on_data(nghttp2_session *session, uint8_t flags, int32_t id,
    const uint8_t *data, size_t len, void *arg)
{
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);

	(void)flags;
	(void)arg;
	if (s)
		h2_stream_data(s, data, len);
	else
		nghttp2_session_consume(session, id, len);
	return 0;
}

static void
note_error(struct h2 *h, const char *reason)
{
	h->noted = true;
	if (!h->c->admin)
		h2_stat_error(reason);
}

static void
count_received(const nghttp2_frame *frame)
{
	bool ack = frame->hd.flags & NGHTTP2_FLAG_ACK;

	switch (frame->hd.type) {
	case NGHTTP2_RST_STREAM:
		h2_stat.resets_received++;
		break;
	case NGHTTP2_GOAWAY:
		h2_stat.goaways_received++;
		break;
	case NGHTTP2_SETTINGS:
		if (ack)
			h2_stat.settings_acked++;
		break;
	case NGHTTP2_PING:
		if (ack)
			h2_stat.pings_answered++;
		else
			h2_stat.pings_received++;
		break;
	}
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2 *h = arg;
	struct h2_stream *s;
	bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

	if (!h->c->admin)
		count_received(frame);
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (!s)
		return 0;
	if (s->state == H2_STREAM_HEAD) {
		s->in_ended = ends;
		h2_stream_begin(s);
	} else if (ends) {
		h2_stream_end(s);
	}
	return 0;
}

/* What follows an answer's last frame. */
static void
end_sent(struct h2_stream *s)
{
	s->done = true;
	if (s->plan.drop) {
		s->h->c->plan.drop = true;
		s->h->cut = true;
	} else if (s->plan.early && s->plan.rst && !s->in_ended) {
		nghttp2_submit_rst_stream(
		    s->h->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_NO_ERROR);
	}
}

/* Of some errors nghttp2 tells in no other way than by what it sends. */
static void
count_sent(struct h2 *h, const nghttp2_frame *frame, struct h2_stream *s)
{
	uint32_t code = 0;

	if (h->c->admin)
		return;
	if (frame->hd.type == NGHTTP2_RST_STREAM) {
		h2_stat.resets_sent++;
		code = s && s->reset ? 0 : frame->rst_stream.error_code;
	} else if (frame->hd.type == NGHTTP2_GOAWAY) {
		h2_stat.goaways_sent++;
		code = h->told ? 0 : frame->goaway.error_code;
	}
	if (code && !h->noted)
		note_error(h, nghttp2_http2_strerror(code));
}

static int
on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2 *h = arg;
	struct h2_stream *s =
	    nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	count_sent(h, frame, s);
	if (!s ||
	    (frame->hd.type != NGHTTP2_HEADERS &&
		frame->hd.type != NGHTTP2_DATA))
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS && s->plan.h2.empties &&
	    *frame->headers.nva[0].value != '1')
		h2_bad_empties(s);
	if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
		end_sent(s);
	return 0;
}

static int
on_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);
	struct h2 *h = arg;

	(void)code;
	if (!s)
		return 0;
	nghttp2_session_set_stream_user_data(session, id, NULL);
	h2_stream_free(&s);
	h2_bad_closed(h, id);
	if (LIST_EMPTY(&h->streams) && !h->silent)
		conn_start_idle(h->c);
	return 0;
}

static int
on_invalid(
    nghttp2_session *session, const nghttp2_frame *frame, int code, void *arg)
{
	(void)session;
	(void)frame;
	note_error(arg, nghttp2_strerror(code));
	return 0;
}

static ssize_t
on_padding(
    nghttp2_session *session, const nghttp2_frame *frame, size_t max, void *arg)
{
	size_t len = frame->hd.length + h2_options.padding;

	(void)session;
	(void)arg;
	if (h2_options.padding == 0 || frame->hd.type == NGHTTP2_PUSH_PROMISE)
		len = frame->hd.length;
	return (ssize_t)(len < max ? len : max);
}

static nghttp2_session_callbacks *
make_callbacks(void)
{
	nghttp2_session_callbacks *cb;

	if (nghttp2_session_callbacks_new(&cb) != 0)
		return NULL;
	nghttp2_session_callbacks_set_on_begin_headers_callback(
	    cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(
	    cb, on_invalid);
	nghttp2_session_callbacks_set_select_padding_callback(cb, on_padding);
	return cb;
}

static int
make_session(struct h2 *h)
{
	static nghttp2_session_callbacks *callbacks;
	static nghttp2_option *option;

	if (!callbacks && !(callbacks = make_callbacks()))
		return NGHTTP2_ERR_NOMEM;
	if (!option) {
		if (nghttp2_option_new(&option) != 0)
			return NGHTTP2_ERR_NOMEM;
		nghttp2_option_set_no_auto_window_update(option, 1);
		nghttp2_option_set_no_closed_streams(option, 1);
		nghttp2_option_set_max_send_header_block_length(
		    option, HEADER_BYTES_MAX);
	}
	return nghttp2_session_server_new2(&h->session, callbacks, h, option);
}

static int
submit_settings(struct h2 *h)
{
	const struct h2_options *o = &h2_options;
	nghttp2_settings_entry iv[SETTINGS_MAX];
	size_t n = 0;
	int error;

	iv[n++] =
	    (nghttp2_settings_entry){ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
		    o->max_streams };
	iv[n++] =
	    (nghttp2_settings_entry){ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
		    o->window };
	if (!o->no_websocket)
		iv[n++] = (nghttp2_settings_entry){
			NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1
		};
	if (o->max_frame != MAX_FRAME)
		iv[n++] =
		    (nghttp2_settings_entry){ NGHTTP2_SETTINGS_MAX_FRAME_SIZE,
			    o->max_frame };
	if (o->header_table != HEADER_TABLE)
		iv[n++] = (nghttp2_settings_entry){
			NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, o->header_table
		};
	error = nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, iv, n);
	return error ? error
		     : nghttp2_session_set_local_window_size(h->session,
			   NGHTTP2_FLAG_NONE, 0, (int32_t)o->conn_window);
}

bool
h2_start(struct conn *c)
{
	struct h2 *h = calloc(1, sizeof(*h));

	if (!h)
		return false;
	h->c = c;
	LIST_INIT(&h->streams);
	if (make_session(h) != 0 || submit_settings(h) != 0) {
		nghttp2_session_del(h->session);
		free(h);
		return false;
	}
	c->h2 = h;
	c->state = CONN_H2;
	h2_bad_start(h);
	h->silent = h2_options.settings_delay > 0 && !c->admin;
	if (h->silent)
		conn_timer(c, h2_options.settings_delay);
	if (!c->admin) {
		h2_stat.connections++;
		if (++h2_stat.open > h2_stat.peak_open)
			h2_stat.peak_open = h2_stat.open;
	}
	return true;
}

void
h2_free(struct h2 **h_r)
{
	struct h2 *h = *h_r;
	struct h2_stream *s;

	if (!h)
		return;
	while ((s = LIST_FIRST(&h->streams)))
		h2_stream_free(&s);
	h2_bad_stop(h);
	if (!h->c->admin)
		h2_stat.open--;
	nghttp2_session_del(h->session);
	h2_buf_clear(&h->raw);
	free(h);
	*h_r = NULL;
}

static void
feed(struct h2 *h)
{
	struct conn *c = h->c;
	ssize_t n;

	if (c->in_at == c->in_end || h->failed)
		return;
	h->noted = false;
	n = nghttp2_session_mem_recv(h->session,
	    (const uint8_t *)c->in + c->in_at, c->in_end - c->in_at);
	c->in_at = c->in_end;
	if (n >= 0)
		return;
	h->failed = true;
	if (!h->noted)
		note_error(h, nghttp2_strerror((int)n));
}

static void
put_raw(struct h2 *h)
{
	size_t n = h2_buf_len(&h->raw), room = conn_room(h->c);

	if (n > room)
		n = room;
	conn_put(h->c, h->raw.data + h->raw.at, n);
	h->raw.at += n;
	if (h2_buf_len(&h->raw) == 0)
		h2_buf_clear(&h->raw);
}

/* Frames, one by one, as long as there is room. */
static void
pull(struct h2 *h)
{
	while (conn_room(h->c) >= CHUNK_ROOM && !h->cut) {
		const uint8_t *p;
		ssize_t n;

		if (h2_buf_len(&h->raw) && !h->mid_block) {
			put_raw(h);
			continue;
		}
		n = nghttp2_session_mem_send(h->session, &p);
		if (n <= 0)
			break;
		conn_put(h->c, p, (size_t)n);
		h->mid_block =
		    (p[3] == NGHTTP2_HEADERS || p[3] == NGHTTP2_CONTINUATION) &&
		    !(p[4] & NGHTTP2_FLAG_END_HEADERS);
	}
}

static bool
is_over(struct h2 *h)
{
	if (h->cut)
		return true;
	if (h2_buf_len(&h->raw) || nghttp2_session_want_write(h->session))
		return false;
	if (h2_options.stay && h->told && !h->failed)
		return false;
	return h->failed || !nghttp2_session_want_read(h->session);
}

void
h2_step(struct conn *c)
{
	struct h2 *h = c->h2;

	feed(h);
	if (!h->silent)
		pull(h);
	if (is_over(h))
		c->state = CONN_CLOSE;
}

void
h2_timeout(struct conn *c)
{
	struct h2 *h = c->h2;

	if (h->silent) {
		h->silent = false;
		if (LIST_EMPTY(&h->streams))
			conn_start_idle(c);
		return;
	}
	if (!LIST_EMPTY(&h->streams))
		return;
	if (h2_options.abrupt) {
		c->plan.drop = true;
		h->cut = true;
	} else {
		h2_bad_goaway(h,
		    nghttp2_session_get_last_proc_stream_id(h->session),
		    NGHTTP2_NO_ERROR);
	}
}
