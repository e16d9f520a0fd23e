/* SPDX-License-Identifier: MIT */
/*
 * Ducts: bytes.
 *
 * What one side says is read into one area of the process and sent on at once;
 * only what the other side does not take gets a buffer, and then nothing more
 * is read.  Their descriptors are in an epoll set of their own, which hangs in
 * the loop as one descriptor: two struct events would be more than a duct.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "shm/base/mem.h"
#include "worker/duct_int.h"
#include "worker/stream_parts.h"

enum {
	EVENTS_MAX = 128,       /* of one turn */
	READ_BYTES = 3 * 16384, /* three records, sealed at once */
	READS_MAX = 4,          /* of one duct in a turn */
	SIDE_BIT = 1            /* in an event's pointer */
};

static struct mempool buf_pool = MEMPOOL_INIT(struct buf);
static struct event set_event;
static int set_fd = -1;

static enum duct_side
other(enum duct_side side)
{
	return side == CLIENT ? SERVER : CLIENT;
}

/* --- buffers --- */

static void
pend_free(struct duct_end *e)
{
	if (!e->pend)
		return;
	buf_put(e->pend);
	mempool_put(&buf_pool, e->pend);
	e->pend = NULL;
}

/* 0 or -WSE_NOMEM. */
static int
pend_add(struct duct_end *e, const char *p, size_t n)
{
	if (!e->pend) {
		e->pend = mempool_get(&buf_pool);
		if (!e->pend)
			return -WSE_NOMEM;
		if (buf_get(e->pend, n > BUF_SMALL ? BUF_LARGE : BUF_SMALL) <
		    0) {
			mempool_put(&buf_pool, e->pend);
			e->pend = NULL;
			return -WSE_NOMEM;
		}
	}
	if (buf_room(e->pend) < n) {
		buf_compact(e->pend);
		if (buf_room(e->pend) < n && e->pend->size == BUF_SMALL &&
		    buf_grow(e->pend) < 0)
			return -WSE_NOMEM;
	}
	if (buf_room(e->pend) < n)
		return -WSE_NOMEM;
	memcpy(buf_wp(e->pend), p, n);
	e->pend->w += (uint32_t)n;
	return 0;
}

/* --- writing --- */

/* It takes no more. May end d. */
static void
write_failed(struct duct *d, enum duct_side to)
{
	struct duct_end *e = &d->end[to];

	if (ws_bye_has_begun(&d->watch)) {
		duct_bye_ended(d, to, true);
		return;
	}
	if (to == CLIENT) {
		duct_client_gone(d);
		return;
	}
	/* what it said before is the client's still */
	pend_free(e);
	e->write_dead = true;
	if (e->in_done) {
		duct_term(d, 'S', 'D');
		duct_finish(d);
	}
}

/* All that can leave; bytes that did, or -WSE_RESET. */
static ssize_t
send_some(struct duct *d, enum duct_side to, const char *p, size_t n)
{
	struct xprt x = duct_xprt(d, to);
	size_t done = 0;

	while (done < n) {
		struct iovec iov = { (void *)(uintptr_t)(p + done), n - done };
		ssize_t k = xprt_send(&x, &iov, 1);

		if (k == -WSE_AGAIN)
			break;
		if (k < 0)
			return k;
		done += (size_t)k;
		if (xprt_has_unsent(&x) || (!x.tls && done < n))
			break;
	}
	if (done)
		d->heard_ms[to] = clock_ms();
	return (ssize_t)done;
}

void
duct_send(struct duct *d, enum duct_side to, const char *p, size_t n)
{
	struct duct_end *e = &d->end[to];
	ssize_t k = 0;

	if (e->write_dead)
		return;
	if (!e->pend)
		k = send_some(d, to, p, n);
	if (k < 0) {
		write_failed(d, to);
		return;
	}
	if ((size_t)k < n && pend_add(e, p + k, n - (size_t)k) < 0) {
		duct_term(d, 'R', 'D');
		duct_finish(d);
	}
}

bool
duct_is_flushed(const struct duct *d, enum duct_side to)
{
	struct xprt x = duct_xprt(d, to);

	return !d->end[to].pend && !xprt_has_unsent(&x);
}

/* The other side's end, behind all it said. May end d. */
static void
pass_end(struct duct *d, enum duct_side to)
{
	struct duct_end *e = &d->end[to];
	struct xprt from = duct_xprt(d, other(to)), x = duct_xprt(d, to);

	if (!d->end[other(to)].in_done || e->shut || e->pend)
		return;
	e->shut = e->write_dead || tunnel_pass_end(&from, &x);
	if (e->shut && d->end[other(to)].shut)
		duct_finish(d);
}

/* This side takes bytes again. May end d. */
static void
writable(struct duct *d, enum duct_side to)
{
	struct duct_end *e = &d->end[to];
	struct xprt x = duct_xprt(d, to);
	int err = xprt_flush(&x);
	ssize_t k;

	if (err == 0 && e->pend) {
		k = send_some(d, to, buf_rp(e->pend), buf_len(e->pend));
		if (k < 0)
			err = -WSE_RESET;
		else
			buf_eat(e->pend, (uint32_t)k);
		if (k >= 0 && buf_len(e->pend) == 0)
			pend_free(e);
	}
	if (err == -WSE_RESET)
		write_failed(d, to);
	else if (err == 0 && !ws_bye_has_begun(&d->watch))
		pass_end(d, to);
}

/* --- reading --- */

static bool
may_read(const struct duct *d, enum duct_side side)
{
	if (d->dead || d->end[side].in_done)
		return false;
	return ws_bye_drops(&d->watch, side) ||
	    (!d->end[other(side)].write_dead &&
		duct_is_flushed(d, other(side)));
}

void
duct_pass(struct duct *d, enum duct_side from, struct sv v)
{
	d->heard_ms[from] = clock_ms();
	ws_watch_bytes(&d->watch, from, v.p, v.n, duct_fe(d), d->srv);
	duct_send(d, other(from), v.p, v.n);
}

/* All that came, but for the answer to a ping. May end d. */
static void
came(struct duct *d, enum duct_side from, struct sv in)
{
	struct sv run;

	if (ws_bye_has_begun(&d->watch)) {
		duct_bye_came(d, from, in);
		return;
	}
	if (ws_ping_is_asked(&d->watch, from)) {
		while (!d->dead && ws_ping_next(&d->watch, from, &in, &run))
			duct_pass(d, from, run);
		return;
	}
	ws_ping_heard(&d->watch, from);
	duct_pass(d, from, in);
}

/* Its end, or worse. May end d. */
static void
read_ended(struct duct *d, enum duct_side side, int why)
{
	char who = side == CLIENT ? 'C' : 'S';
	struct xprt x = duct_xprt(d, side);
	struct sv held;

	d->heard_ms[side] = clock_ms();
	if (ws_ping_flush(&d->watch, side, &held))
		duct_pass(d, side, held);
	if (d->dead)
		return;
	if (ws_bye_has_begun(&d->watch)) {
		duct_bye_ended(d, side, why != -WSE_EOF);
		return;
	}
	ws_watch_ended(&d->watch, who);
	if (xprt_is_truncated(&x))
		duct_term(d, who, 'D');
	if (why != -WSE_EOF) {
		duct_term(d, why == -WSE_RESET ? who : 'R', 'D');
		duct_finish(d);
		return;
	}
	d->end[side].in_done = true;
	if (d->end[side].write_dead) {
		/* Nothing can be sent, nothing comes. */
		duct_term(d, who, 'D');
		duct_finish(d);
		return;
	}
	pass_end(d, other(side));
}

/* May end d. */
static void
readable(struct duct *d, enum duct_side side)
{
	static char bytes[READ_BYTES];
	struct xprt x = duct_xprt(d, side);
	ssize_t n;

	for (int i = 0; may_read(d, side); i++) {
		if (i >= READS_MAX && !xprt_has_pending(&x))
			return;
		n = xprt_recv(&x, bytes, sizeof(bytes));
		if (n == -WSE_AGAIN)
			return;
		if (n < 0) {
			read_ended(d, side, (int)n);
			return;
		}
		came(d, side, sv_of(bytes, (size_t)n));
		if (d->dead)
			return;
		/* The socket is empty when it gave less than it could. */
		if ((size_t)n < sizeof(bytes) && !xprt_has_pending(&x))
			return;
	}
}

/* --- events --- */

static void
watch(struct duct *d, enum duct_side side, uint8_t mask)
{
	struct duct_end *e = &d->end[side];
	struct epoll_event ev = {
		.events = mask,
		.data.u64 = (uintptr_t)d | (side == SERVER ? SIDE_BIT : 0),
	};
	int op = !e->mask ? EPOLL_CTL_ADD
	    : mask        ? EPOLL_CTL_MOD
			  : EPOLL_CTL_DEL;

	if (mask == e->mask)
		return;
	if (epoll_ctl(set_fd, op, e->fd, &ev) == 0)
		e->mask = mask;
	else if (mask) /* no memory in the kernel */
		duct_term(d, 'R', 'D');
}

/* The end of what is said to it waits for it to take more. */
static bool
owes_end(const struct duct *d, enum duct_side to)
{
	if (d->end[to].shut)
		return false;
	if (ws_bye_has_begun(&d->watch))
		return ws_bye_phase(&d->watch) == WS_BYE_ENDING;
	return d->end[other(to)].in_done;
}

void
duct_settle(struct duct *d)
{
	if (!d->dead && ws_bye_has_begun(&d->watch))
		duct_bye_step(d);
	for (int i = 0; i < SIDES && !d->dead; i++) {
		enum duct_side side = (enum duct_side)i;
		const struct duct_end *e = &d->end[side];
		uint8_t mask = 0;

		if (may_read(d, side))
			mask |= EPOLLIN;
		if (!e->write_dead &&
		    (!duct_is_flushed(d, side) || owes_end(d, side)))
			mask |= EPOLLOUT;
		watch(d, side, mask);
	}
	if (!d->dead)
		duct_arm(d);
}

void
duct_resume(struct duct *d)
{
	for (int i = 0; i < SIDES && !d->dead; i++) {
		struct xprt x = duct_xprt(d, (enum duct_side)i);

		if (xprt_has_pending(&x))
			readable(d, (enum duct_side)i);
	}
	duct_settle(d);
}

static void
event(struct duct *d, enum duct_side side, uint32_t what)
{
	if (what & EPOLLOUT) {
		writable(d, side);
		/* what was held back is there without an event */
		if (!d->dead) {
			struct xprt x = duct_xprt(d, other(side));

			if (xprt_has_pending(&x))
				readable(d, other(side));
		}
	}
	if (!d->dead && (what & ~(uint32_t)EPOLLOUT))
		readable(d, side);
	duct_settle(d);
}

static void
on_set(evutil_socket_t fd, short what, void *arg)
{
	struct epoll_event ev[EVENTS_MAX];
	int n = epoll_wait(set_fd, ev, EVENTS_MAX, 0);

	(void)fd;
	(void)what;
	(void)arg;
	wk_turn();
	for (int i = 0; i < n; i++) {
		uintptr_t p = (uintptr_t)ev[i].data.u64;
		struct duct *d = (struct duct *)(p & ~(uintptr_t)SIDE_BIT);

		if (!d->dead)
			event(d, p & SIDE_BIT ? SERVER : CLIENT, ev[i].events);
	}
	duct_bury();
}

int
duct_init(void)
{
	set_fd = epoll_create1(EPOLL_CLOEXEC);
	if (set_fd < 0)
		return -WSE_NOMEM;
	event_assign(
	    &set_event, wk.base, set_fd, EV_READ | EV_PERSIST, on_set, NULL);
	return event_add(&set_event, NULL) < 0 ? -WSE_NOMEM : 0;
}

int
duct_pend_add(struct duct *d, enum duct_side to, const char *p, size_t n)
{
	return n ? pend_add(&d->end[to], p, n) : 0;
}

void
duct_freeze(struct duct *d)
{
	watch(d, CLIENT, 0);
	watch(d, SERVER, 0);
	wheel_del(wk.wheel, &d->timer);
}

void
duct_drop_bytes(struct duct *d)
{
	duct_drop_side(d, CLIENT);
	duct_drop_side(d, SERVER);
}

void
duct_drop_side(struct duct *d, enum duct_side to)
{
	pend_free(&d->end[to]);
}
