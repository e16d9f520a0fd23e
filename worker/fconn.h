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
struct h2_front;
struct h2_rest;
struct stream;
struct fconn;
struct http_head;

/*
 * How a stream answers a client whose connection carries many: the stream's
 * fconn is one of its own, without descriptor, its transport a struct xmux.
 */
struct front_ops {
	/*
	 * Send a head, interim or final; hop-by-hop fields are left out.
	 * has_body: bytes or the end follow through the transport.  0 or
	 * -WSE_*: it cannot be said.
	 */
	int (*head)(struct stream *s, struct http_head *h, bool has_body);
	/*
	 * The stream is over and its fconn to be freed.  aborted, or the end
	 * was not said: the client must not take the response for complete, a
	 * reset.  whole: the request was read to its end, else the client is
	 * told that no more of it is wanted.  What waits to be sent still is.
	 */
	void (*end)(struct fconn *fc, bool aborted, bool whole);
};

enum fconn_state {
	FC_PROXY,  /* the PROXY header is awaited */
	FC_TLS,    /* the handshake is under way */
	FC_IDLE,   /* no byte of a request is here */
	FC_BUSY,   /* a stream has it */
	FC_H2,     /* HTTP/2: it carries streams, whose fconns are others */
	FC_REST,   /* the same without any, and without a session */
	FC_LINGER, /* all is said; what the client still sends is dropped */
	FC_GONE,
	FC_STATE_N
};

struct fconn {
	struct list node; /* in wk.conns */
	struct event rev, wev;
	struct xprt x;
	const struct front_ops
	    *front;                /* NULL: HTTP/1, a connection by itself */
	struct txn_client *shared; /* with front: of the connection */
	struct buf in;
	struct wheel_timer timer;
	struct stream *s;      /* FC_BUSY only */
	struct fconn_tls *tls; /* NULL: plain, or before FC_TLS */
	struct h2_front *h2;   /* FC_H2 only */
	struct h2_rest *rest;  /* FC_REST only */
	struct txn_client cli;
	struct bconn *kept; /* http-reuse never: the session's own */
	const struct proxy *kept_be;
	uint64_t since_ms;     /* entry into the state */
	uint64_t close_ms;     /* FC_IDLE: the drain closes it; 0: not */
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
/*
 * Its stream is over and the connection a tunnel's: *fd_r is the caller's, and
 * its place among the clients, accept_ended().  TLS was taken before.
 */
void fconn_leave(struct fconn *fc, int *fd_r);
/* The fconn of one stream, zeroed, FC_BUSY: its transport is m. */
void fconn_attach(struct fconn *fc, const struct front_ops *front,
    struct xmux *m, struct txn_client *shared);
/* Its stream is gone: give back what it holds, but for m. */
void fconn_detach(struct fconn *fc);
/* h2_front.c: FC_H2 and FC_REST. */
void fconn_set_state(struct fconn *fc, enum fconn_state to);
/* Its handshake is done: requests may come. */
void fconn_ready(struct fconn *fc);
/* It speaks HTTP/2, from what is in `in` on. May close it. */
void fconn_to_h2(struct fconn *fc);
/* Between requests: look at what is in `in`, or wait; eof closes. */
void fconn_next(struct fconn *fc);
/* Say no more, but let the client read what was sent (RFC 9112 9.6). */
void fconn_linger(struct fconn *fc);
void fconn_read_on(struct fconn *fc);
void fconn_read_off(struct fconn *fc);
void fconn_write_on(struct fconn *fc);
void fconn_write_off(struct fconn *fc);
/* Every idle connection is to be closed, at its moment (drain). */
void fconn_close_idle(void);
/* Each stream of all of them; fn may end it. */
void fconn_each_stream(void (*fn)(struct stream *s, void *arg), void *arg);
const struct proxy *fconn_proxy(const struct fconn *fc);

/* What is known of the client, whatever carries its streams. */
static inline struct txn_client *
fconn_client(struct fconn *fc)
{
	return fc->front ? fc->shared : &fc->cli;
}

#endif
