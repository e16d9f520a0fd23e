/* SPDX-License-Identifier: MIT */
/*
 * Session tickets (RFC 5077, RFC 8446 4.6.1) without a session cache: all
 * workers have the keys, made by the master before it forks.  A new key is
 * used at once by processes made after it; the older ones still open tickets,
 * which are then renewed.
 *
 * The keys lie in a page of their own, out of core dumps.
 */
#include <string.h>
#include <sys/mman.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "shm/conf/tls_conf_int.h"

enum { NAME_BYTES = 16, AES_BYTES = 32, HMAC_BYTES = 32 };

struct ticket_key {
	uint8_t name[NAME_BYTES];
	uint8_t aes[AES_BYTES];
	uint8_t hmac[HMAC_BYTES];
};

_Static_assert(sizeof(struct ticket_key) == TLS_TICKET_KEY_BYTES, "layout");

/* Newest first. */
struct ticket_keys {
	unsigned n;
	struct ticket_key key[TLS_TICKET_KEYS];
};

static struct ticket_keys *keys;
/* Looked up once: by name in each handshake costs more than the ticket. */
static EVP_CIPHER *aes;

static int
make_room(void)
{
	void *p;

	if (keys)
		return 0;
	if (!aes)
		aes = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	if (!aes)
		return -WSE_SYS;
	p = mmap(NULL, sizeof(*keys), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -WSE_SYS;
	madvise(p, sizeof(*keys), MADV_DONTDUMP);
	keys = p;
	return 0;
}

int
tls_ticket_keys_make(void)
{
	struct ticket_key fresh;
	int r = make_room();

	if (r)
		return r;
	if (RAND_bytes(fresh.name, sizeof(fresh.name)) != 1 ||
	    RAND_priv_bytes(fresh.aes, sizeof(fresh.aes)) != 1 ||
	    RAND_priv_bytes(fresh.hmac, sizeof(fresh.hmac)) != 1)
		return -WSE_SYS;
	memmove(keys->key + 1, keys->key,
	    (TLS_TICKET_KEYS - 1) * sizeof(keys->key[0]));
	keys->key[0] = fresh;
	if (keys->n < TLS_TICKET_KEYS)
		keys->n++;
	OPENSSL_cleanse(&fresh, sizeof(fresh));
	return 0;
}

void
tls_ticket_keys_get(
    uint8_t keys_r[TLS_TICKET_KEYS][TLS_TICKET_KEY_BYTES], unsigned *n_r)
{
	*n_r = keys ? keys->n : 0;
	if (keys)
		memcpy(keys_r, keys->key, sizeof(keys->key));
}

int
tls_ticket_keys_set(
    uint8_t from[TLS_TICKET_KEYS][TLS_TICKET_KEY_BYTES], unsigned n)
{
	int r = n > TLS_TICKET_KEYS ? -WSE_RANGE : make_room();

	if (r)
		return r;
	memcpy(keys->key, from, n * sizeof(keys->key[0]));
	keys->n = n;
	return 0;
}

static int
use_key(struct ticket_key *k, const uint8_t *iv, EVP_CIPHER_CTX *cipher,
    EVP_MAC_CTX *mac, bool is_new)
{
	OSSL_PARAM params[3];

	params[0] = OSSL_PARAM_construct_octet_string(
	    OSSL_MAC_PARAM_KEY, k->hmac, sizeof(k->hmac));
	params[1] = OSSL_PARAM_construct_utf8_string(
	    OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t) "SHA256", 0);
	params[2] = OSSL_PARAM_construct_end();
	return EVP_MAC_CTX_set_params(mac, params) == 1 &&
	    EVP_CipherInit_ex(cipher, aes, NULL, k->aes, iv, is_new) == 1;
}

/* 1: done, 2: done, renew it, 0: no ticket, -1: failed. */
static int
on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv,
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int is_new)
{
	if (!keys || !keys->n)
		return 0;
	if (is_new) {
		if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(aes)) != 1)
			return -1;
		memcpy(name, keys->key[0].name, NAME_BYTES);
		return use_key(&keys->key[0], iv, cipher, mac, true) ? 1 : -1;
	}
	for (unsigned i = 0; i < keys->n; i++) {
		struct ticket_key *k = &keys->key[i];

		if (memcmp(name, k->name, NAME_BYTES) != 0)
			continue;
		if (!use_key(k, iv, cipher, mac, false))
			return -1;
		/* A 1.3 ticket is for one use: its client gets the next. */
		return i > 0 || SSL_version(ssl) == TLS1_3_VERSION ? 2 : 1;
	}
	return 0;
}

void
tls_ticket_attach(SSL_CTX *ctx)
{
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
}
