/* SPDX-License-Identifier: MIT */
/*
 * Keys of TLS connections: HKDF of TLS 1.3 (RFC 8446 7.1 to 7.3), the PRF of
 * TLS 1.2 (RFC 5246 5, 6.3), and the facts about the three AEADs.
 */
#ifndef SHM_PROTO_TLS_KEY_H
#define SHM_PROTO_TLS_KEY_H

#include "shm/proto/tls_state.h"

struct evp_cipher_st; /* EVP_CIPHER */

enum { TLS_RANDOM_BYTES = 32, TLS_MASTER_BYTES = 48 };

/* Facts about an AEAD as TLS uses it. */
struct tls_suite {
	const char *name;       /* OpenSSL's */
	uint8_t key_bytes;      /* of its key */
	uint8_t hash_bytes;     /* of the hash its suites go with */
	uint8_t explicit_bytes; /* of nonce in each TLS 1.2 record */
	uint8_t fixed_bytes;    /* of IV from the TLS 1.2 key block */
	uint64_t record_limit;  /* records one key may seal, RFC 8446 5.5 */
};

const struct tls_suite *tls_key_suite(enum tls_aead a);
/* Fetched once per process; NULL: this OpenSSL lacks it. */
const struct evp_cipher_st *tls_key_cipher(enum tls_aead a);

/*
 * TLS 1.3: take a traffic secret (st->hash_bytes long), derive key and IV,
 * set the sequence number to 0. -WSE_NOMEM.
 */
MUST_USE int tls_key_set(
    const struct tls_state *st, struct tls_dir *d, const uint8_t *secret);
/* TLS 1.3: the same with the secret that follows (KeyUpdate). */
MUST_USE int tls_key_next(const struct tls_state *st, struct tls_dir *d);

/* TLS 1.2: both directions from the master secret; sequence numbers are left
 * alone. -WSE_NOMEM. */
MUST_USE int
tls_key_expand(struct tls_state *st, const uint8_t master[TLS_MASTER_BYTES],
    const uint8_t client_random[TLS_RANDOM_BYTES],
    const uint8_t server_random[TLS_RANDOM_BYTES]);

#endif
