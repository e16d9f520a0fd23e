/* SPDX-License-Identifier: MIT */
/*
 * The transport: bytes to and from a peer, plain, through TLS, or a stream's on
 * a connection it shares (xmux.h).  Nothing above asks which.
 *
 * Receiving and sending return bytes (> 0), -WSE_AGAIN, -WSE_EOF (receiving:
 * the peer's FIN) or -WSE_RESET (the connection is of no further use).
 *
 * TLS holds bytes of its own: whole records that were read already, so that a
 * reader has to come back without being readable (xprt_has_pending()), and
 * sealed bytes that the socket did not take (xprt_has_unsent()).  So does a
 * shared connection.
 */
#ifndef WORKER_XPRT_H
#define WORKER_XPRT_H

#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "shm/base/err.h"
#include "worker/xmux.h"
#include "worker/xprt_tls.h"

struct xprt {
	int fd;           /* owned by whoever embeds this; -1: none */
	struct xtls *tls; /* NULL: plain */
	struct xmux *mux; /* fd is -1 then, tls NULL; else NULL */
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
	ssize_t n;

	if (x->tls)
		return xprt_tls_recv(x->tls, x->fd, p, room);
	if (x->mux)
		return xmux_recv(x->mux, p, room);
	n = recv(x->fd, p, room, 0);
	return n == 0 ? -WSE_EOF : xprt_result(n);
}

/* The end of the array is not reached when less than all was taken. */
MUST_USE static inline ssize_t
xprt_send(const struct xprt *x, struct iovec *iov, int count)
{
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = (size_t)count };

	if (x->tls)
		return xprt_tls_send(x->tls, x->fd, iov, count);
	if (x->mux)
		return xmux_send(x->mux, iov, count);
	if (count == 1)
		return xprt_result(
		    send(x->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL));
	return xprt_result(sendmsg(x->fd, &m, MSG_NOSIGNAL));
}

/*
 * The same for the last bytes: the caller shuts down or closes as soon as they
 * are taken, and they leave in one packet with that.
 */
MUST_USE static inline ssize_t
xprt_send_last(const struct xprt *x, struct iovec *iov, int count)
{
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = (size_t)count };

	if (x->tls)
		return xprt_tls_send_last(x->tls, x->fd, iov, count);
	if (x->mux)
		return xmux_send(x->mux, iov, count);
	return xprt_result(sendmsg(x->fd, &m, MSG_NOSIGNAL | MSG_MORE));
}

/* Something to receive is here already. */
static inline bool
xprt_has_pending(const struct xprt *x)
{
	return x->tls ? x->tls->has_more : x->mux && xmux_has_pending(x->mux);
}

/* Through HTTP/2 the end is known with the last bytes. */
static inline bool
xprt_has_ended(const struct xprt *x)
{
	return x->mux && x->mux->rx_end && !x->mux->rx.data && !x->mux->dead;
}

/* What was sent has not left altogether; xprt_flush() when writable. */
static inline bool
xprt_has_unsent(const struct xprt *x)
{
	return x->tls ? xprt_tls_has_unsent(x->tls)
		      : x->mux && xmux_has_unsent(x->mux);
}

/* 0: nothing is unsent; -WSE_AGAIN, -WSE_RESET. */
MUST_USE static inline int
xprt_flush(const struct xprt *x)
{
	if (x->mux)
		return x->mux->dead           ? -WSE_RESET
		    : xmux_has_unsent(x->mux) ? -WSE_AGAIN
					      : 0;
	return x->tls ? xprt_tls_flush(x->tls, x->fd) : 0;
}

/* The end came without the peer saying so in TLS: perhaps too early. */
static inline bool
xprt_is_truncated(const struct xprt *x)
{
	return x->tls && x->tls->is_truncated;
}

/* Nothing of the connection's state is here: it may go into a pool. */
static inline bool
xprt_is_at_rest(const struct xprt *x)
{
	return !x->tls || xprt_tls_is_at_rest(x->tls);
}

/*
 * The peer has neither data nor its end for us.  Through TLS, records without
 * meaning to us (tickets) are taken out.
 */
static inline bool
xprt_is_quiet(const struct xprt *x)
{
	char c;

	if (x->tls)
		return xprt_tls_is_quiet(x->tls, x->fd);
	if (x->mux) /* its end is no end of the connection */
		return !x->mux->rx.data && !x->mux->dead;
	return recv(x->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	    errno == EAGAIN;
}

/*
 * Orderly end of what we send: close_notify, then a FIN; or END_STREAM.  0;
 * -WSE_AGAIN: call again when writable; -WSE_RESET.
 */
MUST_USE static inline int
xprt_shutdown(const struct xprt *x)
{
	if (x->tls)
		return xprt_tls_shutdown(x->tls, x->fd);
	if (x->mux) {
		xmux_end(x->mux, SV_NULL);
		return 0;
	}
	return shutdown(x->fd, SHUT_WR) < 0 ? -WSE_RESET : 0;
}

/* Before an orderly close: close_notify, as far as it can leave at once. */
static inline void
xprt_bye(const struct xprt *x)
{
	if (x->tls)
		xprt_tls_bye(x->tls, x->fd);
}

#endif
