/* SPDX-License-Identifier: MIT */
/*
 * Bytes, timers and ends of a client's HTTP/2 connection.
 *
 * Input is fed to the session at once.  Output is gathered once all events of
 * a turn of the loop were looked at (f->flush), so that what many streams say
 * leaves in one record and one write; none is gathered while the socket does
 * not take it, so that it stays bounded.  The connection ends only from there
 * or from its own events, never below a stream's feet.
 */
#include "worker/h2_front_int.h"

#include <stdlib.h>
#include <string.h>

#include "shm/base/chk.h"
#include "worker/stream_parts.h"

enum {
	QUIET_MS = 1000, /* without streams, then it rests */
	FINAL_MS = 1000, /* for streams that were on their way at a drain */
	DROP_BYTES = 1 << 20, /* read behind the end */
	FLUSH_BYTES = 49152,  /* gathered at a time: three records */
	FLUSH_TIMES = 16      /* a turn, then others have theirs */
};

static char rx_scratch[BUF_LARGE];
static char tx_scratch[FLUSH_BYTES];

enum h2_preface
h2_front_preface(const struct buf *b)
{
	uint32_t n = buf_len(b);

	n = n < H2_MAGIC_BYTES ? n : H2_MAGIC_BYTES;
	if (n == 0 || memcmp(b->data + b->r, H2_MAGIC, n) != 0)
		return H2_PREFACE_NO;
	return n < H2_MAGIC_BYTES ? H2_PREFACE_PART : H2_PREFACE_WHOLE;
}

bool
h2_front_is_agreed(const struct fconn *fc)
{
	const struct bind *b = fc->cli.bind;

	return b->proto_h2 || (!b->proto_h1 && sv_eq(fc->cli.alpn, SV("h2")));
}

bool
h2_front_may_begin(const struct fconn *fc)
{
	return !fc->front && fc->cli.request_count == 0 &&
	    !fc->cli.bind->proto_h1 && !fc->cli.alpn.n;
}

struct h2_cfg
h2_front_cfg(const struct fconn *fc)
{
	const struct conf_global *g = &wk.conf->global;
	uint32_t streams = g->h2_max_streams, head = g->bufsize_bytes;

	(void)fc;
	if (!head || head > BUF_SMALL)
		head = BUF_SMALL; /* it goes into a stream's arena */
	return (struct h2_cfg){
		.is_server = true,
		.connect_protocol = !g->h2_no_connect,
		.max_streams = (uint16_t)streams,
		.window_bytes = g->h2_window_bytes,
		.conn_window_bytes = g->h2_window_bytes *
		    (streams < H2_FRONT_CONN_STREAMS ? streams
						     : H2_FRONT_CONN_STREAMS),
		.head_max_bytes = head > g->maxrewrite_bytes * 2
		    ? head - g->maxrewrite_bytes
		    : head / 2,
	};
}

unsigned
h2_front_idle_ms(const struct fconn *fc)
{
	const struct proxy_timeouts *t = &fconn_proxy(fc)->tmo;

	if (fc->cli.request_count > 0 && t->http_keep_alive_ms)
		return t->http_keep_alive_ms;
	return t->http_request_ms ? t->http_request_ms : t->client_ms;
}

static bool
is_blocked(const struct h2_front *f)
{
	return f->out.data || xprt_has_unsent(&f->fc->x);
}

/* What a connection waits for, and no longer than that. */
enum wait {
	WAIT_NONE,
	WAIT_FINAL,
	WAIT_HEAD,
	WAIT_CLIENT,
	WAIT_REST,
	WAIT_IDLE
};

struct due {
	enum wait what;
	uint64_t at_ms; /* 0: for ever */
};

static void
due_sooner(struct due *d, enum wait what, uint64_t since_ms, unsigned ms)
{
	if (ms && (!d->at_ms || since_ms + ms < d->at_ms))
		*d = (struct due){ what, since_ms + ms };
}

static uint64_t
later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Streams mind their own times; this is about what is between them. */
static struct due
due_next(const struct h2_front *f)
{
	const struct proxy_timeouts *t = &fconn_proxy(f->fc)->tmo;
	unsigned head = t->http_request_ms ? t->http_request_ms : t->client_ms;
	struct due d = { WAIT_NONE, 0 };

	if (f->final_ms)
		due_sooner(&d, WAIT_FINAL, f->final_ms, FINAL_MS);
	if (f->head_ms)
		due_sooner(&d, WAIT_HEAD, f->head_ms, head);
	if (is_blocked(f))
		due_sooner(&d, WAIT_CLIENT, f->wrote_ms, t->client_ms);
	if (f->busy_count || is_blocked(f))
		return d;
	if (h2_sess_stream_count(f->sess)) { /* their rest is to be sent */
		due_sooner(&d, WAIT_CLIENT, later(f->wrote_ms, f->idle_ms),
		    t->client_ms);
		return d;
	}
	due_sooner(&d, WAIT_IDLE, f->idle_ms, h2_front_idle_ms(f->fc));
	if (!f->stays)
		due_sooner(
		    &d, WAIT_REST, later(f->read_ms, f->idle_ms), QUIET_MS);
	return d;
}

static void
arm(struct h2_front *f)
{
	wheel_set(wk.wheel, &f->fc->timer, due_next(f).at_ms);
}

/* The client is gone, or nothing more can be said to it. */
static void
gone(struct h2_front *f)
{
	struct fconn *fc = f->fc;

	h2_front_break(f);
	fconn_close(fc);
}

/* What there is to say was said: the end. */
static void
end(struct h2_front *f)
{
	struct fconn *fc = f->fc;

	h2_front_break(f);
	h2_front_free(fc);
	fconn_linger(fc);
}

/* Send n bytes gathered, the rest is kept. 0 or -WSE_*. */
static int
put_out(struct h2_front *f, const char *p, size_t n)
{
	struct iovec iov = { (void *)(uintptr_t)p, n };
	ssize_t k = xprt_send(&f->fc->x, &iov, 1);

	if (k < 0 && k != -WSE_AGAIN)
		return (int)k;
	if (k < 0)
		k = 0;
	else
		f->wrote_ms = clock_ms();
	n -= (size_t)k;
	if (n == 0)
		return 0;
	if (buf_get(&f->out, n > BUF_SMALL ? BUF_LARGE : BUF_SMALL) < 0)
		return -WSE_NOMEM;
	memcpy(f->out.data, p + k, n);
	f->out.w = (uint32_t)n;
	return 0;
}

/* What is kept, first of all. 0: nothing is left, -WSE_AGAIN, -WSE_*. */
static int
put_kept(struct h2_front *f)
{
	int err = xprt_flush(&f->fc->x);
	struct iovec iov;
	ssize_t k;

	while (err == 0 && f->out.data) {
		iov = (struct iovec){ buf_rp(&f->out), buf_len(&f->out) };
		k = xprt_send(&f->fc->x, &iov, 1);
		if (k < 0)
			return (int)k;
		f->wrote_ms = clock_ms();
		buf_eat(&f->out, (uint32_t)k);
		buf_put_empty(&f->out);
		err = xprt_flush(&f->fc->x);
	}
	return err;
}

/* Gather and send until there is nothing, or the socket is full. */
static int
put_all(struct h2_front *f)
{
	ssize_t n = put_kept(f);

	if (n < 0)
		return n == -WSE_AGAIN ? 0 : (int)n;
	for (int i = 0; i < FLUSH_TIMES; i++) {
		n = h2_sess_output(f->sess, tx_scratch, sizeof(tx_scratch));
		if (n < 0)
			return (int)n;
		if (n == 0 && !h2_front_hush(f))
			return 0;
		if (n > 0 && put_out(f, tx_scratch, (size_t)n) < 0)
			return -WSE_RESET;
		if (is_blocked(f))
			return 0;
	}
	h2_front_soon(f);
	return 0;
}

/*
 * It is to be closed: what goes wrong ends all streams, else those that are
 * complete for the client have still to find that out.
 */
static bool
is_done(const struct h2_front *f)
{
	bool idle = h2_sess_stream_count(f->sess) == 0;

	if (!h2_sess_is_over(f->sess) && !(idle && h2_sess_is_going(f->sess)))
		return false;
	return f->busy_count == 0 || !idle || h2_sess_sent_error(f->sess);
}

static void
settle(struct h2_front *f)
{
	int err = put_all(f);

	if (err < 0) {
		gone(f);
		return;
	}
	if (is_blocked(f)) {
		fconn_write_on(f->fc);
		arm(f);
		return;
	}
	fconn_write_off(f->fc);
	if (!is_done(f)) {
		arm(f);
		return;
	}
	if (h2_sess_sent_error(f->sess))
		h2_front_complain(f);
	end(f);
}

static void
on_flush(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	wk_turn();
	settle(arg);
}

void
h2_front_soon(struct h2_front *f)
{
	event_active(&f->flush, EV_WRITE, 0);
}

/* Into `in` behind what is there, or into the scratch area. */
static ssize_t
fill(struct h2_front *f, const char **p_r)
{
	struct buf *in = &f->in;
	ssize_t n;

	if (!in->data) {
		*p_r = rx_scratch;
		return xprt_recv(&f->fc->x, rx_scratch, sizeof(rx_scratch));
	}
	buf_compact(in);
	*p_r = in->data;
	n = xprt_recv(&f->fc->x, buf_wp(in), buf_room(in));
	if (n <= 0)
		return n;
	in->w += (uint32_t)n;
	return buf_len(in);
}

/* n bytes at p are left over: part of a frame, or of the preface. */
static int
keep(struct h2_front *f, const char *p, size_t n)
{
	struct buf *in = &f->in;
	size_t all = n < H2_HD_BYTES
	    ? H2_HD_BYTES
	    : H2_HD_BYTES + h2_hd_get((const uint8_t *)p).len;

	if (in->data) {
		buf_eat(in, buf_len(in) - (uint32_t)n);
		if (n == 0)
			buf_put(in);
		else if (all > in->size)
			return buf_grow(in);
		return 0;
	}
	if (n == 0)
		return 0;
	if (buf_get(in, all > BUF_SMALL ? BUF_LARGE : BUF_SMALL) < 0)
		return -WSE_NOMEM;
	memcpy(in->data, p, n);
	in->w = (uint32_t)n;
	return 0;
}

/* False: it was closed. */
static bool
feed(struct h2_front *f, const char *p, size_t n)
{
	ssize_t used = h2_sess_feed(f->sess, p, n, clock_ms());

	if (used == -WSE_PROTO)
		h2_front_complain(f);
	if (used < 0 || keep(f, p + used, n - (size_t)used) < 0) {
		gone(f);
		return false;
	}
	h2_front_soon(f);
	return true;
}

void
h2_front_readable(struct fconn *fc)
{
	struct h2_front *f;
	const char *p;
	ssize_t n;

	if (fc->state == FC_REST && h2_front_wake(fc) < 0) {
		fconn_close(fc);
		return;
	}
	f = fc->h2;
	n = fill(f, &p);
	if (n == -WSE_AGAIN) {
		arm(f);
		return;
	}
	if (n < 0) {
		fc->eof = true;
		gone(f);
		return;
	}
	f->read_ms = clock_ms();
	f->stays = false; /* it may be what resting waited for */
	if (h2_sess_is_deaf(f->sess)) {
		/* it does not read our end, and is not to talk for ever */
		f->dropped_bytes += (uint32_t)n;
		if (f->dropped_bytes > DROP_BYTES) {
			gone(f);
			return;
		}
	}
	(void)feed(f, p, (size_t)n);
}

void
h2_front_writable(struct fconn *fc)
{
	if (fc->state == FC_H2)
		settle(fc->h2);
}

/* The first of what is due. False: it is closed, or rests. */
static bool
overdue(struct h2_front *f, enum wait what)
{
	switch (what) {
	case WAIT_FINAL:
		f->final_ms = 0;
		h2_sess_drain(f->sess, true);
		break;
	case WAIT_HEAD:
		f->head_ms = 0;
		h2_front_head_late(f);
		h2_sess_end(f->sess, H2_NO_ERROR);
		break;
	case WAIT_CLIENT:
		gone(f);
		return false;
	case WAIT_REST:
		if (h2_front_rest(f) == 0)
			return false;
		f->stays = true; /* till something comes */
		break;
	case WAIT_IDLE:
		h2_sess_drain(f->sess, true);
		break;
	case WAIT_NONE:
		break;
	}
	return true;
}

void
h2_front_timeout(struct fconn *fc)
{
	struct due d;

	if (fc->state == FC_REST && h2_front_wake(fc) < 0) {
		fconn_close(fc);
		return;
	}
	d = due_next(fc->h2);
	if (d.at_ms > clock_ms())
		d.what = WAIT_NONE;
	if (overdue(fc->h2, d.what))
		h2_front_soon(fc->h2);
}

/*
 * Streams may be on their way: a first GOAWAY says that there should be no
 * more, the answer to a PING that the client has read it.
 */
void
h2_front_drain(struct fconn *fc)
{
	struct h2_front *f;

	if (fc->state == FC_REST && h2_front_wake(fc) < 0) {
		fconn_close(fc);
		return;
	}
	f = fc->h2;
	if (f->draining)
		return;
	f->draining = f->stays = true;
	f->final_ms = clock_ms();
	h2_sess_drain(f->sess, false);
	if (h2_sess_ping(f->sess) < 0)
		h2_sess_drain(f->sess, true);
	h2_front_soon(f);
}

struct h2_front *
h2_front_make(struct fconn *fc)
{
	/* not pooled: with its session it goes back when it rests */
	struct h2_front *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->fc = fc;
	list_init(&f->busy);
	list_init(&f->over);
	f->wrote_ms = f->idle_ms = f->begun_ms = clock_ms();
	event_assign(&f->flush, wk.base, -1, 0, on_flush, f);
	return f;
}

void
h2_front_free(struct fconn *fc)
{
	struct h2_front *f = fc->h2;

	h2_front_rest_free(fc);
	if (!f)
		return;
	CHK(list_is_empty(&f->busy));
	event_del(&f->flush);
	h2_sess_free(&f->sess);
	h2_front_forget(f);
	free(f->trail);
	buf_put(&f->in);
	buf_put(&f->out);
	free(f);
	fc->h2 = NULL;
}

int
h2_front_start(struct fconn *fc)
{
	struct h2_front *f = h2_front_make(fc);
	struct h2_cfg cfg = h2_front_cfg(fc);
	struct buf in = fc->in;

	if (!f)
		return -WSE_NOMEM;
	f->begun_ms =
	    (fc->cli.ready_us ? fc->cli.ready_us : fc->cli.accept_us) / 1000;
	f->sess = h2_sess_new(&cfg, &h2_front_events, f, clock_ms());
	fc->h2 = f;
	if (!f->sess) {
		h2_front_free(fc);
		return -WSE_NOMEM;
	}
	stat_add(&wk.stat->h2_front, 1);
	fconn_set_state(fc, FC_H2);
	fc->in = (struct buf){ 0 };
	fconn_read_on(fc);
	if (wk.draining)
		h2_front_drain(fc);
	if (buf_len(&in))
		(void)feed(f, buf_rp(&in), buf_len(&in));
	else
		h2_front_soon(f);
	buf_put(&in);
	return 0;
}
