/* SPDX-License-Identifier: MIT */
/*
 * See tls_ctx.h.
 */
#include <stdio.h>
#include <openssl/ssl.h>

#include "shm/proto/tls_ctx.h"
#include "shm/proto/tls_key.h"

enum { NAMES_MAX = 8192 };

/* A list of suite names being written, as OpenSSL takes it. */
struct names {
	char text[NAMES_MAX];
	size_t n;
	bool is_full;
};

bool
tls_ctx_is_portable(const struct ssl_cipher_st *c, enum tls_aead *aead_r)
{
	switch (SSL_CIPHER_get_cipher_nid(c)) {
	case NID_aes_128_gcm:
		*aead_r = TLS_AES_128_GCM;
		return true;
	case NID_aes_256_gcm:
		*aead_r = TLS_AES_256_GCM;
		return true;
	case NID_chacha20_poly1305:
		*aead_r = TLS_CHACHA20_POLY1305;
		return true;
	default:
		return false;
	}
}

static void
add(struct names *l, const char *name)
{
	int n = snprintf(l->text + l->n, sizeof(l->text) - l->n, "%s%s",
	    l->n ? ":" : "", name);

	if (n < 0 || (size_t)n >= sizeof(l->text) - l->n)
		l->is_full = true;
	else
		l->n += (size_t)n;
}

static bool
is_set(SSL_CTX *ctx, const struct names *v12, const struct names *v13)
{
	if (SSL_CTX_set_ciphersuites(ctx, v13->text) != 1)
		return false;
	if (v13->n == 0 &&
	    SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION) != 1)
		return false;
	if (v12->n == 0)
		return SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1;
	return SSL_CTX_set_cipher_list(ctx, v12->text) == 1;
}

int
tls_ctx_keep_portable(struct ssl_ctx_st *ctx,
    void (*dropped)(const char *name, void *arg), void *arg)
{
	STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ctx);
	struct names v12 = { .n = 0 }, v13 = { .n = 0 };
	enum tls_aead aead;
	bool any = false;

	for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
		const SSL_CIPHER *c = sk_SSL_CIPHER_value(all, i);
		const char *name = SSL_CIPHER_get_name(c);

		if (tls_ctx_is_portable(c, &aead)) {
			add(SSL_CIPHER_get_protocol_id(c) >> 8 == 0x13 ? &v13
								       : &v12,
			    name);
			continue;
		}
		any = true;
		if (dropped)
			dropped(name, arg);
	}
	if (v12.n == 0 && v13.n == 0)
		return -WSE_UNSUPP;
	if (!any)
		return 0;
	return v12.is_full || v13.is_full || !is_set(ctx, &v12, &v13)
	    ? -WSE_NOMEM
	    : 0;
}
