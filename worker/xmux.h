/* SPDX-License-Identifier: MIT */
/*
 * One stream's bytes on a connection that carries many (HTTP/2): what a
 * struct xprt is made of then.  Body bytes alone, raw; heads go another way
 * (struct front_ops, struct back_ops).
 *
 * Two sides use it.  The stream receives and sends through xprt.h.  The
 * connection puts in what came (xmux_put, xmux_put_end, xmux_break) and takes
 * out what is to go (xmux_pull, xmux_pulled).  Each wakes the other through
 * the event loop, never by a call into it.
 */
#ifndef WORKER_XMUX_H
#define WORKER_XMUX_H

#include <event2/event_struct.h>
#include <sys/uio.h>

#include "shm/base/buf.h"
#include "shm/proto/h2_sess.h"

enum {
	XMUX_TX_MAX = BUF_SMALL, /* bytes that may wait to be sent */
	XMUX_RX_MAX = 65535      /* the window announced: bytes not taken yet */
};

struct xmux;

struct xmux_ops {
	/* The stream took n bytes: the peer may send as many more. */
	void (*consumed)(struct xmux *m, uint32_t n);
	/* There is something to send, or the end. */
	void (*kick)(struct xmux *m);
};

struct xmux {
	const struct xmux_ops *ops;
	struct event *rev, *wev;       /* the stream's; without descriptor */
	const bool *reading, *writing; /* whether it waits for them */
	struct buf rx, tx;
	struct buf rx_trail, tx_trail; /* trailers as HTTP/1 has them */
	bool rx_end, tx_end;           /* nothing follows rx, tx */
	bool dead;                     /* reset, or the connection is gone */
	bool refused;                  /* dead, and nothing was processed */
	bool gone;                     /* dead, and so is the connection */
};

/* --- the stream's side: see xprt.h --- */
MUST_USE ssize_t xmux_recv(struct xmux *m, void *p, size_t room);
MUST_USE ssize_t xmux_send(struct xmux *m, const struct iovec *iov, int count);
/* END_STREAM after what was sent; before it trailers, HTTP/1 text, if any. */
void xmux_end(struct xmux *m, struct sv trail);

static inline bool
xmux_has_pending(const struct xmux *m)
{
	return m->rx.data || m->rx_end || m->dead;
}

static inline bool
xmux_has_unsent(const struct xmux *m)
{
	return m->tx.data && !m->dead;
}

/* --- the connection's side --- */
/* Bytes came. 0 or -WSE_NOMEM. */
MUST_USE int xmux_put(struct xmux *m, struct sv data);
/* END_STREAM came. */
void xmux_put_end(struct xmux *m);
/* It was reset: what came before can still be read. */
void xmux_break(struct xmux *m, bool refused);
/* For h2_events.pull and .on_sent. */
size_t
xmux_pull(struct xmux *m, size_t max, const char **p_r, enum h2_more *more_r);
void xmux_pulled(struct xmux *m, size_t n);
/* Buffers are given back; bytes that were not taken. */
uint32_t xmux_free(struct xmux *m);

#endif
