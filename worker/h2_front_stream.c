/* SPDX-License-Identifier: MIT */
/*
 * The streams of a client's HTTP/2 connection: events of the session become
 * calls to a struct stream and its struct xmux, and the other way round.
 *
 * A struct h2_fstream lives while its stream is at work (fc.s) or the session
 * knows it (is_open), whichever is longer.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "shm/base/chk.h"
#include "shm/proto/h1.h"
#include "worker/h2_front_int.h"
#include "worker/stream_parts.h"

/* What a trailer section may be as text: the flow puts a line before it. */
enum { TRAIL_MAX = BUF_SMALL - FLOW_TAIL_TEXT };

static struct mempool fstream_pool = MEMPOOL_SLABS(struct h2_fstream);

static struct h2_fstream *
of_fconn(struct fconn *fc)
{
	return list_entry(fc, struct h2_fstream, fc);
}

/* --- what the stream asks for --- */

static void
consumed(struct xmux *m, uint32_t n)
{
	struct h2_fstream *st = list_entry(m, struct h2_fstream, m);

	h2_sess_consume(st->f->sess, st->id, n);
	h2_front_soon(st->f);
}

static void
kick(struct xmux *m)
{
	struct h2_fstream *st = list_entry(m, struct h2_fstream, m);

	if (!st->is_open)
		return;
	h2_sess_resume(st->f->sess, st->id);
	h2_front_soon(st->f);
}

static const struct xmux_ops xmux_ops = { consumed, kick };

static int
front_head(struct stream *s, struct http_head *h, bool has_body)
{
	static struct h2_fields out; /* too large for the stack */
	struct h2_fstream *st = of_fconn(s->fc);
	int err;

	if (!st->is_open || st->m.dead)
		return -WSE_RESET;
	if (st->is_upgrade && h->status / 100 == 2) {
		/* It would say that the tunnel is there.  A reset, or a 502. */
		st->answered = true;
		return -WSE_PROTO;
	}
	err = h2_head_response(h, st->is_upgrade, &out);
	if (err < 0)
		return err;
	h2_front_soon(st->f);
	if (h->status < 200 && h->status != 101)
		return h2_sess_interim(st->f->sess, st->id, &out);
	err = h2_sess_respond(st->f->sess, st->id, &out, has_body);
	/* a reset is under way: nothing more is to be said */
	st->answered = err == 0 || err == -WSE_NOTFOUND;
	st->said_end = !has_body;
	return err;
}

static void
stream_free(struct h2_fstream *st)
{
	CHK(!st->fc.s && !st->is_open);
	list_del(&st->link);
	(void)xmux_free(&st->m);
	mempool_put(&fstream_pool, st);
}

/* The stream takes nothing any longer: what it left is the peer's again. */
static void
rx_drop(struct h2_fstream *st)
{
	uint32_t n = st->m.rx.data ? buf_len(&st->m.rx) : 0;

	if (n)
		h2_sess_consume(st->f->sess, st->id, n);
	buf_put(&st->m.rx);
	buf_put(&st->m.rx_trail);
}

/* A rule wants the connection closed without a word, as HAProxy does it. */
static void
reject(struct h2_front *f, const struct h2_fstream *st)
{
	h2_sess_reset(f->sess, st->id, H2_ENHANCE_YOUR_CALM);
	f->told = true; /* by the stream's own line */
	h2_sess_end(f->sess, H2_ENHANCE_YOUR_CALM);
}

static void
front_end(struct fconn *fc, bool aborted, bool whole)
{
	struct h2_fstream *st = of_fconn(fc);
	struct h2_front *f = st->f;
	bool said = st->answered && (st->said_end || st->m.tx_end);

	(void)whole; /* the xmux knows better what came */
	fconn_detach(fc);
	rx_drop(st);
	list_del(&st->link);
	if (--f->busy_count == 0)
		f->idle_ms = clock_ms();
	h2_front_soon(f);
	if (!st->is_open) {
		stream_free(st);
		return;
	}
	list_add_tail(&f->over, &st->link);
	if (!st->answered && !st->m.dead)
		reject(f, st);
	else if (aborted || !said)
		h2_sess_reset(f->sess, st->id, H2_INTERNAL_ERROR);
}

static const struct front_ops front_ops = { front_head, front_end };

/* --- what the session tells --- */

static struct h2_fstream *
stream_make(struct h2_front *f, uint32_t id)
{
	struct h2_fstream *st = mempool_get(&fstream_pool);

	if (!st)
		return NULL;
	st->f = f;
	st->id = id;
	st->m.ops = &xmux_ops;
	fconn_attach(&st->fc, &front_ops, &st->m, &f->fc->cli);
	st->fc.since_ms = f->begun_ms; /* it was waited for since then */
	if (!stream_new(&st->fc)) {
		fconn_detach(&st->fc);
		mempool_put(&fstream_pool, st);
		return NULL;
	}
	list_add_tail(&f->busy, &st->link);
	f->busy_count++;
	return st;
}

/*
 * Trailers: there may be more than one stream's arena holds, and the head of
 * the request is still needed.
 */
static bool
trail_begin(struct h2_front *f, struct h2_into *into)
{
	if (!f->trail)
		f->trail = malloc(sizeof(*f->trail));
	if (!f->trail)
		return false;
	f->trail->arena =
	    (struct arena){ f->trail->bytes, 0, sizeof(f->trail->bytes) };
	into->head = &f->trail->head;
	into->arena = &f->trail->arena;
	return true;
}

static bool
on_begin(void *conn, uint32_t id, void **user, struct h2_into *into)
{
	struct h2_front *f = conn;
	struct h2_fstream *st;

	if (*user)
		return trail_begin(f, into);
	/*
	 * Streams that the client has reset are still at work until their own
	 * event says so: they count, or resets would get round the limit.
	 */
	if (f->busy_count >= wk.conf->global.h2_max_streams)
		return false;
	st = stream_make(f, id);
	if (!st)
		return false;
	st->is_open = st->is_heading = true;
	f->begun_ms = f->head_ms = clock_ms();
	into->head = &st->fc.s->mem->req;
	into->arena = &st->fc.s->t.arena;
	*user = st;
	stat_add(&wk.stat->h2_streams, 1);
	return true;
}

/* As HTTP/1 has them, with the empty line. 0 or -WSE_*. */
static int
trail_text(const struct http_head *h, struct buf *b)
{
	size_t n = 2;

	for (unsigned i = 0; i < h->hdr_count; i++)
		n += h->hdr[i].name.n + h->hdr[i].value.n + 4;
	if (n > TRAIL_MAX)
		return -WSE_TOOBIG;
	if (buf_get(b, BUF_SMALL) < 0)
		return -WSE_NOMEM;
	for (unsigned i = 0; i < h->hdr_count; i++) {
		const struct http_hdr *f = &h->hdr[i];

		memcpy(buf_wp(b), f->name.p, f->name.n);
		b->w += (uint32_t)f->name.n;
		memcpy(buf_wp(b), ": ", 2);
		b->w += 2;
		if (f->value.n)
			memcpy(buf_wp(b), f->value.p, f->value.n);
		b->w += (uint32_t)f->value.n;
		memcpy(buf_wp(b), "\r\n", 2);
		b->w += 2;
	}
	memcpy(buf_wp(b), "\r\n", 2);
	b->w += 2;
	return 0;
}

static void
trail_end(struct h2_fstream *st, int err)
{
	struct h2_trail *t = st->f->trail;

	if (!err && st->fc.s && t->head.hdr_count)
		err = trail_text(&t->head, &st->m.rx_trail);
	free(t);
	st->f->trail = NULL;
	if (!st->fc.s)
		st->m.rx_end = true;
	else if (err)
		h2_sess_reset(st->f->sess, st->id, H2_INTERNAL_ERROR);
	else
		xmux_put_end(&st->m);
}

static void
on_head(void *conn, void *user, enum h2_part part, int err, bool end)
{
	struct h2_front *f = conn;
	struct h2_fstream *st = user;

	if (part == H2_TRAILERS) {
		trail_end(st, err);
		return;
	}
	f->head_ms = 0;
	st->is_heading = false;
	st->is_upgrade = err == 0 && st->fc.s->mem->req.conn_upgrade;
	if (end)
		xmux_put_end(&st->m);
	stream_req_begin(st->fc.s, err, end);
}

static void
on_data(void *conn, void *user, struct sv data)
{
	struct h2_front *f = conn;
	struct h2_fstream *st = user;

	if (st->fc.s && !st->m.dead) {
		if (xmux_put(&st->m, data) == 0)
			return;
		h2_sess_reset(f->sess, st->id, H2_INTERNAL_ERROR);
	}
	h2_sess_consume(f->sess, st->id, data.n);
}

static void
on_end(void *conn, void *user)
{
	struct h2_fstream *st = user;

	(void)conn;
	if (st->fc.s)
		xmux_put_end(&st->m);
	else
		st->m.rx_end = true;
}

static void
count_error(const struct h2_front *f)
{
	stat_add(
	    &stat_proxy(&wk.board, wk.proc, (uint32_t)fconn_proxy(f->fc)->row)
		 ->req_errors,
	    1);
}

/* The head was no valid one, or the client took it back. */
static void
head_broken(struct h2_fstream *st, bool by_peer)
{
	st->f->head_ms = 0;
	st->is_heading = false;
	st->m.dead = true;
	if (by_peer) {
		stream_client_gone(st->fc.s);
		return;
	}
	st->fc.s->t.cli->request_count++;
	count_error(st->f);
	stream_term(st->fc.s, 'P', 'R');
	stream_cut(st->fc.s);
}

static void
on_close(void *conn, void *user, uint32_t id, uint32_t code, bool by_peer)
{
	struct h2_fstream *st = user;

	(void)conn, (void)id;
	st->is_open = false;
	if (!st->fc.s)
		stream_free(st);
	else if (st->is_heading)
		head_broken(st, by_peer);
	else if (code != H2_NO_ERROR || by_peer || !st->m.tx_end)
		xmux_break(&st->m, code == H2_REFUSED_STREAM);
}

/* The stream's trailers, from within pull. False: there are none to send. */
static bool
trail_send(struct h2_front *f, struct h2_fstream *st)
{
	static struct http_head head;
	static struct h2_fields out;
	struct buf *b = &st->m.tx_trail;
	struct h1_scan scan = { 0 };
	struct h1_fault fault;
	bool ok;

	if (h1_parse_trailer(
		buf_rp(b), buf_len(b), b->size, &scan, &head, &fault) <= 0)
		return false;
	h2_head_trailers(&head, &out);
	ok = out.count > 0 && h2_sess_trailers(f->sess, st->id, &out) == 0;
	buf_put(b); /* the fields were in it */
	return ok;
}

static size_t
pull(void *conn, void *user, size_t max, const char **p_r, enum h2_more *more_r)
{
	struct h2_fstream *st = user;
	size_t n = xmux_pull(&st->m, max, p_r, more_r);

	if (*more_r == H2_MORE_TRAILERS && !trail_send(conn, st))
		*more_r = H2_MORE_END;
	return n;
}

static void
on_sent(void *conn, void *user, size_t n)
{
	struct h2_fstream *st = user;

	(void)conn;
	xmux_pulled(&st->m, n);
}

static void
on_control(void *conn, enum h2_type type, bool ack)
{
	struct h2_front *f = conn;

	if (type == H2_PING && ack && f->final_ms) {
		f->final_ms = 0;
		h2_sess_drain(f->sess, true);
	}
}

const struct h2_events h2_front_events = {
	.on_begin = on_begin,
	.on_head = on_head,
	.on_data = on_data,
	.on_end = on_end,
	.on_close = on_close,
	.pull = pull,
	.on_sent = on_sent,
	.on_control = on_control,
};

/* --- what the connection does to all --- */

void
h2_front_break(struct h2_front *f)
{
	while (!list_is_empty(&f->busy)) {
		struct h2_fstream *st =
		    list_entry(f->busy.next, struct h2_fstream, link);

		st->is_open = false;
		st->m.dead = true;
		stream_client_gone(st->fc.s);
	}
}

void
h2_front_forget(struct h2_front *f)
{
	while (!list_is_empty(&f->over)) {
		struct h2_fstream *st =
		    list_entry(f->over.next, struct h2_fstream, link);

		st->is_open = false;
		stream_free(st);
	}
}

bool
h2_front_hush(struct h2_front *f)
{
	struct list *it;
	bool any = false;

	list_for(it, &f->over)
	{
		struct h2_fstream *st = list_entry(it, struct h2_fstream, link);

		if (st->m.rx_end || !h2_sess_is_out_ended(f->sess, st->id))
			continue;
		st->m.rx_end = true;
		h2_sess_reset(f->sess, st->id, H2_NO_ERROR);
		any = true;
	}
	return any;
}

void
h2_front_complain(struct h2_front *f)
{
	struct h2_fstream *st = f->told ? NULL : stream_make(f, 0);

	if (!st)
		return;
	f->told = true;
	count_error(f);
	st->m.dead = true;
	stream_term(st->fc.s, 'P', 'R');
	stream_cut(st->fc.s);
}

void
h2_front_head_late(struct h2_front *f)
{
	struct list *it;

	list_for(it, &f->busy)
	{
		struct h2_fstream *st = list_entry(it, struct h2_fstream, link);

		if (!st->is_heading)
			continue;
		count_error(f);
		st->is_open = false;
		st->m.dead = true;
		stream_term(st->fc.s, 'c', 'R');
		reply_status(st->fc.s, 408);
		return;
	}
}

void
h2_front_each(
    struct h2_front *f, void (*fn)(struct stream *s, void *arg), void *arg)
{
	struct list *it, *tmp;

	list_for_safe(it, tmp, &f->busy)
	{
		struct h2_fstream *st = list_entry(it, struct h2_fstream, link);

		if (st->fc.s)
			fn(st->fc.s, arg);
	}
}
