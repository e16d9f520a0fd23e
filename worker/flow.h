/* SPDX-License-Identifier: MIT */
/*
 * One direction of a message body, or of a tunnel: bytes are received into a
 * buffer, decoded in place, and sent on from the same place, framed anew.
 *
 *      data   ..... | payload to send | not decoded yet | free
 *             0     r             pay_w = .. raw_r      w     size
 */
#ifndef WORKER_FLOW_H
#define WORKER_FLOW_H

#include <sys/uio.h>

#include "shm/base/buf.h"
#include "shm/proto/h1.h"

enum flow_stage {
	FLOW_READY, /* nothing begun */
	FLOW_LINE,  /* in a chunk-size line */
	FLOW_DATA,  /* in the chunk */
	FLOW_CRLF,  /* behind it */
	FLOW_TAIL,  /* in the last chunk and the trailers */
	FLOW_END,   /* everything is sent */
	FLOW_STAGE_N
};

enum { FLOW_IOV_MAX = 4, FLOW_LINE_MAX = 20 };

struct flow {
	struct buf *b;         /* r and w are this flow's, too */
	uint32_t pay_w, raw_r; /* offsets in b, see above */
	uint32_t base;         /* offset an emptied buffer starts over at */
	bool keep;             /* payload stays, for a retry */
	bool tail_aside;  /* whatever `out` is, trailers are kept in tail */
	uint32_t first_r; /* offset of the first payload byte */
	enum http_framing in, out;
	uint64_t left_bytes;   /* in LENGTH: not received yet */
	struct h1_chunk chunk; /* in CHUNKED */
	struct h1_scan scan;   /* its trailers */
	bool in_done;          /* all of it was received */
	enum flow_stage stage;
	char line[FLOW_LINE_MAX];
	uint8_t line_r, line_w; /* of line[], or of the CRLF */
	uint32_t chunk_left;    /* bytes of the open chunk not sent yet */
	struct buf tail;        /* trailers with the last chunk; mostly none */
	uint32_t tail_r;        /* bytes of the tail sent */
	uint64_t payload_bytes; /* decoded so far */
};

/* Body bytes begin at b->r (nothing in b is decoded yet). */
void flow_start(struct flow *f, struct buf *b, enum http_framing in,
    uint64_t length, enum http_framing out);
/* Give back what it holds, but for the buffer. */
void flow_end(struct flow *f);
/* Send everything again from the first byte; needs f->keep all along. */
void flow_rewind(struct flow *f);
/* Go on in another, empty buffer (attached); payload must all be sent. */
MUST_USE int flow_move(struct flow *f, struct buf *to);
/* Decode what was received. 0, -WSE_SYNTAX or -WSE_TOOBIG. */
MUST_USE int flow_decode(struct flow *f);
/*
 * Trailers came apart from the body, as HTTP/1 text with the empty line; taken
 * from *text.  Before flow_eof().
 */
void flow_trail(struct flow *f, struct buf *text);
/* Where trailers in the tail begin: behind the last chunk's line. */
enum { FLOW_TAIL_TEXT = 3 };
/*
 * n bytes of our own behind the payload; it is BODY_EOF both ways, and not
 * ended.  0 or -WSE_NOMEM: there is no room, or it has ended.
 */
MUST_USE int flow_add(struct flow *f, const void *p, uint32_t n);
/* The last n bytes of payload never came; as flow_add(). */
void flow_cut(struct flow *f, uint32_t n);
/* What `out` is turns out late: nothing was sent yet, or it was rewound. */
void flow_out(struct flow *f, enum http_framing out);
/* The source ended. 0, or -WSE_EOF when that is too early. */
MUST_USE int flow_eof(struct flow *f);
/* What can be sent now, at most FLOW_IOV_MAX entries; returns their number. */
int flow_iov(struct flow *f, struct iovec *iov);
/* n bytes of it were sent. */
void flow_sent(struct flow *f, size_t n);
/* Give the buffer's storage back if nothing in it is needed. */
void flow_detach(struct flow *f);
/* A small buffer becomes a large one, if there is memory. */
void flow_grow(struct flow *f);
/* Make room by moving the payload down, unless it is kept; room in bytes. */
uint32_t flow_room(struct flow *f);

static inline uint32_t
flow_payload(const struct flow *f)
{
	return f->b ? f->pay_w - f->b->r : 0;
}

static inline bool
flow_is_done(const struct flow *f)
{
	return f->stage == FLOW_END;
}

#endif
