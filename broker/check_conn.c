/* SPDX-License-Identifier: MIT */
/*
 * The connection of one check.  In clear text or through records, what comes
 * is in `in`, and what is said goes out as the socket takes it.
 *
 * While a thread shakes hands the descriptor is lent; a connection that is not
 * wanted any longer is then freed by the thread's answer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <openssl/crypto.h>

#include "broker/check_parts.h"
#include "broker/tls_job.h"
#include "shm/base/chk.h"
#include "shm/base/clock.h"
#include "shm/base/mem.h"

enum { READ_MAX = 16384, SAY_MAX = 16384 };

static void on_io(evutil_socket_t fd, short what, void *arg);

static void
tell(struct check_conn *c, enum check_event e)
{
	if (c->owner)
		check_run_event(c->owner, e);
}

static void
fail(struct check_conn *c, int errnum, const char *why)
{
	c->errnum = errnum;
	snprintf(c->why, sizeof(c->why), "%s",
	    why          ? why
		: errnum ? strerror(errnum)
			 : "");
	tell(c, CE_FAILED);
}

static void
wait_io(struct check_conn *c)
{
	uint64_t now = clock_us();
	uint64_t left = c->until_us > now ? c->until_us - now : 0;
	struct timeval tv = { (time_t)(left / 1000000),
		(suseconds_t)(left % 1000000) };
	short what = 0;

	if (!c->is_open)
		what = EV_WRITE;
	else {
		if (!c->eof)
			what |= EV_READ;
		if (c->out_bytes > 0)
			what |= EV_WRITE;
	}
	event_del(&c->ev);
	event_assign(&c->ev, broker.base, what ? c->fd : -1, what, on_io, c);
	event_add(&c->ev, &tv);
}

static void
conn_free(struct check_conn *c)
{
	struct linger now = { 1, 0 };
	uint8_t b[TLS_REC_ALERT_MAX];
	ssize_t n;

	if (c->fd >= 0) {
		event_del(&c->ev);
		if (c->is_tls && !c->eof) {
			n = tls_rec_alert(
			    &c->rec, TLS_ALERT_CLOSE_NOTIFY, b, sizeof(b));
			if (n > 0)
				(void)!send(c->fd, b, (size_t)n,
				    MSG_NOSIGNAL | MSG_DONTWAIT);
		}
		/* no TIME_WAIT for each check */
		if (!c->polite)
			(void)!setsockopt(
			    c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(c->fd);
	}
	tls_rec_wipe(&c->rec);
	free(c->raw);
	free(c->out);
	free(c->in);
	free(c);
}

void
check_conn_close(struct check *k)
{
	struct check_conn *c = k->conn;

	k->conn = NULL;
	if (!c)
		return;
	c->owner = NULL;
	if (c->is_lent)
		c->forget = true;
	else
		conn_free(c);
}

static int
flush(struct check_conn *c)
{
	ssize_t n;

	while (c->out_bytes > 0) {
		n = send(
		    c->fd, c->out, c->out_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : errno;
		c->out_bytes -= (size_t)n;
		memmove(c->out, c->out + n, c->out_bytes);
	}
	return 0;
}

static void
out_add(struct check_conn *c, const void *p, size_t n)
{
	c->out = mem_realloc(c->out, c->out_bytes + n);
	memcpy(c->out + c->out_bytes, p, n);
	c->out_bytes += n;
}

static int
seal(struct check_conn *c, const char *p, size_t n)
{
	uint8_t b[SAY_MAX + TLS_REC_OVERHEAD_MAX + TLS_REC_UPDATE_BYTES];
	struct iovec v;
	ssize_t k;

	while (n > 0) {
		v.iov_base = (void *)(uintptr_t)p;
		v.iov_len = n < c->rec.st.plain_max ? n : c->rec.st.plain_max;
		k = tls_rec_seal(&c->rec, &v, 1, b, sizeof(b));
		if (k <= 0)
			return EPROTO;
		out_add(c, b, (size_t)k);
		p += v.iov_len;
		n -= v.iov_len;
	}
	return 0;
}

bool
check_conn_send(struct check_conn *c, const void *p, size_t n)
{
	int err = 0;

	if (c->is_tls)
		err = seal(c, p, n);
	else
		out_add(c, p, n);
	if (err == 0)
		err = flush(c);
	if (err != 0) {
		fail(c, err, NULL);
		return false;
	}
	wait_io(c);
	return true;
}

void
check_conn_eat(struct check_conn *c, size_t n)
{
	CHK(n <= c->in_bytes);
	c->in_bytes -= n;
	memmove(c->in, c->in + n, c->in_bytes);
}

static void
in_add(struct check_conn *c, const void *p, size_t n)
{
	if (n == 0)
		return;
	c->in = mem_realloc(c->in, c->in_bytes + n);
	memcpy(c->in + c->in_bytes, p, n);
	c->in_bytes += n;
}

/* Whole records of raw. 0 or errno. */
static int
open_records(struct check_conn *c)
{
	enum tls_got got;
	struct sv data;
	size_t at = 0;
	uint8_t alert;
	ssize_t n;

	while (at < c->raw_bytes && !c->eof) {
		n = tls_rec_open(&c->rec, c->raw + at, c->raw_bytes - at, &got,
		    &data, &alert);
		if (n == 0)
			break;
		if (n < 0)
			return EPROTO;
		if (got == TLS_GOT_DATA)
			in_add(c, data.p, data.n);
		else if (got != TLS_GOT_NOTHING)
			c->eof = true;
		at += (size_t)n;
	}
	c->raw_bytes -= at;
	if (at > 0)
		memmove(c->raw, c->raw + at, c->raw_bytes);
	return 0;
}

static int
receive(struct check_conn *c)
{
	static uint8_t buf[READ_MAX];
	ssize_t n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : errno;
	if (n == 0) {
		c->eof = true;
		return 0;
	}
	if (!c->is_tls) {
		in_add(c, buf, (size_t)n);
		return 0;
	}
	c->raw = mem_realloc(c->raw, c->raw_bytes + (size_t)n);
	memcpy(c->raw + c->raw_bytes, buf, (size_t)n);
	c->raw_bytes += (size_t)n;
	return open_records(c);
}

static void
on_connected(struct check_conn *c)
{
	socklen_t n = sizeof(int);
	int err = 0;

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &n) < 0)
		err = errno;
	if (err != 0) {
		fail(c, err, NULL);
		return;
	}
	c->is_open = true;
	tell(c, CE_OPEN);
}

static void
on_io(evutil_socket_t fd, short what, void *arg)
{
	struct check_conn *c = arg;
	size_t had = c->in_bytes;
	int err = 0;

	(void)fd;
	clock_update();
	if (!(what & (EV_READ | EV_WRITE))) {
		/* libevent counts from the begin of a turn */
		if (clock_us() < c->until_us)
			wait_io(c);
		else
			tell(c, CE_TIMEOUT);
		return;
	}
	if (!c->is_open) {
		on_connected(c);
		return;
	}
	if (what & EV_WRITE)
		err = flush(c);
	if (err == 0 && (what & EV_READ))
		err = receive(c);
	if (err == 0 && c->in_bytes > CHECK_IN_MAX)
		err = EMSGSIZE;
	if (err != 0) {
		fail(c, err, NULL);
		return;
	}
	wait_io(c);
	if (c->in_bytes > had)
		tell(c, c->eof ? CE_EOF : CE_DATA);
	else if (c->eof)
		tell(c, CE_EOF);
}

void
check_conn_until(struct check_conn *c, uint64_t until_us)
{
	c->until_us = until_us;
	if (c->fd >= 0)
		wait_io(c);
}

void
check_conn_open(
    struct check *k, const struct sockaddr *to, socklen_t n, uint64_t until_us)
{
	struct check_conn *c = mem_alloc(sizeof(*c));

	CHK(!k->conn);
	k->conn = c;
	c->owner = k;
	c->until_us = until_us;
	c->fd = socket(
	    to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0) {
		fail(c, errno, NULL);
		return;
	}
	event_assign(&c->ev, broker.base, c->fd, EV_WRITE, on_io, c);
	if (connect(c->fd, to, n) == 0) {
		c->is_open = true;
		tell(c, CE_OPEN);
	} else if (errno == EINPROGRESS) {
		wait_io(c);
	} else {
		fail(c, errno, NULL);
	}
}

void
check_conn_shake(struct check_conn *c, const struct check_shake *s)
{
	event_del(&c->ev);
	c->is_lent = true;
	if (tls_check_submit(c, s))
		return;
	c->is_lent = false;
	fail(c, 0, "TLS was not set up");
}

void
check_conn_shaken(struct check_conn *c, struct tls_job *j)
{
	c->fd = j->fd;
	j->fd = -1;
	c->is_lent = false;
	if (c->forget) {
		conn_free(c);
		return;
	}
	event_assign(&c->ev, broker.base, -1, 0, on_io, c);
	if (!j->ok && j->fail == LFAIL_TIMEOUT) {
		tell(c, CE_TIMEOUT);
		return;
	}
	if (!j->ok ||
	    tls_state_unpack(&c->rec.st, j->state, j->state_bytes) != 0) {
		fail(c, 0, j->ok ? "TLS" : j->why);
		return;
	}
	c->is_tls = true;
	c->is_h2 = j->is_h2;
	in_add(c, j->early, j->early_bytes);
	tell(c, CE_SHAKEN);
}
