/* SPDX-License-Identifier: MIT */
/*
 * A stream: one request and its response, between a front end (fconn) and a
 * back end (bconn).
 *
 * Functions that say "may end the stream" leave nothing of it to touch.
 */
#ifndef WORKER_STREAM_H
#define WORKER_STREAM_H

#include <event2/event_struct.h>

#include "worker/fconn.h"
#include "worker/flow.h"
#include "worker/rules/txn.h"
#include "worker/ws_watch.h"

/*
 * How streams use a connection to a server that carries many.  The connection
 * is one struct bconn, the stream's transport a struct xmux of its own.
 */
struct back_ops {
	/*
	 * One stream more: s->b.x.mux is set.  Else connection and permit are
	 * given back: -WSE_DENIED: it takes no more now, ask for another;
	 * -WSE_EOF: a new one that takes none at all; -WSE_NOMEM.
	 */
	int (*open)(struct stream *s, struct bconn *bc);
	/* Send s->t.req, its body follows through the transport. 0 or -WSE_*.
	 */
	int (*head)(struct stream *s);
	/*
	 * The stream has done with it, s->b.bc and its permit: they are given
	 * back.  in_order: request and response are complete, or the stream is
	 * reset.
	 */
	void (*leave)(struct stream *s, bool in_order);
};

/* Of HTTP/2; NULL in a process without. */
extern const struct back_ops *back_h2;

enum stream_state {
	ST_HEAD,     /* the request head comes in */
	ST_BUFFER,   /* option http-buffer-request: its body, too */
	ST_QUEUE,    /* a connection was asked for */
	ST_PAUSE,    /* before another try on the same server */
	ST_RESPONSE, /* request is being sent; no final response head yet */
	ST_RELAY,    /* the response is on its way to the client */
	ST_TUNNEL,   /* bytes both ways */
	ST_REPLY,    /* our own answer is on its way to the client */
	ST_DONE,
	ST_STATE_N
};

enum { STREAM_ARENA_BYTES = 16384 };

/* Large, not zeroed for each request. */
struct stream_mem {
	struct http_head req, res;
	_Alignas(8) char arena[STREAM_ARENA_BYTES];
};

/* The request on its way to a server. */
struct stream_back {
	struct bconn *bc;
	struct bconn *kept; /* the session's own, waiting for a permit */
	struct xprt x;      /* of bc */
	struct xtls xtls;   /* its transport, if through TLS */
	struct event wev;   /* EV_WRITE, after EAGAIN */
	struct event rev;   /* with x.mux: EV_READ, of this stream alone */
	struct pool_lease lease;
	int tries_left; /* of `retries` */
	int tries_done;
	int interims;          /* 1xx that came */
	bool reading, writing; /* bc's rev, wev are added */
	bool any_sent;         /* a byte left us on this try */
	bool write_dead;       /* the server takes no more of the request */
	bool stale_retried;    /* the free second try was used */
	bool ws_fell_back;     /* prefer-h2: the server does not take h2 */
	bool want_fresh;       /* no reused connection for this try */
	bool by_rule;          /* use-server, or a cookie, chose it */
	bool queued;           /* there was no free permit when it asked */
	uint64_t chosen_us;    /* when redispatched; 0: it was not */
	int queue_seen;        /* others that waited then, and itself */
	bool counted;          /* in the backend's stream count */
	bool srv_close;        /* the server will not keep the connection */
};

/* When something was last heard, clock_ms(); and a deadline of the state. */
struct stream_due {
	uint64_t client_ms, server_ms;
	uint64_t state_ms; /* 0: none */
	uint64_t head_ms;  /* timeout http-request */
};

struct stream {
	struct fconn *fc;
	struct stream_mem *mem;
	struct txn t;
	enum stream_state state;
	struct stream_back b;
	struct stream_due due;
	struct h1_scan scan;       /* of the head at hand */
	struct buf ubuf, dbuf;     /* more request body; response */
	struct buf to_srv, to_cli; /* heads as serialised */
	struct flow up, down;      /* bodies */
	uint32_t head_bytes;       /* of the request, in fc->in */
	bool client_closes;        /* the client will send no other request */
	bool keep_client;          /* the connection outlives this response */
	bool continued;            /* a 100 was passed on */
	bool is_upgrade;           /* the request asks for one */
	bool res_begun;            /* a final head is queued for the client */
	bool res_ended;            /* HTTP/2: with its head, so was it */
	bool aborted;              /* the response was cut */
	bool logged;
	bool tunnel_counted;     /* in wk.tunnels */
	bool up_shut, down_shut; /* tunnel: a FIN was passed on */
	struct sv reply_rest;    /* our own body not copied yet, static bytes */
	struct svc *svc;       /* ST_REPLY: what makes our own body, or NULL */
	struct ws_watch watch; /* ST_TUNNEL */
	struct list tunnel_node; /* the same */
};

/* Attach a stream to an idle connection; NULL when memory is out. */
struct stream *stream_new(struct fconn *fc);
/* Free the objects that were not used since the last call; bytes freed. */
size_t stream_shrink(void);
void stream_set_state(struct stream *s, enum stream_state to);
/* Set the timer after something happened. */
void stream_arm(struct stream *s);
/* The timer fired. May end the stream. */
void stream_timeout(struct stream *s);
/* The client can be read or written. May end the stream. */
void stream_client_readable(struct stream *s);
/*
 * A shared connection brought the head, in s->mem->req with the arena of s->t;
 * err: -WSE_TOOBIG, it was too large.  end: no body follows.  May end the
 * stream.
 */
void stream_req_begin(struct stream *s, int err, bool end);
/*
 * ... and a response's, in s->mem->res with the same arena; interim ones, too.
 * May end the stream.
 */
void stream_res_begin(struct stream *s, int err, bool end);
/* The client is gone (RST, or a FIN that counts). Ends the stream. */
void stream_client_gone(struct stream *s);
/* As if it had never been: nothing is logged or counted. */
void stream_drop(struct stream *s);
/* Everything was sent to the client. Ends the stream. */
void stream_finish(struct stream *s);
/* Stop in the middle: nothing more can be said to the client. Ends it. */
void stream_cut(struct stream *s);
/* Set HAProxy's termination letters unless they are set. */
void stream_term(struct stream *s, char who, char where);
/* The letter of where it is: R Q C H D T L. */
char stream_where(const struct stream *s);
/* The lease waits for a permit rather than for a dial (a guess). */
bool stream_is_queued(const struct stream *s);
/* The whole request was received. */
bool stream_request_is_read(const struct stream *s);

static inline const struct proxy_timeouts *
stream_fe_tmo(const struct stream *s)
{
	return &s->t.fe->tmo;
}

static inline const struct proxy_timeouts *
stream_be_tmo(const struct stream *s)
{
	return &(s->t.be ? s->t.be : s->t.fe)->tmo;
}

#endif
