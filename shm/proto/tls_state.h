/* SPDX-License-Identifier: MIT */
/*
 * What is left of a TLS connection once its handshake is done: small, without
 * pointers, movable between processes through vaults and handover messages.
 *
 * The secrets in it are wiped by whoever gives a copy up.
 */
#ifndef SHM_PROTO_TLS_STATE_H
#define SHM_PROTO_TLS_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/base/err.h"
#include "shm/base/sv.h"

enum {
	TLS_SECRET_MAX = 48,
	TLS_KEY_MAX = 32,
	TLS_IV_BYTES = 12,
	TLS_STATE_BYTES_MAX = 256,
};

enum tls_aead {
	TLS_AES_128_GCM,
	TLS_AES_256_GCM,
	TLS_CHACHA20_POLY1305,
	TLS_AEAD_N
};

/* One direction. Key and IV follow from the secret in TLS 1.3; they are kept
 * so that attaching a cipher context costs no hashing. */
struct tls_dir {
	uint64_t seq;                   /* of the next record */
	uint8_t secret[TLS_SECRET_MAX]; /* 1.3: traffic secret; 1.2: zero */
	uint8_t key[TLS_KEY_MAX];       /* as long as the AEAD's */
	uint8_t iv[TLS_IV_BYTES];       /* 1.2 with GCM: the 4 fixed bytes */
};

struct tls_state {
	uint8_t version;    /* 12 or 13 */
	uint8_t aead;       /* enum tls_aead */
	uint8_t hash_bytes; /* of the suite's hash: 32 or 48 */
	bool is_client;     /* our role in the handshake */
	bool sent_close;   /* close_notify or a fatal alert left: no more out */
	bool got_close;    /* close_notify came: no more in */
	bool is_broken;    /* a record was refused: no more in */
	bool owes_update;  /* KeyUpdate asked of us and not sent yet (1.3) */
	uint8_t empty_run; /* records in a row without data, bounded */
	uint8_t hs_have;   /* bytes in hs_head of a message that goes on */
	uint8_t hs_head[4];   /* its type and length */
	uint16_t plain_max;   /* largest plaintext to send in a record */
	uint32_t hs_left;     /* bytes of its body to come, hs_have being 4 */
	uint16_t updates_run; /* KeyUpdates, tickets without data between */
	uint16_t tickets;     /* NewSessionTickets seen, stops at the top */
	struct tls_dir rx, tx;
};

/*
 * The portable form: bytes written to out, -WSE_TOOBIG.  Versioned, with
 * fixed byte order; TLS_STATE_BYTES_MAX is room enough.
 */
MUST_USE ssize_t tls_state_pack(
    const struct tls_state *st, uint8_t *out, size_t room);

/* Back from exactly n bytes, which may be forged. 0 or -WSE_CORRUPT (*st is
 * zero then). */
MUST_USE int tls_state_unpack(struct tls_state *st, const uint8_t *p, size_t n);

/* At rest: nothing owed, no message half read, neither side closed or broken.
 * Only such a connection may go idle into a pool. */
bool tls_state_is_quiet(const struct tls_state *st);

/* The stream ended without close_notify (to be asked at the end of the
 * transport): what was read may be cut short. */
bool tls_state_is_truncated(const struct tls_state *st);

/* Zero all of it, so that no compiler leaves it out. */
void tls_state_wipe(struct tls_state *st);

#endif
