/* SPDX-License-Identifier: MIT */
/*
 * A handshake as tls_hs.c and its callbacks (tls_watch.c) see it.
 */
#ifndef SHM_PROTO_TLS_HS_INT_H
#define SHM_PROTO_TLS_HS_INT_H

#include <openssl/ssl.h>

#include "shm/proto/tls_hs.h"
#include "shm/proto/tls_rec.h"

enum { TLS_HS_ERROR_MAX = 160, TLS_HS_SNI_MAX = 255 };

/* One direction, as the callbacks see it. */
struct tls_hs_side {
	uint8_t secret[TLS_SECRET_MAX]; /* TLS 1.3 */
	uint8_t secret_bytes;
	bool has_keys;  /* records counted are under the keys that last */
	uint64_t count; /* of them */
};

/* Bytes that grow. */
struct tls_hs_bytes {
	uint8_t *p;
	size_t n, room;
};

struct tls_hs {
	SSL *ssl;
	enum tls_hs_state state;
	bool is_client;
	bool is_started; /* OpenSSL has been called */
	bool is_detached;
	bool has_lost_track;  /* OpenSSL refused a post-handshake record */
	SSL_SESSION *session; /* of the first ticket, until taken */
	bool has_session;     /* one came, taken or not */
	struct tls_hs_side rx, tx;
	struct tls_rec rec;        /* the connection after DONE */
	struct tls_hs_bytes in;    /* records OpenSSL did not get */
	struct tls_hs_bytes plain; /* opened after DONE */
	char sni[TLS_HS_SNI_MAX + 1];
	char error[TLS_HS_ERROR_MAX];
};

/* So that an SSL leads to its struct tls_hs. True when done. */
bool tls_watch_is_bound(struct tls_hs *h);

#endif
