/* SPDX-License-Identifier: MIT */
/*
 * A connection to a server that speaks HTTP/2: its bytes, and what becomes of
 * it when no stream is on it.  See h2_back_int.h.
 */
#include <stdlib.h>

#include "shm/base/chk.h"
#include "shm/proto/h2_move.h"
#include "worker/h2_back_int.h"

enum {
	STREAMS_MAX = 100, /* of ours at once, whatever the server takes */
	OUT_BYTES = 49152, /* that are sealed and written at once */
	HEAD_MAX = 16384,  /* unless tune.bufsize says otherwise */
	PONG_MS = 3000
};

static struct mempool back_pool = MEMPOOL_INIT(struct h2_back);
static char in_scratch[BUF_LARGE], out_scratch[OUT_BYTES];
static bool in_scratch_used;
static unsigned reading;    /* calls of h2_back_read() under way */
static struct h2_port port; /* large */

void
h2_back_wake(struct h2_back *hb)
{
	event_active(&hb->turn, EV_TIMEOUT, 0);
}

static void
write_off(struct h2_back *hb)
{
	if (event_pending(&hb->wev, EV_WRITE, NULL))
		event_del(&hb->wev);
}

/* It is of no further use; its streams hear of it, then it is closed. */
static void
lost(struct h2_back *hb)
{
	if (hb->broken)
		return;
	hb->broken = true;
	pool_share(hb->bc->pool, hb->bc, false);
	event_del(&hb->bc->rev);
	write_off(hb);
	h2_back_break(hb);
	h2_back_wake(hb);
}

bool
h2_back_share(struct h2_back *hb)
{
	bool room = hb->active && !hb->broken && !hb->useless && !hb->pong_ms &&
	    h2_sess_can_open(hb->sess);

	/* learned late; it never goes back */
	if (!hb->broken && h2_sess_peer_connects(hb->sess))
		hb->bc->tag = TAG_H2WS;
	pool_share(hb->bc->pool, hb->bc, room && !hb->is_private);
	return room;
}

/* --- output --- */

/* What the socket did not take. */
static int
keep_out(struct h2_back *hb, const char *p, size_t n)
{
	if (buf_get(&hb->out, BUF_LARGE) < 0)
		return -WSE_RESET; /* a hole in the stream of frames */
	memcpy(hb->out.data, p, n);
	hb->out.w = (uint32_t)n;
	return -WSE_AGAIN;
}

/* All n bytes, or the rest is kept: 0, -WSE_AGAIN, -WSE_RESET. */
static int
put(struct h2_back *hb, char *p, size_t n)
{
	struct iovec iov;
	ssize_t k;

	while (n > 0) {
		iov = (struct iovec){ p, n };
		k = xprt_send(&hb->x, &iov, 1);
		if (k == -WSE_AGAIN)
			return keep_out(hb, p, n);
		if (k < 0)
			return (int)k;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

/* What was kept before: 0, -WSE_AGAIN, -WSE_RESET. */
static int
put_kept(struct h2_back *hb)
{
	struct buf *b = &hb->out;
	struct iovec iov;
	ssize_t k = xprt_flush(&hb->x);

	if (k < 0)
		return (int)k;
	while (b->data) {
		iov = (struct iovec){ buf_rp(b), buf_len(b) };
		k = xprt_send(&hb->x, &iov, 1);
		if (k < 0)
			return (int)k;
		buf_eat(b, (uint32_t)k);
		buf_put_empty(b);
	}
	return xprt_flush(&hb->x);
}

static void
flush(struct h2_back *hb)
{
	ssize_t n;
	int err;

	while ((err = put_kept(hb)) == 0) {
		n = h2_sess_output(hb->sess, out_scratch, sizeof(out_scratch));
		err = n < 0 ? -WSE_RESET : 0;
		if (n <= 0)
			break;
		err = put(hb, out_scratch, (size_t)n);
		if (err < 0)
			break;
	}
	if (err == -WSE_AGAIN)
		event_add(&hb->wev, NULL);
	else
		write_off(hb);
	if (err == -WSE_RESET)
		lost(hb);
}

static bool
has_unsent(const struct h2_back *hb)
{
	return hb->out.data || xprt_has_unsent(&hb->x);
}

/* --- input --- */

/* n bytes at p, of which the last are a part of a frame; 0 or -WSE_*. */
static int
feed(struct h2_back *hb, const char *p, size_t n)
{
	struct buf *in = &hb->in;
	ssize_t k;

	hb->feeding = true;
	k = h2_sess_feed(hb->sess, p, n, clock_ms());
	hb->feeding = false;
	if (k < 0)
		return (int)k;
	n -= (size_t)k;
	if (in->data) {
		buf_eat(in, (uint32_t)k);
		buf_put_empty(in);
	} else if (n > 0) {
		if (buf_get(in, BUF_LARGE) < 0)
			return -WSE_NOMEM;
		memcpy(in->data, p + k, n);
		in->w = (uint32_t)n;
	}
	return 0;
}

/* As much as there is into `in`, or the scratch area: bytes or -WSE_*. */
static ssize_t
receive(struct h2_back *hb, bool scratch)
{
	struct buf *in = &hb->in;
	ssize_t n;

	if (scratch)
		return xprt_recv(&hb->x, in_scratch, sizeof(in_scratch));
	if (!in->data && buf_get(in, BUF_LARGE) < 0)
		return -WSE_NOMEM;
	buf_compact(in);
	n = xprt_recv(&hb->x, buf_wp(in), buf_room(in));
	if (n > 0)
		in->w += (uint32_t)n;
	else
		buf_put_empty(in);
	return n;
}

void
h2_back_read(struct h2_back *hb)
{
	/* a stream may have another connection read while it is in use */
	bool scratch = !hb->in.data && !in_scratch_used;
	ssize_t n;

	if (hb->broken)
		return;
	reading++;
	n = receive(hb, scratch);
	if (n > 0) {
		hb->heard_ms = clock_ms();
		hb->pong_ms = 0;
		in_scratch_used |= scratch;
		n = scratch ? feed(hb, in_scratch, (size_t)n)
			    : feed(hb, buf_rp(&hb->in), buf_len(&hb->in));
		if (scratch)
			in_scratch_used = false;
	}
	if (n < 0 && n != -WSE_AGAIN)
		lost(hb);
	h2_back_wake(hb);
	/* those of a read that a head leads to are the outer one's, too */
	if (reading == 1)
		h2_back_heads(); /* it may be gone afterwards */
	reading--;
}

static void
on_read(struct bconn *bc, void *arg)
{
	(void)bc;
	wk_turn();
	h2_back_read(arg);
}

/* --- without streams --- */

static void
timer_set(struct h2_back *hb, uint64_t at_ms)
{
	/* one that fires early finds nothing to do, and is set again */
	uint64_t ms = at_ms > clock_ms() ? at_ms - clock_ms() + 1 : 1;
	struct timeval tv = { (time_t)(ms / 1000),
		(suseconds_t)(ms % 1000 * 1000) };

	event_add(&hb->timer, &tv);
}

/* Nothing is its own but the session. */
static void
deactivate(struct h2_back *hb)
{
	event_del(&hb->turn);
	event_del(&hb->timer);
	write_off(hb);
	if (hb->x.tls)
		xprt_tls_end(&hb->xtls);
	hb->x.tls = NULL;
	hb->bc->on_read = NULL;
	hb->bc->arg = NULL;
	hb->active = false;
	hb->rest_ms = hb->pong_ms = 0;
}

static void
close_it(struct h2_back *hb)
{
	struct bconn *bc = hb->bc;
	bool permit = hb->owes_permit;

	if (!hb->broken) {
		h2_sess_drain(hb->sess, true);
		flush(hb);
		xprt_bye(&hb->x);
	}
	deactivate(hb);
	if (permit)
		pool_close(bc->pool, &bc, 0);
	else
		pool_drop_kept(bc->pool, &bc);
}

static void
rest(struct h2_back *hb)
{
	struct bconn *bc = hb->bc;
	bool permit = hb->owes_permit;

	h2_move_out(hb->sess, &port);
	CHK(h2_port_pack(&port, bc->port, sizeof(bc->port)) ==
	    (ssize_t)sizeof(bc->port));
	deactivate(hb);
	hb->owes_permit = false;
	pool_rest(bc->pool, &bc, permit);
}

/* May it idle? 0, -WSE_AGAIN: not yet, -WSE_DENIED: never. */
static int
is_at_rest(struct h2_back *hb)
{
	int r;

	if (hb->is_private || hb->useless || h2_sess_is_going(hb->sess))
		return -WSE_DENIED;
	if (!list_is_empty(&hb->ends) || hb->in.data || has_unsent(hb) ||
	    hb->pong_ms)
		return -WSE_AGAIN;
	r = h2_move_ready(hb->sess);
	if (r == -WSE_AGAIN && h2_sess_has_output(hb->sess)) {
		flush(hb);
		if (hb->broken)
			return -WSE_DENIED;
		r = has_unsent(hb) ? r : h2_move_ready(hb->sess);
	}
	if (r == 0 && !xprt_is_at_rest(&hb->x))
		r = -WSE_AGAIN;
	return r;
}

/* No stream is on it. */
static void
settle(struct h2_back *hb)
{
	int r = hb->broken ? -WSE_DENIED : is_at_rest(hb);

	if (r == 0) {
		rest(hb);
		return;
	}
	if (r == -WSE_AGAIN && !hb->rest_ms)
		hb->rest_ms = clock_ms() + H2_BACK_REST_MS;
	if (r != -WSE_AGAIN || (hb->rest_ms <= clock_ms() && !hb->pong_ms)) {
		close_it(hb);
		return;
	}
	if (hb->owes_permit)
		pool_unpermit(hb->bc->pool, hb->bc);
	hb->owes_permit = false;
	timer_set(hb, hb->pong_ms ? hb->pong_ms : hb->rest_ms);
}

void
h2_back_settle(struct h2_back *hb)
{
	h2_back_wake(hb);
	if (hb->count > 0 || hb->feeding || hb->broken)
		return;
	flush(hb);
	if (!hb->broken && is_at_rest(hb) == 0)
		rest(hb);
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct h2_back *hb = arg;

	(void)fd;
	(void)what;
	wk_turn();
	if (hb->pong_ms && hb->pong_ms <= clock_ms())
		lost(hb); /* nobody is there */
	if (!hb->broken && hb->left)
		h2_back_expire(hb);
	if (!hb->broken)
		flush(hb);
	if (!hb->broken && h2_sess_is_over(hb->sess))
		lost(hb);
	if (!hb->broken)
		h2_back_share(hb);
	if (hb->count == 0) {
		settle(hb);
		return;
	}
	hb->rest_ms = 0;
	if (hb->broken)
		return;
	if (hb->pong_ms)
		timer_set(hb, hb->pong_ms);
	else if (hb->left)
		timer_set(hb, clock_ms() + H2_BACK_REST_MS);
}

void
h2_back_probe(struct h2_back *hb)
{
	if (hb->broken || hb->pong_ms || h2_sess_ping(hb->sess) < 0)
		return;
	hb->pong_ms = clock_ms() + PONG_MS;
	timer_set(hb, hb->pong_ms);
	h2_back_share(hb);
}

/* --- life --- */

/* What the broker announced, as far as it is not in the port. */
static struct h2_back *
make(struct bconn *bc)
{
	unsigned head = wk.conf->global.bufsize_bytes;
	struct h2_cfg cfg = {
		.max_streams = STREAMS_MAX,
		.head_max_bytes = head ? head : HEAD_MAX,
	};
	struct h2_back *hb;

	if (h2_port_unpack(&port, bc->port, sizeof(bc->port)) < 0)
		return NULL;
	hb = mempool_get(&back_pool);
	if (!hb)
		return NULL;
	hb->sess = h2_move_in(&cfg, &h2_back_events, hb, &port, clock_ms());
	if (!hb->sess) {
		mempool_put(&back_pool, hb);
		return NULL;
	}
	hb->bc = bc;
	hb->x.fd = -1;
	list_init(&hb->ends);
	event_assign(&hb->turn, wk.base, -1, 0, on_turn, hb);
	event_assign(&hb->timer, wk.base, -1, 0, on_turn, hb);
	event_assign(
	    &hb->wev, wk.base, bc->fd, EV_WRITE | EV_PERSIST, on_turn, hb);
	return hb;
}

struct h2_back *
h2_back_of(struct bconn *bc)
{
	struct h2_back *hb = bc->h2;

	if (!hb)
		hb = bc->h2 = make(bc);
	if (!hb || hb->active)
		return hb;
	hb->active = true;
	hb->heard_ms = clock_ms();
	hb->x.fd = bc->fd;
	if (bc->tls) {
		xprt_tls_begin(&hb->xtls, bc->tls, &bc->rev);
		hb->x.tls = &hb->xtls;
	}
	bc->on_read = on_read;
	bc->arg = hb;
	if (!event_pending(&bc->rev, EV_READ, NULL))
		CHK(event_add(&bc->rev, NULL) == 0);
	return hb;
}

void
h2_back_look(struct bconn *bc)
{
	struct h2_back *hb = h2_back_of(bc);

	if (!hb) {
		pool_drop_kept(bc->pool, &bc);
		return;
	}
	h2_back_read(hb);
	h2_back_share(hb);
}

void
h2_back_free(struct h2_back **hbp)
{
	struct h2_back *hb = *hbp;
	struct list *it, *tmp;

	*hbp = NULL;
	if (!hb)
		return;
	CHK(!hb->feeding);
	event_del(&hb->turn);
	event_del(&hb->timer);
	event_del(&hb->wev);
	if (hb->x.tls)
		xprt_tls_end(&hb->xtls);
	list_for_safe(it, tmp, &hb->ends)
	    h2_back_end_free(list_entry(it, struct h2_end, node));
	buf_put(&hb->in);
	buf_put(&hb->out);
	h2_sess_free(&hb->sess);
	mempool_put(&back_pool, hb);
}
