/* SPDX-License-Identifier: MIT */
/* What the h2_*.c of the demo origin share. */
#ifndef ORIGIN_H2_INT_H
#define ORIGIN_H2_INT_H

#include <event2/event_struct.h>
#include <nghttp2/nghttp2.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "tools/origin/conn.h"
#include "tools/origin/h2.h"
#include "tools/origin/h2_buf.h"
#include "tools/origin/h2_stat.h"
#include "tools/origin/plan.h"
#include "tools/origin/ws.h"

/* A part of the request's lines. */
struct h2_text {
	size_t at, len;
};

struct h2_request {
	struct h2_buf lines;    /* "name: value" CRLF, as /headers shows */
	struct h2_buf trailers; /* the same of those */
	struct h2_text method, path, protocol;
	uint64_t length; /* content-length, or PLAN_UNSET */
	bool expect;
};

enum h2_stream_state {
	H2_STREAM_HEAD,    /* the head is coming */
	H2_STREAM_BODY,    /* the answer waits for the body */
	H2_STREAM_DELAY,   /* the timer starts the answer */
	H2_STREAM_ANSWER,  /* the answer is being written */
	H2_STREAM_DROPPED, /* gets none */
};

struct h2_stream {
	LIST_ENTRY(h2_stream) entry;
	struct h2 *h;
	int32_t id;
	enum h2_stream_state state;
	bool in_ended; /* the client's END_STREAM came */
	bool deferred; /* nghttp2 waits for h2_stream_wake() */
	bool counted;  /* in stats.concurrent */
	bool done;     /* our END_STREAM went */
	bool reset;    /* by us, because we were told to */
	bool ws_over;
	struct h2_request request;
	struct plan plan;
	struct h2_buf in;  /* of the body, to be echoed */
	struct h2_buf out; /* of the answer */
	uint64_t gen;      /* bytes of the pattern to send after it */
	uint64_t sent;     /* of the body */
	uint64_t break_at; /* sent, when things go wrong; or PLAN_UNSET */
	struct ws ws;
	EVP_MD_CTX *hash;
	struct event timer;
};

LIST_HEAD(h2_stream_list, h2_stream);

struct h2 {
	struct conn *c;
	nghttp2_session *session;
	struct h2_stream_list streams;
	uint32_t open_count; /* streams */
	uint32_t begun;      /* streams with a whole head */
	int32_t last_id;     /* of those that are answered; 0: no limit yet */
	int32_t closed_id;   /* the last stream that was closed */
	struct event hold;   /* then the GOAWAY that is due */
	struct event beat;   /* then frames on the idle connection */
	struct h2_buf raw;   /* whole frames that go beside the session's */
	bool noticed;        /* GOAWAY without a last stream was */
	bool told;           /* GOAWAY with last_id was submitted */
	bool silent;         /* --h2-settings-delay */
	bool mid_block;      /* more of a header block must follow */
	bool cut;            /* the connection ends here */
	bool failed;         /* nothing more can be read */
	bool noted;          /* an error in what was read last */
};

/* h2_stream.c */

struct h2_stream *h2_stream_new(struct h2 *h, int32_t id);
void h2_stream_header(struct h2_stream *s, const nghttp2_frame *frame,
    const char *name, size_t name_len, const char *value, size_t value_len);
void h2_stream_begin(struct h2_stream *s);
void h2_stream_data(struct h2_stream *s, const void *data, size_t len);
void h2_stream_end(struct h2_stream *s);
void h2_stream_free(struct h2_stream **s_r);
/* Something was added to what can be sent. */
void h2_stream_wake(struct h2_stream *s);
/* Gives the windows of so many bytes back. */
void h2_stream_consume(struct h2_stream *s, size_t len);

/* h2_answer.c */

void h2_answer_continue(struct h2_stream *s);
void h2_answer_start(struct h2_stream *s);
/* Another event of a /sse. */
void h2_answer_tick(struct h2_stream *s);

/* h2_bad.c: what the origin does only when told to */

/* At a request's head. False: it is not to be answered. */
bool h2_bad_begin(struct h2_stream *s);
/* Not for an error of the client's. */
void h2_bad_reset(struct h2_stream *s, uint32_t code);
/* The place in the body is reached where things go wrong. */
void h2_bad_break(struct h2_stream *s);
/* Empty DATA frames after a response's head. */
void h2_bad_empties(struct h2_stream *s);
/* A stream was closed. */
void h2_bad_closed(struct h2 *h, int32_t id);
void h2_bad_goaway(struct h2 *h, int32_t last_id, uint32_t code);
/* Timers, of which none runs yet; and their end. */
void h2_bad_start(struct h2 *h);
void h2_bad_stop(struct h2 *h);

#endif
