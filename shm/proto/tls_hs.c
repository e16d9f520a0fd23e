/* SPDX-License-Identifier: MIT */
/*
 * See tls_hs.h.
 *
 * At the end of the handshake tls_rec takes over at once.  A client that waits
 * for a ticket has each further record opened twice: by tls_rec, which counts,
 * and a copy of it by OpenSSL, whose only product is the session.
 */
#include <stdio.h>
#include <stdlib.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "shm/base/chk.h"
#include "shm/proto/tls_ctx.h"
#include "shm/proto/tls_hs_int.h"
#include "shm/proto/tls_key.h"

static void
bytes_free(struct tls_hs_bytes *b)
{
	if (b->p)
		OPENSSL_cleanse(b->p, b->room);
	free(b->p);
	*b = (struct tls_hs_bytes){ 0 };
}

/* 0, -WSE_NOMEM or -WSE_TOOBIG. */
static int
bytes_add(struct tls_hs_bytes *b, const void *p, size_t n, size_t max)
{
	struct tls_hs_bytes more = { NULL, b->n, b->room };

	if (n > max - b->n)
		return -WSE_TOOBIG;
	if (n > b->room - b->n) {
		more.room = b->n + n > 2048 ? 2 * (b->n + n) : 2048;
		more.p = malloc(more.room);
		if (!more.p)
			return -WSE_NOMEM;
		if (b->n > 0)
			memcpy(more.p, b->p, b->n);
		bytes_free(b);
		*b = more;
	}
	if (n > 0)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	return 0;
}

static void
bytes_drop(struct tls_hs_bytes *b, size_t n)
{
	CHK(n <= b->n);
	b->n -= n;
	if (b->n > 0)
		memmove(b->p, b->p + n, b->n);
}

static struct tls_hs *
hs_new(SSL_CTX *ctx, bool is_client)
{
	struct tls_hs *h = calloc(1, sizeof(*h));
	BIO *in = NULL, *out = NULL;

	if (!h)
		return NULL;
	h->is_client = is_client;
	h->ssl = SSL_new(ctx);
	in = BIO_new(BIO_s_mem());
	out = BIO_new(BIO_s_mem());
	if (!h->ssl || !in || !out || !tls_watch_is_bound(h)) {
		BIO_free(in);
		BIO_free(out);
		tls_hs_free(&h);
		return NULL;
	}
	SSL_set_bio(h->ssl, in, out);
	return h;
}

struct tls_hs *
tls_hs_accept(struct ssl_ctx_st *ctx)
{
	struct tls_hs *h = hs_new(ctx, false);

	if (h)
		SSL_set_accept_state(h->ssl);
	return h;
}

/* A session goes only where it came from. */
static bool
is_session_of(const SSL_SESSION *session, const char *sni)
{
	const char *made_with = SSL_SESSION_get0_hostname(session);

	return strcmp(made_with ? made_with : "", sni) == 0;
}

static bool
is_host_set(SSL *ssl, const char *host)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1)
		return true;
	X509_VERIFY_PARAM_set_hostflags(
	    param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, host, 0) == 1;
}

struct tls_hs *
tls_hs_connect(struct ssl_ctx_st *ctx, struct sv sni, struct sv alpn,
    struct ssl_session_st *resume, const char *verify_host)
{
	struct tls_hs *h = NULL;
	bool ok =
	    sni.n <= TLS_HS_SNI_MAX && (sni.n == 0 || !memchr(sni.p, 0, sni.n));

	if (ok)
		h = hs_new(ctx, true);
	if (!h)
		return NULL;
	if (sni.n > 0)
		memcpy(h->sni, sni.p, sni.n);
	SSL_set_connect_state(h->ssl);
	if (sni.n > 0)
		ok = SSL_set_tlsext_host_name(h->ssl, h->sni) == 1;
	/* this one answers 0 when it went well */
	if (ok && alpn.n > 0)
		ok = SSL_set_alpn_protos(h->ssl, (const uint8_t *)alpn.p,
			 (unsigned)alpn.n) == 0;
	if (ok && verify_host)
		ok = is_host_set(h->ssl, verify_host);
	if (ok && resume && is_session_of(resume, h->sni))
		ok = SSL_set_session(h->ssl, resume) == 1;
	if (!ok)
		tls_hs_free(&h);
	ERR_clear_error();
	return h;
}

void
tls_hs_free(struct tls_hs **hp)
{
	struct tls_hs *h = *hp;

	*hp = NULL;
	if (!h)
		return;
	/* or the session is marked as not resumable */
	if (h->ssl && h->state == TLS_HS_DONE)
		SSL_set_shutdown(
		    h->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(h->ssl);
	SSL_SESSION_free(h->session);
	tls_rec_wipe(&h->rec);
	bytes_free(&h->in);
	bytes_free(&h->plain);
	OPENSSL_cleanse(h, sizeof(*h));
	free(h);
}

static enum tls_hs_state
fail(struct tls_hs *h, const char *why)
{
	h->state = TLS_HS_FAILED;
	snprintf(h->error, sizeof(h->error), "%s", why);
	return h->state;
}

/* The reason OpenSSL gives, in words; verification says more. */
static void
fail_by_openssl(struct tls_hs *h)
{
	unsigned long e = ERR_peek_error();
	const char *reason = ERR_reason_error_string(e);
	long verify = SSL_get_verify_result(h->ssl);

	fail(h, reason ? reason : "handshake ended by the peer");
	if (ERR_GET_REASON(e) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		snprintf(h->error, sizeof(h->error), "%s: %s", reason,
		    X509_verify_cert_error_string(verify));
	ERR_clear_error();
}

/* TLS 1.2: both key sets hang on the master secret. */
static int
expand_12(struct tls_hs *h, struct tls_state *st)
{
	uint8_t master[TLS_MASTER_BYTES], client[TLS_RANDOM_BYTES];
	uint8_t server[TLS_RANDOM_BYTES];
	const SSL_SESSION *s = SSL_get_session(h->ssl);
	int r = -WSE_UNSUPP;

	if (s &&
	    SSL_SESSION_get_master_key(s, master, sizeof(master)) ==
		sizeof(master)) {
		SSL_get_client_random(h->ssl, client, sizeof(client));
		SSL_get_server_random(h->ssl, server, sizeof(server));
		r = tls_key_expand(st, master, client, server);
	}
	OPENSSL_cleanse(master, sizeof(master));
	return r;
}

/* RFC 6066 4: what the client asked for binds the server. */
static uint16_t
plain_max(const SSL *ssl)
{
	const SSL_SESSION *s = SSL_get_session(ssl);
	unsigned code = s ? SSL_SESSION_get_max_fragment_length(s) : 0;

	return code >= 1 && code <= 4 ? (uint16_t)(256u << code)
				      : TLS_REC_PLAIN_MAX;
}

/* The connection as tls_rec takes it over. */
static int
take_over(struct tls_hs *h)
{
	struct tls_state *st = &h->rec.st;
	const SSL_CIPHER *c = SSL_get_current_cipher(h->ssl);
	int version = SSL_version(h->ssl), e;
	enum tls_aead aead;

	if ((version != TLS1_2_VERSION && version != TLS1_3_VERSION) || !c ||
	    !tls_ctx_is_portable(c, &aead) || !h->rx.has_keys ||
	    !h->tx.has_keys)
		return -WSE_UNSUPP;
	st->version = version == TLS1_3_VERSION ? 13 : 12;
	st->aead = (uint8_t)aead;
	st->hash_bytes = tls_key_suite(aead)->hash_bytes;
	st->is_client = h->is_client;
	st->plain_max = plain_max(h->ssl);
	if (st->version == 12) {
		e = expand_12(h, st);
	} else if (h->rx.secret_bytes != st->hash_bytes ||
	    h->tx.secret_bytes != st->hash_bytes) {
		e = -WSE_UNSUPP;
	} else {
		e = tls_key_set(st, &st->rx, h->rx.secret);
		if (e == 0)
			e = tls_key_set(st, &st->tx, h->tx.secret);
	}
	st->rx.seq = h->rx.count;
	st->tx.seq = h->tx.count;
	OPENSSL_cleanse(&h->rx, sizeof(h->rx));
	OPENSSL_cleanse(&h->tx, sizeof(h->tx));
	return e;
}

/* Let OpenSSL go on with what it has. */
static void
step(struct tls_hs *h)
{
	int r;

	ERR_clear_error();
	h->is_started = true;
	r = SSL_do_handshake(h->ssl);
	if (r == 1) {
		if (take_over(h) < 0)
			fail(h, "the cipher suite cannot be detached");
		else
			h->state = TLS_HS_DONE;
	} else if (SSL_get_error(h->ssl, r) != SSL_ERROR_WANT_READ) {
		fail_by_openssl(h);
	}
}

/* Bytes of the whole record at the head of the input; 0: need more. */
static ssize_t
whole_record(const struct tls_hs *h)
{
	const uint8_t *p = h->in.p;
	size_t n;

	if (h->in.n > 0 && (p[0] < 20 || p[0] > 23))
		return -WSE_PROTO;
	if (h->in.n > 1 && p[1] != 3)
		return -WSE_PROTO;
	if (h->in.n < TLS_REC_HDR)
		return 0;
	n = TLS_REC_HDR + ((size_t)p[3] << 8 | p[4]);
	if (n > TLS_REC_HDR + TLS_REC_CIPHER_MAX)
		return -WSE_PROTO;
	return h->in.n < n ? 0 : (ssize_t)n;
}

/* OpenSSL's turn at a record of which tls_rec opened a copy. */
static void
try_ticket(struct tls_hs *h)
{
	uint8_t scrap[4096];
	int r;

	ERR_clear_error();
	do {
		r = SSL_read(h->ssl, scrap, sizeof(scrap));
	} while (r > 0);
	OPENSSL_cleanse(scrap, sizeof(scrap));
	if (SSL_get_error(h->ssl, r) != SSL_ERROR_WANT_READ)
		h->has_lost_track = true;
	ERR_clear_error();
}

/* A record after DONE, read for its ticket. */
static void
take_late(struct tls_hs *h, size_t n)
{
	BIO *in = SSL_get_rbio(h->ssl);
	enum tls_got got;
	struct sv data;
	uint8_t alert;
	ssize_t r;

	if (BIO_write(in, h->in.p, (int)n) != (int)n) {
		fail(h, "out of memory");
		return;
	}
	r = tls_rec_open(&h->rec, h->in.p, n, &got, &data, &alert);
	if (r < 0)
		fail(h, "bad record while waiting for a ticket");
	else if (got == TLS_GOT_CLOSE || got == TLS_GOT_ALERT)
		fail(h, "closed by the peer while waiting for a ticket");
	else if (bytes_add(&h->plain, data.p, data.n, TLS_HS_PLAIN_MAX) < 0)
		fail(h, "too much data while waiting for a ticket");
	else
		try_ticket(h);
	bytes_drop(&h->in, n);
}

static void
take_early(struct tls_hs *h, size_t n)
{
	BIO *in = SSL_get_rbio(h->ssl);

	if (BIO_write(in, h->in.p, (int)n) != (int)n) {
		fail(h, "out of memory");
		return;
	}
	bytes_drop(&h->in, n);
	step(h);
}

static bool
is_reading(const struct tls_hs *h, enum tls_hs_state since)
{
	if (h->state == TLS_HS_MORE)
		return true;
	/* what comes with the end of the handshake waits for the next call */
	return since == TLS_HS_DONE && tls_hs_is_ticket_due(h) &&
	    h->plain.n + TLS_REC_PLAIN_MAX <= TLS_HS_PLAIN_MAX;
}

enum tls_hs_state
tls_hs_feed(struct tls_hs *h, const void *p, size_t n)
{
	enum tls_hs_state since = h->state;
	ssize_t r = 1;

	if (h->state == TLS_HS_FAILED)
		return h->state;
	if (bytes_add(&h->in, p, n, TLS_HS_INPUT_MAX) < 0)
		return fail(h, "too much input");
	if (!h->is_started)
		step(h);
	while (r > 0 && is_reading(h, since)) {
		r = whole_record(h);
		if (r < 0)
			fail(h, "not a TLS record");
		else if (r > 0 && since == TLS_HS_DONE)
			take_late(h, (size_t)r);
		else if (r > 0)
			take_early(h, (size_t)r);
	}
	return h->state;
}

enum tls_hs_state
tls_hs_state(const struct tls_hs *h)
{
	return h->state;
}

struct sv
tls_hs_output(struct tls_hs *h)
{
	char *p = NULL;
	long n = BIO_get_mem_data(SSL_get_wbio(h->ssl), &p);

	return n > 0 ? sv_of(p, (size_t)n) : SV_NULL;
}

void
tls_hs_sent(struct tls_hs *h, size_t n)
{
	BIO *out = SSL_get_wbio(h->ssl);
	char scrap[4096];
	int r;

	while (n > 0) {
		r = BIO_read(
		    out, scrap, (int)(n < sizeof(scrap) ? n : sizeof(scrap)));
		CHK(r > 0);
		n -= (size_t)r;
	}
}

bool
tls_hs_has_rest(const struct tls_hs *h)
{
	return h->in.n > 0;
}

int
tls_hs_detach(struct tls_hs *h, struct tls_state *st, struct sv *rest_r)
{
	*rest_r = SV_NULL;
	if (h->is_detached)
		return -WSE_DENIED;
	if (h->state != TLS_HS_DONE || tls_hs_output(h).n > 0)
		return -WSE_AGAIN;
	h->is_detached = true;
	*st = h->rec.st;
	*rest_r = sv_of((const char *)h->in.p, h->in.n);
	tls_rec_wipe(&h->rec);
	return 0;
}

struct sv
tls_hs_plain(const struct tls_hs *h)
{
	return sv_of((const char *)h->plain.p, h->plain.n);
}

bool
tls_hs_is_ticket_due(const struct tls_hs *h)
{
	return h->state == TLS_HS_DONE && h->is_client && !h->is_detached &&
	    !h->has_session && !h->has_lost_track &&
	    SSL_version(h->ssl) == TLS1_3_VERSION;
}

struct ssl_session_st *
tls_hs_session(struct tls_hs *h)
{
	SSL_SESSION *s = h->state == TLS_HS_DONE ? h->session : NULL;

	/* a server that does not answer SNI leaves the name out */
	if (!s || !SSL_SESSION_is_resumable(s) ||
	    SSL_SESSION_set1_hostname(s, h->sni[0] ? h->sni : NULL) != 1)
		return NULL;
	h->session = NULL;
	return s;
}

struct sv
tls_hs_alpn(const struct tls_hs *h)
{
	const unsigned char *p = NULL;
	unsigned n = 0;

	SSL_get0_alpn_selected(h->ssl, &p, &n);
	return n > 0 ? sv_of((const char *)p, n) : SV_NULL;
}

struct sv
tls_hs_sni(const struct tls_hs *h)
{
	if (h->is_client)
		return sv_str(h->sni);
	return sv_str(SSL_get_servername(h->ssl, TLSEXT_NAMETYPE_host_name));
}

bool
tls_hs_is_resumed(const struct tls_hs *h)
{
	return SSL_session_reused(h->ssl) == 1;
}

long
tls_hs_verify_result(const struct tls_hs *h)
{
	return SSL_get_verify_result(h->ssl);
}

const char *
tls_hs_version(const struct tls_hs *h)
{
	return SSL_get_version(h->ssl);
}

const char *
tls_hs_cipher(const struct tls_hs *h)
{
	return SSL_get_cipher_name(h->ssl);
}

struct ssl_st *
tls_hs_ssl(const struct tls_hs *h)
{
	return h->ssl;
}

const char *
tls_hs_error(const struct tls_hs *h)
{
	return h->error;
}
