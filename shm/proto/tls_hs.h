/* SPDX-License-Identifier: MIT */
/*
 * TLS handshakes by OpenSSL over memory: bytes in, bytes out, no descriptor.
 *
 * When one is done the connection is detached: the secrets come from the key
 * log callback (TLS 1.3) or the session (1.2), the sequence numbers from the
 * message callback, the SSL is freed, and tls_rec goes on.
 *
 * OpenSSL is given whole records, one at a time, and none after the handshake
 * but for tickets, so it never holds bytes that a detached connection needs.
 *
 *	h = tls_hs_accept(ctx);            or tls_hs_connect(), then feed 0
 *bytes do { tls_hs_feed(); send tls_hs_output(); } while (TLS_HS_MORE);
 *	tls_hs_detach(h, &rec.st, &rest);  rest: input of tls_rec_open()
 *	tls_hs_free(&h);
 *
 * A struct tls_hs belongs to one thread at a time; a prepared SSL_CTX and
 * SSL_SESSIONs may be used by several.
 */
#ifndef SHM_PROTO_TLS_HS_H
#define SHM_PROTO_TLS_HS_H

#include "shm/base/err.h"
#include "shm/base/sv.h"
#include "shm/proto/tls_state.h"

struct ssl_st;         /* SSL */
struct ssl_ctx_st;     /* SSL_CTX */
struct ssl_session_st; /* SSL_SESSION */
struct tls_hs;

enum tls_hs_state {
	TLS_HS_MORE, /* feed more bytes */
	TLS_HS_DONE,
	TLS_HS_FAILED, /* send the output (an alert), close */
	TLS_HS_N
};

enum {
	TLS_HS_PLAIN_MAX = 65536, /* data read while waiting for a ticket */
	TLS_HS_INPUT_MAX = 262144 /* input kept for after the handshake */
};

/*
 * Once on every SSL_CTX used here, also those a server name callback switches
 * to, after its versions and ciphers were set: key log and message callbacks,
 * new-session callback, no read-ahead, no renegotiation, no early data, no
 * session cache, TLS 1.2 and 1.3 only, portable cipher suites only (see
 * tls_ctx.h).  One that accepts does so in one thread only, and nothing else.
 * 0; -WSE_UNSUPP: no suite is left; -WSE_NOMEM.
 */
MUST_USE int tls_hs_prepare(struct ssl_ctx_st *ctx);

/* Server side. NULL: out of memory. */
struct tls_hs *tls_hs_accept(struct ssl_ctx_st *ctx);
/*
 * Client side: sni (may be empty), alpn in wire format (may be empty; NULL:
 * none offered), session to resume or NULL (another reference is taken; not
 * offered if it was made with another SNI), verify_host: the name or address
 * the certificate must have, or NULL.  NULL: out of memory or a bad argument.
 */
struct tls_hs *tls_hs_connect(struct ssl_ctx_st *ctx, struct sv sni,
    struct sv alpn, struct ssl_session_st *resume, const char *verify_host);
/* Wipes secrets. */
void tls_hs_free(struct tls_hs **h);

/*
 * Take bytes from the peer (all n are taken, 0 is fine) and go on.  Output may
 * be pending whatever is returned.  Calls the callbacks set on the SSL_CTX.
 *
 * After DONE it serves a client that waits for a ticket: records are read
 * until a session is there; data among them is kept (tls_hs_plain()).
 */
enum tls_hs_state tls_hs_feed(struct tls_hs *h, const void *p, size_t n);
enum tls_hs_state tls_hs_state(const struct tls_hs *h);

/* Bytes to send now: a view, valid until the next call; then tls_hs_sent(). */
struct sv tls_hs_output(struct tls_hs *h);
void tls_hs_sent(struct tls_hs *h, size_t n);

/*
 * After DONE, with all output sent: fill in *st; *rest_r = bytes of later
 * records fed already, to be opened first (valid until free).  h remains for
 * the results below.  -WSE_AGAIN: not done, or output is left; -WSE_DENIED:
 * detached before.
 */
bool tls_hs_has_rest(const struct tls_hs *h); /* such bytes are there */
MUST_USE int
tls_hs_detach(struct tls_hs *h, struct tls_state *st, struct sv *rest_r);
/* Plaintext that came before *rest_r, while a ticket was waited for. */
struct sv tls_hs_plain(const struct tls_hs *h);

/* Client, TLS 1.3, after DONE: no session yet, one may come by feeding. */
bool tls_hs_is_ticket_due(const struct tls_hs *h);
/* Client, after DONE: the session of the first ticket, or NULL. The reference
 * becomes the caller's, once. */
struct ssl_session_st *tls_hs_session(struct tls_hs *h);

/* Results, valid after DONE until free. */
struct sv tls_hs_alpn(const struct tls_hs *h);
struct sv tls_hs_sni(const struct tls_hs *h);
bool tls_hs_is_resumed(const struct tls_hs *h);
/* X509_V_*, X509_V_OK also when no certificate was asked for. */
long tls_hs_verify_result(const struct tls_hs *h);
/* "TLSv1.3", and OpenSSL's name of the suite. */
const char *tls_hs_version(const struct tls_hs *h);
const char *tls_hs_cipher(const struct tls_hs *h);
/* For sample fetches (certificates): borrowed; not to be read or written. */
struct ssl_st *tls_hs_ssl(const struct tls_hs *h);
/* Why it failed, for the log: kept in h; "" if it did not. */
const char *tls_hs_error(const struct tls_hs *h);

#endif
