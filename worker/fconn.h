/* SPDX-License-Identifier: MIT */
/*
 * A client's connection.  Small while idle: buffer and stream are attached
 * only while a request is in process.
 */
#ifndef WORKER_FCONN_H
#define WORKER_FCONN_H

#include <event2/event_struct.h>

#include "shm/base/buf.h"
#include "worker/rules/txn.h"
#include "worker/wk.h"
#include "worker/xprt.h"

struct fconn_tls;
struct stream;

enum fconn_state {
	FC_PROXY,  /* the PROXY header is awaited */
	FC_TLS,    /* the handshake is under way */
	FC_IDLE,   /* no byte of a request is here */
	FC_BUSY,   /* a stream has it */
	FC_LINGER, /* all is said; what the client still sends is dropped */
	FC_GONE,
	FC_STATE_N
};

struct fconn {
	struct list node; /* in wk.conns */
	struct event rev, wev;
	struct xprt x;
	struct buf in;
	struct wheel_timer timer;
	struct stream *s;      /* FC_BUSY only */
	struct fconn_tls *tls; /* NULL: plain, or before FC_TLS */
	struct txn_client cli;
	struct bconn *kept; /* http-reuse never: the session's own */
	const struct proxy *kept_be;
	uint64_t since_ms;     /* entry into the state */
	uint32_t linger_bytes; /* dropped so far */
	enum fconn_state state;
	bool reading, writing; /* rev, wev are added */
	bool eof;              /* the client's FIN was read */
	bool again;            /* bytes of the next request are in `in` */
};

/* A new client; takes *fd. May close it at once. */
void fconn_new(int *fd, const struct bind *bind, const struct addr *src);
/* End it now, stream gone already. */
void fconn_close(struct fconn *fc);
/* The same in order: TLS hears that this is all. */
void fconn_end(struct fconn *fc);
/* Its handshake is done: requests may come. */
void fconn_ready(struct fconn *fc);
/* Between requests: look at what is in `in`, or wait; eof closes. */
void fconn_next(struct fconn *fc);
/* Say no more, but let the client read what was sent (RFC 9112 9.6). */
void fconn_linger(struct fconn *fc);
void fconn_read_on(struct fconn *fc);
void fconn_read_off(struct fconn *fc);
void fconn_write_on(struct fconn *fc);
void fconn_write_off(struct fconn *fc);
/* Close every idle connection (drain). */
void fconn_close_idle(void);
const struct proxy *fconn_proxy(const struct fconn *fc);

#endif
