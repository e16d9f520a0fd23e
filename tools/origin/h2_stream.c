/* SPDX-License-Identifier: MIT */
/* A stream of the demo origin: its request, its life and death. */
#include <stdlib.h>
#include <string.h>

#include "tools/origin/h2_int.h"

static void on_timer(evutil_socket_t fd, short what, void *arg);

struct h2_stream *
h2_stream_new(struct h2 *h, int32_t id)
{
	struct h2_stream *s = calloc(1, sizeof(*s));
	struct h2_stat *st = &h2_stat;

	if (!s)
		return NULL;
	s->h = h;
	s->id = id;
	s->request.length = PLAN_UNSET;
	s->break_at = PLAN_UNSET;
	conn_timer_assign(&s->timer, on_timer, s);
	LIST_INSERT_HEAD(&h->streams, s, entry);
	h->open_count++;
	if (!h->silent)
		conn_stop_idle(h->c);
	if (h->c->admin)
		return s;
	st->streams++;
	if (++st->open_streams > st->peak_streams)
		st->peak_streams = st->open_streams;
	if (h->open_count > st->peak_on_a_connection)
		st->peak_on_a_connection = h->open_count;
	return s;
}

void
h2_stream_free(struct h2_stream **s_r)
{
	struct h2_stream *s = *s_r;

	if (s->counted) {
		conn_stats.concurrent--;
		if (!s->done)
			conn_stats.aborted++;
	}
	if (!s->h->c->admin)
		h2_stat.open_streams--;
	s->h->open_count--;
	evtimer_del(&s->timer);
	LIST_REMOVE(s, entry);
	EVP_MD_CTX_free(s->hash);
	h2_buf_clear(&s->request.lines);
	h2_buf_clear(&s->request.trailers);
	h2_buf_clear(&s->in);
	h2_buf_clear(&s->out);
	free(s);
	*s_r = NULL;
}

static bool
is_text(const char *text, size_t len, const char *what)
{
	return len == strlen(what) && memcmp(text, what, len) == 0;
}

static void
note_field(struct h2_request *r, const char *name, size_t name_len,
    const char *value, size_t value_len)
{
	/* Where the value lies in the line just written. */
	struct h2_text text = { r->lines.end - 2 - value_len, value_len };

	if (is_text(name, name_len, ":method"))
		r->method = text;
	else if (is_text(name, name_len, ":path"))
		r->path = text;
	else if (is_text(name, name_len, ":protocol"))
		r->protocol = text;
	else if (is_text(name, name_len, "expect"))
		r->expect = is_text(value, value_len, "100-continue");
	else if (is_text(name, name_len, "content-length"))
		r->length = strtoull(value, NULL, 10); /* nghttp2 read it */
}

void
h2_stream_header(struct h2_stream *s, const nghttp2_frame *frame,
    const char *name, size_t name_len, const char *value, size_t value_len)
{
	struct h2_request *r = &s->request;
	bool head = frame->headers.cat == NGHTTP2_HCAT_REQUEST;
	struct h2_buf *to = head ? &r->lines : &r->trailers;

	h2_buf_put(to, name, name_len);
	h2_buf_put(to, ": ", 2);
	h2_buf_put(to, value, value_len);
	h2_buf_put(to, "\r\n", 2);
	if (head)
		note_field(r, name, name_len, value, value_len);
}

static bool
is_value(const struct h2_stream *s, const struct h2_text *t, const char *what)
{
	return is_text(s->request.lines.data + t->at, t->len, what);
}

/* Plain CONNECT is no request of ours; other protocols we do not speak. */
static void
plan_connect(struct h2_stream *s)
{
	struct plan *plan = &s->plan;

	if (!s->request.protocol.len)
		plan->status = 405;
	else if (!is_value(s, &s->request.protocol, "websocket"))
		plan->status = 501;
	if (plan->status != 200) {
		plan->kind = PLAN_STATUS;
		plan->early = true; /* there is no body to wait for */
	} else if (plan->kind != PLAN_ABORT) {
		plan->kind = PLAN_WS;
	}
}

static void
read_plan(struct h2_stream *s)
{
	const struct h2_request *r = &s->request;
	const char *path = r->lines.data + r->path.at, *q;
	struct req req = { .method = r->lines.data + r->method.at,
		.method_len = r->method.len,
		.path = path,
		.path_len = r->path.len,
		.query = path + r->path.len };

	q = memchr(path, '?', r->path.len);
	if (q) {
		req.path_len = (size_t)(q - path);
		req.query = q + 1;
		req.query_len = r->path.len - req.path_len - 1;
	}
	plan_read(&s->plan, &req);
	if (is_value(s, &r->method, "CONNECT"))
		plan_connect(s);
	if (s->plan.unclean)
		s->h->c->plan.unclean = true;
	if (s->plan.kind == PLAN_HASH) {
		s->hash = EVP_MD_CTX_new();
		if (!s->hash || !EVP_DigestInit_ex(s->hash, EVP_sha256(), NULL))
			abort();
	}
}

static void
count(struct h2_stream *s)
{
	struct conn_stats *st = &conn_stats;
	struct conn *c = s->h->c;

	if (c->admin || s->plan.kind == PLAN_STATS ||
	    s->plan.kind == PLAN_STATS_RESET)
		return;
	s->counted = true;
	c->requests++;
	st->requests++;
	h2_stat.requests++;
	if (++st->concurrent > st->peak_concurrent)
		st->peak_concurrent = st->concurrent;
}

/* Starts the answer, now or after the delay that was asked for. */
static void
answer(struct h2_stream *s)
{
	struct timeval tv = { (time_t)(s->plan.delay / 1000),
		(suseconds_t)(s->plan.delay % 1000 * 1000) };

	if (s->plan.delay) {
		s->state = H2_STREAM_DELAY;
		evtimer_add(&s->timer, &tv);
	} else {
		s->state = H2_STREAM_ANSWER;
		h2_answer_start(s);
	}
}

void
h2_stream_begin(struct h2_stream *s)
{
	const struct plan *plan = &s->plan;

	read_plan(s);
	if (!h2_bad_begin(s)) {
		s->state = H2_STREAM_DROPPED;
		return;
	}
	count(s);
	if (s->request.expect && !s->in_ended && !plan->early)
		h2_answer_continue(s);
	s->state = H2_STREAM_BODY;
	if (s->in_ended || plan_is_early(plan) || plan->kind == PLAN_ECHO ||
	    plan->kind == PLAN_WS)
		answer(s);
}

void
h2_stream_consume(struct h2_stream *s, size_t len)
{
	if (len && !s->plan.h2.no_read)
		nghttp2_session_consume(s->h->session, s->id, len);
}

void
h2_stream_wake(struct h2_stream *s)
{
	if (!s->deferred)
		return;
	s->deferred = false;
	nghttp2_session_resume_data(s->h->session, s->id);
}

static bool
wants_body(const struct h2_stream *s)
{
	if (s->state == H2_STREAM_DROPPED || s->plan.h2.no_read)
		return false;
	return (s->plan.kind == PLAN_ECHO && !s->plan.head) ||
	    (s->plan.kind == PLAN_WS && !s->ws_over);
}

void
h2_stream_data(struct h2_stream *s, const void *data, size_t len)
{
	if (s->hash && !s->plan.early)
		EVP_DigestUpdate(s->hash, data, len);
	if (!wants_body(s)) {
		h2_stream_consume(s, len);
		return;
	}
	h2_buf_put(&s->in, data, len);
	h2_stream_wake(s);
}

void
h2_stream_end(struct h2_stream *s)
{
	s->in_ended = true;
	if (s->state == H2_STREAM_BODY)
		answer(s);
	else
		h2_stream_wake(s);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct h2_stream *s = arg;
	struct conn *c = s->h->c;

	(void)fd;
	(void)what;
	if (c->state != CONN_H2)
		return; /* the connection is about to end */
	if (s->state == H2_STREAM_DELAY) {
		s->state = H2_STREAM_ANSWER;
		h2_answer_start(s);
	} else {
		h2_answer_tick(s);
	}
	conn_run(c);
}
