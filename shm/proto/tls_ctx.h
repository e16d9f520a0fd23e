/* SPDX-License-Identifier: MIT */
/*
 * Cipher suites of an SSL_CTX whose connections are to be detached.
 */
#ifndef SHM_PROTO_TLS_CTX_H
#define SHM_PROTO_TLS_CTX_H

#include "shm/proto/tls_state.h"

struct ssl_cipher_st; /* SSL_CIPHER */
struct ssl_ctx_st;    /* SSL_CTX */

/* True for AES-GCM (16-byte tag) and ChaCha20-Poly1305 suites. */
bool tls_ctx_is_portable(const struct ssl_cipher_st *c, enum tls_aead *aead_r);
/*
 * Drop all other suites from ctx, calling dropped (may be NULL) with the name
 * of each.  Where a version has none left it is switched off.
 * 0; -WSE_UNSUPP: none is left at all; -WSE_NOMEM.
 */
MUST_USE int tls_ctx_keep_portable(struct ssl_ctx_st *ctx,
    void (*dropped)(const char *name, void *arg), void *arg);

#endif
