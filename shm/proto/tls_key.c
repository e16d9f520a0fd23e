/* SPDX-License-Identifier: MIT */
/*
 * See tls_key.h.  HMAC is spelled out over EVP_Digest with a digest fetched
 * once: HMAC() and EVP_KDF look their algorithms up by name in each call.
 */
#include <pthread.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "shm/base/chk.h"
#include "shm/proto/tls_key.h"

enum { BLOCK_MAX = 128, MESSAGE_MAX = 192, LABEL_MAX = 16 };

/* GCM: 2^24.5 full records, taken down to 2^24; ChaCha20: the counter. */
static const struct tls_suite suites[TLS_AEAD_N] = {
	[TLS_AES_128_GCM] = { "AES-128-GCM", 16, 32, 8, 4, 1ull << 24 },
	[TLS_AES_256_GCM] = { "AES-256-GCM", 32, 48, 8, 4, 1ull << 24 },
	[TLS_CHACHA20_POLY1305] = { "ChaCha20-Poly1305", 32, 32, 0, 12,
	    1ull << 62 },
};

/* Fetched algorithms; written once, then only read, also by forked children. */
static EVP_CIPHER *ciphers[TLS_AEAD_N];
static EVP_MD *sha256, *sha384;
static pthread_once_t fetched = PTHREAD_ONCE_INIT;

static void
fetch_all(void)
{
	for (int i = 0; i < TLS_AEAD_N; i++)
		ciphers[i] = EVP_CIPHER_fetch(NULL, suites[i].name, NULL);
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	sha384 = EVP_MD_fetch(NULL, "SHA384", NULL);
}

const struct tls_suite *
tls_key_suite(enum tls_aead a)
{
	CHK((unsigned)a < TLS_AEAD_N);
	return &suites[a];
}

const struct evp_cipher_st *
tls_key_cipher(enum tls_aead a)
{
	CHK((unsigned)a < TLS_AEAD_N);
	CHK(pthread_once(&fetched, fetch_all) == 0);
	return ciphers[a];
}

/* RFC 2104, key no longer than the hash's block. 0 or -WSE_NOMEM. */
static int
hmac(unsigned hash_bytes, const uint8_t *key, size_t key_bytes,
    const uint8_t *msg, size_t n, uint8_t *out)
{
	uint8_t buf[BLOCK_MAX + MESSAGE_MAX];
	uint8_t inner[EVP_MAX_MD_SIZE];
	size_t block = hash_bytes == 48 ? 128 : 64;
	const EVP_MD *md;
	bool ok;

	CHK(key_bytes <= block && n <= MESSAGE_MAX);
	CHK(pthread_once(&fetched, fetch_all) == 0);
	md = hash_bytes == 48 ? sha384 : sha256;
	if (!md)
		return -WSE_NOMEM;
	memset(buf, 0x36, block);
	for (size_t i = 0; i < key_bytes; i++)
		buf[i] ^= key[i];
	memcpy(buf + block, msg, n);
	ok = EVP_Digest(buf, block + n, inner, NULL, md, NULL) == 1;
	memset(buf, 0x5c, block);
	for (size_t i = 0; i < key_bytes; i++)
		buf[i] ^= key[i];
	memcpy(buf + block, inner, hash_bytes);
	ok =
	    ok && EVP_Digest(buf, block + hash_bytes, out, NULL, md, NULL) == 1;
	OPENSSL_cleanse(buf, sizeof(buf));
	OPENSSL_cleanse(inner, sizeof(inner));
	return ok ? 0 : -WSE_NOMEM;
}

/* HKDF-Expand-Label with an empty context, at most one block of output. */
static int
expand_label(unsigned hash_bytes, const uint8_t *secret, struct sv label,
    uint8_t *out, size_t out_bytes)
{
	uint8_t info[2 + 1 + 6 + LABEL_MAX + 1 + 1], block[EVP_MAX_MD_SIZE];
	size_t n = 0;
	int r;

	CHK(label.n <= LABEL_MAX && out_bytes <= hash_bytes);
	info[n++] = 0;
	info[n++] = (uint8_t)out_bytes;
	info[n++] = (uint8_t)(6 + label.n);
	memcpy(info + n, "tls13 ", 6);
	n += 6;
	memcpy(info + n, label.p, label.n);
	n += label.n;
	info[n++] = 0; /* context */
	info[n++] = 1; /* block number of HKDF-Expand */
	r = hmac(hash_bytes, secret, hash_bytes, info, n, block);
	if (r == 0)
		memcpy(out, block, out_bytes);
	OPENSSL_cleanse(block, sizeof(block));
	return r;
}

int
tls_key_set(
    const struct tls_state *st, struct tls_dir *d, const uint8_t *secret)
{
	const struct tls_suite *s = tls_key_suite(st->aead);
	unsigned h = st->hash_bytes;
	int r;

	CHK(st->version == 13 && h <= TLS_SECRET_MAX);
	memmove(d->secret, secret, h);
	d->seq = 0;
	r = expand_label(h, d->secret, SV("key"), d->key, s->key_bytes);
	if (r == 0)
		r = expand_label(h, d->secret, SV("iv"), d->iv, sizeof(d->iv));
	return r;
}

int
tls_key_next(const struct tls_state *st, struct tls_dir *d)
{
	uint8_t next[TLS_SECRET_MAX];
	int r;

	r = expand_label(
	    st->hash_bytes, d->secret, SV("traffic upd"), next, st->hash_bytes);
	if (r == 0)
		r = tls_key_set(st, d, next);
	OPENSSL_cleanse(next, sizeof(next));
	return r;
}

/* P_hash of RFC 5246 5: seed holds label and seed. */
static int
prf(unsigned hash_bytes, const uint8_t *secret, const uint8_t *seed,
    size_t seed_bytes, uint8_t *out, size_t out_bytes)
{
	uint8_t a[EVP_MAX_MD_SIZE + MESSAGE_MAX], block[EVP_MAX_MD_SIZE];
	size_t done = 0, take;
	int r;

	CHK(hash_bytes + seed_bytes <= MESSAGE_MAX);
	r = hmac(hash_bytes, secret, TLS_MASTER_BYTES, seed, seed_bytes, a);
	while (r == 0 && done < out_bytes) {
		memcpy(a + hash_bytes, seed, seed_bytes);
		r = hmac(hash_bytes, secret, TLS_MASTER_BYTES, a,
		    hash_bytes + seed_bytes, block);
		take = out_bytes - done;
		take = take < hash_bytes ? take : hash_bytes;
		memcpy(out + done, block, take);
		done += take;
		if (r == 0)
			r = hmac(hash_bytes, secret, TLS_MASTER_BYTES, a,
			    hash_bytes, block);
		memcpy(a, block, hash_bytes);
	}
	OPENSSL_cleanse(a, sizeof(a));
	OPENSSL_cleanse(block, sizeof(block));
	return r;
}

int
tls_key_expand(struct tls_state *st, const uint8_t master[TLS_MASTER_BYTES],
    const uint8_t client_random[TLS_RANDOM_BYTES],
    const uint8_t server_random[TLS_RANDOM_BYTES])
{
	const struct tls_suite *s = tls_key_suite(st->aead);
	struct tls_dir *client = st->is_client ? &st->tx : &st->rx;
	struct tls_dir *server = st->is_client ? &st->rx : &st->tx;
	uint8_t seed[13 + 2 * TLS_RANDOM_BYTES];
	uint8_t block[2 * (TLS_KEY_MAX + TLS_IV_BYTES)];
	const uint8_t *p = block;
	int r;

	CHK(st->version == 12);
	memcpy(seed, "key expansion", 13);
	memcpy(seed + 13, server_random, TLS_RANDOM_BYTES);
	memcpy(seed + 13 + TLS_RANDOM_BYTES, client_random, TLS_RANDOM_BYTES);
	r = prf(st->hash_bytes, master, seed, sizeof(seed), block,
	    2u * s->key_bytes + 2u * s->fixed_bytes);
	if (r == 0) {
		memcpy(client->key, p, s->key_bytes);
		p += s->key_bytes;
		memcpy(server->key, p, s->key_bytes);
		p += s->key_bytes;
		memcpy(client->iv, p, s->fixed_bytes);
		p += s->fixed_bytes;
		memcpy(server->iv, p, s->fixed_bytes);
	}
	OPENSSL_cleanse(block, sizeof(block));
	return r;
}
