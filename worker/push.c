/* SPDX-License-Identifier: MIT */
/*
 * Writing: a head and what there is of a body leave in one gathered write.
 */
#include <string.h>

#include "worker/stream_parts.h"

enum { COALESCE_BYTES = 2048 };

/* One side's output. */
struct push {
	const struct xprt *x;
	struct buf *head;
	struct flow *f;
	struct sv *rest; /* static bytes between head and body, or NULL */
	bool ends;       /* with the body, so does what is sent */
	bool closes;     /* ... and the connection */
	uint64_t sent_bytes;
	bool blocked;
};

static size_t
iov_sum(const struct iovec *iov, int n)
{
	size_t sum = 0;

	for (int i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return sum;
}

/* A small body is copied behind its head: one buffer to send. */
static bool
coalesce(struct push *p, const struct iovec *iov, int n, size_t sum)
{
	if (n == 0 || sum > COALESCE_BYTES || buf_room(p->head) < sum)
		return false;
	for (int i = 0; i < n; i++) {
		memcpy(buf_wp(p->head), iov[i].iov_base, iov[i].iov_len);
		p->head->w += (uint32_t)iov[i].iov_len;
	}
	flow_sent(p->f, sum);
	return true;
}

static int
gather(struct push *p, struct iovec *iov)
{
	int n = 0;

	if (p->head->data && buf_len(p->head)) {
		iov[n].iov_base = buf_rp(p->head);
		iov[n++].iov_len = buf_len(p->head);
	}
	if (p->rest && p->rest->n) {
		iov[n].iov_base = (void *)(uintptr_t)p->rest->p;
		iov[n++].iov_len = p->rest->n;
		return n;
	}
	if (p->f->b) {
		int k = flow_iov(p->f, iov + n);

		if (n && coalesce(p, iov + n, k, iov_sum(iov + n, k)))
			iov[0].iov_len = buf_len(p->head);
		else
			n += k;
	}
	return n;
}

static void
advance(struct push *p, size_t n)
{
	size_t k;

	p->sent_bytes += n;
	if (p->head->data && buf_len(p->head)) {
		k = n < buf_len(p->head) ? n : buf_len(p->head);
		buf_eat(p->head, (uint32_t)k);
		n -= k;
	}
	if (n && p->rest && p->rest->n) {
		k = n < p->rest->n ? n : p->rest->n;
		*p->rest = sv_from(*p->rest, k);
		n -= k;
	}
	if (n)
		flow_sent(p->f, n);
}

/* The socket takes no more for now. */
static bool
is_stuck(const struct xprt *x, size_t sent, size_t want)
{
	return x->tls || x->mux ? xprt_has_unsent(x) : sent < want;
}

/* HTTP/2 has the end said apart from the bytes, and with the last of them. */
static void
say_end(const struct push *p)
{
	const struct buf *t = &p->f->tail;
	bool more = p->rest && p->rest->n;

	if (!p->ends || more || (p->f->b && !flow_is_done(p->f)))
		return;
	xmux_end(p->x->mux,
	    t->data && t->w > FLOW_TAIL_TEXT
		? sv_of(t->data + FLOW_TAIL_TEXT, t->w - FLOW_TAIL_TEXT)
		: SV_NULL);
}

/* What was gathered is all there is and will be. */
static bool
is_last(const struct push *p)
{
	return p->closes && (!p->f->b || flow_is_done(p->f));
}

/* 0 or -WSE_RESET. */
static int
run(struct push *p)
{
	struct iovec iov[FLOW_IOV_MAX + 2];
	ssize_t k = xprt_flush(p->x);
	int n;

	if (k < 0) {
		p->blocked = k == -WSE_AGAIN;
		return p->blocked ? 0 : (int)k;
	}
	while ((n = gather(p, iov)) > 0) {
		size_t want = iov_sum(iov, n);

		k = is_last(p) ? xprt_send_last(p->x, iov, n)
			       : xprt_send(p->x, iov, n);
		if (k == -WSE_AGAIN) {
			p->blocked = true;
			return 0;
		}
		if (k < 0)
			return (int)k;
		advance(p, (size_t)k);
		if (p->x->mux)
			say_end(p);
		if (is_stuck(p->x, (size_t)k, want)) {
			p->blocked = true;
			return 0;
		}
	}
	if (p->x->mux)
		say_end(p);
	return 0;
}

/* The response's buffer has room again, or nothing in it. */
static void
refill(struct stream *s)
{
	struct flow *f = &s->down;

	if (f->b != &s->dbuf || f->in_done || !s->b.bc)
		return;
	flow_detach(f);
	if (!s->dbuf.data || flow_room(f) >= s->dbuf.size / 2)
		back_read_on(s);
}

static void
client_written(struct stream *s)
{
	int err;

	fconn_write_off(s->fc);
	buf_put(&s->to_cli);
	switch (s->state) {
	case ST_REPLY:
		err = reply_more(s);
		if (err == -WSE_AGAIN)
			break;
		s->aborted |= err < 0;
		if (err < 0)
			stream_cut(s);
		else
			stream_finish(s);
		return;
	case ST_RELAY:
		if (flow_is_done(&s->down)) {
			if (stream_res_upload_goes_on(s))
				break;
			back_done(s);
			stream_finish(s);
			return;
		}
		if (s->aborted) {
			stream_cut(s);
			return;
		}
		refill(s);
		break;
	case ST_TUNNEL:
		tunnel_progress(s);
		return;
	case ST_HEAD:
	case ST_BUFFER:
	case ST_QUEUE:
	case ST_PAUSE:
	case ST_RESPONSE:
	case ST_DONE:
	case ST_STATE_N:
		break;
	}
	stream_arm(s);
}

/* Nothing follows this response, and nothing is read any more. */
static bool
closes(const struct stream *s)
{
	return (s->state == ST_RELAY || s->state == ST_REPLY) && !s->aborted &&
	    !s->keep_client && !s->fc->front && stream_request_is_read(s) &&
	    !stream_res_upload_goes_on(s);
}

void
push_client(struct stream *s)
{
	struct push p = {
		.x = &s->fc->x,
		.head = &s->to_cli,
		.f = &s->down,
		.rest = &s->reply_rest,
		.ends = (s->state == ST_RELAY && !s->aborted) ||
		    s->state == ST_REPLY,
		.closes = closes(s),
	};
	int err = run(&p);

	s->t.log.bytes_read += p.sent_bytes;
	if (err < 0) {
		s->fc->eof = true;
		stream_client_gone(s);
		return;
	}
	if (p.sent_bytes || !s->fc->writing)
		s->due.client_ms = clock_ms();
	if (!p.blocked) {
		client_written(s);
		return;
	}
	fconn_write_on(s->fc);
	if (s->state == ST_RELAY || s->state == ST_TUNNEL)
		refill(s);
	stream_arm(s);
}

/* The request goes on as long as the client sends it. */
static void
server_written(struct stream *s)
{
	back_write_off(s);
	buf_put(&s->to_srv);
	if (s->state == ST_TUNNEL) {
		tunnel_progress(s);
		return;
	}
	if (!s->up.in_done && !s->fc->eof)
		fconn_read_on(s->fc);
	if (s->state == ST_RELAY && s->down.in_done && s->up.in_done) {
		back_done(s);
		if (flow_is_done(&s->down) && !s->fc->writing) {
			stream_finish(s);
			return;
		}
	}
	stream_arm(s);
}

/* What is sent does not end with the request: a tunnel may follow. */
static bool
may_tunnel(const struct stream *s)
{
	return s->state == ST_TUNNEL || s->is_upgrade ||
	    s->t.req->method == HTTP_CONNECT;
}

void
push_server(struct stream *s)
{
	struct push p = {
		.x = &s->b.x,
		.head = &s->to_srv,
		.f = &s->up,
		.ends = !may_tunnel(s),
	};
	int err;

	if (s->b.write_dead)
		return;
	err = run(&p);
	s->t.log.bytes_uploaded += p.sent_bytes;
	if (p.sent_bytes) {
		s->b.any_sent = true;
		s->due.server_ms = clock_ms();
	}
	if (err < 0) {
		/* An answer may have come before the end. */
		s->b.write_dead = true;
		back_write_off(s);
		if (s->state != ST_TUNNEL)
			fconn_read_off(s->fc);
		stream_res_readable(s);
		return; /* with in_done it ends there */
	}
	if (!p.blocked) {
		server_written(s);
		return;
	}
	back_write_on(s);
	stream_arm(s);
}
