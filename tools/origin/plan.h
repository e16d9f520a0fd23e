/* SPDX-License-Identifier: MIT */
/* What a request asks the demo origin to do, read from path and query. */
#ifndef ORIGIN_PLAN_H
#define ORIGIN_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/origin/req.h"

#define PLAN_UNSET UINT64_MAX /* a number that was not given */

enum plan_kind {
	PLAN_PAGE,
	PLAN_BYTES,
	PLAN_CHUNKED,
	PLAN_ECHO,
	PLAN_HASH,
	PLAN_HEADERS,
	PLAN_STATUS,
	PLAN_CONN,
	PLAN_CLOSE,
	PLAN_ABORT,
	PLAN_SSE,
	PLAN_WS,
	PLAN_WS_MISSING, /* /ws without a handshake */
	PLAN_KEY_UPDATE,
	PLAN_STATS,
	PLAN_STATS_RESET,
	PLAN_NOT_FOUND,
};

/* What only HTTP/2 can do. PLAN_UNSET where 0 is a wish too. */
struct plan_h2 {
	bool no_answer;   /* ?noanswer: ?reset comes instead of one */
	bool no_read;     /* ?noread: the body's windows stay used up */
	uint64_t reset;   /* ?reset=CODE: RST_STREAM ... */
	uint64_t at;      /* ?at=BYTES: ... after so much of the body */
	uint64_t less;    /* ?short=BYTES: less comes than was said */
	uint64_t more;    /* ?long=BYTES: more does */
	uint64_t fields;  /* ?fields=BYTES of response header fields */
	uint64_t pings;   /* ?pings=N */
	uint64_t changes; /* ?changes=N: empty SETTINGS */
	uint64_t empties; /* ?empties=N: empty DATA frames */
	uint64_t setting; /* ?setting=ID: SETTINGS ... */
	uint64_t value;   /* ?value=V: ... with it */
	uint64_t goaway;  /* ?goaway=CODE */
	uint64_t back;    /* ?back=N: and its last stream is N before */
	uint64_t late;    /* ?late=N: frames on the Nth stream before */
	uint64_t late_data;
};

struct plan {
	enum plan_kind kind;
	bool head; /* HEAD: no body in the answer */
	bool http10;
	bool close;      /* ?close: says so and closes */
	bool drop;       /* ?drop: closes without saying so */
	bool early;      /* ?early: answers before the body is read */
	bool nolen;      /* ?nolen: the body ends with the connection */
	bool rst;        /* ?rst: /abort ends with RST instead of FIN */
	bool unclean;    /* ?unclean: ends without close_notify */
	bool bad_key;    /* ?badaccept: a wrong Sec-WebSocket-Accept */
	uint64_t status; /* ?status=NNN */
	uint64_t delay;  /* ?delay=MS */
	uint64_t hints;  /* ?hints=N: 103 responses first */
	uint64_t update; /* ?request=1: /keyupdate wants the client's too */
	uint64_t n;
	char key[REQ_KEY_BYTES]; /* of PLAN_WS */
	struct plan_h2 h2;
};

void plan_read(struct plan *plan, const struct req *req);

/* Whether the answer is written while the body is still being read. */
bool plan_is_early(const struct plan *plan);

/* Whether the status allows no body. */
bool plan_has_no_body(const struct plan *plan);

/* Prints what paths and words there are. */
void plan_help(FILE *out);

#endif
