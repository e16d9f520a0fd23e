/* SPDX-License-Identifier: MIT */
/*
 * See tls_pair.h.
 */
#include <sys/uio.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "shm/proto/tls_aead.h"
#include "shm/proto/tls_wire.h"
#include "tests/unit/shm/proto/tls_pair.h"

static EVP_PKEY *key;
static X509 *cert;

static void
forget_cert(void)
{
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void
make_cert(void)
{
	X509_EXTENSION *ext;
	X509_NAME *name;

	if (cert)
		return;
	key = EVP_EC_gen("P-256");
	cert = X509_new();
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_set_pubkey(cert, key);
	name = X509_get_subject_name(cert);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const unsigned char *)"test.example", -1, -1, 0);
	X509_set_issuer_name(cert, name);
	ext = X509V3_EXT_conf_nid(
	    NULL, NULL, NID_subject_alt_name, "DNS:test.example,IP:127.0.0.1");
	X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	atexit(forget_cert);
}

static const char *const suite12[] = {
	"ECDHE-ECDSA-AES128-GCM-SHA256",
	"ECDHE-ECDSA-AES256-GCM-SHA384",
	"ECDHE-ECDSA-CHACHA20-POLY1305",
};
static const char *const suite13[] = {
	"TLS_AES_128_GCM_SHA256",
	"TLS_AES_256_GCM_SHA384",
	"TLS_CHACHA20_POLY1305_SHA256",
};

static int
choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen,
    const unsigned char *in, unsigned inlen, void *arg)
{
	(void)ssl;
	(void)arg;
	return SSL_select_next_proto((unsigned char **)out, outlen,
		   (const unsigned char *)"\2h2\10http/1.1", 12, in,
		   inlen) == OPENSSL_NPN_NEGOTIATED
	    ? SSL_TLSEXT_ERR_OK
	    : SSL_TLSEXT_ERR_NOACK;
}

SSL_CTX *
pair_ctx(const struct shape *s, bool is_client, bool is_ours)
{
	SSL_CTX *ctx =
	    SSL_CTX_new(is_client ? TLS_client_method() : TLS_server_method());
	int version = s->version == 13 ? TLS1_3_VERSION : TLS1_2_VERSION;

	assert_non_null(ctx);
	make_cert();
	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	assert_int_equal(SSL_CTX_set_cipher_list(ctx, suite12[s->aead]), 1);
	assert_int_equal(SSL_CTX_set_ciphersuites(ctx, suite13[s->aead]), 1);
	if (s->no_ems)
		SSL_CTX_set_options(ctx, SSL_OP_NO_EXTENDED_MASTER_SECRET);
	if (is_client) {
		X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cert);
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	} else {
		SSL_CTX_use_certificate(ctx, cert);
		SSL_CTX_use_PrivateKey(ctx, key);
		SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
	}
	if (is_ours)
		assert_int_equal(tls_hs_prepare(ctx), 0);
	return ctx;
}

void
pair_init(struct pair *p, const struct shape *s)
{
	memset(p, 0, sizeof(*p));
	p->shape = *s;
	p->client_ctx = pair_ctx(s, true, s->is_client);
	p->server_ctx = pair_ctx(s, false, !s->is_client);
}

void
pair_start(struct pair *p, SSL_SESSION *session)
{
	p->in_bytes = p->got_bytes = 0;
	if (p->shape.is_client)
		p->hs = tls_hs_connect(p->client_ctx, SV("test.example"),
		    SV("\2h2\10http/1.1"), session, "test.example");
	else
		p->hs = tls_hs_accept(p->server_ctx);
	assert_non_null(p->hs);
	p->peer = SSL_new(p->shape.is_client ? p->server_ctx : p->client_ctx);
	SSL_set_bio(p->peer, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	if (p->shape.is_client) {
		SSL_set_accept_state(p->peer);
		return;
	}
	SSL_set_connect_state(p->peer);
	SSL_set_tlsext_host_name(p->peer, "test.example");
	SSL_set_alpn_protos(p->peer, (const unsigned char *)"\10http/1.1", 9);
	if (session)
		assert_int_equal(SSL_set_session(p->peer, session), 1);
}

void
pair_deliver(struct pair *p, const void *bytes, size_t n)
{
	if (n > 0)
		assert_int_equal(
		    BIO_write(SSL_get_rbio(p->peer), bytes, (int)n), n);
}

void
pair_fetch(struct pair *p)
{
	BIO *out = SSL_get_wbio(p->peer);
	size_t n = BIO_ctrl_pending(out);

	assert_true(n <= PAIR_ROOM - p->in_bytes);
	if (n > 0)
		BIO_read(out, p->in + p->in_bytes, (int)n);
	p->in_bytes += n;
}

/* Our output to the peer. */
static void
flush(struct pair *p)
{
	struct sv out = tls_hs_output(p->hs);

	pair_deliver(p, out.p, out.n);
	tls_hs_sent(p->hs, out.n);
}

void
pair_handshake(struct pair *p)
{
	for (int i = 0; i < 8; i++) {
		enum tls_hs_state s = tls_hs_state(p->hs);

		if (s == TLS_HS_DONE && SSL_is_init_finished(p->peer))
			return;
		s = tls_hs_feed(p->hs, p->in, p->in_bytes);
		p->in_bytes = 0;
		if (s == TLS_HS_FAILED)
			print_error("%s\n", tls_hs_error(p->hs));
		assert_int_not_equal(s, TLS_HS_FAILED);
		flush(p);
		if (s == TLS_HS_DONE && SSL_is_init_finished(p->peer))
			return;
		SSL_do_handshake(p->peer);
		pair_fetch(p);
	}
	fail_msg("the handshake does not end");
}

void
pair_detach(struct pair *p)
{
	struct sv rest, plain = tls_hs_plain(p->hs);
	uint8_t *late = malloc(PAIR_ROOM);
	size_t late_bytes = p->in_bytes;

	memset(&p->rec, 0, sizeof(p->rec));
	assert_int_equal(tls_hs_detach(p->hs, &p->rec.st, &rest), 0);
	memcpy(late, p->in, late_bytes);
	if (rest.n > 0)
		memcpy(p->in, rest.p, rest.n);
	memcpy(p->in + rest.n, late, late_bytes);
	p->in_bytes = rest.n + late_bytes;
	if (plain.n > 0)
		memcpy(p->got, plain.p, plain.n);
	p->got_bytes = plain.n;
	free(late);
	tls_hs_free(&p->hs);
	assert_null(p->hs);
}

void
pair_connect(struct pair *p, SSL_SESSION *session)
{
	pair_start(p, session);
	pair_handshake(p);
	pair_detach(p);
}

void
pair_stop(struct pair *p)
{
	tls_hs_free(&p->hs);
	tls_rec_wipe(&p->rec);
	if (p->peer)
		SSL_set_shutdown(p->peer, 3);
	SSL_free(p->peer);
	p->peer = NULL;
}

void
pair_free(struct pair *p)
{
	pair_stop(p);
	SSL_CTX_free(p->client_ctx);
	SSL_CTX_free(p->server_ctx);
	tls_rec_drain();
}

enum tls_got
pair_open(struct pair *p)
{
	enum tls_got got, first = TLS_GOT_DATA;
	struct sv data;
	size_t at = 0;
	ssize_t r;

	pair_fetch(p);
	while ((r = tls_rec_open(&p->rec, p->in + at, p->in_bytes - at, &got,
		    &data, &p->alert)) > 0) {
		if (data.n > 0)
			memcpy(p->got + p->got_bytes, data.p, data.n);
		p->got_bytes += data.n;
		at += (size_t)r;
		if (first == TLS_GOT_DATA)
			first = got;
		if (got == TLS_GOT_CLOSE || got == TLS_GOT_ALERT)
			break;
	}
	if (r < 0)
		print_error("open: %s, alert %d\n", err_text((int)r), p->alert);
	assert_true(r >= 0);
	p->in_bytes -= at;
	memmove(p->in, p->in + at, p->in_bytes);
	return first;
}

void
pair_peer_reads(struct pair *p, const void *data, size_t n)
{
	uint8_t *buf = malloc(n + 1);
	size_t have = 0;
	int r;

	while ((r = SSL_read(p->peer, buf + have, (int)(n + 1 - have))) > 0)
		have += (size_t)r;
	assert_int_equal(SSL_get_error(p->peer, r), SSL_ERROR_WANT_READ);
	assert_int_equal(have, n);
	if (n > 0)
		assert_memory_equal(buf, data, n);
	free(buf);
}

void
pair_talk(struct pair *p)
{
	static const size_t sizes[] = { 1, 5, 128, 2048, 2049, 16384 };
	static _Thread_local uint8_t data[16384], out[17000];
	ssize_t n;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		size_t cut = sizes[i] / 3;
		struct iovec iov[3] = { { data, cut }, { NULL, 0 },
			{ data + cut, sizes[i] - cut } };

		n = tls_rec_seal(&p->rec, iov, 3, out, sizeof(out));
		assert_true(n > 0);
		pair_deliver(p, out, (size_t)n);
		pair_peer_reads(p, data, sizes[i]);
		p->got_bytes = 0;
		assert_int_equal(
		    SSL_write(p->peer, data, (int)sizes[i]), sizes[i]);
		pair_open(p);
		assert_int_equal(p->got_bytes, sizes[i]);
		assert_memory_equal(p->got, data, sizes[i]);
		if (i % 2)
			tls_rec_idle(&p->rec);
	}
}

SSL_SESSION *
pair_session(struct pair *p)
{
	SSL_SESSION *s;

	pair_start(p, NULL);
	pair_handshake(p);
	if (p->shape.is_client) {
		tls_hs_feed(p->hs, p->in, p->in_bytes);
		p->in_bytes = 0;
		s = tls_hs_session(p->hs);
	} else {
		SSL_read(p->peer, p->got, 1);
		s = SSL_get1_session(p->peer);
	}
	assert_non_null(s);
	pair_detach(p);
	pair_talk(p);
	pair_stop(p);
	return s;
}

struct tls_rec
mirror_of(const struct tls_state *st)
{
	struct tls_rec r = { .st = *st };

	r.st.is_client = !st->is_client;
	r.st.rx = st->tx;
	r.st.tx = st->rx;
	return r;
}

void
made_up(struct tls_state *st, const struct shape *s)
{
	memset(st, 0, sizeof(*st));
	st->version = (uint8_t)s->version;
	st->aead = (uint8_t)s->aead;
	st->hash_bytes = s->aead == TLS_AES_256_GCM ? 48 : 32;
	st->is_client = s->is_client;
	st->plain_max = TLS_REC_PLAIN_MAX;
	st->rx.seq = 3;
	st->tx.seq = 1;
	if (s->version == 13)
		memset(st->rx.secret, 0x51, st->hash_bytes);
	if (s->version == 13)
		memset(st->tx.secret, 0xa3, st->hash_bytes);
	memset(st->rx.key, 0x17, s->aead == TLS_AES_128_GCM ? 16 : 32);
	memset(st->tx.key, 0x28, s->aead == TLS_AES_128_GCM ? 16 : 32);
	memset(st->rx.iv, 0x39, 4);
	memset(st->tx.iv, 0x4a, 4);
}

size_t
craft(struct tls_rec *r, uint8_t type, const void *p, size_t n, size_t pad,
    uint8_t *out)
{
	struct tls_state *st = &r->st;
	bool has_nonce = st->version == 12 && st->aead != TLS_CHACHA20_POLY1305;
	size_t inner = st->version == 13 ? n + 1 + pad : n;
	size_t body = inner + 16 + (has_nonce ? 8 : 0), aad_bytes = 5;
	uint8_t nonce[12], aad[13], *at = out + 5;

	out[0] = st->version == 13 ? 23 : type;
	out[1] = out[2] = 3;
	out[3] = (uint8_t)(body >> 8);
	out[4] = (uint8_t)body;
	memcpy(aad, out, 5);
	if (st->version == 12)
		aad_bytes = tls_wire_aad12(st->tx.seq, type, n, aad);
	tls_wire_nonce(&st->tx, nonce);
	if (has_nonce) {
		memcpy(at, nonce + 4, 8);
		at += 8;
	}
	if (n > 0)
		memmove(at, p, n);
	if (st->version == 13) {
		at[n] = type;
		memset(at + n + 1, 0, pad);
	}
	if (!r->tx_ctx)
		r->tx_ctx = tls_aead_get(st->aead, st->tx.key, true);
	assert_int_equal(tls_aead_begin(r->tx_ctx, nonce, aad, aad_bytes), 0);
	assert_int_equal(tls_aead_turn(r->tx_ctx, at, at, inner), 0);
	assert_int_equal(tls_aead_tag(r->tx_ctx, at + inner), 0);
	st->tx.seq++;
	return 5 + body;
}
