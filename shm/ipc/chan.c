/* SPDX-License-Identifier: MIT */
/*
 * Channels, in every process.
 *
 * The handler may free the channel it was called from: while calls are on the
 * stack (`depth`), chan_free() closes at once and leaves the memory to the
 * outermost of them.
 */
#include "shm/ipc/chan.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shm/base/chk.h"
#include "shm/base/list.h"
#include "shm/base/mem.h"

enum { RETRY_MS = 5 };

/* A message that waits. */
struct item {
	struct list node;
	unsigned fd_count;
	int fd[IPC_FD_MAX]; /* own copies */
	size_t bytes;
	uint8_t wire[];
};

struct chan {
	int fd;
	enum proc_role self, peer;
	unsigned phase; /* PHASE_*, of this end */
	chan_msg_fn *on_msg;
	chan_end_fn *on_end;
	void (*on_room)(struct chan *c, void *arg);
	void *arg;
	struct event *rev;   /* EV_READ, persistent */
	struct event *wev;   /* EV_WRITE, only while the socket is full */
	struct event *retry; /* timer: the kernel lacked something */
	struct list queue;   /* struct item, first in first out */
	unsigned queued, queue_max;
	unsigned depth; /* calls on the stack */
	bool ended;     /* on_end was called */
	bool was_full;  /* a send was refused; on_room is owed */
	bool is_freed;
};

int
chan_pair(int fd[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		0, fd) < 0)
		return -err_from_errno(errno);
	return 0;
}

static void
item_free(struct chan *c, struct item *it)
{
	unsigned i;

	list_del(&it->node);
	for (i = 0; i < it->fd_count; i++)
		close(it->fd[i]);
	free(it);
	c->queued--;
}

static void
leave(struct chan *c)
{
	if (--c->depth == 0 && c->is_freed)
		free(c);
}

static void
event_drop(struct event **ev)
{
	if (*ev)
		event_free(*ev);
	*ev = NULL;
}

void
chan_free(struct chan **cp)
{
	struct chan *c = *cp;

	*cp = NULL;
	if (!c)
		return;
	CHK(!c->is_freed);
	c->is_freed = true;
	event_drop(&c->rev);
	event_drop(&c->wev);
	event_drop(&c->retry);
	while (!list_is_empty(&c->queue))
		item_free(c, list_entry(c->queue.next, struct item, node));
	close(c->fd);
	c->fd = -1;
	if (c->depth == 0)
		free(c);
}

/* No more reading; tell the owner once. */
static void
end(struct chan *c, int err, const char *why)
{
	if (c->ended)
		return;
	c->ended = true;
	event_del(c->rev);
	event_del(c->wev);
	event_del(c->retry);
	c->on_end(c, err, why, c->arg);
}

static void
violation(struct chan *c, int err, const char *what)
{
	char why[IPC_TEXT_MAX];

	snprintf(why, sizeof(why), "%s: %s", what, err_text(err));
	end(c, err, why);
}

/* --- reading --- */

union fd_room {
	char room[CMSG_SPACE(sizeof(int) * IPC_FD_MAX)];
	struct cmsghdr align;
};

/* The descriptors of a received message; more than fit were cut by the kernel.
 */
static unsigned
fds_take(struct msghdr *mh, int *fd)
{
	struct cmsghdr *cm;
	unsigned n = 0;
	size_t i, count;
	int got;

	for (cm = CMSG_FIRSTHDR(mh); cm; cm = CMSG_NXTHDR(mh, cm)) {
		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
			continue;
		count = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < count; i++) {
			memcpy(
			    &got, CMSG_DATA(cm) + i * sizeof(int), sizeof(int));
			if (n < IPC_FD_MAX)
				fd[n++] = got;
			else
				close(got);
		}
	}
	return n;
}

static void
fds_close(int *fd, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		if (fd[i] >= 0)
			close(fd[i]);
		fd[i] = -1;
	}
}

/* recvmsg() said 0: EOF, unless the peer sent an empty message. */
static void
at_zero(struct chan *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLRDHUP };

	if (poll(&p, 1, 0) > 0 && p.revents & (POLLRDHUP | POLLHUP))
		end(c, 0, NULL);
	else
		violation(c, -WSE_SYNTAX, "empty message");
}

static void
dispatch(struct chan *c, const void *wire, size_t n, int *fd, unsigned fd_count,
    bool truncated)
{
	struct ipc_msg m;
	uint16_t type = 0;
	int r;

	if (truncated) {
		fds_close(fd, fd_count);
		r = ipc_decode_truncated(
		    wire, n, c->peer, c->self, c->phase, &m);
	} else {
		r = ipc_decode(
		    wire, n, c->peer, c->self, c->phase, fd_count, &m);
	}
	if (r == 0) {
		if (!truncated)
			memcpy(m.fd, fd, fd_count * sizeof(int));
		r = c->on_msg(c, &m, c->arg);
		fds_close(m.fd, m.fd_count);
	} else {
		fds_close(fd, fd_count);
	}
	if (r == 0 || c->is_freed)
		return;
	if (n >= sizeof(type))
		memcpy(&type, wire, sizeof(type));
	violation(c, r, ipc_name(type));
}

/* One message. False: nothing there now, or the end. */
static bool
read_one(struct chan *c)
{
	uint8_t wire[IPC_WIRE_MAX];
	union fd_room cb;
	struct iovec iov = { wire, sizeof(wire) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fd[IPC_FD_MAX];
	unsigned fd_count;
	ssize_t n;

	mh.msg_control = cb.room;
	mh.msg_controllen = sizeof(cb.room);
	n = recvmsg(c->fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0) {
		/* ECONNRESET: the peer left messages of ours unread; what it
		 * sent before is still to be had */
		if (errno == EINTR || errno == ECONNRESET)
			return true;
		if (errno != EAGAIN && errno != ENOMEM && errno != ENOBUFS)
			violation(c, -err_from_errno(errno), "recvmsg");
		return false;
	}
	fd_count = fds_take(&mh, fd);
	if (n == 0) {
		fds_close(fd, fd_count);
		at_zero(c);
		return false;
	}
	if (mh.msg_flags & MSG_TRUNC) {
		fds_close(fd, fd_count);
		violation(c, -WSE_TOOBIG, "message");
		return false;
	}
	dispatch(c, wire, (size_t)n, fd, fd_count, mh.msg_flags & MSG_CTRUNC);
	return !c->is_freed && !c->ended;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct chan *c = arg;
	unsigned i;

	(void)fd;
	(void)what;
	c->depth++;
	for (i = 0; i < CHAN_TURN_MAX && read_one(c); i++)
		;
	leave(c);
}

void
chan_drain(struct chan *c)
{
	if (c->ended)
		return;
	c->depth++;
	while (read_one(c))
		;
	leave(c);
}

/* --- writing --- */

/* 0, -WSE_AGAIN (socket full), -WSE_NOMEM (wait a little), -WSE_EOF, -WSE_SYS
 */
static int
send_now(struct chan *c, const void *wire, size_t n, const int *fd,
    unsigned fd_count)
{
	union fd_room cb;
	struct iovec iov = { (void *)(uintptr_t)wire, n };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cm;

	if (fd_count > 0) {
		memset(&cb, 0, sizeof(cb));
		mh.msg_control = cb.room;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(cm), fd, sizeof(int) * fd_count);
	}
	while (sendmsg(c->fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		switch (errno) {
		case EINTR:
			continue;
		case EAGAIN:
			return -WSE_AGAIN;
		case ETOOMANYREFS: /* descriptors in flight */
		case ENOBUFS:
		case ENOMEM:
			return -WSE_NOMEM;
		case EPIPE:
		case ECONNRESET:
		case ECONNREFUSED:
		case ENOTCONN:
			return -WSE_EOF;
		default:
			return -WSE_SYS;
		}
	}
	return 0;
}

/* Have flush() called when it may succeed. */
static void
arm(struct chan *c, int why)
{
	struct timeval tv = { 0, RETRY_MS * 1000 };

	if (c->ended)
		return;
	if (why == -WSE_NOMEM)
		event_add(c->retry, &tv);
	else
		event_add(c->wev, NULL);
}

static void
tell_room(struct chan *c)
{
	if (!c->was_full || c->queued > c->queue_max / 2)
		return;
	c->was_full = false;
	if (c->on_room)
		c->on_room(c, c->arg);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct chan *c = arg;
	struct item *it;
	unsigned i;
	int r = 0;

	(void)fd;
	(void)what;
	for (i = 0; i < CHAN_TURN_MAX && c->queued > 0; i++) {
		it = list_entry(c->queue.next, struct item, node);
		r = send_now(c, it->wire, it->bytes, it->fd, it->fd_count);
		if (r == -WSE_AGAIN || r == -WSE_NOMEM)
			break;
		/* -WSE_EOF: the reader finds the end; the rest is void */
		item_free(c, it);
	}
	if (c->queued > 0)
		arm(c, r);
	c->depth++;
	tell_room(c);
	leave(c);
}

static int
enqueue(struct chan *c, const void *wire, size_t n, const struct ipc_msg *m)
{
	struct item *it;

	if (c->queued >= c->queue_max) {
		c->was_full = true;
		return -WSE_FULL;
	}
	it = malloc(sizeof(*it) + n);
	if (!it)
		return -WSE_NOMEM;
	it->bytes = n;
	memcpy(it->wire, wire, n);
	list_add_tail(&c->queue, &it->node);
	c->queued++;
	for (it->fd_count = 0; it->fd_count < m->fd_count; it->fd_count++) {
		it->fd[it->fd_count] =
		    fcntl(m->fd[it->fd_count], F_DUPFD_CLOEXEC, 3);
		if (it->fd[it->fd_count] < 0) {
			item_free(c, it);
			return -WSE_NOFD;
		}
	}
	return 0;
}

int
chan_send(struct chan *c, const struct ipc_msg *m)
{
	uint8_t wire[IPC_WIRE_MAX];
	const struct ipc_row *row;
	ssize_t n;
	int r, q;

	if (c->is_freed || c->ended)
		return -WSE_EOF;
	n = ipc_encode(m, wire, sizeof(wire));
	if (n < 0)
		return (int)n;
	row = &ipc_tbl[m->type];
	if (!(row->from & IPC_ROLE(c->self)) || !(row->to & IPC_ROLE(c->peer)))
		return -WSE_DENIED;
	if (c->queued > 0)
		return enqueue(c, wire, (size_t)n, m);
	r = send_now(c, wire, (size_t)n, m->fd, m->fd_count);
	if (r != -WSE_AGAIN && r != -WSE_NOMEM)
		return r;
	q = enqueue(c, wire, (size_t)n, m);
	/* refused with nothing queued: there is room when it may be sent */
	if (q == 0 || c->queued == 0)
		arm(c, r);
	return q;
}

struct chan *
chan_new(struct event_base *base, int *fd, enum proc_role self,
    enum proc_role peer, chan_msg_fn *on_msg, chan_end_fn *on_end, void *arg)
{
	struct chan *c = mem_alloc(sizeof(*c));

	c->fd = *fd;
	*fd = -1;
	c->self = self;
	c->peer = peer;
	c->phase = PHASE_NEW;
	c->on_msg = on_msg;
	c->on_end = on_end;
	c->arg = arg;
	c->queue_max = CHAN_QUEUE_MAX;
	list_init(&c->queue);
	c->rev = event_new(base, c->fd, EV_READ | EV_PERSIST, on_readable, c);
	c->wev = event_new(base, c->fd, EV_WRITE, on_writable, c);
	c->retry = event_new(base, -1, 0, on_writable, c);
	CHK(c->rev && c->wev && c->retry);
	CHK(event_add(c->rev, NULL) == 0);
	return c;
}

void
chan_phase(struct chan *c, unsigned phase)
{
	c->phase = phase;
}

void
chan_arg(struct chan *c, void *arg)
{
	c->arg = arg;
}

void
chan_limit(struct chan *c, unsigned count)
{
	c->queue_max = count;
}

void
chan_on_room(struct chan *c, void (*fn)(struct chan *c, void *arg))
{
	c->on_room = fn;
}

unsigned
chan_queued(const struct chan *c)
{
	return c->queued;
}

int
chan_fd(const struct chan *c)
{
	return c->fd;
}
