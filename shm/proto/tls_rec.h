/* SPDX-License-Identifier: MIT */
/*
 * TLS records without an SSL object: sealing and opening what follows the
 * handshake, TLS 1.3 (RFC 8446 5) and the AEAD suites of TLS 1.2 (RFC 5246,
 * 5288, 7905), in both roles.
 *
 * struct tls_state is the connection; the cipher contexts are attached by the
 * first record and may be given back at any time.  Nothing here allocates
 * once contexts are attached, logs, or calls back.
 */
#ifndef SHM_PROTO_TLS_REC_H
#define SHM_PROTO_TLS_REC_H

#include "shm/base/err.h"
#include "shm/base/sv.h"
#include "shm/proto/tls_state.h"

struct evp_cipher_ctx_st; /* EVP_CIPHER_CTX */
struct iovec;

enum {
	TLS_REC_HDR = 5,
	TLS_REC_PLAIN_MAX = 16384,
	TLS_REC_CIPHER_MAX = 16384 + 256, /* RFC 8446 5.2 */
	TLS_REC_OVERHEAD_MAX = 5 + 8 + 1 + 16,
	TLS_REC_UPDATE_BYTES = 5 + 5 + 1 + 16, /* a sealed KeyUpdate */
	TLS_REC_ALERT_MAX = TLS_REC_OVERHEAD_MAX + 2,
	TLS_REC_RUN_MAX = 32, /* records without data in a row */
};

/* Alerts, RFC 8446 6. */
enum tls_alert {
	TLS_ALERT_CLOSE_NOTIFY = 0,
	TLS_ALERT_UNEXPECTED_MESSAGE = 10,
	TLS_ALERT_BAD_RECORD_MAC = 20,
	TLS_ALERT_RECORD_OVERFLOW = 22,
	TLS_ALERT_ILLEGAL_PARAMETER = 47,
	TLS_ALERT_DECODE_ERROR = 50,
	TLS_ALERT_PROTOCOL_VERSION = 70,
	TLS_ALERT_INTERNAL_ERROR = 80,
	TLS_ALERT_USER_CANCELED = 90,
	TLS_ALERT_NO_RENEGOTIATION = 100,
};

/* One connection; all zero but st to begin with. */
struct tls_rec {
	struct tls_state st;
	/* this direction's context, NULL while idle; of the calling thread */
	struct evp_cipher_ctx_st *rx_ctx, *tx_ctx;
};

/* What a record held. */
enum tls_got {
	TLS_GOT_DATA,    /* application data in *data_r (may be empty) */
	TLS_GOT_NOTHING, /* done here: ticket, KeyUpdate, warning alert */
	TLS_GOT_CLOSE,   /* close_notify */
	TLS_GOT_ALERT,   /* fatal alert of the peer, number in *alert_r */
	TLS_GOT_N
};

/*
 * Open the first record at p (n bytes there), decrypting in place; *data_r
 * points into it.  Returns the bytes of the record; 0: need more (nothing was
 * touched); -WSE_TOOBIG (record_overflow) or -WSE_PROTO: the peer broke the
 * protocol, alert to send in *alert_r, no further record will be opened;
 * -WSE_EOF: after close_notify or a fatal alert; -WSE_NOMEM: no cipher
 * context, try later.
 *
 * Post-handshake messages, also those split over records, are taken where RFC
 * 8446 4.6 allows them: tickets are counted and dropped, KeyUpdate is
 * followed and, if asked for, owed (the next tls_rec_seal() or
 * tls_rec_update() pays).  Renegotiation is refused.
 */
MUST_USE ssize_t tls_rec_open(struct tls_rec *r, uint8_t *p, size_t n,
    enum tls_got *got_r, struct sv *data_r, uint8_t *alert_r);

/*
 * Seal what iov holds (together at most st.plain_max bytes) into one record
 * at out, after a KeyUpdate if one is owed or due.  out must not overlap iov.
 * Returns bytes written; -WSE_TOOBIG: too much for a record, or room is less
 * than tls_rec_sealed_bytes(); -WSE_RANGE: the sequence limit of a TLS 1.2
 * connection, which must end (an alert still fits); -WSE_EOF: after our own
 * close_notify; -WSE_NOMEM: no cipher context.
 */
MUST_USE ssize_t tls_rec_seal(struct tls_rec *r, const struct iovec *iov,
    int iovcnt, uint8_t *out, size_t room);

/*
 * A record with an alert: a warning for close_notify, user_canceled and
 * no_renegotiation, else fatal.  After close_notify or a fatal one nothing
 * more is sealed.  Returns as tls_rec_seal().
 */
MUST_USE ssize_t tls_rec_alert(
    struct tls_rec *r, uint8_t alert, uint8_t *out, size_t room);

/*
 * Write a KeyUpdate if one is owed or due, or in any case if request asks the
 * peer for one too.  Bytes; 0: nothing to do; -WSE_UNSUPP: request in TLS
 * 1.2; else as tls_rec_seal().
 */
MUST_USE ssize_t tls_rec_update(
    struct tls_rec *r, bool request, uint8_t *out, size_t room);

/* Room tls_rec_seal() takes now for n bytes of plaintext. */
size_t tls_rec_sealed_bytes(const struct tls_state *st, size_t n);

/* Give the cipher contexts back to the calling thread's freelist, wiped. When
 * the connection has been quiet for a while, or moves. */
void tls_rec_idle(struct tls_rec *r);
/* The same, and wipe the state. */
void tls_rec_wipe(struct tls_rec *r);
/* Free the contexts on the calling thread's freelist, at its end. */
void tls_rec_drain(void);

/* Tests: records a key may seal, in place of the AEAD's own limit; 0: that
 * limit again. Of the process. */
void tls_rec_set_limit(uint64_t records);

#endif
