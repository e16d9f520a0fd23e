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
	if (c->waits)
		event_del(&c->write_ev);
	event_del(&c->timer);
	conn_stats.aborted += c->unfinished;
	finish_requests(c, false);
	if (!c->admin)
		conn_stats.open--;
	EVP_MD_CTX_free(c->hash);
	close(c->fd);
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
	c->fd = fd;
	c->admin = admin;
	c->id = ++last_id;
	event_assign(
	    &c->read_ev, event_loop, fd, EV_READ | EV_PERSIST, on_read, c);
	event_assign(
	    &c->write_ev, event_loop, fd, EV_WRITE | EV_PERSIST, on_write, c);
	evtimer_assign(&c->timer, event_loop, on_timer, c);
	return c;
}

static void
start_idle(struct conn *c)
{
	if (conn_options.idle_close_ms && !c->admin)
		conn_timer(c, conn_options.idle_close_ms);
}

void
conn_accept(int fd, bool admin)
{
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
	event_add(&c->read_ev, NULL);
	start_idle(c);
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
	size_t first = sizeof(pattern) - c->gen_at;

	if (first > len)
		first = len;
	conn_put(c, pattern + c->gen_at, first);
	conn_put(c, pattern, len - first);
	c->gen_at = (c->gen_at + len) % sizeof(pattern);
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
	shutdown(c->fd, SHUT_WR);
	c->state = CONN_LINGER;
	c->in_at = c->in_end = 0;
	resume(c);
	conn_timer(c, LINGER_MS);
}

static void
reset_hard(struct conn *c)
{
	struct linger off = { 1, 0 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
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
		n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (!c->waits)
				event_add(&c->write_ev, NULL);
			c->waits = true;
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
	if (c->waits)
		event_del(&c->write_ev);
	c->waits = false;
	return true;
}

static void
refuse(struct conn *c, const char *status)
{
	if (!c->admin)
		conn_stats.bad++;
	if (c->state == CONN_BODY && c->plan.early) {
		c->state = CONN_CLOSE; /* the answer was given */
		return;
	}
	c->state = CONN_CLOSE;
	conn_putf(c,
	    "HTTP/1.1 %s\r\nContent-Length: 0\r\n"
	    "Connection: close\r\n\r\n",
	    status);
}

/* All of an answer was put into `out` and `gen`: what is next? */
static void
next_request(struct conn *c)
{
	bool body = c->dec.state != DEC_DONE;

	if (c->plan.drop ||
	    (conn_options.close_after && !c->admin &&
		c->requests >= conn_options.close_after))
		c->keep = false;
	if (!c->keep || c->plan.kind == PLAN_ABORT)
		c->state = CONN_CLOSE;
	else if (body)
		c->state = CONN_BODY; /* answered early: read what follows */
	else
		c->state = CONN_HEAD;
	if (c->state == CONN_HEAD && c->in_at == c->in_end)
		start_idle(c);
}

static void
count_request(struct conn *c)
{
	struct conn_stats *st = &conn_stats;

	if (c->admin || c->plan.kind == PLAN_STATS ||
	    c->plan.kind == PLAN_STATS_RESET)
		return;
	c->requests++;
	c->unfinished++;
	st->requests++;
	if (++st->concurrent > st->peak_concurrent)
		st->peak_concurrent = st->concurrent;
}

/* Starts the answer, now or after the delay that was asked for. */
static void
begin_answer(struct conn *c, const char *head, size_t head_len)
{
	plan_answer(c, head, head_len);
	if (c->plan.delay_ms) {
		c->after_delay = c->state;
		c->state = CONN_DELAY;
		conn_timer(c, c->plan.delay_ms);
	}
}

/* Returns false when no whole head is there. */
static bool
read_head(struct conn *c)
{
	const char *head = c->in + c->in_at;
	struct req req;
	ssize_t n = req_parse(head, c->in_end - c->in_at, &req);

	if (n == 0) {
		if (c->in_end - c->in_at < sizeof(c->in))
			return false;
		refuse(c, "431 Request Header Fields Too Large");
		return true;
	}
	if (n < 0) {
		refuse(c, "400 Bad Request");
		return true;
	}
	if (conn_options.idle_close_ms)
		event_del(&c->timer);
	c->in_at += (size_t)n;
	plan_read(&c->plan, &req);
	count_request(c);
	c->keep = req.keep && !c->plan.close && !c->plan.nolen;
	req_decoder_init(&c->dec, &req);
	if (c->plan.kind == PLAN_HASH) {
		if (!c->hash)
			c->hash = EVP_MD_CTX_new();
		if (!c->hash || !EVP_DigestInit_ex(c->hash, EVP_sha256(), NULL))
			abort();
	}
	if (req.expect && req.body != REQ_BODY_NONE && !c->plan.early)
		conn_putf(c, "HTTP/1.1 100 Continue\r\n\r\n");
	if (c->plan.kind == PLAN_ECHO)
		plan_answer_echo(c, &req);
	if (c->dec.state == DEC_DONE || plan_is_early(&c->plan))
		begin_answer(c, head, (size_t)n);
	else
		c->state = CONN_BODY;
	return true;
}

static void
take_body(struct conn *c, const char *data, size_t len)
{
	if (c->plan.early)
		return;
	if (c->plan.kind == PLAN_HASH) {
		EVP_DigestUpdate(c->hash, data, len);
	} else if (c->plan.kind == PLAN_ECHO && !c->plan.head) {
		if (c->dec.chunked)
			conn_putf(c, "%zx\r\n", len);
		conn_put(c, data, len);
		if (c->dec.chunked)
			conn_put(c, "\r\n", 2);
	}
}

/* Returns false when it waits for input or for room in the output. */
static bool
read_body(struct conn *c)
{
	size_t have = c->in_end - c->in_at, room = conn_room(c), len;
	const char *data;
	ssize_t n;

	if (c->dec.state == DEC_DONE) {
		if (c->plan.early)
			next_request(c);
		else
			begin_answer(c, NULL, 0);
		return true;
	}
	if (c->plan.kind == PLAN_ECHO) {
		if (room < CONN_OUT_ROOM)
			return false;
		if (have > room - 64)
			have = room - 64;
	}
	n = req_decode(&c->dec, c->in + c->in_at, have, &data, &len);
	if (n < 0) {
		refuse(c, "400 Bad Request");
		return true;
	}
	if (len)
		take_body(c, data, len);
	c->in_at += (size_t)n;
	return n > 0;
}

/* Goes on with what the buffers allow; false: waits for an event. */
static bool
step(struct conn *c)
{
	switch (c->state) {
	case CONN_HEAD:
		if (conn_room(c) < CONN_OUT_ROOM || c->gen)
			return false;
		return read_head(c);
	case CONN_BODY:
		return read_body(c);
	case CONN_SEND:
		if (c->plan.kind == PLAN_CHUNKED && c->plan.n) {
			plan_more_chunks(c);
			return conn_room(c) >= CONN_OUT_ROOM;
		}
		next_request(c);
		return true;
	case CONN_WS:
		ws_echo(c);
		return false;
	case CONN_DELAY:
	case CONN_SSE:
	case CONN_CLOSE:
	case CONN_LINGER:
		break;
	}
	return false;
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
		else if (c->plan.kind == PLAN_ABORT || c->plan.drop)
			conn_free(c);
		else
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
}

/* Reads, answers and writes until an event must come first. */
static void
run(struct conn *c)
{
	bool wrote = true;

	while (wrote) {
		while (step(c))
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
on_read(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	ssize_t n;

	(void)what;
	if (c->state == CONN_LINGER)
		c->in_at = c->in_end = 0;
	n = recv(fd, c->in + c->in_end, sizeof(c->in) - c->in_end, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 ||
	    (n == 0 &&
		(c->state == CONN_LINGER || c->state == CONN_DELAY ||
		    c->state == CONN_SSE))) {
		conn_free(c);
		return;
	}
	if (n == 0) {
		c->eof = true;
		hold(c);
	}
	if (c->state == CONN_LINGER)
		return;
	c->in_end += (size_t)n;
	run(c);
}

static void
on_write(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	run(arg);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	switch (c->state) {
	case CONN_DELAY:
		c->state = c->after_delay;
		run(c);
		break;
	case CONN_SSE:
		plan_tick(c);
		run(c);
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
