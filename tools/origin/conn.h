/* SPDX-License-Identifier: MIT */
/*
 * One client of the demo origin: buffers, state, life and death.
 *
 * A connection waits for a head, reads the body, answers, and starts over.
 * Its output is what lies in `out`, then `gen` bytes of the pattern, which
 * never pass through a buffer; so answers of any size take no memory.
 */
#ifndef ORIGIN_CONN_H
#define ORIGIN_CONN_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "tools/origin/plan.h"
#include "tools/origin/req.h"
#include "tools/origin/wire.h"
#include "tools/origin/ws.h"

#define CONN_IN_BYTES  65536
#define CONN_OUT_BYTES 65536
#define CONN_OUT_ROOM  8192 /* free in `out` before a next answer starts */

enum conn_state {
	CONN_SHAKE,  /* TLS handshake, or the delay before it */
	CONN_HEAD,   /* waits for a request head */
	CONN_BODY,   /* reads a request body */
	CONN_DELAY,  /* the timer starts the answer */
	CONN_SEND,   /* an answer is being written */
	CONN_SSE,    /* the timer writes an event a second */
	CONN_WS,     /* echoes WebSocket frames */
	CONN_H2,     /* HTTP/2: see h2.h */
	CONN_CLOSE,  /* closes when everything is written */
	CONN_LINGER, /* FIN sent, waits for the client's */
};

struct h2;

struct conn {
	SLIST_ENTRY(conn) free_entry;
	struct event read_ev;
	struct event write_ev;
	struct event timer;
	struct wire wire;
	enum conn_state state;
	enum conn_state after_delay;
	bool admin; /* came in on the admin listener: not counted */
	bool eof;   /* the client sent its FIN */
	bool held;  /* the read event is off: no room, or nothing to read */
	bool waits; /* the write event is on */
	bool keep;
	bool http1; /* counted as such */
	uint64_t id;
	uint32_t requests;   /* on this connection */
	uint32_t unfinished; /* counted in stats.concurrent */
	struct plan plan;
	struct req_decoder dec;
	struct ws ws;
	struct h2 *h2;    /* NULL: HTTP/1, or not known yet */
	EVP_MD_CTX *hash; /* of the body, for /hash */
	uint64_t gen;     /* bytes of the pattern still to send */
	size_t gen_at;    /* where in the pattern the next one is */
	size_t in_at, in_end;
	size_t out_at, out_end;
	char in[CONN_IN_BYTES];
	char out[CONN_OUT_BYTES];
};

struct conn_options {
	uint32_t idle_close_ms; /* 0: never */
	uint32_t close_after;   /* requests, 0: never */
	uint32_t max_conn;      /* 0: no limit */
};

/* What /_stats shows. Admin connections and their requests are in none. */
struct conn_stats {
	uint64_t accepted;
	uint64_t open;
	uint64_t peak_open;
	uint64_t refused;    /* closed at once because of --max-conn */
	uint64_t requests;   /* heads read */
	uint64_t concurrent; /* requests now between head and last byte */
	uint64_t peak_concurrent;
	uint64_t websockets;     /* handshakes answered with 101 */
	uint64_t messages;       /* WebSocket data frames echoed */
	uint64_t aborted;        /* requests the client gave up */
	uint64_t bad;            /* heads and bodies refused with 400 */
	uint64_t h1_connections; /* with an HTTP/1 request */
};

extern struct conn_options conn_options;
extern struct conn_stats conn_stats;

void conn_init(struct event_base *base);

enum conn_kind {
	CONN_PLAIN,
	CONN_TLS,
	CONN_ADMIN /* plain, and in no statistics */
};

/* Takes over the accepted descriptor. */
void conn_accept(int fd, enum conn_kind kind);

/* Appends to the output; the caller has checked conn_room(). */
void conn_put(struct conn *c, const void *data, size_t len);
__attribute__((format(printf, 2, 3))) void
conn_putf(struct conn *c, const char *format, ...);
/* Appends len bytes of the pattern, from where it stands. */
void conn_put_pattern(struct conn *c, size_t len);
size_t conn_room(const struct conn *c);
/* The pattern from its place `at` on. */
void conn_copy_pattern(void *to, uint64_t at, size_t len);

/* Arms the connection's one timer. */
void conn_timer(struct conn *c, uint32_t ms);

/* Waits for a request, as long as --idle-close allows. */
void conn_start_idle(struct conn *c);
void conn_stop_idle(struct conn *c);

/* A timer of the same event loop. */
void conn_timer_assign(
    struct event *timer, void (*call)(int, short, void *), void *arg);

/* Goes on after something else than the connection's events; may free it. */
void conn_run(struct conn *c);

#endif
