/* SPDX-License-Identifier: MIT */
/*
 * A stream's connection to a server: chosen, asked for, used, given back.
 */
#include <string.h>

#include "shm/base/chk.h"
#include "shm/conf/ws.h"
#include "shm/proto/h2_head.h"
#include "shm/proto/proxy_hdr.h"
#include "shm/seg/able.h"
#include "worker/cookie.h"
#include "worker/lb.h"
#include "worker/observe.h"
#include "worker/stream_parts.h"

const struct back_ops *back_h2;

void
back_read_on(struct stream *s)
{
	if (s->b.x.mux) {
		s->b.reading = true;
		if (xprt_has_pending(&s->b.x))
			event_active(&s->b.rev, EV_READ, 0);
		return;
	}
	if (s->b.bc && !s->b.reading) {
		event_del(&s->b.bc->rev); /* active, it would not be added */
		s->b.reading = event_add(&s->b.bc->rev, NULL) == 0;
	}
	if (s->b.bc && xprt_has_pending(&s->b.x))
		event_active(&s->b.bc->rev, EV_READ, 0);
}

void
back_read_off(struct stream *s)
{
	if (s->b.bc && s->b.reading) {
		event_del(s->b.x.mux ? &s->b.rev : &s->b.bc->rev);
		s->b.reading = false;
	}
}

static void
on_write(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	wk_turn();
	push_server(arg);
}

void
back_write_on(struct stream *s)
{
	if (s->b.writing)
		return;
	if (s->b.x.mux) {
		s->b.writing = true;
		if (!xprt_has_unsent(&s->b.x))
			event_active(&s->b.wev, EV_WRITE, 0);
		return;
	}
	event_assign(
	    &s->b.wev, wk.base, s->b.x.fd, EV_WRITE | EV_PERSIST, on_write, s);
	s->b.writing = event_add(&s->b.wev, NULL) == 0;
}

void
back_write_off(struct stream *s)
{
	if (!s->b.writing)
		return;
	event_del(&s->b.wev);
	s->b.writing = false;
}

static void
on_mux_read(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	wk_turn();
	stream_res_readable(arg);
}

static void
on_read(struct bconn *bc, void *arg)
{
	(void)bc;
	wk_turn();
	stream_res_readable(arg);
}

/* The server closed a connection that only waits for its session. */
static void
on_kept_read(struct bconn *bc, void *arg)
{
	struct fconn *fc = arg;

	if (fc->kept == bc && bc->tls &&
	    xprt_tls_idle_read(bc->tls, bc->fd) == 0)
		return; /* a ticket */
	if (fc->kept == bc)
		pool_drop_kept(wk.pool, &fc->kept);
	else /* its request waits for a permit, and will see */
		event_del(&bc->rev);
}

/* A response was read to its end, and nothing but it. */
static bool
is_in_order(const struct stream *s)
{
	if (s->b.x.mux)
		return s->down.b && s->down.in_done && flow_is_done(&s->up);
	return !s->b.srv_close && s->down.b && s->down.in_done &&
	    s->down.in != HTTP_BODY_EOF && s->down.raw_r == s->dbuf.w &&
	    !s->to_srv.data && flow_is_done(&s->up) && xprt_is_at_rest(&s->b.x);
}

/* Off a connection that others may be on. */
static void
leave(struct stream *s, bool in_order)
{
	event_del(&s->b.rev);
	event_del(&s->b.wev);
	s->b.reading = s->b.writing = false;
	back_h2->leave(s, in_order);
	s->b.bc = NULL;
	s->b.x.mux = NULL;
}

static void
keep(struct stream *s)
{
	struct fconn *fc = s->fc;

	if (fc->kept)
		pool_drop_kept(wk.pool, &fc->kept);
	s->b.bc->on_read = on_kept_read;
	s->b.bc->arg = fc;
	pool_unpermit(wk.pool, s->b.bc);
	fc->kept = s->b.bc;
	s->b.bc = NULL;
}

/* The pool goes on with what the connection's TLS state has become. */
static void
transport_end(struct stream *s, bool goes_on)
{
	if (!goes_on)
		xprt_bye(&s->b.x);
	if (s->b.x.tls)
		xprt_tls_end(&s->b.xtls);
	s->b.x.tls = NULL;
}

void
back_done(struct stream *s)
{
	bool in_order;

	if (!s->b.bc)
		return;
	back_write_off(s);
	in_order = is_in_order(s);
	if (s->b.x.mux) {
		leave(s, in_order);
		return;
	}
	transport_end(s, in_order);
	if (!in_order) {
		pool_close(wk.pool, &s->b.bc, 0);
	} else if (s->t.be->http.reuse == REUSE_NEVER || s->b.bc->bound) {
		back_read_on(s);
		if (s->keep_client)
			keep(s);
		else
			pool_close(wk.pool, &s->b.bc, 0);
	} else {
		back_read_on(s);
		pool_release(wk.pool, &s->b.bc);
	}
	s->b.x.fd = -1;
}

void
back_drop(struct stream *s, int why)
{
	back_write_off(s);
	if (s->b.x.mux) {
		leave(s, s->up_shut && s->down_shut && !s->aborted);
	} else if (s->b.bc) {
		transport_end(s, false);
		pool_close(wk.pool, &s->b.bc, why);
	}
	if (s->b.lease.id)
		pool_cancel(wk.pool, &s->b.lease);
	if (s->b.kept)
		pool_drop_kept(wk.pool, &s->b.kept);
	s->b.x.fd = -1;
}

static void
count_connection(struct stream *s, bool fresh)
{
	struct stat_server *st =
	    stat_server(&wk.board, wk.proc, (uint32_t)s->t.srv->row);

	stat_add(&st->sessions, 1);
	stat_add(fresh ? &st->connects : &st->reuses, 1);
	if (fresh && !s->b.lease.was_dialed)
		stat_add(&st->prewarmed, 1);
}

void
back_waited(struct stream *s)
{
	struct txn *t = &s->t;
	uint64_t left = s->b.lease.queue_left_us;
	int passed = s->b.queue_seen;

	t->at.assigned_us = s->b.chosen_us ? s->b.chosen_us : t->at.queue_us;
	if (!s->b.queued)
		return;
	t->at.assigned_us =
	    left > t->at.queue_us && left < clock_us() ? left : clock_us();
	if (s->b.lease.queue_pos)
		passed = (int)s->b.lease.queue_pos + 1;
	if (s->b.by_rule)
		t->log.srv_queue += passed;
	else
		t->log.be_queue += passed;
	s->b.queued = false;
}

/* 0, or -WSE_* of a shared connection. */
static int
attach(struct stream *s, struct bconn *bc)
{
	int err;

	s->b.kept = NULL;
	s->b.reading = true;
	s->b.any_sent = s->b.write_dead = false;
	if (bc->tag != TAG_H1) {
		event_assign(&s->b.rev, wk.base, -1, EV_READ, on_mux_read, s);
		event_assign(&s->b.wev, wk.base, -1, EV_WRITE, on_write, s);
		err = back_h2 ? back_h2->open(s, bc) : -WSE_DENIED;
		s->b.bc = err ? NULL : bc;
		return err;
	}
	s->b.bc = bc;
	s->b.x.fd = bc->fd;
	if (bc->tls) {
		xprt_tls_begin(&s->b.xtls, bc->tls, &bc->rev);
		s->b.x.tls = &s->b.xtls;
	}
	bc->on_read = on_read;
	bc->arg = s;
	return 0;
}

/* The request does not go out: an upgrade its server cannot take, or worse. */
static void
cannot_say(struct stream *s, int err)
{
	bool refused = err == -WSE_UNSUPP;

	if (refused)
		stream_term(s, 'S', 'H');
	else
		stream_term(s, 'I', 'C');
	back_drop(s, refused ? WSE_UNSUPP : WSE_NOMEM);
	reply_status(s, refused ? 502 : 500);
}

/* The connection is there: the request goes out. May end the stream. */
static void
connected(struct stream *s, struct bconn *bc)
{
	struct txn *t = &s->t;
	int err = attach(s, bc);

	if (err == -WSE_DENIED) { /* full now, or gone */
		back_lease(s);
		return;
	}
	if (err < 0) {
		retry_connect(
		    s, err == -WSE_EOF ? PFAIL_CONNECT : PFAIL_INTERNAL);
		return;
	}
	t->bc_alpn = bc->alpn;
	flow_out(&s->up, s->b.x.mux ? HTTP_BODY_EOF : t->req->framing);
	t->reused = !bc->fresh;
	t->at.connect_us = clock_us();
	back_waited(s);
	s->due.server_ms = clock_ms();
	count_connection(s, bc->fresh);
	if (bc->fresh)
		observe_good(t->srv, OBSERVE_L4);
	stream_set_state(s, ST_RESPONSE);
	s->scan = (struct h1_scan){ 0 };
	err = s->b.x.mux ? back_h2->head(s) : h1_head_request(s);
	s->b.any_sent = s->b.x.mux;
	if (err < 0) {
		cannot_say(s, err);
		return;
	}
	if (t->reused && !retry_is_idempotent(t->req->method) &&
	    !xprt_is_quiet(&s->b.x)) {    /* the server closed it meanwhile */
		retry_broken(s, WSE_EOF); /* not a byte was sent: safe */
		return;
	}
	push_server(s);
}

/* `ws prefer-h2` never fails where HTTP/1 would do. */
static bool
fall_back(struct stream *s, enum pool_fail why)
{
	if (s->t.srv->ws != WS_PREFER_H2 || s->b.ws_fell_back ||
	    (why != PFAIL_UNFIT && why != PFAIL_TLS) ||
	    !(s->b.lease.want.tags & TAG_BIT(TAG_H2WS)) ||
	    (s->b.lease.want.tags & TAG_BIT(TAG_H2)))
		return false;
	s->b.ws_fell_back = true;
	back_lease(s);
	return true;
}

static void
on_lease(struct pool_lease *l, struct bconn *bc, enum pool_fail why, int errnum)
{
	struct stream *s = l->arg;

	(void)errnum;
	wk_turn();
	if (!bc) {
		if (s->b.kept)
			pool_drop_kept(wk.pool, &s->b.kept);
		if (!fall_back(s, why))
			retry_connect(s, why);
		return;
	}
	if (bc == s->b.kept)
		(void)event_add(&bc->rev, NULL);
	connected(s, bc);
}

static bool
is_websocket(const struct http_head *h)
{
	return h->conn_upgrade && h->framing == HTTP_BODY_NONE &&
	    sv_ieq(h2_head_upgrade(h), SV("websocket"));
}

static enum lease_reuse
reuse_of(const struct stream *s)
{
	bool first = s->fc->cli.request_count <= 1;

	/* A handshake is repeated when it fails: it may always reuse. */
	if (is_websocket(s->t.req))
		first = false;
	if (s->b.want_fresh)
		return LEASE_FRESH_ONLY;
	switch (s->t.be->http.reuse) {
	case REUSE_NEVER:
		return LEASE_FRESH_ONLY;
	case REUSE_SAFE:
		return first ? LEASE_FRESH_ONLY : LEASE_ANY;
	case REUSE_AGGRESSIVE:
		return first ? LEASE_PROVEN : LEASE_ANY;
	case REUSE_ALWAYS:
	case REUSE_N:
		break;
	}
	return LEASE_ANY;
}

static uint16_t *
port_of(struct addr *a)
{
	return a->u.sa.sa_family == AF_INET6 ? &a->u.in6.sin6_port
					     : &a->u.in4.sin_port;
}

/* A server without address or port: the client's destination fills in. */
static void
dst_fill(const struct stream *s, struct addr *dst)
{
	const struct addr *to =
	    s->t.dst_override.len ? &s->t.dst_override : &s->t.cli->dst;
	const struct addr *a = &s->t.srv->addr;
	bool any = a->kind == ADDR_INET && a->len &&
	    (a->u.sa.sa_family == AF_INET
		    ? a->u.in4.sin_addr.s_addr == INADDR_ANY
		    : IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr));
	struct addr from = *to;

	dst->len = 0;
	if (a->kind != ADDR_INET || to->kind != ADDR_INET || !to->len)
		return;
	if (!any && *port_of(&(struct addr){ .u = a->u }))
		return;
	*dst = any ? *to : *a;
	if (*port_of(&(struct addr){ .u = a->u }))
		*port_of(dst) = *port_of(&(struct addr){ .u = a->u });
	else
		*port_of(dst) = *port_of(&from);
}

static struct sv
proxy_bytes(struct stream *s)
{
	char *p;
	ssize_t n;

	if (!s->t.srv->send_proxy)
		return SV_NULL;
	p = arena_get(&s->t.arena, PROXY_HDR_MAX);
	if (!p)
		return SV_NULL;
	n = proxy_hdr_write(s->t.srv->send_proxy, &s->t.cli->src.u.sa,
	    &s->t.cli->dst.u.sa, p, PROXY_HDR_MAX);
	return n > 0 ? sv_of(p, (size_t)n) : SV_NULL;
}

/* Which connections fit. */
static uint8_t
tags_of(const struct stream *s)
{
	const struct board_server *row = wk_server_row(s->t.srv);
	enum ws_able able = WS_ABLE_NO;

	if (!is_websocket(s->t.req))
		return ws_tags(s->t.srv,
		    h2_head_upgrade(s->t.req).n ? WS_USE_UPGRADE
						: WS_USE_ORDINARY,
		    WS_ABLE_UNKNOWN);
	if (!s->b.ws_fell_back)
		able = (enum ws_able)able_get(&row->ws_able,
		    atomic_load_explicit(&row->epoch, memory_order_relaxed),
		    clock_us(), s->t.srv->px->http.ws_learn_ttl_ms);
	return ws_tags(s->t.srv, WS_USE_WEBSOCKET, able);
}

static void
want_fill(struct stream *s, struct pool_want *w)
{
	const struct server *srv = s->t.srv;
	struct sample v;

	w->srv = srv;
	w->reuse = reuse_of(s);
	w->fresh_only_private = s->t.be->http.reuse == REUSE_NEVER;
	w->tags = tags_of(s);
	dst_fill(s, &w->dst);
	w->name = w->proxy_hdr = w->sni = SV_NULL;
	if (srv->tls.enabled && srv->tls.sni &&
	    expr_eval(srv->tls.sni, &s->t, &v) && sample_to_str(&s->t, &v))
		w->name = w->sni = v.s;
	if (srv->pool.conn_name && expr_eval(srv->pool.conn_name, &s->t, &v) &&
	    sample_to_str(&s->t, &v))
		w->name = v.s;
	w->proxy_hdr = proxy_bytes(s);
}

static struct bconn *
kept_for(struct stream *s)
{
	struct fconn *fc = s->fc;
	struct bconn *bc = fc->kept;

	if (!bc || bc->server != (uint32_t)s->t.srv->row || s->b.want_fresh ||
	    !(tags_of(s) & TAG_BIT(bc->tag)))
		return NULL;
	fc->kept = NULL;
	return bc;
}

void
back_lease(struct stream *s)
{
	const struct proxy_timeouts *tmo = stream_be_tmo(s);
	unsigned ms = tmo->queue_ms ? tmo->queue_ms : tmo->connect_ms;
	struct pool_want w;
	struct bconn *bc = NULL;
	int err;

	s->b.kept = kept_for(s);
	memset(&s->b.lease, 0, sizeof(s->b.lease));
	s->b.lease.fn = on_lease;
	s->b.lease.arg = s;
	if (!s->t.at.queue_us)
		s->t.at.queue_us = clock_us();
	s->due.state_ms = ms ? clock_ms() + ms : 0;
	s->b.queued = lb_is_full(s->t.srv);
	s->b.queue_seen = 1 +
	    (int)atomic_load_explicit(
		&wk_server_row(s->t.srv)->queue_count, memory_order_relaxed);
	stream_set_state(s, ST_QUEUE);
	want_fill(s, &w);
	err = pool_get(wk.pool, &w, s->b.kept, &s->b.lease, &bc);
	if (err == 0) {
		s->b.queued = false;
		connected(s, bc);
		return;
	}
	if (err == -WSE_AGAIN) {
		stream_arm(s);
		return;
	}
	if (s->b.kept)
		pool_drop_kept(wk.pool, &s->b.kept);
	retry_connect(s, err == -WSE_FULL ? PFAIL_QUEUE_FULL : PFAIL_INTERNAL);
}

void
back_assign(struct stream *s)
{
	struct txn *t = &s->t;
	const struct server *srv = rules_server(t);

	s->b.by_rule = srv && lb_is_usable(srv);
	if (cookie_request(t, s->b.by_rule) < 0) {
		stream_term(s, 'I', 'C');
		reply_status(s, 500);
		return;
	}
	if (t->cookie.srv && !lb_is_usable(t->cookie.srv))
		cookie_leave(t);
	if (!s->b.by_rule && t->cookie.srv) {
		srv = t->cookie.srv;
		s->b.by_rule = true;
	}
	if (!s->b.by_rule)
		srv = lb_choose(t, t->srv);
	t->srv = srv;
	if (!srv) {
		stream_term(s, 'S', 'C');
		reply_status(s, 503);
		return;
	}
	back_lease(s);
}
