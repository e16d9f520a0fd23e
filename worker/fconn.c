/* SPDX-License-Identifier: MIT */
/*
 * Client connections: made by accept, idle between requests, handed to a
 * stream while a request is in process, ended politely.
 */
#include "worker/fconn.h"

#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "shm/base/chk.h"
#include "shm/proto/proxy_hdr.h"
#include "worker/accept.h"
#include "worker/drain.h"
#include "worker/fconn_tls.h"
#include "worker/h2_front.h"
#include "worker/stream.h"
#include "worker/stream_parts.h"

enum {
	LINGER_BYTES = 1 << 20,
	LINGER_MS = 1000,
	ARRIVING_MS = 100 /* for a request that has begun to come */
};

static void end_unused(struct fconn *fc, char who);

static struct mempool fconn_pool = MEMPOOL_SLABS(struct fconn);

static const uint16_t fconn_edges[FC_STATE_N] = {
	[FC_PROXY] = 1 << FC_TLS | 1 << FC_IDLE | 1 << FC_GONE,
	[FC_TLS] = 1 << FC_IDLE | 1 << FC_LINGER | 1 << FC_GONE,
	[FC_IDLE] = 1 << FC_BUSY | 1 << FC_H2 | 1 << FC_LINGER | 1 << FC_GONE,
	[FC_BUSY] = 1 << FC_IDLE | 1 << FC_H2 | 1 << FC_LINGER | 1 << FC_GONE,
	[FC_H2] = 1 << FC_REST | 1 << FC_LINGER | 1 << FC_GONE,
	[FC_REST] = 1 << FC_H2 | 1 << FC_GONE,
	[FC_LINGER] = 1 << FC_GONE,
	[FC_GONE] = 0,
};

void
fconn_set_state(struct fconn *fc, enum fconn_state to)
{
	CHK(fconn_edges[fc->state] & 1 << to);
	fc->state = to;
	fc->since_ms = clock_ms();
}

const struct proxy *
fconn_proxy(const struct fconn *fc)
{
	return (fc->front ? fc->shared : &fc->cli)->bind->px;
}

void
fconn_read_on(struct fconn *fc)
{
	if (fc->reading)
		return;
	event_del(&fc->rev); /* one that is active would not be added */
	fc->reading = event_add(&fc->rev, NULL) == 0;
	if (xprt_has_pending(&fc->x))
		event_active(&fc->rev, EV_READ, 0);
}

void
fconn_read_off(struct fconn *fc)
{
	if (!fc->reading)
		return;
	event_del(&fc->rev);
	fc->reading = false;
}

void
fconn_write_on(struct fconn *fc)
{
	if (fc->writing)
		return;
	fc->writing = event_add(&fc->wev, NULL) == 0;
	if (fc->front && !xprt_has_unsent(&fc->x))
		event_active(&fc->wev, EV_WRITE, 0);
}

void
fconn_write_off(struct fconn *fc)
{
	if (!fc->writing)
		return;
	event_del(&fc->wev);
	fc->writing = false;
}

static unsigned
first_nonzero(unsigned a, unsigned b, unsigned c)
{
	return a ? a : b ? b : c;
}

/* How long an idle connection waits for a request. */
static unsigned
idle_ms(const struct fconn *fc)
{
	const struct proxy_timeouts *t = &fconn_proxy(fc)->tmo;

	if (fc->cli.request_count > 0)
		return first_nonzero(
		    t->http_keep_alive_ms, t->http_request_ms, t->client_ms);
	return first_nonzero(t->http_request_ms, t->client_ms, 0);
}

static void
idle_arm(struct fconn *fc)
{
	unsigned ms =
	    fc->state == FC_TLS ? fconn_tls_limit_ms(fc) : idle_ms(fc);
	uint64_t at = ms ? fc->since_ms + ms : 0;

	if (fc->state == FC_IDLE && fc->close_ms && (!at || fc->close_ms < at))
		at = fc->close_ms;
	wheel_set(wk.wheel, &fc->timer, at);
}

/* Everything but the descriptor and the place among the clients. */
static void
release(struct fconn *fc)
{
	CHK(!fc->s);
	fconn_set_state(fc, FC_GONE);
	fconn_read_off(fc);
	fconn_write_off(fc);
	event_del(&fc->rev); /* may be active without being added */
	wheel_del(wk.wheel, &fc->timer);
	if (fc->kept)
		pool_drop_kept(wk.pool, &fc->kept);
	h2_front_free(fc);
	buf_put(&fc->in);
	txn_vars_free(&fc->cli.vars);
	fconn_tls_free(fc);
	list_del(&fc->node);
}

void
fconn_close(struct fconn *fc)
{
	release(fc);
	close(fc->x.fd); /* no other process has a copy */
	accept_ended(fc->cli.bind);
	mempool_put(&fconn_pool, fc);
}

void
fconn_leave(struct fconn *fc, int *fd_r)
{
	release(fc);
	*fd_r = fc->x.fd;
	fc->x.fd = -1;
	mempool_put(&fconn_pool, fc);
}

void
fconn_end(struct fconn *fc)
{
	xprt_bye(&fc->x);
	/* what waits for this to leave with it would be lost to a reset */
	if (!fc->eof)
		(void)shutdown(fc->x.fd, SHUT_WR);
	fconn_close(fc);
}

void
fconn_linger(struct fconn *fc)
{
	int err;

	fconn_write_off(fc);
	buf_put(&fc->in);
	if (fc->eof) {
		fconn_end(fc);
		return;
	}
	err = xprt_shutdown(&fc->x);
	if (err < 0 && err != -WSE_AGAIN) {
		fconn_close(fc);
		return;
	}
	fconn_set_state(fc, FC_LINGER);
	if (err == -WSE_AGAIN)
		fconn_write_on(fc);
	fconn_read_on(fc);
	wheel_set(wk.wheel, &fc->timer, clock_ms() + LINGER_MS);
}

static void
linger_read(struct fconn *fc)
{
	static char sink[BUF_SMALL];
	/* whatever it is, records too: nobody wants it */
	ssize_t n = xprt_result(recv(fc->x.fd, sink, sizeof(sink), 0));

	if (n == -WSE_AGAIN)
		return;
	if (n > 0)
		fc->linger_bytes += (uint32_t)n;
	if (n <= 0 || fc->linger_bytes > LINGER_BYTES)
		fconn_close(fc);
}

/* The end of what was said can leave. */
static void
linger_write(struct fconn *fc)
{
	int err = xprt_shutdown(&fc->x);

	if (err == -WSE_AGAIN)
		return;
	if (err < 0)
		fconn_close(fc);
	else
		fconn_write_off(fc);
}

void
fconn_to_h2(struct fconn *fc)
{
	if (h2_front_start(fc) < 0)
		fconn_close(fc);
}

/* Bytes are in `in`: a request begins. */
static void
begin(struct fconn *fc)
{
	struct stream *s;

	buf_compact(&fc->in);
	if (h2_front_is_agreed(fc) ||
	    (h2_front_may_begin(fc) &&
		h2_front_preface(&fc->in) == H2_PREFACE_WHOLE)) {
		fconn_to_h2(fc);
		return;
	}
	s = stream_new(fc);
	if (!s) {
		fconn_close(fc);
		return;
	}
	fconn_set_state(fc, FC_BUSY);
	stream_req_parse(s);
}

void
fconn_next(struct fconn *fc)
{
	fconn_set_state(fc, FC_IDLE);
	fconn_write_off(fc);
	if (buf_len(&fc->in)) {
		/* Not from within: a long pipeline must not recurse. */
		fc->again = true;
		event_active(&fc->rev, EV_READ, 0);
		return;
	}
	buf_put(&fc->in);
	if (fc->eof || (wk.draining && !xprt_has_pending(&fc->x))) {
		fconn_end(fc);
		return;
	}
	fconn_read_on(fc);
	if (xprt_has_pending(&fc->x)) /* reading may have been on */
		event_active(&fc->rev, EV_READ, 0);
	idle_arm(fc);
}

void
fconn_ready(struct fconn *fc)
{
	fc->cli.ready_us = clock_us();
	fconn_set_state(fc, FC_IDLE);
	fconn_read_on(fc);
	fc->close_ms = drain_idle_ms(true);
	idle_arm(fc);
}

/* A drain wants it closed; if its request is not just coming. */
static void
idle_close(struct fconn *fc)
{
	char c;

	if (!fc->again && !xprt_has_pending(&fc->x) &&
	    recv(fc->x.fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0) {
		fconn_linger(fc);
		return;
	}
	fc->close_ms = clock_ms() + ARRIVING_MS;
	idle_arm(fc);
}

static void
idle_timeout(struct fconn *fc)
{
	unsigned ms = idle_ms(fc);
	bool over = ms && fc->since_ms + ms <= clock_ms();

	if (fc->close_ms && fc->close_ms <= clock_ms() && !over)
		idle_close(fc);
	else
		end_unused(fc, 'c');
}

/* The connection ends before a request began. */
static void
end_unused(struct fconn *fc, char who)
{
	const struct proxy *fe = fconn_proxy(fc);
	bool h2 = h2_front_is_agreed(fc);
	struct stream *s;

	if (fc->cli.request_count > 0 || fe->http.ignore_probes ||
	    (fe->log.dontlognull && who == 'C') || (h2 && who == 'c')) {
		fconn_end(fc);
		return;
	}
	s = stream_new(fc);
	if (!s) {
		fconn_close(fc);
		return;
	}
	fconn_set_state(fc, FC_BUSY);
	stream_term(s, h2 ? 'P' : who, 'R'); /* no preface: bad HTTP/2 */
	s->logged = fe->log.dontlognull;
	if (who == 'c') {
		reply_status(s, 408);
		return;
	}
	s->t.status = h2 ? 0 : 400;
	stream_cut(s);
}

static void
idle_read(struct fconn *fc)
{
	ssize_t n;

	if (fc->again) {
		fc->again = false;
		begin(fc);
		return;
	}
	if (buf_get(&fc->in,
		wk.conf->global.bufsize_bytes > BUF_SMALL ? BUF_LARGE
							  : BUF_SMALL) < 0) {
		fconn_close(fc);
		return;
	}
	n = xprt_recv(&fc->x, fc->in.data, fc->in.size);
	if (n > 0) {
		fc->in.w = (uint32_t)n;
		begin(fc);
		return;
	}
	buf_put(&fc->in);
	if (n == -WSE_AGAIN)
		return;
	fc->eof = n == -WSE_EOF;
	end_unused(fc, 'C');
}

static void
peer_set(struct addr *a, const struct proxy_peer *p)
{
	memset(a, 0, sizeof(*a));
	a->kind = ADDR_INET;
	a->len = p->len;
	a->has_port = true;
	memcpy(&a->u.ss, &p->ss, p->len);
}

/* After the PROXY header, or from the accept on. May close it. */
static void
tls_or_idle(struct fconn *fc)
{
	if (!fc->cli.bind->tls.enabled) {
		fconn_set_state(fc, FC_IDLE);
		fc->close_ms = drain_idle_ms(true);
		idle_arm(fc);
		return;
	}
	if (fconn_tls_start(fc) < 0) {
		fconn_close(fc);
		return;
	}
	fconn_set_state(fc, FC_TLS);
	idle_arm(fc);
}

static void
proxy_read(struct fconn *fc)
{
	char hdr[PROXY_HDR_MAX];
	struct proxy_peer src, dst;
	ssize_t n, used;

	n = recv(fc->x.fd, hdr, sizeof(hdr), MSG_PEEK);
	if (n < 0 && errno == EAGAIN)
		return;
	used = n > 0 ? proxy_hdr_parse(hdr, (size_t)n, &src, &dst) : -WSE_EOF;
	if (used == 0 && (size_t)n < sizeof(hdr))
		return;
	if (used <= 0 || recv(fc->x.fd, hdr, (size_t)used, 0) != used) {
		stat_add(&stat_proxy(
			     &wk.board, wk.proc, (uint32_t)fconn_proxy(fc)->row)
			      ->conn_errors,
		    1);
		if (n > 0 || !fconn_proxy(fc)->log.dontlognull)
			access_log_refused(fc,
			    n > 0 ? "no valid PROXY header was received"
				  : "closed before its PROXY header came");
		fconn_close(fc);
		return;
	}
	if (src.len) {
		peer_set(&fc->cli.src, &src);
		peer_set(&fc->cli.dst, &dst);
	}
	tls_or_idle(fc);
}

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	struct fconn *fc = arg;

	(void)fd;
	(void)what;
	wk_turn();
	switch (fc->state) {
	case FC_PROXY:
		proxy_read(fc);
		break;
	case FC_TLS:
		fconn_tls_readable(fc);
		break;
	case FC_IDLE:
		idle_read(fc);
		break;
	case FC_BUSY:
		stream_client_readable(fc->s);
		break;
	case FC_H2:
	case FC_REST:
		h2_front_readable(fc);
		break;
	case FC_LINGER:
		linger_read(fc);
		break;
	case FC_GONE:
	case FC_STATE_N:
		break;
	}
}

static void
on_write(evutil_socket_t fd, short what, void *arg)
{
	struct fconn *fc = arg;

	(void)fd;
	(void)what;
	wk_turn();
	if (fc->state == FC_BUSY)
		push_client(fc->s);
	else if (fc->state == FC_TLS)
		fconn_tls_writable(fc);
	else if (fc->state == FC_H2)
		h2_front_writable(fc);
	else if (fc->state == FC_LINGER)
		linger_write(fc);
	else
		fconn_write_off(fc);
}

static void
on_timer(struct wheel_timer *t)
{
	struct fconn *fc = list_entry(t, struct fconn, timer);

	switch (fc->state) {
	case FC_BUSY:
		stream_timeout(fc->s);
		break;
	case FC_IDLE:
		idle_timeout(fc);
		break;
	case FC_H2:
	case FC_REST:
		h2_front_timeout(fc);
		break;
	case FC_TLS:
		fconn_tls_timeout(fc);
		break;
	case FC_PROXY:
	case FC_LINGER:
		fconn_close(fc);
		break;
	case FC_GONE:
	case FC_STATE_N:
		break;
	}
}

/* The address the client came to, without asking where it can be known. */
static void
dst_set(struct fconn *fc, const struct addr *bound)
{
	struct addr *dst = &fc->cli.dst;
	bool known = bound->kind == ADDR_INET &&
	    (bound->u.sa.sa_family == AF_INET
		    ? bound->u.in4.sin_port && bound->u.in4.sin_addr.s_addr
		    : bound->u.in6.sin6_port &&
			!IN6_IS_ADDR_UNSPECIFIED(&bound->u.in6.sin6_addr));

	if (known) {
		*dst = *bound;
		return;
	}
	dst->len = sizeof(dst->u.ss);
	if (getsockname(fc->x.fd, &dst->u.sa, &dst->len) < 0)
		dst->len = 0;
	dst->kind = dst->u.sa.sa_family == AF_UNIX ? ADDR_UNIX : ADDR_INET;
}

void
fconn_new(int *fd, const struct bind *bind, const struct addr *src)
{
	struct fconn *fc = mempool_get(&fconn_pool);

	if (!fc) {
		close(*fd);
		*fd = -1;
		accept_ended(bind);
		return;
	}
	fc->x.fd = *fd;
	*fd = -1;
	fc->state = FC_PROXY;
	fc->since_ms = clock_ms();
	fc->cli.bind = bind;
	fc->cli.src = *src;
	fc->cli.accept_us = clock_us();
	fc->cli.accept_wall_us = clock_wall_us();
	dst_set(fc, &bind->addr);
	fc->timer.fn = on_timer;
	list_add_tail(&wk.conns, &fc->node);
	event_assign(
	    &fc->rev, wk.base, fc->x.fd, EV_READ | EV_PERSIST, on_read, fc);
	event_assign(
	    &fc->wev, wk.base, fc->x.fd, EV_WRITE | EV_PERSIST, on_write, fc);
	fconn_read_on(fc);
	if (bind->accept_proxy)
		idle_arm(fc);
	else
		tls_or_idle(fc);
}

void
fconn_attach(struct fconn *fc, const struct front_ops *front, struct xmux *m,
    struct txn_client *shared)
{
	fc->x.fd = -1;
	fc->x.mux = m;
	fc->front = front;
	fc->shared = shared;
	fc->state = FC_BUSY;
	fc->since_ms = clock_ms();
	fc->timer.fn = on_timer;
	event_assign(&fc->rev, wk.base, -1, EV_READ | EV_PERSIST, on_read, fc);
	event_assign(
	    &fc->wev, wk.base, -1, EV_WRITE | EV_PERSIST, on_write, fc);
	m->rev = &fc->rev;
	m->wev = &fc->wev;
	m->reading = &fc->reading;
	m->writing = &fc->writing;
}

void
fconn_detach(struct fconn *fc)
{
	CHK(fc->front && !fc->s);
	fconn_set_state(fc, FC_GONE);
	event_del(&fc->rev);
	event_del(&fc->wev);
	fc->reading = fc->writing = false;
	wheel_del(wk.wheel, &fc->timer);
	if (fc->kept)
		pool_drop_kept(wk.pool, &fc->kept);
	buf_put(&fc->in);
}

void
fconn_close_idle(void)
{
	struct list *it, *tmp;

	list_for_safe(it, tmp, &wk.conns)
	{
		struct fconn *fc = list_entry(it, struct fconn, node);

		if (fc->state == FC_H2 || fc->state == FC_REST)
			h2_front_drain(fc);
		if (fc->state != FC_IDLE)
			continue;
		fc->close_ms = drain_idle_ms(fc->cli.request_count == 0);
		idle_arm(fc);
	}
}

void
fconn_each_stream(void (*fn)(struct stream *s, void *arg), void *arg)
{
	struct list *it, *tmp;

	list_for_safe(it, tmp, &wk.conns)
	{
		struct fconn *fc = list_entry(it, struct fconn, node);

		if (fc->state == FC_H2)
			h2_front_each(fc->h2, fn, arg);
		else if (fc->state == FC_BUSY && fc->s)
			fn(fc->s, arg);
	}
}
