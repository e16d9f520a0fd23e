/* SPDX-License-Identifier: MIT */
/*
 * Streams: object, states, timers, end.
 */
#include "worker/stream.h"

#include <stdlib.h>
#include <string.h>

#include "shm/base/chk.h"
#include "worker/observe.h"
#include "worker/stream_parts.h"
#include "worker/tunnel_bye.h"

static struct stream *free_list;        /* linked through fc */
static unsigned free_count, free_least; /* least: since stream_shrink() */

#define E(s) (1u << (s))
static const uint16_t stream_edges[ST_STATE_N] = {
	[ST_HEAD] = E(ST_BUFFER) | E(ST_QUEUE) | E(ST_REPLY) | E(ST_DONE),
	[ST_BUFFER] = E(ST_QUEUE) | E(ST_REPLY) | E(ST_DONE),
	[ST_QUEUE] = E(ST_QUEUE) | E(ST_PAUSE) | E(ST_RESPONSE) | E(ST_REPLY) |
	    E(ST_DONE),
	[ST_PAUSE] = E(ST_QUEUE) | E(ST_REPLY) | E(ST_DONE),
	[ST_RESPONSE] = E(ST_QUEUE) | E(ST_PAUSE) | E(ST_RELAY) | E(ST_TUNNEL) |
	    E(ST_REPLY) | E(ST_DONE),
	[ST_RELAY] = E(ST_DONE),
	[ST_TUNNEL] = E(ST_DONE),
	[ST_REPLY] = E(ST_DONE),
	[ST_DONE] = 0,
};

void
stream_set_state(struct stream *s, enum stream_state to)
{
	CHK(stream_edges[s->state] & E(to));
	s->state = to;
}

static void
streams_count(int by)
{
	wk.streams += (unsigned)by;
	atomic_store_explicit(
	    &wk.row->streams, wk.streams, memory_order_relaxed);
}

/* An object with its memory; only the struct itself is zeroed. */
static struct stream *
take(void)
{
	struct stream *s = free_list;
	struct stream_mem *mem;

	if (s) {
		mem = s->mem;
		free_list = (struct stream *)(void *)s->fc;
		if (--free_count < free_least)
			free_least = free_count;
	} else {
		s = malloc(sizeof(*s));
		mem = malloc(sizeof(*mem));
		if (!s || !mem) {
			free(s);
			free(mem);
			return NULL;
		}
	}
	memset(s, 0, sizeof(*s));
	s->mem = mem;
	return s;
}

/* When the client could begin to speak. */
static uint64_t
opened_us(const struct fconn *fc)
{
	const struct txn_client *cli = &fc->cli;

	if (fc->front)
		return fc->since_ms * 1000;

	return cli->ready_us ? cli->ready_us : cli->accept_us;
}

struct stream *
stream_new(struct fconn *fc)
{
	struct stream *s = take();
	struct txn *t;

	if (!s)
		return NULL;
	s->fc = fc;
	fc->s = s;
	s->state = ST_HEAD;
	s->b.x.fd = -1;
	t = &s->t;
	t->conf = wk.conf;
	t->fe = fconn_proxy(fc);
	t->cli = fconn_client(fc);
	t->arena.data = s->mem->arena;
	t->arena.size_bytes = STREAM_ARENA_BYTES;
	t->log.term[0] = t->log.term[1] = TERM_NONE;
	t->log.level = LOGL_INFO;
	t->at.idle_us =
	    t->cli->request_count ? fc->since_ms * 1000 : opened_us(fc);
	if (t->at.idle_us > clock_us())
		t->at.idle_us = clock_us();
	/* A stream without a byte is there to be logged (Ti 0, all in Ta). */
	if (buf_len(&fc->in) || fc->front)
		t->at.first_us = clock_us();
	s->due.client_ms = clock_ms();
	/* For the first request it runs from the accept on. */
	s->due.head_ms =
	    t->cli->request_count ? clock_ms() : opened_us(fc) / 1000;
	streams_count(1);
	return s;
}

static void
give_back(struct stream *s)
{
	flow_end(&s->up);
	flow_end(&s->down);
	svc_free(&s->svc);
	buf_put(&s->ubuf);
	buf_put(&s->dbuf);
	buf_put(&s->to_srv);
	buf_put(&s->to_cli);
	if (s->t.vars)
		txn_vars_free(&s->t.vars);
	s->fc->s = NULL;
	wheel_set(wk.wheel, &s->fc->timer, 0);
	streams_count(-1);
	s->fc = (struct fconn *)(void *)free_list;
	free_list = s;
	free_count++;
}

size_t
stream_shrink(void)
{
	unsigned unused = free_least;

	for (unsigned i = 0; i < unused; i++) {
		struct stream *s = free_list;

		free_list = (struct stream *)(void *)s->fc;
		free_count--;
		free(s->mem);
		free(s);
	}
	free_least = free_count;
	return unused * (sizeof(struct stream) + sizeof(struct stream_mem));
}

void
stream_drop(struct stream *s)
{
	stream_set_state(s, ST_DONE);
	give_back(s);
}

bool
stream_request_is_read(const struct stream *s)
{
	return s->up.b && s->up.in_done;
}

bool
stream_is_queued(const struct stream *s)
{
	const struct server *srv = s->t.srv;

	return s->state == ST_QUEUE && srv && s->b.queued &&
	    atomic_load_explicit(
		&wk_server_row(srv)->queue_count, memory_order_relaxed) > 0;
}

char
stream_where(const struct stream *s)
{
	switch (s->state) {
	case ST_HEAD:
	case ST_BUFFER:
		return 'R';
	case ST_QUEUE:
		return stream_is_queued(s) ? 'Q' : 'C';
	case ST_PAUSE:
		return 'C';
	case ST_RESPONSE:
		return stream_request_is_read(s) ? 'H' : 'D';
	case ST_RELAY:
		return s->down.in_done && stream_request_is_read(s) ? 'L' : 'D';
	case ST_TUNNEL:
		return 'D';
	case ST_REPLY:
		return 'L';
	case ST_DONE:
	case ST_STATE_N:
		break;
	}
	return TERM_NONE;
}

void
stream_term(struct stream *s, char who, char where)
{
	if (s->t.log.term[0] == TERM_NONE) {
		s->t.log.term[0] = who;
		s->t.log.term[1] = where;
	}
}

static void
log_end(struct stream *s)
{
	struct txn *t = &s->t;

	t->at.end_us = clock_us();
	tunnel_ended(s);
	back_drop(s, s->aborted ? WSE_EOF : 0); /* %sc counts the others */
	if (s->b.counted)
		limit_drop(
		    &wk.board, LIM_BACKEND, (uint32_t)t->be->row, wk.proc);
	if (!s->logged)
		access_log_line(s);
	access_log_count_end(t);
}

/* What the client sent beyond this request goes to the front of `in`. */
static void
leftover(struct stream *s)
{
	struct fconn *fc = s->fc;
	struct flow *up = &s->up;

	fc->in.r = up->b == &fc->in ? up->raw_r : fc->in.w;
	if (up->b == &s->ubuf) {
		buf_put(&fc->in);
		fc->in = s->ubuf;
		fc->in.r = up->raw_r;
		s->ubuf = (struct buf){ 0 };
	}
	if (fc->in.r == fc->in.w)
		buf_put(&fc->in);
}

void
stream_finish(struct stream *s)
{
	struct fconn *fc = s->fc;
	bool read = stream_request_is_read(s);
	bool more = read && s->up.raw_r < s->up.b->w;
	bool closes = s->client_closes;
	bool keep = s->keep_client && read && !s->aborted &&
	    (more || (!fc->eof && !wk.draining));

	stream_set_state(s, ST_DONE);
	log_end(s);
	if (keep)
		leftover(s);
	give_back(s);
	if (fc->front)
		fc->front->end(fc, false, read);
	else if (keep)
		fconn_next(fc);
	else if (read && !more && closes)
		fconn_end(fc);
	else
		fconn_linger(fc);
}

/* An orderly end of the connection would pass for the body's. */
static bool
would_look_whole(const struct stream *s)
{
	return (s->state == ST_RELAY || s->svc) &&
	    s->down.out == HTTP_BODY_EOF && !s->fc->x.tls && !s->fc->front;
}

void
stream_cut(struct stream *s)
{
	static const struct linger reset = { 1, 0 };
	struct fconn *fc = s->fc;
	bool aborted = s->aborted || s->state != ST_TUNNEL;
	bool read = stream_request_is_read(s);

	if (would_look_whole(s))
		(void)setsockopt(
		    fc->x.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	stream_set_state(s, ST_DONE);
	log_end(s);
	give_back(s);
	if (fc->front)
		fc->front->end(fc, aborted, read);
	else
		fconn_close(fc);
}

void
stream_client_gone(struct stream *s)
{
	struct stat_proxy *fe =
	    stat_proxy(&wk.board, wk.proc, (uint32_t)s->t.fe->row);
	char where = stream_where(s);

	if (s->state == ST_HEAD || s->state == ST_BUFFER)
		stat_add(&fe->req_errors, 1);
	stat_add(&fe->client_aborts, 1);
	if (s->t.srv && s->b.bc)
		stat_add(
		    &stat_server(&wk.board, wk.proc, (uint32_t)s->t.srv->row)
			 ->client_aborts,
		    1);
	/* A request under way counts as data, as far as the log goes. */
	stream_term(s, 'C', s->state == ST_RESPONSE ? 'D' : where);
	if (s->state == ST_HEAD || s->state == ST_BUFFER)
		s->t.status = 400;
	if (s->state == ST_QUEUE)
		back_waited(s);
	if (where == 'Q' && !s->b.by_rule)
		s->t.srv = NULL; /* it waited for any server */
	s->aborted = true;
	stream_cut(s);
}

/* The request body has not come to its end and is not held back by us. */
static bool
awaits_request(const struct stream *s)
{
	return !stream_request_is_read(s) && s->fc->reading;
}

static bool
awaits_client(const struct stream *s)
{
	return s->fc->writing || awaits_request(s);
}

static bool
awaits_server(const struct stream *s)
{
	if (s->state == ST_RESPONSE)
		return s->b.writing || !awaits_request(s);
	if (s->state == ST_RELAY && s->b.writing)
		return true;
	return s->state == ST_RELAY && s->b.bc && s->b.reading &&
	    !s->down.in_done;
}

static uint64_t
due(uint64_t since_ms, unsigned ms)
{
	return ms ? since_ms + ms : 0;
}

static uint64_t
sooner(uint64_t a, uint64_t b)
{
	return !a ? b : !b ? a : a < b ? a : b;
}

static uint64_t
client_due(const struct stream *s)
{
	const struct proxy_timeouts *t = stream_fe_tmo(s);
	uint64_t d = 0;

	if (s->state == ST_TUNNEL)
		return tunnel_due(s, true);
	if (awaits_client(s))
		d = due(s->due.client_ms, t->client_ms);
	if ((s->state == ST_HEAD || s->state == ST_BUFFER) &&
	    t->http_request_ms)
		d = due(s->due.head_ms, t->http_request_ms);
	return d;
}

static uint64_t
server_due(const struct stream *s)
{
	if (s->state == ST_TUNNEL)
		return tunnel_due(s, false);
	if (awaits_server(s))
		return due(s->due.server_ms, stream_be_tmo(s)->server_ms);
	return 0;
}

void
stream_arm(struct stream *s)
{
	uint64_t d = sooner(client_due(s), server_due(s));

	if (s->state == ST_QUEUE || s->state == ST_PAUSE)
		d = sooner(d, s->due.state_ms);
	if (s->state == ST_TUNNEL)
		d = tunnel_bye_due(s, sooner(d, tunnel_ping_due(s)));
	wheel_set(wk.wheel, &s->fc->timer, d);
}

static void
client_timeout(struct stream *s)
{
	switch (s->state) {
	case ST_HEAD:
	case ST_BUFFER:
		stat_add(&stat_proxy(&wk.board, wk.proc, (uint32_t)s->t.fe->row)
			      ->req_errors,
		    1);
		stream_term(s, 'c', 'R');
		reply_status(s, 408);
		return;
	case ST_QUEUE:
	case ST_PAUSE:
	case ST_RESPONSE:
		stream_term(s, 'c', stream_where(s));
		back_drop(s, WSE_TIMEOUT);
		reply_status(s, 408);
		return;
	case ST_RELAY:
	case ST_REPLY:
	case ST_TUNNEL:
	case ST_DONE:
	case ST_STATE_N:
		break;
	}
	stream_term(s, 'c', stream_where(s));
	s->aborted = true;
	stream_cut(s);
}

static void
server_timeout(struct stream *s)
{
	stat_add(
	    &stat_proxy(&wk.board, wk.proc, (uint32_t)s->t.be->row)->res_errors,
	    1);
	if (s->state == ST_RESPONSE) {
		if (retry_response(s, RETRY_RESPONSE_TIMEOUT))
			return;
		observe_error(s->t.srv, OBSERVE_L7);
		stream_term(s, 's', stream_where(s));
		back_drop(s, WSE_TIMEOUT);
		reply_status(s, 504);
		return;
	}
	stream_term(s, 's', stream_where(s));
	s->aborted = true;
	stream_cut(s);
}

static void
state_timeout(struct stream *s)
{
	if (s->state == ST_PAUSE) {
		retry_resume(s);
		return;
	}
	s->due.state_ms = 0;
	if (!stream_is_queued(s)) {
		stream_arm(s); /* a dial: the broker minds its time */
		return;
	}
	stream_term(s, 's', 'Q');
	back_waited(s);
	back_drop(s, WSE_TIMEOUT);
	if (!s->b.by_rule)
		s->t.srv = NULL; /* it waited for any server */
	reply_status(s, 503);
}

void
stream_timeout(struct stream *s)
{
	uint64_t now = clock_ms(), c = client_due(s), v = server_due(s);

	if ((s->state == ST_QUEUE || s->state == ST_PAUSE) && s->due.state_ms &&
	    s->due.state_ms <= now)
		state_timeout(s);
	else if (s->state == ST_TUNNEL && tunnel_bye_timer(s))
		return;
	else if (s->state == ST_TUNNEL && ((c && c <= now) || (v && v <= now)))
		tunnel_timeout(s, c && c <= now);
	else if (s->state == ST_TUNNEL)
		tunnel_ping(s);
	else if (v && v <= now)
		server_timeout(s);
	else if (c && c <= now)
		client_timeout(s);
	else
		stream_arm(s);
}

/* option abortonclose: a FIN ends what has no answer yet. */
static void
half_closed(struct stream *s)
{
	if (s->state == ST_QUEUE || s->state == ST_PAUSE) {
		stream_client_gone(s);
	} else if (s->state == ST_RESPONSE) {
		stat_add(&stat_proxy(&wk.board, wk.proc, (uint32_t)s->t.fe->row)
			      ->client_aborts,
		    1);
		stream_term(s, 'C', 'H');
		reply_status(s, 400);
	}
}

/*
 * The request is complete, but the client can be read: a next request, or the
 * end.  Bytes wait behind this request as far as the buffer goes.
 */
static void
watch_client(struct stream *s)
{
	struct fconn *fc = s->fc;
	struct buf *b = s->up.b;
	ssize_t n;

	/* through a shared connection neither can come */
	if (fc->front || !buf_room(b)) {
		fconn_read_off(fc);
		return;
	}
	n = xprt_recv(&fc->x, buf_wp(b), buf_room(b));
	if (n > 0) {
		b->w += (uint32_t)n;
		return;
	}
	if (n == -WSE_AGAIN)
		return;
	fc->eof = true;
	fconn_read_off(fc);
	if (n == -WSE_RESET)
		stream_client_gone(s);
	else if (s->t.be && s->t.be->http.abortonclose)
		half_closed(s);
}

/* A FIN within the head: the client may still read. */
static void
head_cut(struct stream *s)
{
	struct stat_proxy *fe =
	    stat_proxy(&wk.board, wk.proc, (uint32_t)s->t.fe->row);

	stat_add(&fe->req_errors, 1);
	stat_add(&fe->client_aborts, 1);
	stream_term(s, 'C', 'R');
	s->keep_client = false;
	reply_status(s, 400);
}

static void
read_head(struct stream *s)
{
	struct fconn *fc = s->fc;
	ssize_t n;

	if (!buf_room(&fc->in)) {
		stream_req_parse(s); /* says too big */
		return;
	}
	n = xprt_recv(&fc->x, buf_wp(&fc->in), buf_room(&fc->in));
	if (n == -WSE_AGAIN)
		return;
	if (n < 0) {
		fc->eof = true;
		if (n == -WSE_EOF)
			head_cut(s);
		else
			stream_client_gone(s);
		return;
	}
	fc->in.w += (uint32_t)n;
	s->due.client_ms = clock_ms();
	stream_req_parse(s);
}

void
stream_client_readable(struct stream *s)
{
	struct xmux *m = s->fc->x.mux;

	if (m && m->dead) {
		stream_client_gone(s);
		return;
	}
	switch (s->state) {
	case ST_HEAD:
		if (!m) /* else it comes by stream_req_begin() */
			read_head(s);
		return;
	case ST_BUFFER:
	case ST_QUEUE:
	case ST_PAUSE:
	case ST_RESPONSE:
	case ST_RELAY:
		if (s->up.in_done)
			watch_client(s);
		else
			stream_req_read_body(s);
		return;
	case ST_TUNNEL:
		tunnel_client_readable(s);
		return;
	case ST_REPLY:
		/* Blocked on writing: what it sends now can wait. */
		fconn_read_off(s->fc);
		return;
	case ST_DONE:
	case ST_STATE_N:
		break;
	}
}
