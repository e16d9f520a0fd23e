/* SPDX-License-Identifier: MIT */
/*
 * What OpenSSL tells of a handshake: traffic secrets, record counts, sessions.
 */
#include <pthread.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include "shm/base/chk.h"
#include "shm/proto/tls_ctx.h"
#include "shm/proto/tls_hs_int.h"

static int hs_index = -1; /* of struct tls_hs among an SSL's data */
static pthread_once_t indexed = PTHREAD_ONCE_INIT;

static void
make_index(void)
{
	hs_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

static struct tls_hs *
hs_of(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, hs_index);
}

static void on_keylog(const SSL *ssl, const char *line);

/*
 * OpenSSL writes five lines a handshake, each by a sprintf() per byte: a
 * twentieth of a worker's time in a storm of clients.  So a server side listens
 * only from a Finished to the traffic secret that follows it in the same call;
 * its contexts belong to one thread.
 */
static void
listen_for_secret(SSL *ssl, const uint8_t *message, size_t n)
{
	if (n > 0 && message[0] == SSL3_MT_FINISHED &&
	    SSL_version(ssl) == TLS1_3_VERSION)
		SSL_CTX_set_keylog_callback(SSL_get_SSL_CTX(ssl), on_keylog);
}

/* "LABEL CLIENTRANDOM SECRET", both in hex; only traffic secrets matter. */
static void
on_keylog(const SSL *ssl, const char *line)
{
	struct tls_hs *h = hs_of(ssl);
	struct sv s = sv_str(line);
	bool of_client = sv_starts(s, SV("CLIENT_TRAFFIC_SECRET_0 "));
	struct tls_hs_side *side;
	size_t at;

	if (!h || (!of_client && !sv_starts(s, SV("SERVER_TRAFFIC_SECRET_0 "))))
		return;
	if (!h->is_client)
		SSL_CTX_set_keylog_callback(SSL_get_SSL_CTX(ssl), NULL);
	side = of_client == h->is_client ? &h->tx : &h->rx;
	memset(side, 0, sizeof(*side));
	side->has_keys = true;
	at = s.n;
	while (at > 0 && s.p[at - 1] != ' ')
		at--;
	if ((s.n - at) / 2 > TLS_SECRET_MAX)
		return;
	for (; at + 1 < s.n; at += 2)
		side->secret[side->secret_bytes++] =
		    (uint8_t)(OPENSSL_hexchar2int((unsigned char)s.p[at]) << 4 |
			OPENSSL_hexchar2int((unsigned char)s.p[at + 1]));
}

/*
 * Called for each record header.  TLS 1.3: a key switch logged its secret just
 * before, from then on outer type 23 counts.  TLS 1.2: all counts after
 * ChangeCipherSpec.
 */
static void
on_message(int is_write, int version, int type, const void *buf, size_t n,
    SSL *ssl, void *arg)
{
	struct tls_hs *h = hs_of(ssl);
	const uint8_t *head = buf;
	struct tls_hs_side *side;

	(void)version;
	(void)arg;
	if (h && type == SSL3_RT_HANDSHAKE && !h->is_client)
		listen_for_secret(ssl, buf, n);
	if (!h || type != SSL3_RT_HEADER || n < TLS_REC_HDR)
		return;
	side = is_write ? &h->tx : &h->rx;
	if (head[0] == SSL3_RT_CHANGE_CIPHER_SPEC) {
		if (!side->secret_bytes) {
			side->has_keys = true;
			side->count = 0;
		}
	} else if (side->has_keys &&
	    (!side->secret_bytes || head[0] == SSL3_RT_APPLICATION_DATA)) {
		side->count++;
	}
}

/* 1: the reference is ours now. */
static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls_hs *h = hs_of(ssl);

	if (!h || !h->is_client || h->has_session)
		return 0;
	h->has_session = true;
	h->session = session;
	return 1;
}

int
tls_hs_prepare(struct ssl_ctx_st *ctx)
{
	int e = tls_ctx_keep_portable(ctx, NULL, NULL);

	if (e < 0)
		return e;
	CHK(pthread_once(&indexed, make_index) == 0);
	if (hs_index < 0)
		return -WSE_NOMEM;
	if (SSL_CTX_get_min_proto_version(ctx) < TLS1_2_VERSION &&
	    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		return -WSE_NOMEM;
	SSL_CTX_set_options(
	    ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ctx, 0);
	SSL_CTX_set_max_early_data(ctx, 0);
	SSL_CTX_set_recv_max_early_data(ctx, 0);
	SSL_CTX_set_session_cache_mode(
	    ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, on_session);
	SSL_CTX_set_keylog_callback(ctx, on_keylog);
	SSL_CTX_set_msg_callback(ctx, on_message);
	return 0;
}

bool
tls_watch_is_bound(struct tls_hs *h)
{
	CHK(hs_index >= 0); /* the SSL_CTX was prepared */
	return SSL_set_ex_data(h->ssl, hs_index, h) == 1;
}
