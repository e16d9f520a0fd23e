/* SPDX-License-Identifier: MIT */
/*
 * TLS over a connected socket whose handshake is done: records in, records
 * out (see xprt.h for what the functions mean).  Runs in the worker.
 *
 * While a connection is idle it holds no buffer, and after a second or so of
 * quiet no cipher context either.
 */
#ifndef WORKER_XPRT_TLS_H
#define WORKER_XPRT_TLS_H

#include <sys/types.h>

#include "shm/base/buf.h"
#include "shm/base/list.h"
#include "shm/proto/tls_rec.h"

struct event;
struct iovec;

/*
 * `in` holds plain_bytes of opened data, then records as they came, the last
 * one mostly incomplete; `out` sealed bytes that the socket did not take.
 */
struct xtls_kept {
	struct buf in, out;
};

struct xtls {
	struct tls_rec *rec;    /* borrowed */
	struct event *rev;      /* activated when has_more; may be NULL */
	struct xtls_kept *kept; /* NULL: neither holds bytes */
	struct list warm;       /* among those that hold cipher contexts */
	uint64_t used_ms;       /* when a record passed last, clock_ms() */
	uint32_t plain_bytes;   /* opened, not yet asked for */
	uint8_t end;       /* WSE_EOF or WSE_RESET: all receiving ends so */
	bool has_more;     /* xprt_has_pending() */
	bool is_truncated; /* the end came without close_notify */
};

static inline bool
xprt_tls_has_unsent(const struct xtls *xt)
{
	return xt->kept && xt->kept->out.data;
}

/* Begin on rec, which stays the caller's and must outlive xt. */
void xprt_tls_begin(struct xtls *xt, struct tls_rec *rec, struct event *rev);
/* Records that were read along with the handshake. 0 or -WSE_NOMEM. */
MUST_USE int xprt_tls_preload(struct xtls *xt, const void *p, size_t n);
/* `to` goes on where `from` is, on rec, a copy of its records' state; nothing
 * is activated from now on. */
void xprt_tls_move(struct xtls *to, struct xtls *from, struct tls_rec *rec);
/* Just begun: bytes that another process held. 0 or -WSE_NOMEM. */
MUST_USE int xprt_tls_refill(struct xtls *xt, struct sv in, struct sv out);
/* Give up buffers; rec keeps its contexts. Harmless when never begun. */
void xprt_tls_end(struct xtls *xt);

MUST_USE ssize_t xprt_tls_recv(struct xtls *xt, int fd, void *p, size_t room);
MUST_USE ssize_t xprt_tls_send(
    struct xtls *xt, int fd, const struct iovec *iov, int count);
/* close_notify goes along if all was taken; nothing can be sent after it. */
MUST_USE ssize_t xprt_tls_send_last(
    struct xtls *xt, int fd, const struct iovec *iov, int count);
MUST_USE int xprt_tls_flush(struct xtls *xt, int fd);
MUST_USE int xprt_tls_shutdown(struct xtls *xt, int fd);
void xprt_tls_bye(struct xtls *xt, int fd);
bool xprt_tls_is_at_rest(const struct xtls *xt);
bool xprt_tls_is_quiet(struct xtls *xt, int fd);

/*
 * An idle connection without a struct xtls can be read: take what is harmless
 * (tickets, KeyUpdate, which is answered).  0; -WSE_EOF: it has ended;
 * -WSE_PROTO: anything else came; -WSE_AGAIN: part of a record is there, and
 * stays in the socket; -WSE_RESET.
 */
MUST_USE int xprt_tls_idle_read(struct tls_rec *r, int fd);

/* Have cipher contexts given back that were not used for a second; about so
 * many bytes.  About once a second. */
size_t xprt_tls_cool(void);

#endif
