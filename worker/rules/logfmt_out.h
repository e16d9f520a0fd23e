/* SPDX-License-Identifier: MIT */
/*
 * Where log formats are written to: a bounded piece of memory.  What does not
 * fit is cut.
 */
#ifndef WORKER_RULES_LOGFMT_OUT_H
#define WORKER_RULES_LOGFMT_OUT_H

#include "shm/conf/logfmt.h"
#include "worker/rules/txn.h"

/*
 * HAProxy's timers in milliseconds, each from the moment waiting for the
 * request began (idle_us); -1: not reached.
 */
struct log_time {
	long long handshake_ms; /* TLS, PROXY header; before idle_us */
	long long idle_ms;      /* to the first byte */
	long long request_ms;   /* to the end of the request head */
	long long queue_ms;     /* to the end of queueing */
	long long connect_ms;   /* to the connection */
	long long data_ms;      /* to the response head */
	long long close_ms;     /* to the end */
};

struct logfmt_out {
	char *p, *end;
	struct txn *t;
	enum logfmt_use use;
	bool blank;     /* the last byte is a blank between items */
	bool has_times; /* times is filled in */
	struct log_time times;
};

/* Bytes logfmt_encode() writes as '#' and two digits, beside controls. */
enum logfmt_set { LOGFMT_SET_URI /* "# */, LOGFMT_SET_HDR /* "#{|} */ };

static inline void
logfmt_put_char(struct logfmt_out *o, char c)
{
	if (o->p < o->end)
		*o->p++ = c;
}

void logfmt_put(struct logfmt_out *o, struct sv s);
void logfmt_put_int(struct logfmt_out *o, long long i);
/* Uppercase hexadecimal, at least `digits`. */
void
logfmt_put_hex(struct logfmt_out *o, unsigned long long v, unsigned digits);
/* As the item's flags ask: quoted, escaped, "-" for nothing. */
void logfmt_put_text(
    struct logfmt_out *o, const struct logfmt_item *it, struct sv s);
/* Request lines and captures: control and special bytes as #XX. */
void logfmt_put_encoded(struct logfmt_out *o, const struct logfmt_item *it,
    enum logfmt_set set, struct sv s);
/* One item of a format. */
void logfmt_put_item(struct logfmt_out *o, const struct logfmt_item *it);
/* Build in the txn's arena, or the constant text itself. False: no memory. */
bool logfmt_eval(const struct logfmt *f, struct txn *t, struct sv *out_r);

#endif
