/* SPDX-License-Identifier: MIT */
/*
 * Ducts: how they begin and end, and their timers.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/base/chk.h"
#include "worker/accept.h"
#include "worker/duct_int.h"
#include "worker/fconn_tls.h"
#include "worker/stream_parts.h"

enum { ARENA_BYTES = 4096, RETRIES_MAX = 255 };

static struct mempool duct_pool = MEMPOOL_SLABS(struct duct);
static struct mempool tls_pool = MEMPOOL_SLABS(struct duct_tls);
static struct list dead_list = { &dead_list, &dead_list };
struct list duct_list = { &duct_list, &duct_list };

void
duct_term(struct duct *d, char who, char where)
{
	if (d->term[0] == TERM_NONE) {
		d->term[0] = who;
		d->term[1] = where;
	}
}

/* --- the end --- */

/* What its line and the counters are told, on a txn that is made for it. */
static void
tell(struct duct *d)
{
	static _Alignas(8) char arena[ARENA_BYTES];
	struct ws_watch *w = &d->watch;
	struct txn t = {
		.conf = wk.conf,
		.fe = duct_fe(d),
		.be = d->srv->px,
		.srv = d->srv,
		.arena = { arena, 0, sizeof(arena) },
		.status = 101,
		.tunnel = &w->sum,
	};

	t.at.end_us = clock_us();
	memcpy(t.log.term, d->term, sizeof(d->term));
	t.cookie.req = d->cookie[0];
	t.cookie.res = d->cookie[1];
	t.log.level = (enum log_level)d->level;
	t.log.retries = d->retries;
	t.log.bytes_uploaded = d->head_bytes[WS_IN] + w->sum.bytes[WS_IN];
	t.log.bytes_read = d->head_bytes[WS_OUT] + w->sum.bytes[WS_OUT];
	if (d->line)
		access_log_thaw(d->line, &t);
	logfmt_frozen_free(&d->line);
	access_log_count_end(&t);
}

static void
tls_free(struct duct_end *e)
{
	if (!e->tls)
		return;
	xprt_tls_end(&e->tls->xt);
	tls_rec_wipe(&e->tls->rec);
	mempool_put(&tls_pool, e->tls);
	e->tls = NULL;
}

void
duct_finish(struct duct *d)
{
	struct xprt server = duct_xprt(d, SERVER);

	CHK(!d->dead);
	d->dead = true;
	ws_watch_ended(&d->watch, 'P');
	wheel_del(wk.wheel, &d->timer);
	tunnel_count(d->srv, false, -1);
	xprt_bye(&server);
	/* %sc and %bc count the others */
	pool_tunnel_end(wk.pool, d->slot, d->srv, &d->end[SERVER].fd);
	if (d->counted)
		limit_drop(
		    &wk.board, LIM_BACKEND, (uint32_t)d->srv->px->row, wk.proc);
	tell(d);
	duct_drop_bytes(d);
	ws_ping_end(&d->watch);
	ws_bye_free(&d->watch);
	tls_free(&d->end[CLIENT]);
	tls_free(&d->end[SERVER]);
	close(d->end[CLIENT].fd); /* no other process has a copy */
	d->end[CLIENT].fd = -1;
	accept_ended(d->bind);
	list_del(&d->node);
	list_add_head(&dead_list, &d->node);
}

void
duct_free(struct duct *d)
{
	list_del(&d->node);
	wheel_del(wk.wheel, &d->timer);
	logfmt_frozen_free(&d->line);
	duct_drop_bytes(d);
	ws_ping_end(&d->watch);
	ws_bye_free(&d->watch);
	tls_free(&d->end[CLIENT]);
	tls_free(&d->end[SERVER]);
	mempool_put(&duct_pool, d);
}

void
duct_bury(void)
{
	while (!list_is_empty(&dead_list)) {
		struct duct *d = list_entry(dead_list.next, struct duct, node);

		list_del(&d->node);
		mempool_put(&duct_pool, d);
	}
}

void
duct_client_gone(struct duct *d)
{
	stat_add(&stat_proxy(&wk.board, wk.proc, (uint32_t)duct_fe(d)->row)
		      ->client_aborts,
	    1);
	stat_add(&stat_server(&wk.board, wk.proc, (uint32_t)d->srv->row)
		      ->client_aborts,
	    1);
	ws_watch_ended(&d->watch, 'C');
	duct_term(d, 'C', 'D');
	duct_finish(d);
}

unsigned
duct_shut(uint32_t server, char why)
{
	struct list *it, *tmp;
	unsigned n = 0;

	list_for_safe(it, tmp, &duct_list)
	{
		struct duct *d = list_entry(it, struct duct, node);

		if ((uint32_t)d->srv->row != server)
			continue;
		duct_term(d, why, 'D');
		duct_finish(d);
		n++;
	}
	duct_bury();
	return n;
}

/* --- timers --- */

static uint64_t
due(const struct duct *d, enum duct_side side)
{
	struct tunnel_clock c = {
		.fe = &duct_fe(d)->tmo,
		.be = &d->srv->px->tmo,
		.client_ms = d->heard_ms[CLIENT],
		.server_ms = d->heard_ms[SERVER],
		.half = d->end[CLIENT].in_done || d->end[SERVER].in_done,
	};

	return tunnel_due_of(&c, side == CLIENT);
}

/* Both may be pinged. */
static bool
is_pinged(const struct duct *d)
{
	return !d->dead && !d->end[CLIENT].in_done && !d->end[SERVER].in_done;
}

/* Ping it if it is silent, end d if it is dead. May end d. */
static void
ping(struct duct *d, enum duct_side to)
{
	uint64_t heard_ms = d->heard_ms[to];
	uint8_t b[WS_INJECT_MAX];

	/* what takes nothing more cannot be asked */
	switch (ws_ping_todo(
	    &d->watch, to, duct_is_flushed(d, to) && !d->end[to].write_dead)) {
	case WS_PING_WAIT:
		break;
	case WS_PING_ASK:
		duct_send(d, to, (char *)b, ws_ping_ask(&d->watch, to, b));
		if (!d->dead) /* that was no activity */
			d->heard_ms[to] = heard_ms;
		break;
	case WS_PING_DEAD:
		duct_term(d, to == CLIENT ? 'c' : 's', 'D');
		duct_finish(d);
		break;
	}
}

/* The sooner of two, of which 0 is never. */
static uint64_t
sooner(uint64_t a, uint64_t b)
{
	return !a ? b : !b || a < b ? a : b;
}

void
duct_arm(struct duct *d)
{
	uint64_t at = ws_bye_due(&d->watch);

	if (!ws_bye_has_begun(&d->watch)) {
		at = sooner(at, sooner(due(d, CLIENT), due(d, SERVER)));
		at = sooner(at, is_pinged(d) ? ws_ping_due(&d->watch) : 0);
	}
	wheel_set(wk.wheel, &d->timer, at);
}

void
duct_each(bool (*fn)(struct ws_watch *w, const struct server *srv))
{
	struct list *it;

	list_for(it, &duct_list)
	{
		struct duct *d = list_entry(it, struct duct, node);

		if (fn(&d->watch, d->srv))
			duct_arm(d);
	}
}

static void
on_timer(struct wheel_timer *timer)
{
	struct duct *d = list_entry(timer, struct duct, timer);
	uint64_t now = clock_ms(), c = due(d, CLIENT), s = due(d, SERVER);
	uint64_t bye = ws_bye_due(&d->watch);

	if (ws_bye_has_begun(&d->watch) || (bye && bye <= now)) {
		duct_bye_timer(d);
		duct_settle(d);
	} else if ((c && c <= now) || (s && s <= now)) {
		duct_term(d, c && c <= now ? 'c' : 's', 'D');
		duct_finish(d);
	} else {
		for (int i = 0; i < SIDES && is_pinged(d); i++)
			ping(d, (enum duct_side)i);
		duct_settle(d);
	}
	duct_bury();
}

/* --- the begin --- */

/* What each side has sent that the other has not got yet. */
struct rest {
	struct buf head, down, up; /* taken from the stream */
	uint32_t up_r;             /* where the client's bytes begin in up */
};

/* The request is through, and both ends are connections by themselves. */
static bool
fits(const struct stream *s)
{
	const struct flow *up = &s->up;

	return !s->fc->front && !s->b.x.mux && s->b.bc && !s->fc->eof &&
	    !s->b.write_dead && !s->to_srv.data && up->b && up->in_done &&
	    flow_payload(up) == 0 && !xprt_has_unsent(&s->b.x) &&
	    (size_t)buf_len(&s->to_cli) + buf_len(&s->dbuf) <= BUF_LARGE;
}

static void
take(struct buf *to, struct buf *from)
{
	*to = *from;
	*from = (struct buf){ 0 };
}

static void
rest_take(struct stream *s, struct rest *r)
{
	r->up_r = s->up.raw_r;
	take(&r->head, &s->to_cli);
	take(&r->down, &s->dbuf);
	take(&r->up, s->up.b);
	flow_end(&s->up);
}

struct duct *
duct_alloc(bool client_tls, bool server_tls)
{
	struct duct *d = mempool_get(&duct_pool);
	struct duct_tls *c = NULL, *v = NULL;

	if (d && client_tls)
		c = mempool_get(&tls_pool);
	if (d && server_tls)
		v = mempool_get(&tls_pool);
	if (d && (c || !client_tls) && (v || !server_tls)) {
		d->end[CLIENT].tls = c;
		d->end[SERVER].tls = v;
		d->end[CLIENT].fd = d->end[SERVER].fd = -1;
		d->timer.fn = on_timer;
		return d;
	}
	if (c)
		mempool_put(&tls_pool, c);
	if (v)
		mempool_put(&tls_pool, v);
	if (d)
		mempool_put(&duct_pool, d);
	return NULL;
}

static void
tls_take(struct duct_tls *t, struct xprt *x, struct tls_rec *rec)
{
	if (!t)
		return;
	t->rec = *rec;
	rec->rx_ctx = rec->tx_ctx = NULL;
	xprt_tls_move(&t->xt, x->tls, &t->rec);
	x->tls = NULL;
}

static void
server_take(struct duct *d, struct stream *s)
{
	struct tls_rec *rec;

	tls_take(d->end[SERVER].tls, &s->b.x, s->b.bc->tls);
	d->slot = pool_tunnel_take(wk.pool, &s->b.bc, &d->end[SERVER].fd, &rec);
	if (rec)
		tls_rec_wipe(rec);
	free(rec);
	s->b.x.fd = -1;
}

/* What is known at the begin. */
static void
note(struct duct *d, struct stream *s)
{
	const struct txn_log *l = &s->t.log;

	d->bind = s->t.cli->bind;
	d->srv = s->t.srv;
	d->watch = s->watch;
	s->watch.bye = NULL;
	d->heard_ms[CLIENT] = d->heard_ms[SERVER] = clock_ms();
	d->head_bytes[WS_IN] = (uint32_t)l->bytes_uploaded;
	d->head_bytes[WS_OUT] = (uint32_t)l->bytes_read + buf_len(&s->to_cli);
	memcpy(d->term, l->term, sizeof(d->term));
	d->cookie[0] = s->t.cookie.req;
	d->cookie[1] = s->t.cookie.res;
	d->level = (uint8_t)l->level;
	d->retries =
	    (uint8_t)(l->retries < RETRIES_MAX ? l->retries : RETRIES_MAX);
	d->line = access_log_freeze(s);
	d->counted = s->b.counted;
	list_add_tail(&duct_list, &d->node);
	ws_ping_start(&d->watch, duct_fe(d)->http.ws_ping_ms,
	    d->srv->px->http.ws_ping_ms);
}

static void
rest_pass(struct duct *d, struct rest *r)
{
	struct buf *down = &r->down, *up = &r->up;
	const char *up_p = up->data ? up->data + r->up_r : NULL;
	size_t up_n = up->data ? up->w - r->up_r : 0;

	ws_watch_bytes(&d->watch, WS_OUT, down->data ? buf_rp(down) : NULL,
	    buf_len(down), duct_fe(d), d->srv);
	ws_watch_bytes(&d->watch, WS_IN, up_p, up_n, duct_fe(d), d->srv);
	duct_send(d, CLIENT, buf_rp(&r->head), buf_len(&r->head));
	if (!d->dead && buf_len(down))
		duct_send(d, CLIENT, buf_rp(down), buf_len(down));
	if (!d->dead && up_n)
		duct_send(d, SERVER, up_p, up_n);
	buf_put(&r->head);
	buf_put(down);
	buf_put(up);
}

bool
duct_start(struct stream *s)
{
	struct fconn *fc = s->fc;
	struct rest r;
	struct duct *d = fits(s) ? duct_alloc(s->fc->x.tls, s->b.x.tls) : NULL;

	if (!d)
		return false;
	note(d, s);
	rest_take(s, &r);
	if (d->end[CLIENT].tls)
		tls_take(d->end[CLIENT].tls, &fc->x, &fc->tls->rec);
	server_take(d, s);
	s->tunnel_counted = s->b.counted = false;
	stream_drop(s);
	fconn_leave(fc, &d->end[CLIENT].fd);
	rest_pass(d, &r);
	if (!d->dead)
		duct_resume(d);
	duct_bury();
	return true;
}
