/* SPDX-License-Identifier: MIT */
/*
 * After a 101, or a 2xx to CONNECT: bytes both ways, each direction ended on
 * its own by a FIN.
 */
#include <string.h>

#include "worker/drain.h"
#include "worker/duct.h"
#include "worker/stream_parts.h"
#include "worker/tunnel_bye.h"
#include "worker/ws_ping.h"

static struct list live_list = { &live_list, &live_list };

void
tunnel_count(const struct server *srv, bool carried, int by)
{
	uint32_t row = (uint32_t)srv->row;

	wk.tunnels += (unsigned)by;
	atomic_store_explicit(
	    &wk.row->tunnels, wk.tunnels, memory_order_relaxed);
	if (carried) {
		wk.carried += (unsigned)by;
		atomic_store_explicit(
		    &wk.row->carried, wk.carried, memory_order_relaxed);
	}
	if (by > 0)
		limit_add(&wk.board, LIM_TUNNEL, row, wk.proc);
	else
		limit_drop(&wk.board, LIM_TUNNEL, row, wk.proc);
}

enum { READ_BYTES = 16384 };

static void
end(struct stream *s, bool abrupt)
{
	ws_watch_ended(&s->watch, 'P');
	s->aborted = abrupt;
	stream_cut(s);
}

void
tunnel_ended(struct stream *s)
{
	ws_ping_end(&s->watch);
	if (s->tunnel_counted)
		tunnel_count(s->t.srv, s->fc->front, -1);
	s->tunnel_counted = false;
	list_del(&s->tunnel_node);
	ws_bye_free(&s->watch);
}

void
tunnel_each(bool (*fn)(struct ws_watch *w, const struct server *srv))
{
	struct list *it;

	list_for(it, &live_list)
	{
		struct stream *s = list_entry(it, struct stream, tunnel_node);

		if (fn(&s->watch, s->t.srv))
			stream_arm(s);
	}
}

/* The last n bytes in f's buffer are new. */
static void
passed(struct stream *s, struct flow *f, size_t n)
{
	if (n)
		ws_watch_bytes(&s->watch, f == &s->up ? WS_IN : WS_OUT,
		    f->b->data + f->pay_w - n, n, s->t.fe, s->t.srv);
}

/* option logasap: the line is about the begin. */
static void
log_begin(struct stream *s)
{
	if (!s->t.fe->log.logasap || s->logged)
		return;
	s->t.log.bytes_read = buf_len(&s->to_cli);
	access_log_line(s);
	s->t.log.bytes_read = 0;
	s->logged = true;
}

/* What the client sent behind its request, in ubuf. */
static int
client_rest(struct stream *s)
{
	struct flow *up = &s->up;
	uint32_t rest = up->b->w - up->raw_r;

	if (up->b == &s->ubuf) {
		s->ubuf.r = up->raw_r;
		return 0;
	}
	if (rest == 0)
		return 0;
	if (buf_get(&s->ubuf, up->b->size) < 0)
		return -WSE_NOMEM;
	memcpy(s->ubuf.data, up->b->data + up->raw_r, rest);
	s->ubuf.w = rest;
	return 0;
}

/* What is known of it now is counted now. */
static void
count_begin(struct stream *s)
{
	const struct txn *t = &s->t;

	tunnel_count(t->srv, s->fc->front, 1);
	s->tunnel_counted = true;
	stat_add(&wk.stat->tunnels, 1);
	stat_add(
	    &stat_proxy(&wk.board, wk.proc, (uint32_t)t->be->row)->tunnels, 1);
	stat_add(
	    &stat_server(&wk.board, wk.proc, (uint32_t)t->srv->row)->tunnels,
	    1);
	access_log_count_tunnel(s);
}

void
tunnel_start(struct stream *s)
{
	struct txn *t = &s->t;

	ws_watch_start(&s->watch, t);
	t->tunnel = &s->watch.sum;
	count_begin(s);
	log_begin(s);
	drain_tunnel_begins(&s->watch);
	if (duct_start(s))
		return;
	t->res = NULL;
	if (client_rest(s) < 0) {
		stream_term(s, 'R', 'D');
		end(s, true);
		return;
	}
	flow_end(&s->up);
	flow_start(&s->up, &s->ubuf, HTTP_BODY_EOF, 0, HTTP_BODY_EOF);
	flow_start(&s->down, &s->dbuf, HTTP_BODY_EOF, 0, HTTP_BODY_EOF);
	s->up.base = s->down.base = 0;
	s->keep_client = false;
	s->res_begun = true;
	ws_ping_start(
	    &s->watch, t->fe->http.ws_ping_ms, t->be->http.ws_ping_ms);
	if (!s->b.x.mux)
		pool_tunnel(wk.pool, s->b.bc);
	stream_set_state(s, ST_TUNNEL);
	s->due.client_ms = s->due.server_ms = clock_ms();
	list_add_tail(&live_list, &s->tunnel_node);
	if (flow_decode(&s->up) < 0 || flow_decode(&s->down) < 0) {
		end(s, true); /* cannot be: nothing is decoded */
		return;
	}
	passed(s, &s->up, flow_payload(&s->up)); /* what came along */
	passed(s, &s->down, flow_payload(&s->down));
	if (!s->fc->eof)
		fconn_read_on(s->fc);
	else if (flow_eof(&s->up) < 0)
		s->up.in_done = true; /* cannot be: it ends by EOF */
	back_read_on(s);
	back_write_on(s); /* what ubuf holds goes in the next turn */
	push_client(s);
}

static int
way_of(const struct stream *s, const struct flow *f)
{
	return f == &s->up ? WS_IN : WS_OUT;
}

/* n bytes more are in f's buffer. 0 or -WSE_CORRUPT. */
static int
take(struct stream *s, struct flow *f, size_t n)
{
	f->b->w += (uint32_t)n;
	if (flow_decode(f) < 0)
		return -WSE_CORRUPT;
	if (ws_bye_has_begun(&s->watch))
		tunnel_bye_came(s, f, n);
	else
		passed(s, f, n);
	return 0;
}

/* There was room. 0 or -WSE_CORRUPT. */
static int
put(struct stream *s, struct flow *f, struct sv v)
{
	memcpy(buf_wp(f->b), v.p, v.n);
	return take(s, f, v.n);
}

/* Read into f, but for the answer to our ping; 0: that was all. */
static ssize_t
read_but_pong(
    struct stream *s, struct flow *f, const struct xprt *x, size_t room)
{
	static char bytes[READ_BYTES];
	int who = way_of(s, f);
	size_t most = room - WS_PING_MAX, sum = 0;
	ssize_t n =
	    xprt_recv(x, bytes, most < sizeof(bytes) ? most : sizeof(bytes));
	struct sv in, run;

	if (n == -WSE_EOF && ws_ping_flush(&s->watch, who, &run) &&
	    put(s, f, run) < 0)
		return -WSE_CORRUPT;
	if (n < 0)
		return n;
	in = sv_of(bytes, (size_t)n);
	while (ws_ping_next(&s->watch, who, &in, &run)) {
		sum += run.n;
		if (put(s, f, run) < 0)
			return -WSE_CORRUPT;
	}
	return (ssize_t)sum;
}

/*
 * Read into f. Bytes, or -WSE_*; -WSE_FULL: no room now.  0: something came,
 * but nothing for the other side.
 */
static ssize_t
read_some(struct stream *s, struct flow *f, const struct xprt *x)
{
	bool asked = ws_ping_is_asked(&s->watch, way_of(s, f));
	size_t least = asked ? WS_PING_MAX : 0, room;
	ssize_t n;

	if (!f->b->data && buf_get(f->b, BUF_SMALL) < 0)
		return -WSE_NOMEM;
	room = flow_room(f);
	if (room <= least)
		return -WSE_FULL;
	if (asked) {
		n = read_but_pong(s, f, x, room);
	} else {
		n = xprt_recv(x, buf_wp(f->b), room);
		if (n > 0 && take(s, f, (size_t)n) < 0)
			return -WSE_CORRUPT;
		if (n > 0)
			ws_ping_heard(&s->watch, way_of(s, f));
	}
	/* Bulk goes on in a large buffer. */
	if (n > 0 && buf_room(f->b) <= least)
		flow_grow(f);
	else if (n <= 0)
		flow_detach(f);
	return n;
}

/* True: go on and write. */
static bool
came(struct stream *s, struct flow *f, ssize_t n, char who)
{
	uint64_t *when = who == 'C' ? &s->due.client_ms : &s->due.server_ms;

	if (n == -WSE_AGAIN)
		return false;
	if (n == -WSE_FULL) {
		if (who == 'C')
			fconn_read_off(s->fc);
		else
			back_read_off(s);
		stream_arm(s);
		return false;
	}
	if (n == 0) { /* more may be here without an event */
		if (who == 'C')
			fconn_read_on(s->fc);
		else
			back_read_on(s);
		stream_arm(s);
		return false;
	}
	*when = clock_ms();
	if (n > 0)
		return true;
	if (n == -WSE_RESET && ws_bye_has_begun(&s->watch) &&
	    tunnel_bye_broken(s, who))
		n = -WSE_EOF;
	if (ws_bye_has_begun(&s->watch))
		ws_bye_over(&s->watch, who == 'C' ? WS_IN : WS_OUT);
	ws_watch_ended(&s->watch, who);
	if (xprt_is_truncated(who == 'C' ? &s->fc->x : &s->b.x))
		stream_term(s, who, 'D');
	if (n == -WSE_EOF && flow_eof(f) == 0) {
		if (who == 'C') {
			s->fc->eof = true;
			fconn_read_off(s->fc);
		} else {
			back_read_off(s);
		}
		return true;
	}
	stream_term(s, n == -WSE_RESET ? who : 'R', 'D');
	end(s, true);
	return false;
}

void
tunnel_client_readable(struct stream *s)
{
	ssize_t n;

	if (ws_bye_phase(&s->watch) == WS_BYE_ENDING) {
		tunnel_bye_sink(s, 'C');
		return;
	}
	n = read_some(s, &s->up, &s->fc->x);
	if (!came(s, &s->up, n, 'C'))
		return;
	if (s->b.writing)
		stream_arm(s);
	else
		push_server(s);
}

void
tunnel_server_readable(struct stream *s)
{
	ssize_t n;

	if (ws_bye_phase(&s->watch) == WS_BYE_ENDING) {
		tunnel_bye_sink(s, 'S');
		return;
	}
	if (s->b.write_dead && s->down.in_done) {
		/* Nothing can be sent, nothing comes. */
		stream_term(s, 'S', 'D');
		end(s, true);
		return;
	}
	n = read_some(s, &s->down, &s->b.x);
	if (!came(s, &s->down, n, 'S'))
		return;
	if (s->fc->writing)
		stream_arm(s);
	else
		push_client(s);
}

bool
tunnel_pass_end(const struct xprt *from, const struct xprt *to)
{
	if (!xprt_is_truncated(from))
		return xprt_shutdown(to) != -WSE_AGAIN;
	/* Our close_notify would say that this was all. */
	if (to->mux)
		return true; /* cut_is_said() */
	if (xprt_flush(to) == -WSE_AGAIN)
		return false;
	(void)shutdown(to->fd, SHUT_WR);
	return true;
}

/* What breaks off cannot be told apart to HTTP/2: a reset ends both ways. */
static bool
cut_is_said(const struct stream *s)
{
	return (s->up_shut && s->b.x.mux && xprt_is_truncated(&s->fc->x)) ||
	    (s->down_shut && s->fc->x.mux && xprt_is_truncated(&s->b.x));
}

void
tunnel_progress(struct stream *s)
{
	if (ws_bye_has_begun(&s->watch) && !tunnel_bye_goes_on(s))
		return;
	flow_detach(&s->up);
	flow_detach(&s->down);
	if (flow_is_done(&s->up) && !s->up_shut) {
		s->up_shut = tunnel_pass_end(&s->fc->x, &s->b.x);
		if (!s->up_shut)
			back_write_on(s);
	}
	if (flow_is_done(&s->down) && !s->to_cli.data && !s->down_shut) {
		s->down_shut = tunnel_pass_end(&s->b.x, &s->fc->x);
		if (!s->down_shut)
			fconn_write_on(s->fc);
	}
	if (ws_bye_has_begun(&s->watch)) {
		if (s->up_shut && s->down_shut &&
		    ws_bye_is_over(&s->watch, WS_IN) &&
		    ws_bye_is_over(&s->watch, WS_OUT))
			stream_finish(s);
		else
			stream_arm(s);
		return;
	}
	if ((s->up_shut && s->down_shut) || cut_is_said(s)) {
		end(s,
		    xprt_is_truncated(&s->fc->x) || xprt_is_truncated(&s->b.x));
		return;
	}
	if (!s->up.in_done)
		fconn_read_on(s->fc);
	if (!s->down.in_done)
		back_read_on(s);
	stream_arm(s);
}

uint64_t
tunnel_due_of(const struct tunnel_clock *c, bool client_side)
{
	uint64_t since = client_side ? c->client_ms : c->server_ms;
	unsigned ms = client_side ? c->fe->client_ms : c->be->server_ms;
	unsigned fin =
	    client_side ? c->fe->client_fin_ms : c->be->server_fin_ms;

	if (c->be->tunnel_ms) { /* activity on either side counts */
		ms = c->be->tunnel_ms;
		since =
		    c->client_ms > c->server_ms ? c->client_ms : c->server_ms;
	}
	if (c->half && fin && (!ms || fin < ms))
		ms = fin;
	return ms ? since + ms : 0;
}

uint64_t
tunnel_due(const struct stream *s, bool client_side)
{
	struct tunnel_clock c = {
		.fe = stream_fe_tmo(s),
		.be = stream_be_tmo(s),
		.client_ms = s->due.client_ms,
		.server_ms = s->due.server_ms,
		.half = s->up.in_done || s->down.in_done,
	};

	return tunnel_due_of(&c, client_side);
}

void
tunnel_timeout(struct stream *s, bool client_side)
{
	stream_term(s, client_side ? 'c' : 's', 'D');
	end(s, false);
}

/* --- frames of our own --- */

bool
tunnel_is_flushed(const struct stream *s, int to)
{
	if (to == WS_IN)
		return !s->to_cli.data && flow_payload(&s->down) == 0 &&
		    !xprt_has_unsent(&s->fc->x);
	return !s->b.write_dead && !s->to_srv.data &&
	    flow_payload(&s->up) == 0 && !xprt_has_unsent(&s->b.x);
}

int
tunnel_put(struct stream *s, int to, const uint8_t *p, size_t n)
{
	const struct xprt *x = to == WS_IN ? &s->fc->x : &s->b.x;
	struct buf *rest = to == WS_IN ? &s->to_cli : &s->to_srv;
	struct iovec iov = { (void *)(uintptr_t)p, n };
	ssize_t k = n ? xprt_send(x, &iov, 1) : 0;

	if (k < 0) /* a reset: whoever reads hears of it */
		return k == -WSE_AGAIN ? -WSE_AGAIN : 0;
	if ((size_t)k < n) {
		if (buf_get(rest, BUF_SMALL) < 0)
			return -WSE_NOMEM;
		memcpy(rest->data, p + k, n - (size_t)k);
		rest->w = (uint32_t)(n - (size_t)k);
	}
	if ((size_t)k == n && !xprt_has_unsent(x))
		return 0;
	if (to == WS_IN)
		fconn_write_on(s->fc);
	else
		back_write_on(s);
	return 0;
}

static bool
is_pinged(const struct stream *s)
{
	return !s->up.in_done && !s->down.in_done;
}

uint64_t
tunnel_ping_due(const struct stream *s)
{
	return is_pinged(s) ? ws_ping_due(&s->watch) : 0;
}

void
tunnel_ping(struct stream *s)
{
	uint8_t b[WS_INJECT_MAX];

	for (int to = WS_IN; to <= WS_OUT && is_pinged(s); to++)
		switch (ws_ping_todo(&s->watch, to, tunnel_is_flushed(s, to))) {
		case WS_PING_WAIT:
			break;
		case WS_PING_ASK:
			if (tunnel_put(s, to, b,
				ws_ping_ask(&s->watch, to, b)) == -WSE_NOMEM) {
				stream_term(s, 'R', 'D');
				end(s, true);
				return;
			}
			break;
		case WS_PING_DEAD:
			tunnel_timeout(s, to == WS_IN);
			return;
		}
	stream_arm(s);
}
