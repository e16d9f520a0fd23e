/* SPDX-License-Identifier: MIT */
/* What all TLS connections of the demo origin have in common. */
#ifndef ORIGIN_TLS_CTX_H
#define ORIGIN_TLS_CTX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLS_NAMES_MAX 32

struct ssl_ctx_st;

/* The command line's words; texts that are NULL were not given. */
struct tls_options {
	const char *cert_file; /* PEM, the key in it */
	const char *dump_file; /* the certificate is written there */
	const char *key_kind;  /* of the certificate made: rsa or ecdsa */
	const char *names[TLS_NAMES_MAX];
	size_t name_count;
	const char *min_version; /* 1.2 or 1.3 */
	const char *max_version;
	const char *ciphers;      /* of TLS 1.2 */
	const char *ciphersuites; /* of TLS 1.3 */
	const char *alpn;         /* list, best first; empty: none */
	uint32_t tickets;         /* after a handshake; 0: no resumption */
	uint32_t handshake_delay_ms;
	bool close_unclean;  /* never a close_notify */
	uint32_t key_update; /* after so many records sent; 0: never */
	bool key_request;    /* and the peer's as well */
};

extern struct tls_options tls_options;

/* Makes the context. Returns NULL, or what is wrong with the options. */
const char *tls_ctx_setup(void);
void tls_ctx_free(void);

struct ssl_ctx_st *tls_ctx_get(void);

#endif
