/* SPDX-License-Identifier: MIT */
/*
 * The transport: bytes to and from a peer.  Nothing above asks what kind.
 *
 * Both return bytes (> 0), -WSE_AGAIN, -WSE_EOF (receiving: the peer's FIN)
 * or -WSE_RESET (the connection is of no further use).
 */
#ifndef WORKER_XPRT_H
#define WORKER_XPRT_H

#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "shm/base/err.h"

struct xprt {
	int fd; /* owned by whoever embeds this; -1: none */
};

static inline ssize_t
xprt_result(ssize_t n)
{
	if (n >= 0)
		return n;
	if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)
		return -WSE_AGAIN;
	return -WSE_RESET;
}

MUST_USE static inline ssize_t
xprt_recv(const struct xprt *x, void *p, size_t room)
{
	ssize_t n = recv(x->fd, p, room, 0);

	return n == 0 ? -WSE_EOF : xprt_result(n);
}

MUST_USE static inline ssize_t
xprt_send(const struct xprt *x, struct iovec *iov, int count)
{
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = (size_t)count };

	if (count == 1)
		return xprt_result(
		    send(x->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL));
	return xprt_result(sendmsg(x->fd, &m, MSG_NOSIGNAL));
}

#endif
