/* SPDX-License-Identifier: MIT */
#include "tools/origin/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tools/origin/answer.h"
#include "tools/origin/h2.h"
#include "tools/origin/tls_ctx.h"
#include "tools/origin/turn.h"

#define LINGER_MS        2000
#define PATTERN_BYTES    262144
#define PATTERN_PER_SEND 4 /* pieces of it in one sendmsg */

struct conn_options conn_options;
struct conn_stats conn_stats;

static struct event_base *event_loop;
static SLIST_HEAD(, conn) free_conns = SLIST_HEAD_INITIALIZER(free_conns);
static char pattern[PATTERN_BYTES];
static uint64_t last_id;

static void on_read(evutil_socket_t fd, short what, void *arg);
static void on_write(evutil_socket_t fd, short what, void *arg);
static void on_timer(evutil_socket_t fd, short what, void *arg);

void
conn_init(struct event_base *base)
{
	static const char line[] =
	    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.\n";

	event_loop = base;
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = line[i % 64];
}

static void
hold(struct conn *c)
{
	if (c->held)
		return;
	event_del(&c->read_ev);
	c->held = true;
}

static void
resume(struct conn *c)
{
	if (!c->held || c->eof)
		return;
	event_add(&c->read_ev, NULL);
	c->held = false;
}

static void
wait_write(struct conn *c, bool on)
{
	if (on && !c->waits)
		event_add(&c->write_ev, NULL);
	else if (!on && c->waits)
		event_del(&c->write_ev);
	c->waits = on;
}

/* Bytes that TLS holds already come without an event of the socket. */
static void
read_on(struct conn *c)
{
	if (!c->held && wire_pending(&c->wire))
		event_active(&c->read_ev, EV_READ, 0);
}

/* Whether the connection ends with a close_notify. */
static bool
ends_clean(const struct conn *c)
{
	return !tls_options.close_unclean && !c->plan.unclean;
}

/* All requests counted are over, but perhaps for the last. */
static void
finish_requests(struct conn *c, bool but_last)
{
	uint32_t rest = but_last && c->unfinished ? 1 : 0;

	conn_stats.concurrent -= c->unfinished - rest;
	c->unfinished = rest;
}

static void
conn_free(struct conn *c)
{
	hold(c);
	wait_write(c, false);
	event_del(&c->timer);
	if (c->wire.tls) {
		if (ends_clean(c))
			tls_end(c->wire.tls);
		tls_free(&c->wire.tls);
	}
	h2_free(&c->h2);
	conn_stats.aborted += c->unfinished;
	finish_requests(c, false);
	if (!c->admin)
		conn_stats.open--;
	EVP_MD_CTX_free(c->hash);
	close(c->wire.fd);
	SLIST_INSERT_HEAD(&free_conns, c, free_entry);
}

static struct conn *
conn_new(int fd, bool admin)
{
	struct conn *c = SLIST_FIRST(&free_conns);

	if (c)
		SLIST_REMOVE_HEAD(&free_conns, free_entry);
	else if (!(c = malloc(sizeof(*c))))
		return NULL;
	memset(c, 0, offsetof(struct conn, in));
	c->state = CONN_HEAD;
	c->wire.fd = fd;
	c->admin = admin;
	c->id = ++last_id;
	event_assign(
	    &c->read_ev, event_loop, fd, EV_READ | EV_PERSIST, on_read, c);
	event_assign(
	    &c->write_ev, event_loop, fd, EV_WRITE | EV_PERSIST, on_write, c);
	evtimer_assign(&c->timer, event_loop, on_timer, c);
	return c;
}

void
conn_start_idle(struct conn *c)
{
	if (conn_options.idle_close_ms && !c->admin)
		conn_timer(c, conn_options.idle_close_ms);
}

void
conn_stop_idle(struct conn *c)
{
	if (conn_options.idle_close_ms)
		event_del(&c->timer);
}

void
conn_timer_assign(
    struct event *timer, void (*call)(int, short, void *), void *arg)
{
	evtimer_assign(timer, event_loop, call, arg);
}

/* Returns false when there is no memory. */
static bool
start_tls(struct conn *c)
{
	c->wire.tls = tls_new(c->wire.fd);
	c->state = CONN_SHAKE;
	c->held = tls_options.handshake_delay_ms > 0;
	return c->wire.tls != NULL;
}

void
conn_accept(int fd, enum conn_kind kind)
{
	bool admin = kind == CONN_ADMIN;
	struct conn_stats *st = &conn_stats;
	struct conn *c;
	int one = 1;

	if (!admin && conn_options.max_conn &&
	    st->open >= conn_options.max_conn) {
		st->refused++;
		close(fd);
		return;
	}
	c = conn_new(fd, admin);
	if (!c) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!admin) {
		st->accepted++;
		if (++st->open > st->peak_open)
			st->peak_open = st->open;
	}
	if (kind == CONN_TLS && !start_tls(c)) {
		c->held = true;
		conn_free(c);
		return;
	}
	if (c->held) {
		conn_timer(c, tls_options.handshake_delay_ms);
		return;
	}
	event_add(&c->read_ev, NULL);
	conn_start_idle(c);
}

size_t
conn_room(const struct conn *c)
{
	return sizeof(c->out) - c->out_end;
}

void
conn_put(struct conn *c, const void *data, size_t len)
{
	if (len > conn_room(c))
		abort();
	memcpy(c->out + c->out_end, data, len);
	c->out_end += len;
}

void
conn_put_pattern(struct conn *c, size_t len)
{
	if (len > conn_room(c))
		abort();
	conn_copy_pattern(c->out + c->out_end, c->gen_at, len);
	c->out_end += len;
	c->gen_at = (c->gen_at + len) % sizeof(pattern);
}

/* len is less than the pattern's length. */
void
conn_copy_pattern(void *to, uint64_t at, size_t len)
{
	size_t from = (size_t)(at % sizeof(pattern));
	size_t first = sizeof(pattern) - from;

	if (first > len)
		first = len;
	memcpy(to, pattern + from, first);
	memcpy((char *)to + first, pattern, len - first);
}

void
conn_putf(struct conn *c, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(c->out + c->out_end, conn_room(c), format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= conn_room(c))
		abort();
	c->out_end += (size_t)n;
}

void
conn_timer(struct conn *c, uint32_t ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	evtimer_add(&c->timer, &tv);
}

/* Ends the connection so that the client reads all we wrote. */
static void
linger(struct conn *c)
{
	if (c->eof) {
		conn_free(c);
		return;
	}
	wire_shutdown(&c->wire, ends_clean(c));
	c->state = CONN_LINGER;
	c->in_at = c->in_end = 0;
	resume(c);
	read_on(c);
	conn_timer(c, LINGER_MS);
}

/* The client reads the alert, if it still reads; TLS is over. */
static void
fail_tls(struct conn *c)
{
	tls_free(&c->wire.tls);
	wait_write(c, false);
	c->out_at = c->out_end = 0;
	c->gen = 0;
	linger(c);
}

static void
reset_hard(struct conn *c)
{
	struct linger off = { 1, 0 };

	c->plan.unclean = true;
	setsockopt(c->wire.fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
	conn_free(c);
}

/* One gathered write. Returns false when the connection is gone. */
static bool
flush(struct conn *c)
{
	while (c->out_at < c->out_end || c->gen) {
		struct iovec iov[1 + PATTERN_PER_SEND];
		struct msghdr msg = { .msg_iov = iov };
		size_t first = c->out_end - c->out_at, at = c->gen_at;
		uint64_t left = c->gen;
		ssize_t n;

		if (first) {
			iov[0].iov_base = c->out + c->out_at;
			iov[0].iov_len = first;
			msg.msg_iovlen = 1;
		}
		while (left && msg.msg_iovlen < 1 + PATTERN_PER_SEND) {
			struct iovec *v = &iov[msg.msg_iovlen++];

			v->iov_base = pattern + at;
			v->iov_len = sizeof(pattern) - at;
			if (v->iov_len > left)
				v->iov_len = (size_t)left;
			left -= v->iov_len;
			at = 0;
		}
		n = wire_send(&c->wire, &msg);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			wait_write(c, true);
			return true;
		}
		if (n < 0) {
			conn_free(c);
			return false;
		}
		if ((size_t)n < first) {
			c->out_at += (size_t)n;
			continue;
		}
		n -= (ssize_t)first;
		c->out_at = c->out_end = 0;
		c->gen -= (uint64_t)n;
		c->gen_at = (c->gen_at + (size_t)n) % sizeof(pattern);
	}
	wait_write(c, false);
	return true;
}

/* Whether the last request counted still has something to come. */
static bool
is_answering(const struct conn *c)
{
	return c->state == CONN_BODY || c->state == CONN_DELAY ||
	    c->state == CONN_SSE || c->state == CONN_SEND;
}

/* Everything was written. */
static void
after_flush(struct conn *c)
{
	if (c->state == CONN_CLOSE) {
		finish_requests(c, false);
		if (c->plan.kind == PLAN_ABORT && c->plan.rst)
			reset_hard(c);
		else if (!c->h2 && (c->plan.kind == PLAN_ABORT || c->plan.drop))
			conn_free(c);
		else /* of HTTP/2 frames come at any time */
			linger(c);
		return;
	}
	finish_requests(c, is_answering(c));
	if (c->eof)
		conn_free(c);
}

static void
tidy_input(struct conn *c)
{
	if (c->in_at == c->in_end)
		c->in_at = c->in_end = 0;
	if (c->in_end == sizeof(c->in) && c->in_at > 0) {
		memmove(c->in, c->in + c->in_at, c->in_end - c->in_at);
		c->in_end -= c->in_at;
		c->in_at = 0;
	}
	if (c->in_end == sizeof(c->in))
		hold(c);
	else
		resume(c);
	read_on(c);
}

/* Reads, answers and writes until an event must come first. */
void
conn_run(struct conn *c)
{
	bool wrote = true;

	while (wrote) {
		while (turn_step(c))
			continue;
		if (c->state == CONN_DELAY)
			break; /* the answer is ready, and held back */
		wrote = c->out_at < c->out_end || c->gen;
		if (!flush(c))
			return;
		if (c->waits)
			break;
	}
	tidy_input(c);
	if (c->state != CONN_DELAY && !c->waits)
		after_flush(c);
}

static void
shake(struct conn *c)
{
	int done = tls_handshake(c->wire.tls);

	if (done < 0) {
		fail_tls(c);
		return;
	}
	wait_write(c, done == 0 && tls_blocked_on_write(c->wire.tls));
	if (done == 0)
		return;
	c->state = CONN_HEAD;
	conn_start_idle(c);
	if (!tls_is_h2(c->wire.tls))
		return;
	if (h2_start(c))
		conn_run(c);
	else
		conn_free(c);
}

/* Nothing was read: errno says why. */
static void
read_failed(struct conn *c)
{
	if (errno == EAGAIN && c->wire.tls && tls_blocked_on_write(c->wire.tls))
		wait_write(c, true);
	else if (errno == EPROTO && c->wire.tls)
		fail_tls(c);
	else if (errno != EAGAIN && errno != EINTR)
		conn_free(c);
}

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	ssize_t n;

	(void)fd;
	(void)what;
	if (c->state == CONN_SHAKE) {
		shake(c);
		return;
	}
	if (c->state == CONN_LINGER)
		c->in_at = c->in_end = 0;
	n = wire_recv(&c->wire, c->in + c->in_end, sizeof(c->in) - c->in_end);
	if (n < 0) {
		read_failed(c);
		return;
	}
	if (n == 0 &&
	    (c->state == CONN_LINGER || c->state == CONN_DELAY ||
		c->state == CONN_SSE)) {
		conn_free(c);
		return;
	}
	if (n == 0) {
		c->eof = true;
		hold(c);
	}
	if (c->state == CONN_LINGER) {
		read_on(c);
		return;
	}
	c->in_end += (size_t)n;
	conn_run(c);
}

static void
on_write(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (c->state == CONN_SHAKE) {
		shake(c);
		return;
	}
	if (c->wire.tls && tls_blocked_on_write(c->wire.tls) && !c->held)
		event_active(&c->read_ev, EV_READ, 0);
	conn_run(c);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	switch (c->state) {
	case CONN_SHAKE:
		if (!c->held) { /* --idle-close */
			conn_free(c);
			break;
		}
		resume(c); /* --tls-handshake-delay */
		conn_start_idle(c);
		break;
	case CONN_DELAY:
		c->state = c->after_delay;
		conn_run(c);
		break;
	case CONN_SSE:
		answer_tick(c);
		conn_run(c);
		break;
	case CONN_H2:
		h2_timeout(c);
		conn_run(c);
		break;
	case CONN_HEAD: /* --idle-close */
	case CONN_LINGER:
		conn_free(c);
		break;
	case CONN_BODY:
	case CONN_SEND:
	case CONN_WS:
	case CONN_CLOSE:
		break;
	}
}
