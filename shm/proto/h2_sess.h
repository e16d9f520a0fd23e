/* SPDX-License-Identifier: MIT */
/*
 * An HTTP/2 connection, either role: bytes in, events and bytes out.
 *
 * nghttp2 does framing, HPACK, windows and stream states; messages are judged
 * here (h2_head), floods bounded (h2_calm).  Neither direction uses a dynamic
 * table that would tie the connection to its process: see h2_move.h.
 *
 * Events come from within h2_sess_feed() and h2_sess_output(); in them
 * anything may be called but these two and h2_sess_free().
 */
#ifndef SHM_PROTO_H2_SESS_H
#define SHM_PROTO_H2_SESS_H

#include "shm/proto/h2_frame.h"
#include "shm/proto/h2_head.h"

struct h2_sess;

struct h2_cfg {
	bool is_server;        /* our role */
	bool connect_protocol; /* server: announce RFC 8441 */
	uint16_t max_streams;  /* server: the peer's at once; client: ours */
	uint32_t window_bytes; /* of a stream, to receive; <= 2^31 - 1 */
	uint32_t conn_window_bytes; /* of all; taken when DATA first comes */
	uint32_t head_max_bytes;    /* of a field section, as h2_head counts */
};

/* Where a section goes; the caller keeps both in place until on_head. */
struct h2_into {
	struct http_head *head;
	struct arena *arena;
	enum http_method method; /* client: of the request */
	struct sv upgrade;       /* client: :protocol asked for, or empty */
};

enum h2_more {
	H2_MORE,          /* there will be; none now: until h2_sess_resume() */
	H2_MORE_END,      /* these bytes are the last, END_STREAM */
	H2_MORE_TRAILERS, /* the last, but for h2_sess_trailers() */
	H2_MORE_N
};

struct h2_events {
	/*
	 * A field section begins. Server, a new stream: *user is NULL and
	 * becomes the stream's (h2_sess_feed's caller sees it in every later
	 * event); else it is what was given.  False: REFUSED_STREAM.
	 */
	bool (*on_begin)(
	    void *conn, uint32_t id, void **user, struct h2_into *into);
	/*
	 * It is complete. err 0, or -WSE_TOOBIG: the head is of no use, and
	 * of a request or response the receiver may say so (431) or reset.
	 * Malformed ones were reset and show as on_close alone.  end: nothing
	 * follows (there is no on_end then).
	 */
	void (*on_head)(
	    void *conn, void *user, enum h2_part part, int err, bool end);
	/* Body, inside what is being fed; counted until h2_sess_consume(). */
	void (*on_data)(void *conn, void *user, struct sv data);
	void (*on_end)(void *conn, void *user); /* END_STREAM after the head */
	/*
	 * The stream is over, in order (code 0 and both ends seen), or reset
	 * by either side; the last event of it.  REFUSED_STREAM: nothing of it
	 * was processed (a GOAWAY says so, too).
	 */
	void (*on_close)(
	    void *conn, void *user, uint32_t id, uint32_t code, bool by_peer);
	/*
	 * Body to send: up to max bytes at *p_r, which stay there until
	 * on_sent or on_close.  Bytes, 0 to 2^14.
	 */
	size_t (*pull)(void *conn, void *user, size_t max, const char **p_r,
	    enum h2_more *more_r);
	/* n bytes of it went to the output. */
	void (*on_sent)(void *conn, void *user, size_t n);
	/* SETTINGS of the peer (ack: its acknowledgement of ours), GOAWAY. */
	void (*on_control)(void *conn, enum h2_type type, bool ack);
};

/*
 * A connection; its preface is the first output.  ev and conn are borrowed.
 * NULL when memory is out.
 */
struct h2_sess *h2_sess_new(const struct h2_cfg *cfg,
    const struct h2_events *ev, void *conn, uint64_t now_ms);
/* Frees streams without on_close. */
void h2_sess_free(struct h2_sess **s);

/*
 * Take whole frames from n bytes at p; bytes consumed.  What is left is less
 * than a frame: at most H2_HD_BYTES + H2_FRAME_MAX - 1, which the caller keeps
 * and feeds again with more.  A peer that breaks the protocol gets a GOAWAY by
 * h2_sess_output() and is not listened to any longer (h2_sess_is_over()).
 * -WSE_PROTO: not HTTP/2 at all, close; -WSE_NOMEM.
 */
MUST_USE ssize_t h2_sess_feed(
    struct h2_sess *s, const void *p, size_t n, uint64_t now_ms);
/*
 * Gather what is to be sent; bytes written, 0: nothing (more), -WSE_NOMEM.
 * room is at least H2_OUTPUT_MIN; DATA frames are as large as it allows.
 */
enum { H2_OUTPUT_MIN = 1024 };
MUST_USE ssize_t h2_sess_output(struct h2_sess *s, void *out, size_t room);
/* h2_sess_output() would write something, as far as can be told. */
bool h2_sess_has_output(const struct h2_sess *s);
/* Nothing more goes in or out: close the connection. */
bool h2_sess_is_over(const struct h2_sess *s);
/* We have ended it: what comes is dropped, whatever is still to be said. */
bool h2_sess_is_deaf(const struct h2_sess *s);

/*
 * Client: a request. has_body: pull will be asked.  Its id, or -WSE_DENIED
 * (see h2_sess_can_open), -WSE_NOMEM.  A tunnel (extended CONNECT) has a body.
 */
MUST_USE ssize_t h2_sess_request(
    struct h2_sess *s, const struct h2_fields *f, bool has_body, void *user);
/*
 * Server. Interim heads (1xx) before the final one. 0 or -WSE_*; a stream that
 * is gone is -WSE_NOTFOUND.  A peer that does not read gets only the first few.
 */
enum { H2_INTERIMS_MAX = 16 };
MUST_USE int
h2_sess_interim(struct h2_sess *s, uint32_t id, const struct h2_fields *f);
MUST_USE int h2_sess_respond(
    struct h2_sess *s, uint32_t id, const struct h2_fields *f, bool has_body);
MUST_USE int
h2_sess_trailers(struct h2_sess *s, uint32_t id, const struct h2_fields *f);
/* pull has bytes again. */
void h2_sess_resume(struct h2_sess *s, uint32_t id);
/*
 * n bytes of on_data were passed on: the peer may send as many more.  Also
 * for streams that are closed by now, whose bytes count for the connection.
 */
void h2_sess_consume(struct h2_sess *s, uint32_t id, size_t n);
/* Reset; on_close follows. Harmless on a stream that is gone. */
void h2_sess_reset(struct h2_sess *s, uint32_t id, enum h2_error code);
/*
 * Finish what has begun (GOAWAY, NO_ERROR).  Server, is_final false: only
 * says so, what is under way is still taken; a round trip later is_final.
 */
void h2_sess_drain(struct h2_sess *s, bool is_final);
/* End the connection: GOAWAY with a code, no more reading. */
void h2_sess_end(struct h2_sess *s, enum h2_error code);
/*
 * Client: reset (INTERNAL_ERROR) a stream that never sent anything: what
 * HAProxy does with an upgrade the server cannot take.  A server may end the
 * connection for that, as RFC 9113 5.1 has it.  0 or -WSE_*.
 */
MUST_USE int h2_sess_reset_unopened(struct h2_sess *s);
/* Liveness: the answer shows as on_control(H2_PING, ack). */
MUST_USE int h2_sess_ping(struct h2_sess *s);

/* Client: whether the peer takes one more stream now. */
bool h2_sess_can_open(const struct h2_sess *s);
/* The first SETTINGS of the peer were read. */
bool h2_sess_is_ready(const struct h2_sess *s);
/* The peer speaks RFC 8441 (as far as we know now). */
bool h2_sess_peer_connects(const struct h2_sess *s);
/* The code of the GOAWAY we sent, or 0. */
uint32_t h2_sess_sent_error(const struct h2_sess *s);
/* The stream's END_STREAM went out (true, too, when it is not known). */
bool h2_sess_is_out_ended(const struct h2_sess *s, uint32_t id);
/* A GOAWAY came or went: no new streams. */
bool h2_sess_is_going(const struct h2_sess *s);
unsigned h2_sess_stream_count(const struct h2_sess *s);
/* Streams the peer would take at once. */
uint32_t h2_sess_peer_streams(const struct h2_sess *s);

#endif
