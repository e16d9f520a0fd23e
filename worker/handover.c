/* SPDX-License-Identifier: MIT */
/*
 * The protocol of a handover, both sides.
 *
 *     giver:  takes the connection out of its loop
 *             GIVE(slot, taker) to the broker, MOVE + descriptors to the taker
 *     taker:  checks all, makes what it needs; TAKE(slot, giver) to the broker
 *     broker: slot word giver -> taker: from here on the connection is the
 *             taker's; MOVED to it
 *     taker:  puts it into its loop; MOVE_DONE
 *     giver:  closes its copies
 *
 * So whoever dies, exactly one side has it: the word says who.  A giver whose
 * taker died before MOVE_DONE asks the broker for it back and goes on, or
 * learns that it was the dead one's.  A taker refuses what it cannot have; the
 * connection goes on where it is.
 *
 * Neither end waits: what the socket does not take is sent later, and no more
 * than WINDOW connections are on their way at a time.
 */
#include "worker/handover.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "shm/base/chk.h"
#include "shm/base/log.h"
#include "shm/base/mem.h"
#include "worker/handover_int.h"
#include "worker/handover_msg.h"
#include "worker/wk.h"

enum {
	WINDOW = 64,   /* connections between two workers, MOVE_DONE awaited */
	REST_MS = 200, /* a taker short of something is left alone */
	FDS = 2        /* of a tunnel */
};

/* One on its way out. */
struct out {
	struct list node; /* peer.moves */
	struct pool_pass pass;
	struct peer *peer;
	struct duct *d;
	uint32_t serial;
	bool for_good; /* refused, and would be again */
	int fd[FDS];   /* d's */
	uint8_t *p;    /* NULL: all was sent */
	size_t n, at;
};

/* One on its way in, complete; its TAKE is not answered. */
struct in {
	struct list node; /* peer.moves */
	struct pool_pass pass;
	struct peer *peer;
	struct duct *d;
	uint32_t serial;
};

/* Another worker. */
struct peer {
	struct list node;  /* takers or givers */
	struct chan *chan; /* NULL: it has ended */
	const struct board_proc *row;
	uint32_t instance;
	bool gives;        /* to us, else we to it */
	struct list moves; /* struct out, or in */
	unsigned count;    /* in moves, and still coming in */
	/* a taker: */
	uint32_t serial;
	bool full, closed; /* the socket; it takes no more */
	uint64_t rest_ms;  /* nothing before */
	/* a giver: the one that comes in now */
	struct {
		uint32_t serial; /* 0: none */
		int err;         /* it will be refused */
		int fd[FDS];
		uint8_t *p;
		size_t n, at;
	} now;
};

static struct list takers = { &takers, &takers };
static struct list givers = { &givers, &givers };
static bool started;
static void (*on_violation)(const struct ipc_violation *v);

void
handover_on_violation(void (*fn)(const struct ipc_violation *v))
{
	on_violation = fn;
}

static void
wipe(uint8_t **p, size_t n)
{
	if (*p)
		OPENSSL_cleanse(*p, n);
	free(*p);
	*p = NULL;
}

static void
peer_free(struct peer *p)
{
	if (p->chan || !list_is_empty(&p->moves))
		return;
	list_del(&p->node);
	free(p);
}

/* --- giving --- */

static void
out_free(struct out *o)
{
	struct peer *p = o->peer;

	list_del(&o->node);
	p->count--;
	wipe(&o->p, o->n);
	free(o);
	peer_free(p);
}

/* The broker's word on what was asked back. */
static void
on_back(struct pool_pass *s, bool ours)
{
	struct out *o = list_entry(s, struct out, pass);

	if (ours) {
		pool_pass_kept(s);
		handover_duct_stays(o->d, o->for_good);
	} else {
		handover_duct_gone(o->d, s);
	}
	out_free(o);
	handover_go_on();
}

/* It has not moved, as far as we know. */
static void
out_back(struct out *o)
{
	wipe(&o->p, o->n);
	o->pass.fn = on_back;
	pool_pass_back(wk.pool, &o->pass);
}

/* False: the socket is full, or the other end gone. */
static bool
out_send(struct out *o)
{
	struct peer *p = o->peer;

	while (o->at < o->n) {
		struct ipc_msg m = { .type = IPC_MOVE_MORE };
		size_t k = o->n - o->at;
		int r;

		k = k < IPC_MOVE_BYTES_MAX ? k : IPC_MOVE_BYTES_MAX;
		m.u.move.serial = o->serial;
		m.u.move.kind = MOVE_TUNNEL;
		m.u.move.total = (uint32_t)o->n;
		m.u.move.bytes = (uint32_t)k;
		m.more = o->p + o->at;
		if (o->at == 0) {
			m.type = IPC_MOVE;
			m.fd_count = FDS;
			m.fd[0] = o->fd[0];
			m.fd[1] = o->fd[1];
		}
		r = chan_send(p->chan, &m);
		if (r != 0) {
			CHK(r != -WSE_RANGE && r != -WSE_DENIED);
			p->full = true; /* on_room(), or on_end() follows */
			return false;
		}
		o->at += k;
	}
	wipe(&o->p, o->n);
	return true;
}

/* False: nothing was begun. */
static bool
out_begin(struct peer *p)
{
	struct duct *d = handover_duct_next();
	struct out *o;

	if (!d || !pool_pass_may_begin(wk.pool, handover_duct_slot(d).slot))
		return false;
	o = calloc(1, sizeof(*o));
	if (!o)
		return false;
	o->p = handover_duct_pack(d, &o->n);
	if (!o->p) {
		free(o);
		return false;
	}
	handover_duct_freeze(d, &o->pass, o->fd);
	o->d = d;
	o->peer = p;
	o->serial = ++p->serial ? p->serial : ++p->serial;
	o->pass.peer = p->instance;
	list_add_tail(&p->moves, &o->node);
	p->count++;
	pool_pass_give(wk.pool, &o->pass);
	(void)out_send(o);
	return true;
}

static bool
may_give(const struct peer *p)
{
	return p->chan && !p->full && !p->closed && p->count < WINDOW &&
	    p->rest_ms <= clock_ms();
}

/* Connections it has, or will have. */
static uint32_t
load_of(const struct peer *p)
{
	return atomic_load_explicit(&p->row->clients, memory_order_relaxed) +
	    p->count;
}

/* Who takes the next one: the least loaded. */
static struct peer *
taker(void)
{
	struct peer *best = NULL;
	struct list *it;

	list_for(it, &takers)
	{
		struct peer *p = list_entry(it, struct peer, node);

		if (may_give(p) && (!best || load_of(p) < load_of(best)))
			best = p;
	}
	return best;
}

/* Until none takes more or nothing is left. */
void
handover_go_on(void)
{
	struct peer *p;

	while (started && (p = taker()) && out_begin(p))
		;
}

void
handover_start(void)
{
	started = true;
	handover_go_on();
}

static void
on_room(struct chan *c, void *arg)
{
	struct peer *p = arg;

	(void)c;
	wk_turn();
	p->full = false;
	if (!list_is_empty(&p->moves)) {
		struct out *o = list_entry(p->moves.prev, struct out, node);

		if (o->p && !out_send(o))
			return;
	}
	handover_go_on();
}

static int
on_done(struct peer *p, const struct ipc_move_done *m)
{
	struct out *o = NULL;
	struct slot_view v;
	struct list *it;

	list_for(it, &p->moves)
	{
		o = list_entry(it, struct out, node);
		if (o->serial == m->serial)
			break;
		o = NULL;
	}
	if (!o || o->p || o->pass.what != PASS_GIVE)
		return -WSE_STALE;
	if (m->err) {
		o->for_good = m->err == -WSE_NOTFOUND || m->err == -WSE_UNSUPP;
		p->closed |= m->err == -WSE_DENIED || m->err == -WSE_UNSUPP;
		if (!o->for_good)
			p->rest_ms = clock_ms() + REST_MS;
		out_back(o);
		return 0;
	}
	v = slot_get(&wk.board, o->pass.slot);
	if (v.gen == o->pass.gen && v.holder == wk.instance)
		return -WSE_CORRUPT; /* the broker knows of nothing */
	handover_duct_gone(o->d, &o->pass);
	out_free(o);
	handover_go_on();
	return 0;
}

/* --- taking --- */

static void
done(struct peer *p, uint32_t serial, int err)
{
	struct ipc_msg m = { .type = IPC_MOVE_DONE };

	p->count--;
	m.u.move_done.serial = serial;
	m.u.move_done.err = err;
	/* the giver may be gone: then nobody needs to know */
	if (p->chan && chan_send(p->chan, &m) != 0)
		return;
}

static void
now_clear(struct peer *p)
{
	wipe(&p->now.p, p->now.n);
	for (int i = 0; i < FDS; i++) {
		if (p->now.fd[i] >= 0)
			close(p->now.fd[i]);
		p->now.fd[i] = -1;
	}
	p->now.serial = 0;
}

static void
on_taken(struct pool_pass *s, bool ours)
{
	struct in *in = list_entry(s, struct in, pass);
	struct peer *p = in->peer;

	if (ours)
		handover_duct_adopt(in->d, s);
	else
		handover_duct_drop(in->d);
	list_del(&in->node);
	done(p, in->serial, ours ? 0 : -WSE_STALE);
	free(in);
	peer_free(p);
}

/* All of it is here. */
static int
in_complete(struct peer *p)
{
	uint32_t serial = p->now.serial;
	struct duct *d = NULL;
	struct in *in = NULL;
	int err = p->now.err;

	if (!err && wk.draining)
		err = -WSE_DENIED;
	if (!err) {
		in = calloc(1, sizeof(*in));
		err = in
		    ? handover_duct_unpack(p->now.p, p->now.n, p->now.fd, &d)
		    : -WSE_NOMEM;
	}
	now_clear(p);
	if (err) {
		free(in);
		if (err == -WSE_CORRUPT)
			return err;
		done(p, serial, err);
		return 0;
	}
	in->d = d;
	in->peer = p;
	in->serial = serial;
	in->pass.slot = handover_duct_slot(d).slot;
	in->pass.gen = handover_duct_slot(d).gen;
	in->pass.peer = p->instance;
	in->pass.fn = on_taken;
	list_add_tail(&p->moves, &in->node);
	pool_pass_take(wk.pool, &in->pass);
	return 0;
}

static int
on_move(struct peer *p, struct ipc_msg *m)
{
	const struct ipc_move *v = &m->u.move;

	if (p->now.serial || p->count >= WINDOW || v->total > MOVE_BYTES_MAX)
		return -WSE_PROTO;
	if (!m->truncated && (v->kind >= MOVE_KIND_N || m->fd_count != FDS))
		return -WSE_PROTO;
	p->count++;
	p->now.serial = v->serial;
	p->now.n = v->total;
	p->now.at = 0;
	p->now.err = m->truncated ? -WSE_NOFD : 0;
	p->now.p = p->now.err ? NULL : malloc(v->total);
	if (!p->now.p && !p->now.err)
		p->now.err = -WSE_NOMEM;
	for (unsigned i = 0; i < m->fd_count; i++) {
		p->now.fd[i] = m->fd[i];
		m->fd[i] = -1;
	}
	return 0;
}

static int
on_bytes(struct peer *p, const struct ipc_msg *m)
{
	const struct ipc_move *v = &m->u.move;

	if (v->serial != p->now.serial || v->total != p->now.n ||
	    v->bytes > p->now.n - p->now.at)
		return -WSE_PROTO;
	if (p->now.p)
		memcpy(p->now.p + p->now.at, m->more, v->bytes);
	p->now.at += v->bytes;
	return p->now.at == p->now.n ? in_complete(p) : 0;
}

/* --- both --- */

static int
on_msg(struct chan *c, struct ipc_msg *m, void *arg)
{
	struct peer *p = arg;
	int r;

	(void)c;
	wk_turn();
	switch (m->type) {
	case IPC_MOVE:
		r = on_move(p, m);
		return r ? r : on_bytes(p, m);
	case IPC_MOVE_MORE:
		return p->now.serial ? on_bytes(p, m) : -WSE_PROTO;
	case IPC_MOVE_DONE:
		return on_done(p, &m->u.move_done);
	default:
		return -WSE_DENIED;
	}
}

static void
on_end(struct chan *c, int err, const char *why, void *arg)
{
	struct ipc_violation v = { .err = err };
	struct peer *p = arg;
	struct list *it, *tmp;

	(void)c;
	wk_turn();
	if (err && on_violation) {
		v.instance = p->instance;
		snprintf(v.text, sizeof(v.text), "%s", why ? why : "");
		on_violation(&v);
	}
	chan_free(&p->chan);
	if (p->gives) {
		if (p->now.serial) {
			now_clear(p);
			p->count--;
		}
	} else {
		list_for_safe(it, tmp, &p->moves)
		{
			struct out *o = list_entry(it, struct out, node);

			if (o->pass.what == PASS_GIVE)
				out_back(o);
		}
	}
	peer_free(p);
}

/* The own one, if it has gone again. */
static const struct board_proc *
row_of(uint32_t instance)
{
	for (uint32_t i = 0; i < wk.board.cap.proc_count; i++)
		if (atomic_load(&wk.board.proc[i].instance) == instance)
			return &wk.board.proc[i];
	return wk.row;
}

void
handover_peer(struct ipc_msg *m)
{
	struct peer *p;

	if (m->fd_count != 1)
		return; /* no descriptor was left: nothing moves */
	p = mem_alloc(sizeof(*p));
	p->instance = m->u.peer.instance;
	p->row = row_of(p->instance);
	p->gives = m->u.peer.takes;
	list_init(&p->moves);
	for (int i = 0; i < FDS; i++)
		p->now.fd[i] = -1;
	p->chan = chan_new(
	    wk.base, &m->fd[0], ROLE_WORKER, ROLE_WORKER, on_msg, on_end, p);
	list_add_tail(p->gives ? &givers : &takers, &p->node);
	if (p->gives) {
		chan_phase(p->chan, PHASE_HOLDING);
		return;
	}
	chan_phase(p->chan, PHASE_OPEN);
	chan_limit(p->chan, 0); /* a secret waits nowhere but here */
	chan_on_room(p->chan, on_room);
	handover_go_on();
}

bool
handover_is_busy(void)
{
	struct list *it;

	list_for(it, &givers)
	{
		if (list_entry(it, struct peer, node)->count)
			return true;
	}
	return false;
}
