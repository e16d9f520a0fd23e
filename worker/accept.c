/* SPDX-License-Identifier: MIT */
/*
 * One event per listening socket.  A listener that may not accept (limits,
 * descriptors) is taken out of the loop and tried again when a connection
 * ends, and every RETRY_MS, since other workers' connections count, too.  One
 * whose clients are left to another worker (even.h) is out of the loop until
 * that one has answered.
 */
#include "worker/accept.h"

#include <event2/event_struct.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shm/base/chk.h"
#include "shm/base/log.h"
#include "shm/base/mem.h"
#include "shm/seg/rate.h"
#include "worker/fconn.h"
#include "worker/wk.h"

enum {
	BATCH_MAX = 64,
	RETRY_MS = 100,
	REST_MS = 100,   /* a shared listener is left alone */
	REST_MAX = 4096, /* clients waiting when accepting ends */
	COMPLAIN_MS = 1000,
	FD_RESERVE = 256
};

enum taken { TAKEN, TAKEN_NONE, TAKEN_LIMIT };

struct listener {
	struct event ev;
	int fd;
	const int *queues; /* of all workers; NULL: as in worker_listener */
	const struct bind *bind;
	int batch;      /* connections to take per turn, 1..BATCH_MAX */
	bool listening; /* ev is added */
	bool left;      /* to another worker: not listening */
	bool was_full;  /* the last batch was */
};

static struct listener *listeners;
static int listener_count;
static bool stopped;
static struct wheel_timer retry_timer, rest_timer;
static uint32_t worker_index, worker_count;
static uint64_t complained_ms;
static unsigned fd_pause; /* descriptor number accepting pauses at */

static void
listener_pause(struct listener *l, unsigned ms)
{
	uint64_t at = clock_ms() + ms;

	if (!l->listening)
		return;
	event_del(&l->ev);
	l->listening = false;
	stat_add(&wk.stat->accept_paused, 1);
	if (!retry_timer.deadline_ms || at < retry_timer.deadline_ms)
		wheel_set(wk.wheel, &retry_timer, at);
}

static void
listener_resume(struct listener *l)
{
	if (!l->listening && !l->left && !stopped)
		l->listening = event_add(&l->ev, NULL) == 0;
}

static void
on_retry(struct wheel_timer *t)
{
	(void)t;
	for (int i = 0; i < listener_count; i++)
		listener_resume(&listeners[i]);
}

/* What TLS is limited to besides. False: pause for *wait_ms_r. */
static bool
permit_tls(unsigned *wait_ms_r)
{
	const struct conf_global *g = &wk.conf->global;

	if (!limit_try(&wk.board, LIM_TLS, 0, wk.proc, (uint32_t)g->maxsslconn))
		return false;
	if (!g->maxsslrate ||
	    rate_try(&wk.board.hdr->tls_rate, (uint32_t)g->maxsslrate,
		clock_us(), wait_ms_r))
		return true;
	limit_drop(&wk.board, LIM_TLS, 0, wk.proc);
	return false;
}

/* A limit as the runtime API has it now. */
static uint32_t
most(const uint32_t *limit)
{
	return __atomic_load_n(limit, __ATOMIC_RELAXED);
}

/* Count one more connection, or false at a limit. */
static bool
permit(const struct bind *bind, unsigned *wait_ms_r)
{
	const struct proxy *fe = bind->px;

	*wait_ms_r = RETRY_MS;
	if (!limit_try(&wk.board, LIM_GLOBAL, 0, wk.proc,
		most(&wk.board.hdr->maxconn)))
		return false;
	if (limit_try(&wk.board, LIM_FRONTEND, (uint32_t)fe->row, wk.proc,
		most(&wk.board.proxy[fe->row].maxconn))) {
		if (!bind->tls.enabled || permit_tls(wait_ms_r))
			return true;
		limit_drop(&wk.board, LIM_FRONTEND, (uint32_t)fe->row, wk.proc);
	}
	limit_drop(&wk.board, LIM_GLOBAL, 0, wk.proc);
	return false;
}

static void
unpermit(const struct bind *bind)
{
	if (bind->tls.enabled)
		limit_drop(&wk.board, LIM_TLS, 0, wk.proc);
	limit_drop(&wk.board, LIM_FRONTEND, (uint32_t)bind->px->row, wk.proc);
	limit_drop(&wk.board, LIM_GLOBAL, 0, wk.proc);
}

/* accept4() failed: pause when it would only fail again. */
static enum taken
accept_failed(struct listener *l, int err)
{
	if (err == EAGAIN || err == EINTR || err == ECONNABORTED) {
		l->batch = 1;
		return TAKEN_NONE;
	}
	if (clock_ms() >= complained_ms + COMPLAIN_MS) {
		complained_ms = clock_ms();
		log_msg(LOGL_ALERT, "Proxy %s: cannot accept on %s: %s",
		    l->bind->px->name, l->bind->text, strerror(err));
	}
	listener_pause(l, RETRY_MS);
	return TAKEN_LIMIT;
}

/* There was none to accept after all. */
static void
take_back(const struct bind *bind)
{
	if (bind->tls.enabled && wk.conf->global.maxsslrate)
		rate_undo(&wk.board.hdr->tls_rate, clock_us());
	unpermit(bind);
}

/* One client from a queue of this listener, the own or another worker's. */
static enum taken
accept_one(struct listener *l, int queue)
{
	struct addr src = { .kind = ADDR_INET, .len = sizeof(src.u.ss) };
	unsigned wait_ms;
	int fd;

	if (!permit(l->bind, &wait_ms)) {
		listener_pause(l, wait_ms);
		return TAKEN_LIMIT;
	}
	src.u.sa.sa_family = AF_UNSPEC;
	fd = accept4(queue, &src.u.sa, &src.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		int err = errno;

		take_back(l->bind);
		return accept_failed(l, err);
	}
	if ((unsigned)fd >= fd_pause) /* servers' connections need some, too */
		listener_pause(l, RETRY_MS);
	if (src.u.sa.sa_family == AF_UNIX)
		src.kind = ADDR_UNIX;
	wk.clients++;
	atomic_store_explicit(
	    &wk.row->clients, wk.clients, memory_order_relaxed);
	stat_add(&wk.stat->accepted, 1);
	stat_add(&stat_proxy(&wk.board, wk.proc, (uint32_t)l->bind->px->row)
		      ->sessions,
	    1);
	fconn_new(&fd, l->bind, &src);
	return TAKEN;
}

/* What waits is for another worker. */
static void
listener_leave(struct listener *l)
{
	if (!l->listening)
		return;
	event_del(&l->ev);
	l->listening = false;
	l->left = true;
	even_leave((int)(l - listeners));
}

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;
	int n = 0;

	(void)fd;
	(void)what;
	wk_turn();
	while (n < l->batch && l->listening) {
		if (even_room() == 0) {
			if (n == 0) /* else it is not said that more wait */
				listener_leave(l);
			break;
		}
		if (accept_one(l, l->fd) != TAKEN)
			break;
		even_took();
		n++;
	}
	/* A full batch with more behind it: take more next turn. */
	if (n == l->batch && l->was_full && l->batch < BATCH_MAX)
		l->batch *= 2;
	l->was_full = n == l->batch;
}

void
accept_moved(const struct bind *bind)
{
	limit_add(&wk.board, LIM_GLOBAL, 0, wk.proc);
	limit_add(&wk.board, LIM_FRONTEND, (uint32_t)bind->px->row, wk.proc);
	if (bind->tls.enabled)
		limit_add(&wk.board, LIM_TLS, 0, wk.proc);
	wk.clients++;
	atomic_store_explicit(
	    &wk.row->clients, wk.clients, memory_order_relaxed);
}

void
accept_ended(const struct bind *bind)
{
	unpermit(bind);
	CHK(wk.clients > 0);
	wk.clients--;
	atomic_store_explicit(
	    &wk.row->clients, wk.clients, memory_order_relaxed);
	if (retry_timer.deadline_ms)
		on_retry(NULL);
}

enum accept_result
accept_help(const struct even_call *c)
{
	int budget = BATCH_MAX;

	if (stopped || retry_timer.deadline_ms)
		return ACCEPT_CANNOT;
	for (int i = 0; i < listener_count; i++) {
		struct listener *l = &listeners[i];
		int queue = l->queues ? l->queues[c->worker] : l->fd;
		enum taken t = TAKEN;

		if (!(c->listeners >> (i % 64) & 1))
			continue;
		while (budget > 0 && t == TAKEN && even_load() < c->load) {
			t = accept_one(l, queue);
			if (t == TAKEN_LIMIT)
				return ACCEPT_CANNOT;
			if (t != TAKEN)
				continue;
			budget--;
			even_took();
			stat_add(&wk.stat->even_taken, 1);
		}
	}
	return budget > 0 ? ACCEPT_DONE : ACCEPT_MORE;
}

static void
on_rest_over(struct wheel_timer *t)
{
	(void)t;
	accept_resume(false);
}

void
accept_resume(bool answered)
{
	for (int i = 0; i < listener_count; i++) {
		struct listener *l = &listeners[i];

		if (!l->left)
			continue;
		if (answered && !l->queues) { /* the other listens to it, too */
			wheel_set(wk.wheel, &rest_timer, clock_ms() + REST_MS);
			continue;
		}
		l->left = false;
		listener_resume(l);
	}
}

void
accept_start(const struct worker_heritage *h)
{
	const struct worker_listener *wl = h->listeners;
	int count = h->listener_count;
	struct rlimit rl;
	int one = 1;

	fd_pause = getrlimit(RLIMIT_NOFILE, &rl) < 0 || rl.rlim_cur > 1u << 20
	    ? 1u << 20
	    : (unsigned)rl.rlim_cur;
	fd_pause -= fd_pause / 4 < FD_RESERVE ? fd_pause / 4 : FD_RESERVE;
	listeners = mem_alloc((size_t)count * sizeof(*listeners));
	listener_count = count;
	retry_timer.fn = on_retry;
	rest_timer.fn = on_rest_over;
	worker_index = h->worker_index;
	worker_count = h->worker_count;
	for (int i = 0; i < count; i++) {
		struct listener *l = &listeners[i];

		l->fd = wl[i].fd;
		l->queues = wl[i].queues;
		l->bind = wl[i].bind;
		l->batch = 1;
		/* Accepted sockets inherit it. */
		(void)setsockopt(
		    l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		event_assign(
		    &l->ev, wk.base, l->fd, EV_READ | EV_PERSIST, on_ready, l);
		listener_resume(l);
	}
	even_start(h);
}

/* Who waits is not to be reset. */
static void
accept_rest(struct listener *l)
{
	for (int i = 0; i < REST_MAX; i++)
		if (accept_one(l, l->fd) != TAKEN)
			return;
}

void
accept_stop(void)
{
	stopped = true;
	even_stop();
	for (int i = 0; i < listener_count; i++) {
		struct listener *l = &listeners[i];

		accept_rest(l);
		if (l->listening)
			event_del(&l->ev);
		l->listening = false;
		close(l->fd); /* else new ones would wait, to be reset */
		l->fd = -1;
		/* The others' sockets are not to outlive them here. */
		for (uint32_t w = 0; l->queues && w < worker_count; w++)
			if (w != worker_index)
				close(l->queues[w]);
		l->queues = NULL;
	}
	wheel_del(wk.wheel, &retry_timer);
	wheel_del(wk.wheel, &rest_timer);
}
