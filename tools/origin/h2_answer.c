/* SPDX-License-Identifier: MIT */
/* The demo origin's answers in HTTP/2. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/origin/h2_int.h"
#include "tools/origin/page.h"

#define SSE_MS       1000
#define WS_OUT_BYTES 16384
#define FIELDS_MAX   80 /* in an answer */
#define FIELD_BYTES  1000
#define TRAILERS_MAX 32

struct fields {
	nghttp2_nv nv[FIELDS_MAX];
	size_t count;
};

/* The texts must stay until the head is submitted. */
static void
add(struct fields *f, const char *name, const char *value)
{
	f->nv[f->count++] = (nghttp2_nv){
		.name = (uint8_t *)name,
		.value = (uint8_t *)value,
		.namelen = strlen(name),
		.valuelen = strlen(value),
	};
}

/* A submission that was ours alone to get right. */
static void
check(int error)
{
	if (error != 0)
		abort();
}

void
h2_answer_continue(struct h2_stream *s)
{
	struct fields f = { .count = 0 };

	add(&f, ":status", "100");
	check(nghttp2_submit_headers(s->h->session, NGHTTP2_FLAG_NONE, s->id,
	    NULL, f.nv, f.count, NULL));
}

static void
send_hints(struct h2_stream *s)
{
	for (uint64_t i = 0; i < s->plan.hints; i++) {
		struct fields f = { .count = 0 };
		char link[64];

		snprintf(link, sizeof(link), "</hint/%llu>; rel=preload",
		    (unsigned long long)i);
		add(&f, ":status", "103");
		add(&f, "link", link);
		check(nghttp2_submit_headers(s->h->session, NGHTTP2_FLAG_NONE,
		    s->id, NULL, f.nv, f.count, NULL));
	}
}

static bool
fill_ws(struct h2_stream *s, uint8_t *buf, size_t len, size_t *n_r)
{
	bool stuck = false;

	if (h2_buf_len(&s->out) == 0 && !s->ws_over) {
		struct ws_io io = { .in = (uint8_t *)s->in.data,
			.in_at = s->in.at,
			.in_end = s->in.end };

		h2_buf_reserve(&s->out, WS_OUT_BYTES);
		io.out = (uint8_t *)s->out.data;
		io.out_end = s->out.end;
		io.out_size = s->out.size;
		s->ws_over = !ws_echo(&s->ws, &io);
		stuck = io.in_at == s->in.at;
		h2_stream_consume(s, io.in_at - s->in.at);
		s->in.at = io.in_at;
		s->out.end = io.out_end;
		conn_stats.messages += s->h->c->admin ? 0 : s->ws.messages;
		s->ws.messages = 0;
	}
	if (s->ws_over) { /* what still comes is not read */
		h2_stream_consume(s, h2_buf_len(&s->in));
		h2_buf_clear(&s->in);
	}
	*n_r = h2_buf_take(&s->out, buf, len);
	return h2_buf_len(&s->out) == 0 &&
	    (s->ws_over || (s->in_ended && stuck));
}

/* Writes more of the body. Returns whether it ends with that. */
static bool
fill(struct h2_stream *s, uint8_t *buf, size_t len, size_t *n_r)
{
	size_t n;

	if (s->plan.kind == PLAN_WS)
		return fill_ws(s, buf, len, n_r);
	if (s->plan.kind == PLAN_ECHO) {
		*n_r = h2_buf_take(&s->in, buf, len);
		h2_stream_consume(s, *n_r);
		return s->in_ended && h2_buf_len(&s->in) == 0;
	}
	n = h2_buf_take(&s->out, buf, len);
	if (s->gen && n < len) {
		size_t more = len - n < s->gen ? len - n : (size_t)s->gen;

		conn_copy_pattern(buf + n, s->sent, more);
		s->gen -= more;
		n += more;
	}
	*n_r = n;
	return s->plan.kind != PLAN_SSE && s->gen == 0 &&
	    h2_buf_len(&s->out) == 0;
}

/* An echo's own trailers, or the one of /chunked. */
static bool
send_trailers(struct h2_stream *s)
{
	static const char end[] = "x-origin-trailer: end\r\n";
	struct h2_buf *b = &s->request.trailers;
	nghttp2_nv nv[TRAILERS_MAX];
	size_t count = 0;
	char *p, *colon, *eol;

	if (s->plan.kind == PLAN_CHUNKED) {
		h2_buf_clear(b);
		h2_buf_put(b, end, sizeof(end) - 1);
	} else if (s->plan.kind != PLAN_ECHO) {
		return false;
	}
	for (p = b->data; p < b->data + b->end && count < TRAILERS_MAX;
	     p = eol + 2) {
		size_t left = (size_t)(b->data + b->end - p);

		colon = memmem(p, left, ": ", 2);
		eol = memmem(p, left, "\r\n", 2);
		nv[count++] = (nghttp2_nv){ .name = (uint8_t *)p,
			.namelen = (size_t)(colon - p),
			.value = (uint8_t *)colon + 2,
			.valuelen = (size_t)(eol - colon - 2) };
	}
	if (count == 0)
		return false;
	check(nghttp2_submit_trailer(s->h->session, s->id, nv, count));
	return true;
}

static ssize_t
on_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t len,
    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct h2_stream *s = source->ptr;
	size_t n = 0;
	bool end = false;

	(void)session;
	(void)id;
	(void)arg;
	if (s->break_at != PLAN_UNSET && len > s->break_at - s->sent)
		len = (size_t)(s->break_at - s->sent);
	if (len)
		end = fill(s, buf, len, &n);
	s->sent += n;
	if (s->sent == s->break_at) {
		h2_bad_break(s);
		return n ? (ssize_t)n : NGHTTP2_ERR_DEFERRED;
	}
	if (!end && n == 0) {
		s->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	if (end) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		if (send_trailers(s))
			*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
	}
	return (ssize_t)n;
}

static void
add_many(struct fields *f, const struct h2_stream *s)
{
	static char names[FIELDS_MAX][32], value[FIELD_BYTES + 1];
	static char rest[FIELD_BYTES + 1];
	uint64_t left = s->plan.h2.fields;

	if (!value[0])
		memset(value, 'x', FIELD_BYTES);
	for (size_t i = 0; left; i++) {
		size_t n = left < FIELD_BYTES ? (size_t)left : FIELD_BYTES;

		snprintf(names[i], sizeof(names[i]), "x-origin-%zu", i);
		memcpy(rest, value, n);
		rest[n] = '\0';
		add(f, names[i], n == FIELD_BYTES ? value : rest);
		left -= n;
	}
}

/* The head of the answer; the body, if there is one, comes by on_read(). */
static void
send_head(struct h2_stream *s, const char *type, uint64_t length)
{
	const struct plan *plan = &s->plan;
	nghttp2_data_provider body = { .source.ptr = s,
		.read_callback = on_read };
	bool has_body = !plan->head && !plan_has_no_body(plan);
	char status[24], number[24];
	struct fields f = { .count = 0 };

	snprintf(
	    status, sizeof(status), "%llu", (unsigned long long)plan->status);
	add(&f, ":status", status);
	add(&f, "server", "wsbroker-origin");
	if (type && !plan_has_no_body(plan))
		add(&f, "content-type", type);
	if (length != PLAN_UNSET && !plan->nolen && !plan_has_no_body(plan)) {
		length += plan->h2.less;
		length -= length < plan->h2.more ? length : plan->h2.more;
		snprintf(
		    number, sizeof(number), "%llu", (unsigned long long)length);
		add(&f, "content-length", number);
	}
	if (plan->kind == PLAN_CHUNKED)
		add(&f, "trailer", "x-origin-trailer");
	if (plan->kind == PLAN_SSE)
		add(&f, "cache-control", "no-store");
	add_many(&f, s);
	check(nghttp2_submit_response(
	    s->h->session, s->id, f.nv, f.count, has_body ? &body : NULL));
}

/* Where in the body things are to go wrong. */
static uint64_t
find_break(const struct plan *plan, uint64_t length)
{
	if (plan->kind == PLAN_ABORT)
		return plan->n;
	if (plan->h2.reset == PLAN_UNSET)
		return PLAN_UNSET;
	if (plan->h2.at != PLAN_UNSET)
		return plan->h2.at;
	return length == PLAN_UNSET ? 0 : length / 2;
}

static void
answer_page(struct h2_stream *s, const struct page *page)
{
	h2_buf_put(&s->out, page->text, page->len);
	s->break_at = find_break(&s->plan, page->len);
	send_head(s, page->type, page->len);
}

/* Answers whose body is made as it goes. */
static void
answer_flow(struct h2_stream *s)
{
	const char *type = "application/octet-stream";
	struct plan *plan = &s->plan;
	uint64_t length = plan->n;

	switch (plan->kind) {
	case PLAN_ABORT:
		length *= 2;
		/* fallthrough */
	case PLAN_BYTES:
		s->gen = plan->n;
		break;
	case PLAN_CHUNKED:
		s->gen = plan->n;
		length = PLAN_UNSET;
		break;
	case PLAN_ECHO:
		length = s->request.length;
		if (length == PLAN_UNSET && s->in_ended)
			length = 0;
		break;
	case PLAN_SSE:
		type = "text/event-stream";
		length = PLAN_UNSET;
		plan->n = 0;
		h2_answer_tick(s);
		break;
	case PLAN_WS:
		type = NULL;
		length = PLAN_UNSET;
		conn_stats.websockets++;
		h2_stat.websockets++;
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
	s->break_at = find_break(plan, length);
	send_head(s, type, length);
}

void
h2_answer_start(struct h2_stream *s)
{
	struct h2 *h = s->h;
	const struct page_subject subject = {
		.head = s->request.lines.data,
		.head_len = s->request.lines.end,
		.conn_id = h->c->id,
		.request = h->c->requests,
		.hash = s->hash,
		.tls = h->c->wire.tls,
	};
	struct page page;

	if ((s->plan.kind == PLAN_ABORT && s->plan.n == 0) ||
	    s->plan.h2.no_answer) {
		h2_bad_break(s);
		return;
	}
	if (s->plan.close)
		h2_bad_goaway(h,
		    nghttp2_session_get_last_proc_stream_id(h->session),
		    NGHTTP2_NO_ERROR);
	send_hints(s);
	if (page_make(&s->plan, &subject, &page))
		answer_page(s, &page);
	else
		answer_flow(s);
}

void
h2_answer_tick(struct h2_stream *s)
{
	static const struct timeval pause = { SSE_MS / 1000, 0 };
	char event[64];
	int n;

	evtimer_add(&s->timer, &pause);
	if (h2_buf_len(&s->out) > WS_OUT_BYTES)
		return; /* a slow reader misses events */
	n = snprintf(event, sizeof(event), "data: tick %llu\n\n",
	    (unsigned long long)s->plan.n++);
	h2_buf_put(&s->out, event, (size_t)n);
	h2_stream_wake(s);
}
