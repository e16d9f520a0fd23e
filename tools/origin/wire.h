/* SPDX-License-Identifier: MIT */
/*
 * What a connection's bytes go through: the socket itself, or TLS over it.
 * The plain way is the system call and nothing else.
 */
#ifndef ORIGIN_WIRE_H
#define ORIGIN_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "tools/origin/tls.h"

struct wire {
	int fd;
	struct tls *tls; /* NULL: plain */
};

/* Both fail like the system calls: EAGAIN means an event must come first. */
static inline ssize_t
wire_recv(struct wire *w, void *buf, size_t len)
{
	return w->tls ? tls_recv(w->tls, buf, len) : recv(w->fd, buf, len, 0);
}

static inline ssize_t
wire_send(struct wire *w, const struct msghdr *msg)
{
	return w->tls ? tls_send(w->tls, msg->msg_iov, msg->msg_iovlen)
		      : sendmsg(w->fd, msg, MSG_NOSIGNAL);
}

/* Whether wire_recv() has bytes that no event of the socket announces. */
static inline bool
wire_pending(const struct wire *w)
{
	return w->tls && tls_pending(w->tls);
}

/* Ends our direction: close_notify where it is wanted, FIN. */
static inline void
wire_shutdown(struct wire *w, bool clean)
{
	if (w->tls && clean)
		tls_end(w->tls);
	shutdown(w->fd, SHUT_WR);
}

#endif
