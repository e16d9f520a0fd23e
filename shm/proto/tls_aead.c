/* SPDX-License-Identifier: MIT */
/*
 * See tls_aead.h.
 */
#include <openssl/evp.h>

#include "shm/base/chk.h"
#include "shm/proto/tls_aead.h"
#include "shm/proto/tls_key.h"

/* Contexts kept per thread and AEAD, 1.2 kB each. */
enum { KEPT_MAX = 64 };

struct kept {
	EVP_CIPHER_CTX *item[KEPT_MAX];
	unsigned n;
};

static _Thread_local struct kept freelist[TLS_AEAD_N];

int
tls_aead_rekey(struct evp_cipher_ctx_st *c, const uint8_t *key, bool is_seal)
{
	if (EVP_CipherInit_ex2(c, NULL, key, NULL, is_seal, NULL) != 1)
		return -WSE_NOMEM;
	return 0;
}

struct evp_cipher_ctx_st *
tls_aead_get(enum tls_aead a, const uint8_t *key, bool is_seal)
{
	struct kept *k = &freelist[a];
	const EVP_CIPHER *cipher;
	EVP_CIPHER_CTX *c;

	CHK((unsigned)a < TLS_AEAD_N);
	if (k->n > 0) {
		c = k->item[--k->n];
		if (tls_aead_rekey(c, key, is_seal) == 0)
			return c;
		EVP_CIPHER_CTX_free(c);
		return NULL;
	}
	cipher = tls_key_cipher(a);
	c = cipher ? EVP_CIPHER_CTX_new() : NULL;
	if (!c)
		return NULL;
	if (EVP_CipherInit_ex2(c, cipher, key, NULL, is_seal, NULL) == 1)
		return c;
	EVP_CIPHER_CTX_free(c);
	return NULL;
}

void
tls_aead_put(enum tls_aead a, struct evp_cipher_ctx_st **c)
{
	static const uint8_t no_key[TLS_KEY_MAX];
	struct kept *k = &freelist[a];

	if (!*c)
		return;
	if (k->n < KEPT_MAX && tls_aead_rekey(*c, no_key, true) == 0)
		k->item[k->n++] = *c;
	else
		EVP_CIPHER_CTX_free(*c);
	*c = NULL;
}

void
tls_aead_drain(void)
{
	for (int a = 0; a < TLS_AEAD_N; a++)
		while (freelist[a].n > 0)
			EVP_CIPHER_CTX_free(freelist[a].item[--freelist[a].n]);
}

int
tls_aead_begin(struct evp_cipher_ctx_st *c, const uint8_t nonce[TLS_IV_BYTES],
    const uint8_t *aad, size_t aad_bytes)
{
	int n;

	if (EVP_CipherInit_ex2(c, NULL, NULL, nonce, -1, NULL) != 1 ||
	    EVP_CipherUpdate(c, NULL, &n, aad, (int)aad_bytes) != 1)
		return -WSE_NOMEM;
	return 0;
}

int
tls_aead_turn(
    struct evp_cipher_ctx_st *c, uint8_t *out, const uint8_t *in, size_t n)
{
	int got;

	if (n > 0 &&
	    (EVP_CipherUpdate(c, out, &got, in, (int)n) != 1 || got != (int)n))
		return -WSE_NOMEM;
	return 0;
}

int
tls_aead_tag(struct evp_cipher_ctx_st *c, uint8_t tag[TLS_TAG_BYTES])
{
	uint8_t none[1];
	int n;

	if (EVP_CipherFinal_ex(c, none, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TLS_TAG_BYTES, tag) !=
		1)
		return -WSE_NOMEM;
	return 0;
}

int
tls_aead_check(struct evp_cipher_ctx_st *c, const uint8_t tag[TLS_TAG_BYTES])
{
	uint8_t none[1], copy[TLS_TAG_BYTES];
	int n;

	memcpy(copy, tag, sizeof(copy));
	if (EVP_CIPHER_CTX_ctrl(
		c, EVP_CTRL_AEAD_SET_TAG, TLS_TAG_BYTES, copy) != 1 ||
	    EVP_CipherFinal_ex(c, none, &n) != 1)
		return -WSE_PROTO;
	return 0;
}
