/* SPDX-License-Identifier: MIT */
/*
 * Record bytes that sealing and opening share. For tls_rec alone.
 */
#ifndef SHM_PROTO_TLS_WIRE_H
#define SHM_PROTO_TLS_WIRE_H

#include "shm/proto/tls_state.h"

/* Content types, RFC 8446 5.1. */
enum tls_type {
	TLS_TYPE_ALERT = 21,
	TLS_TYPE_HANDSHAKE = 22,
	TLS_TYPE_DATA = 23,
};

enum { TLS_AAD_MAX = 13 };

static inline void
tls_wire_put_u64(uint8_t *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--) {
		p[i] = (uint8_t)v;
		v >>= 8;
	}
}

/* Additional data of TLS 1.2, RFC 5246 6.2.3.3; n: plain bytes. */
static inline size_t
tls_wire_aad12(uint64_t seq, uint8_t type, size_t n, uint8_t aad[TLS_AAD_MAX])
{
	tls_wire_put_u64(aad, seq);
	aad[8] = type;
	aad[9] = 3;
	aad[10] = 3;
	aad[11] = (uint8_t)(n >> 8);
	aad[12] = (uint8_t)n;
	return 13;
}

/*
 * IV xor sequence number (RFC 8446 5.3, RFC 7905 2).  With GCM in TLS 1.2 the
 * last 8 bytes of the IV are zero, so that the explicit nonce is the number.
 */
void tls_wire_nonce(const struct tls_dir *d, uint8_t nonce[TLS_IV_BYTES]);

#endif
