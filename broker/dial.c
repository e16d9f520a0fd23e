/* SPDX-License-Identifier: MIT */
/*
 * Dialling backends.  A dial belongs to a pool, not to a waiter: who waits
 * longest in the pool gets what comes first.
 */
#include "broker/dial.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

#include "broker/h2_hello.h"
#include "broker/idle.h"
#include "broker/lease.h"
#include "broker/offer.h"
#include "broker/srv.h"
#include "broker/tls_dial.h"
#include "shm/base/clock.h"
#include "shm/base/log.h"

enum lease_fail
dial_why(int errnum)
{
	switch (errnum) {
	case ECONNREFUSED:
	case ENOENT:
	case EAGAIN: /* a Unix socket's backlog is full */
		return LFAIL_REFUSED;
	case ETIMEDOUT:
		return LFAIL_TIMEOUT;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENETDOWN:
	case EADDRNOTAVAIL:
		return LFAIL_UNREACH;
	case ECONNRESET:
	case EPIPE:
		return LFAIL_RESET;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return LFAIL_NOFD;
	}
	return LFAIL_OTHER;
}

static void
count_dial(const struct bslot *s, int delta)
{
	struct bpool *pool = s->pool;
	struct bserver *sv = state_server(pool->server);
	struct board_server *row = &broker.board.server[pool->server];

	pool->dials += (unsigned)delta;
	pool->class_dials[state_class(s->offer)] += (unsigned)delta;
	sv->dials += (unsigned)delta;
	atomic_store_explicit(
	    &row->dial_count, sv->dials, memory_order_relaxed);
}

/* Which connections ahead of need it counts for, if nobody takes it. */
static struct warm *
warm_of(const struct bslot *s)
{
	struct bserver *sv = state_server(s->pool->server);

	return s->offer == offer_tags(s->pool->server) ? &sv->warm
						       : &sv->warm_ws;
}

static void
count_error(uint32_t server, int errnum, const char *text)
{
	struct board_server *row = &broker.board.server[server];

	atomic_fetch_add_explicit(&row->dial_errors, 1, memory_order_relaxed);
	atomic_store_explicit(
	    &row->last_error_us, clock_wall_us(), memory_order_relaxed);
	atomic_store_explicit(
	    &row->last_errno, (uint32_t)errnum, memory_order_relaxed);
	snprintf(row->last_error, sizeof(row->last_error), "%s",
	    text         ? text
		: errnum ? strerror(errnum)
			 : "");
}

void
dial_fail(uint32_t slot, enum lease_fail why, int errnum, const char *text)
{
	struct bslot *s = &broker.slots[slot];
	struct bpool *pool = s->pool;

	count_error(pool->server, errnum, text);
	offer_failed(slot, why);
	count_dial(s, -1);
	pool->pins++;
	state_close_fd(s, false);
	if (slot_dial_fail(&broker.board, slot, s->gen) != 0)
		state_quarantine(slot, "a dial's word was changed");
	if (pool->dials >= pool->waiter_count)
		warm_of(s)->fails++;
	lease_dial_failed(pool, s->offer, why, errnum, text);
	if (s->state == BS_DIALING)
		state_forget(slot);
	lease_dial_over(pool);
	pool->pins--;
	state_pool_put(pool);
}

static void
fail(uint32_t slot, int errnum)
{
	dial_fail(slot, dial_why(errnum), errnum, NULL);
}

static int
send_header(struct bslot *s)
{
	const struct bpool *p = s->pool;
	ssize_t n;

	if (p->proxy_bytes == 0)
		return 0;
	n = send(s->fd, p->proxy, p->proxy_bytes, MSG_NOSIGNAL);
	if (n == p->proxy_bytes)
		return 0;
	return n < 0 ? errno : ECONNRESET;
}

static void
connected(uint32_t slot)
{
	struct bslot *s = &broker.slots[slot];
	struct bpool *pool = s->pool;
	int r;

	state_unwatch(s);
	r = send_header(s);
	if (r != 0) {
		fail(slot, r);
		return;
	}
	if (tls_dial_is_wanted(pool->server))
		tls_dial_shake(slot);
	else if (offer_is_prior(pool->server, s->offer))
		h2_hello_start(slot, SV_NULL);
	else
		dial_finish(slot, TAG_H1);
}

/* Nobody waits for it.  What nobody asked for either is kept once at most. */
static void
keep(uint32_t slot, enum slot_tag tag)
{
	struct bslot *s = &broker.slots[slot];
	bool odd = !(s->offer & TAG_BIT(tag)), again;

	again = odd &&
	    idle_find(s->pool, NULL, TAG_BIT(tag), LEASE_ANY) != UINT32_MAX;
	warm_of(s)->fails = odd ? warm_of(s)->fails + 1 : 0;
	idle_keep_dialled(slot, tag);
	if (again)
		(void)idle_evict(slot);
}

void
dial_finish(uint32_t slot, enum slot_tag tag)
{
	struct bslot *s = &broker.slots[slot];
	struct bpool *pool = s->pool;

	offer_learn(slot, tag);
	count_dial(s, -1);
	s->dial_us = (uint32_t)(clock_update() - s->start_us);
	pool->pins++;
	if (lease_dialled(slot, tag))
		warm_of(s)->fails = 0;
	else if (s->state == BS_DIALING)
		keep(slot, tag);
	lease_dial_over(pool);
	pool->pins--;
	state_pool_put(pool);
}

void
dial_complain(uint32_t server, const char *what, const char *why)
{
	struct bserver *sv = state_server(server);
	char line[256];

	if (clock_us() < sv->complain_us)
		return;
	sv->complain_us = clock_us() + 1000000;
	snprintf(line, sizeof(line), "Server %s/%s: %s failed: %s",
	    srv_proxy_name(server), srv_name(server), what, why);
	srv_log(server, LOGL_WARN, line);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct bslot *s = arg;
	socklen_t n = sizeof(int);
	int err = 0;

	clock_update();
	if (what & EV_TIMEOUT)
		err = ETIMEDOUT;
	else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n) < 0)
		err = errno;
	if (err != 0)
		fail(state_index(s), err);
	else
		connected(state_index(s));
}

/* A slot whose word is FREE too, or UINT32_MAX. */
static uint32_t
reserve_slot(struct bpool *pool, uint32_t *gen_r)
{
	struct board_server *row = &broker.board.server[pool->server];
	uint32_t slot, epoch = atomic_load(&row->epoch);

	for (;;) {
		slot = state_free_slot();
		if (slot == UINT32_MAX && idle_evict_lru())
			slot = state_free_slot();
		if (slot == UINT32_MAX)
			return UINT32_MAX;
		state_join(slot, pool);
		broker.slots[slot].epoch = epoch;
		if (slot_dial(&broker.board, slot, pool->server, epoch,
			&pool->key, clock_us(), gen_r) == 0)
			return slot;
		state_quarantine(slot, "a free slot's word was changed");
	}
}

static int
open_socket(const struct bpool *pool)
{
	int one = 1, fd, family = pool->dst.ss_family;

	fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE) && idle_evict_lru())
		fd = socket(
		    family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && family != AF_UNIX)
		(void)!setsockopt(
		    fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void
watch(struct bslot *s)
{
	uint32_t ms = broker.board.server[s->pool->server].transport.connect_ms;
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	event_assign(
	    state_watch(s), broker.base, s->fd, EV_WRITE, on_writable, s);
	event_add(s->ev, ms ? &tv : NULL);
}

static int
start(struct bpool *pool, uint8_t want, enum lease_fail *why_r, int *errnum_r)
{
	struct bslot *s;
	uint32_t slot, gen;
	int fd, r;

	fd = open_socket(pool);
	if (fd < 0) {
		*errnum_r = errno;
		*why_r = dial_why(errno);
		count_error(pool->server, errno, NULL);
		return -WSE_SYS;
	}
	slot = reserve_slot(pool, &gen);
	if (slot == UINT32_MAX) {
		close(fd);
		return -WSE_FULL;
	}
	s = &broker.slots[slot];
	s->fd = fd;
	broker.slot_fds++;
	s->gen = gen;
	s->state = BS_DIALING;
	s->start_us = clock_update();
	s->dial_us = 0;
	s->offer = want;
	count_dial(s, 1);
	atomic_fetch_add_explicit(
	    &broker.board.server[pool->server].dials, 1, memory_order_relaxed);
	r = connect(fd, (struct sockaddr *)&pool->dst, pool->dst_len);
	if (r == 0) {
		connected(slot);
		return 0;
	}
	if (errno == EINPROGRESS) {
		watch(s);
		return 0;
	}
	*errnum_r = errno;
	*why_r = dial_why(errno);
	count_error(pool->server, errno, NULL);
	count_dial(s, -1);
	state_close_fd(s, false);
	if (slot_dial_fail(&broker.board, slot, gen) != 0)
		state_quarantine(slot, "a dial's word was changed");
	else
		state_forget(slot);
	return -WSE_SYS;
}

int
dial_start(
    struct bpool *pool, uint8_t want, enum lease_fail *why_r, int *errnum_r)
{
	int r;

	/* what is evicted for this dial may be the pool's last slot */
	pool->pins++;
	r = start(pool, want, why_r, errnum_r);
	pool->pins--;
	state_pool_put(pool);
	return r;
}
