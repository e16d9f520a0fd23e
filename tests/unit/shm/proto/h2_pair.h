/* SPDX-License-Identifier: MIT */
/*
 * A session of ours and a plain nghttp2 peer with all its tables, in memory.
 * Each stream is one exchange; bodies have a pattern that both ends check.
 */
#ifndef TESTS_H2_PAIR_H
#define TESTS_H2_PAIR_H

#include <nghttp2/nghttp2.h>

#include "shm/proto/h2_move.h"

enum { PAIR_STREAMS = 2048, PAIR_RAW = 1 << 20 };

/* One end of a stream: what came in, what is to go out. */
struct pair_end {
	uint64_t got, sent, total; /* bytes of body */
	bool ends;                 /* END_STREAM after total */
	bool got_end, closed, by_peer;
	uint32_t code;
	int heads, status, err;
	bool trailers; /* came */
	bool hold;     /* ours: do not consume what comes */
	uint64_t held;
	bool wrong; /* a byte that is not the pattern's */
	char path[64];
};

struct pair {
	struct h2_cfg cfg;
	struct h2_sess *s;
	nghttp2_session *peer;
	struct pair_end us[PAIR_STREAMS], them[PAIR_STREAMS]; /* id / 2 */
	uint8_t raw[PAIR_RAW]; /* to us, the rest of the last feed */
	size_t raw_bytes;
	size_t feed_step; /* 0: all at once */
	uint64_t now_ms;
	unsigned goaways, settings, acks, pings;
	bool refuse;          /* on_begin says no */
	uint64_t reply_bytes; /* what a server side answers with */
	bool reply_upgrade;
	bool silent;          /* ... or not at all */
	int peer_err;         /* of nghttp2_session_mem_recv() */
	uint32_t peer_goaway; /* code of a GOAWAY of ours, + 1 */
	bool frozen;          /* peer output is not taken */
	struct http_head head;
	_Alignas(8) char arena[65536];
	struct arena a;
};

struct pair *pair_new(bool is_server, const nghttp2_settings_entry *peer_set,
    size_t count, uint32_t window);
void pair_free(struct pair **p);
/* Until neither has anything to say. */
void pair_run(struct pair *p);
/* One turn: our output to the peer, or the peer's to us. */
bool pair_out(struct pair *p);
bool pair_in(struct pair *p);
/* Feed us raw bytes. */
ssize_t pair_feed(struct pair *p, const void *b, size_t n);
/* Client: a request of ours with a body. Its id. */
uint32_t pair_request(struct pair *p, const char *path, uint64_t bytes);
/* The peer as client. */
uint32_t pair_peer_request(struct pair *p, const char *path, uint64_t bytes);
uint32_t pair_peer_connect(struct pair *p);
uint32_t pair_connect(struct pair *p);
/* Through the portable form into a new session. */
void pair_move(struct pair *p);
extern const struct h2_events pair_events;

static inline struct pair_end *
pair_us(struct pair *p, uint32_t id)
{
	return &p->us[id / 2 % PAIR_STREAMS];
}

static inline struct pair_end *
pair_them(struct pair *p, uint32_t id)
{
	return &p->them[id / 2 % PAIR_STREAMS];
}

#endif
