/* SPDX-License-Identifier: MIT */
/*
 * The inside of HTTP/2 connections to servers, for h2_back*.c alone:
 * h2_back.c is the connection, h2_back_stream.c its streams.
 *
 * A struct h2_back lives while its bconn is leased and about a second longer
 * (bc->h2), so that the next request finds the session as it was.  Streams are
 * never called from within the session but for interim responses.  A final head
 * waits for the session to be done, so that a body that came along leaves with
 * it, and the connection can idle before the client has the whole.  What is
 * left is settled by the `turn` event, once in a turn of the loop, after the
 * streams.
 */
#ifndef WORKER_H2_BACK_INT_H
#define WORKER_H2_BACK_INT_H

#include "worker/h2_back.h"
#include "worker/stream.h"
#include "worker/ws_key.h"

/* For what has to come or leave before a connection may idle. */
enum { H2_BACK_REST_MS = 1000 };

struct h2_back {
	struct bconn *bc;
	struct h2_sess *sess;
	struct xprt x;
	struct xtls xtls;  /* of x, if through TLS */
	struct buf in;     /* part of a frame */
	struct buf out;    /* what the socket did not take */
	struct event turn; /* output, and what becomes of the connection */
	struct event wev;  /* EV_WRITE, after EAGAIN */
	struct event timer;
	struct list ends;  /* h2_end.node: all the session knows of */
	unsigned count;    /* of them, those that have a stream */
	unsigned left;     /* ... and those that had one */
	bool active;       /* leased; else bc is idle */
	bool feeding;      /* the session is taking input */
	bool broken;       /* nothing goes in or out any more */
	bool useless;      /* it takes no stream though none is on it */
	bool is_private;   /* http-reuse never: closed after its stream */
	bool owes_permit;  /* the last stream's is not given back yet */
	uint64_t heard_ms; /* when something came last */
	uint64_t rest_ms;  /* until then it may take to come to rest; 0: any */
	uint64_t pong_ms;  /* until then a PING is to be answered; 0: none */
};

/* A stream as the session knows it. */
struct h2_end {
	struct xmux m; /* the first member */
	struct list node;
	struct h2_back *hb;
	struct stream *s;    /* NULL: it has left */
	uint32_t id;         /* 0: no request was sent */
	uint64_t left_ms;    /* when it left */
	bool closed;         /* the session knows it no more */
	struct list waiting; /* with a final head, for the session to be done */
	int head_err;        /* of the head */
	bool head_ends;      /* it is the whole answer */
	bool has_head;       /* the final one came */
	uint32_t arena_bytes; /* of the stream, before the head at hand */
	uint64_t sent_ms;     /* when the request was */
	struct sv upgrade;    /* :protocol asked for */
	bool has_accept;
	char accept[WS_KEY_ACCEPT_BYTES]; /* Sec-WebSocket-Accept */
	struct h2_back_trail *trail;      /* trailers that come in */
};

struct h2_back_trail {
	struct http_head head;
	struct arena arena;
	char mem[16384];
};

/* h2_back.c */
/* The session of a leased connection, made if need be; NULL: no memory. */
struct h2_back *h2_back_of(struct bconn *bc);
/* Have the connection looked after in this turn. */
void h2_back_wake(struct h2_back *hb);
/*
 * Its last stream has left: let it idle now, if it can, before the client hears
 * the end; the next request, on whichever worker, is to find it.  It may be
 * gone afterwards.
 */
void h2_back_settle(struct h2_back *hb);
/* Read what is there; not from within the session. */
void h2_back_read(struct h2_back *hb);
/* Does it take one more? Tells the pool. */
bool h2_back_share(struct h2_back *hb);
/* A stream had no answer: is anybody there? */
void h2_back_probe(struct h2_back *hb);

/* h2_back_stream.c */
/* Tell streams of the final heads that came, and what came behind them. */
void h2_back_heads(void);
/* Reset those that left too long ago to be waited for. */
void h2_back_expire(struct h2_back *hb);
extern const struct h2_events h2_back_events;
void h2_back_end_free(struct h2_end *e);
/* The connection is gone: tell the streams. */
void h2_back_break(struct h2_back *hb);

#endif
