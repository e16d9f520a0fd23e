/* SPDX-License-Identifier: MIT */
/*
 * Cipher contexts for TLS records: attached while bytes are in flight, given
 * back to a freelist of the thread in between.
 *
 * One context serves one direction of one connection.  It keeps the key; each
 * record only sets its nonce.  A process that forks keeps using its own copy.
 */
#ifndef SHM_PROTO_TLS_AEAD_H
#define SHM_PROTO_TLS_AEAD_H

#include "shm/proto/tls_state.h"

struct evp_cipher_ctx_st; /* EVP_CIPHER_CTX */

enum { TLS_TAG_BYTES = 16 };

/* A context keyed for one direction, or NULL: out of memory. */
struct evp_cipher_ctx_st *
tls_aead_get(enum tls_aead a, const uint8_t *key, bool is_seal);
/* Another key for it. 0 or -WSE_NOMEM. */
MUST_USE int
tls_aead_rekey(struct evp_cipher_ctx_st *c, const uint8_t *key, bool is_seal);
/* Give back; its key is wiped. */
void tls_aead_put(enum tls_aead a, struct evp_cipher_ctx_st **c);
/* Free what the calling thread's freelists hold. */
void tls_aead_drain(void);

/* Begin a record: nonce and additional data. 0 or -WSE_NOMEM. */
MUST_USE int tls_aead_begin(struct evp_cipher_ctx_st *c,
    const uint8_t nonce[TLS_IV_BYTES], const uint8_t *aad, size_t aad_bytes);
/* Turn n bytes at in into n bytes at out, which may be the same place.
 * 0 or -WSE_NOMEM. */
MUST_USE int tls_aead_turn(
    struct evp_cipher_ctx_st *c, uint8_t *out, const uint8_t *in, size_t n);
/* End a sealed record: its tag. 0 or -WSE_NOMEM. */
MUST_USE int
tls_aead_tag(struct evp_cipher_ctx_st *c, uint8_t tag[TLS_TAG_BYTES]);
/* End an opened record: -WSE_PROTO when tag does not fit, the bytes are void
 * then. */
MUST_USE int
tls_aead_check(struct evp_cipher_ctx_st *c, const uint8_t tag[TLS_TAG_BYTES]);

#endif
