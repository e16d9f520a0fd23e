/* SPDX-License-Identifier: MIT */
/*
 * What the files of a client's HTTP/2 connection share: h2_front.c (bytes,
 * timers, ends), h2_front_stream.c (streams), h2_front_rest.c (without a
 * session). Nobody else includes it.
 */
#ifndef WORKER_H2_FRONT_INT_H
#define WORKER_H2_FRONT_INT_H

#include "shm/proto/h2_move.h"
#include "worker/h2_front.h"
#include "worker/stream.h"

/*
 * Windows.  A stream's is what its xmux can hold.  The connection's is that
 * of CONN_STREAMS streams: so many uploads may stand still, their servers
 * not reading, before they hold up another one, and that is the most a
 * connection makes us keep (1 MB); downloads are never held up by them.
 */
enum { H2_FRONT_CONN_STREAMS = 16 };

/* Trailers that come in; one at a time, as field sections do not mix. */
struct h2_trail {
	struct http_head head;
	struct arena arena;
	_Alignas(8) char bytes[BUF_SMALL];
};

struct h2_front {
	struct fconn *fc;
	struct h2_sess *sess;
	struct list busy; /* streams at work */
	struct list over; /* done with here, not yet for the session */
	unsigned busy_count;
	struct buf in;  /* part of a frame */
	struct buf out; /* what the socket did not take */
	struct event flush;
	struct h2_trail *trail; /* NULL: none comes in */
	uint64_t idle_ms;  /* since when no stream is at work, clock_ms() */
	uint64_t begun_ms; /* when the last stream began, or it could */
	uint64_t head_ms;  /* when the head that comes in began; 0: none */
	uint64_t wrote_ms; /* when the socket took something last */
	uint64_t final_ms; /* draining: since when the last GOAWAY waits */
	bool draining;
	uint64_t read_ms;       /* when something came last */
	uint32_t dropped_bytes; /* came behind our end of the session */
	bool stays; /* it cannot rest, or waits for the client to allow it */
	bool told;  /* a line was written about its end */
};

struct h2_fstream {
	struct fconn fc; /* the stream's own; fc.s NULL: over */
	struct xmux m;
	struct h2_front *f;
	struct list link; /* in f->busy or f->over */
	uint32_t id;
	bool is_open;    /* the session knows it */
	bool is_heading; /* its head comes in */
	bool is_upgrade; /* an extended CONNECT */
	bool answered;   /* a final head was sent */
	bool said_end;   /* and the end with it */
};

extern const struct h2_events h2_front_events;

/* h2_front.c */
struct h2_cfg h2_front_cfg(const struct fconn *fc);
/* A struct h2_front without session, NULL: memory is out. */
struct h2_front *h2_front_make(struct fconn *fc);
/* Look at output, ends and timers once the streams have run. */
void h2_front_soon(struct h2_front *f);
/* How long it may be without a stream, ms; 0: no limit. */
unsigned h2_front_idle_ms(const struct fconn *fc);

/* h2_front_stream.c: none is at work after it. */
void h2_front_break(struct h2_front *f);
/* Free those that are over, of which the session is gone. */
void h2_front_forget(struct h2_front *f);
/* Streams whose end went out, but whose client still sends: not wanted. True:
 * there is output. */
bool h2_front_hush(struct h2_front *f);
/* A log line of a connection that broke the protocol. */
void h2_front_complain(struct h2_front *f);
/* The same of a head that does not come to its end; its stream is over. */
void h2_front_head_late(struct h2_front *f);

/*
 * h2_front_rest.c: without streams for a second.  0: it is FC_REST, f is gone;
 * -WSE_AGAIN: perhaps later; -WSE_DENIED: never.
 */
MUST_USE int h2_front_rest(struct h2_front *f);
/* FC_H2 again. 0 or -WSE_NOMEM. */
MUST_USE int h2_front_wake(struct fconn *fc);
void h2_front_rest_free(struct fconn *fc);

#endif
