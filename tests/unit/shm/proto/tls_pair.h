/* SPDX-License-Identifier: MIT */
/*
 * A detached connection and a real OpenSSL peer, joined in memory; and records
 * made by hand.
 */
#ifndef TESTS_UNIT_SHM_PROTO_TLS_PAIR_H
#define TESTS_UNIT_SHM_PROTO_TLS_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/ssl.h>

#include "shm/proto/tls_hs.h"
#include "shm/proto/tls_rec.h"

enum { PAIR_ROOM = 400000 };

/* What a connection of the tests is like. */
struct shape {
	int version; /* 12 or 13 */
	enum tls_aead aead;
	bool is_client; /* our role */
	bool no_ems;    /* without extended master secret */
};

struct pair {
	struct shape shape;
	SSL_CTX *client_ctx, *server_ctx;
	struct tls_hs *hs; /* ours, until detached */
	SSL *peer;
	struct tls_rec rec;    /* ours, after it */
	uint8_t in[PAIR_ROOM]; /* from the peer, not opened */
	size_t in_bytes;
	uint8_t got[PAIR_ROOM]; /* opened data */
	size_t got_bytes;
	uint8_t alert; /* last one told by tls_rec_open() */
};

/* A context with a certificate for "test.example"; prepared if it is ours. */
SSL_CTX *pair_ctx(const struct shape *s, bool is_client, bool is_ours);
/* Contexts only. */
void pair_init(struct pair *p, const struct shape *s);
/* A new connection over the same contexts; session may be NULL. */
void pair_start(struct pair *p, SSL_SESSION *session);
/* Handshake to its end on both sides, nothing detached. */
void pair_handshake(struct pair *p);
/* Then detach. */
void pair_detach(struct pair *p);
/* All three. */
void pair_connect(struct pair *p, SSL_SESSION *session);
/* End the connection, keep the contexts. */
void pair_stop(struct pair *p);
void pair_free(struct pair *p);

/* Move what the peer wrote into in[]. */
void pair_fetch(struct pair *p);
/* Fetch, open all whole records; first result that is no data, else DATA. */
enum tls_got pair_open(struct pair *p);
/* Give the peer bytes; it reads data of n bytes and they must be the same. */
void pair_deliver(struct pair *p, const void *bytes, size_t n);
void pair_peer_reads(struct pair *p, const void *data, size_t n);
/* Both directions, several sizes. */
void pair_talk(struct pair *p);
/* Our session: through the wait of tls_hs, or of the SSL peer. */
SSL_SESSION *pair_session(struct pair *p);

/* The other end of a state: what it writes, this reads. */
struct tls_rec mirror_of(const struct tls_state *st);
/* A made-up state of that shape. */
void made_up(struct tls_state *st, const struct shape *s);
/* A record of any type; pad: zeros behind the type (1.3). Bytes. */
size_t craft(struct tls_rec *r, uint8_t type, const void *p, size_t n,
    size_t pad, uint8_t *out);

#endif
