/* SPDX-License-Identifier: MIT */
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "shm/proto/tls_key.h"
#include "tests/unit/shm/proto/tls_pair.h"

static size_t
unhex(const char *s, uint8_t *to)
{
	size_t n = 0;

	for (; s[0] && s[1]; s += 2)
		to[n++] =
		    (uint8_t)(OPENSSL_hexchar2int((unsigned char)s[0]) * 16 +
			OPENSSL_hexchar2int((unsigned char)s[1]));
	return n;
}

/* RFC 8448 3: {server} derive write traffic keys for application data. */
static void
set__rfc8448__its_key_and_iv(void **state)
{
	struct tls_state st = { .version = 13, .hash_bytes = 32 };
	struct tls_dir d = { .seq = 9 };
	uint8_t secret[48], key[32], iv[12];

	(void)state;
	unhex(
	    "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
	    secret);
	unhex("9f02283b6c9c07efc26bb9f2ac92e356", key);
	unhex("cf782b88dd83549aadf1e984", iv);
	assert_int_equal(tls_key_set(&st, &d, secret), 0);
	assert_memory_equal(d.key, key, 16);
	assert_memory_equal(d.iv, iv, 12);
	assert_memory_equal(d.secret, secret, 32);
	assert_int_equal(d.seq, 0);
}

/* The secret that follows, against OpenSSL's own derivation. */
static void
next__both_hashes__as_openssl_derives(void **state)
{
	struct tls_state st = { .version = 13 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct tls_dir d = { .seq = 9 };
		uint8_t secret[48], next[48];
		char mode[] = "EXPAND_ONLY";
		char *digest = i ? (char[]){ "SHA384" } : (char[]){ "SHA256" };
		char prefix[] = "tls13 ", label[] = "traffic upd";
		EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS13-KDF", NULL);
		EVP_KDF_CTX *c = EVP_KDF_CTX_new(kdf);
		OSSL_PARAM p[6];

		st.aead = i ? TLS_AES_256_GCM : TLS_CHACHA20_POLY1305;
		st.hash_bytes = i ? 48 : 32;
		memset(secret, 0x5e, sizeof(secret));
		p[0] = OSSL_PARAM_construct_utf8_string("mode", mode, 0);
		p[1] = OSSL_PARAM_construct_utf8_string("digest", digest, 0);
		p[2] = OSSL_PARAM_construct_octet_string(
		    "key", secret, st.hash_bytes);
		p[3] = OSSL_PARAM_construct_octet_string("prefix", prefix, 6);
		p[4] = OSSL_PARAM_construct_octet_string("label", label, 11);
		p[5] = OSSL_PARAM_construct_end();
		assert_int_equal(EVP_KDF_derive(c, next, st.hash_bytes, p), 1);
		assert_int_equal(tls_key_set(&st, &d, secret), 0);
		d.seq = 77;
		assert_int_equal(tls_key_next(&st, &d), 0);
		assert_memory_equal(d.secret, next, st.hash_bytes);
		assert_int_equal(d.seq, 0);
		EVP_KDF_CTX_free(c);
		EVP_KDF_free(kdf);
	}
}

/* TLS 1.2 is tried against OpenSSL in test_tls_hs; here the directions. */
static void
expand__both_roles__mirror_each_other(void **state)
{
	uint8_t master[48], cr[32], sr[32];

	(void)state;
	memset(master, 1, sizeof(master));
	memset(cr, 2, sizeof(cr));
	memset(sr, 3, sizeof(sr));
	for (int i = 0; i < TLS_AEAD_N; i++) {
		struct tls_state a = { .version = 12, .aead = (uint8_t)i };
		struct tls_state b;

		a.hash_bytes = tls_key_suite(a.aead)->hash_bytes;
		a.rx.seq = 1;
		b = a;
		b.is_client = true;
		assert_int_equal(tls_key_expand(&a, master, cr, sr), 0);
		assert_int_equal(tls_key_expand(&b, master, cr, sr), 0);
		assert_memory_equal(a.rx.key, b.tx.key, TLS_KEY_MAX);
		assert_memory_equal(a.tx.key, b.rx.key, TLS_KEY_MAX);
		assert_memory_equal(a.rx.iv, b.tx.iv, TLS_IV_BYTES);
		assert_memory_equal(a.tx.iv, b.rx.iv, TLS_IV_BYTES);
		assert_memory_not_equal(a.rx.key, a.tx.key, 16);
		assert_int_equal(a.rx.seq, 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set__rfc8448__its_key_and_iv),
		cmocka_unit_test(next__both_hashes__as_openssl_derives),
		cmocka_unit_test(expand__both_roles__mirror_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
