/* SPDX-License-Identifier: MIT */
#include "shm/proto/tls_ctx.h"
#include "tests/unit/shm/proto/tls_pair.h"

static void
count(const char *name, void *arg)
{
	assert_non_null(name);
	++*(int *)arg;
}

static void
keep_portable__default_list__only_three_aeads_left(void **state)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	STACK_OF(SSL_CIPHER) * all;
	int dropped = 0;
	enum tls_aead a;

	(void)state;
	assert_int_equal(tls_ctx_keep_portable(ctx, count, &dropped), 0);
	assert_true(dropped > 0);
	all = SSL_CTX_get_ciphers(ctx);
	assert_true(sk_SSL_CIPHER_num(all) >= 6);
	for (int i = 0; i < sk_SSL_CIPHER_num(all); i++)
		assert_true(
		    tls_ctx_is_portable(sk_SSL_CIPHER_value(all, i), &a));
	/* again there is nothing to drop */
	dropped = 0;
	assert_int_equal(tls_ctx_keep_portable(ctx, count, &dropped), 0);
	assert_int_equal(dropped, 0);
	SSL_CTX_free(ctx);
}

static void
keep_portable__a_version_without_suites__switched_off(void **state)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	int dropped = 0;

	(void)state;
	SSL_CTX_set_cipher_list(ctx, "ECDHE-RSA-AES128-SHA");
	assert_int_equal(tls_ctx_keep_portable(ctx, count, &dropped), 0);
	assert_int_equal(dropped, 1);
	assert_int_equal(SSL_CTX_get_min_proto_version(ctx), TLS1_3_VERSION);
	SSL_CTX_free(ctx);
	ctx = SSL_CTX_new(TLS_method());
	SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_CCM_SHA256");
	assert_int_equal(tls_ctx_keep_portable(ctx, NULL, NULL), 0);
	assert_int_equal(SSL_CTX_get_max_proto_version(ctx), TLS1_2_VERSION);
	SSL_CTX_free(ctx);
}

static void
keep_portable__none_left__unsupported(void **state)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	(void)state;
	SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_CCM_SHA256");
	SSL_CTX_set_cipher_list(ctx, "ECDHE-RSA-AES128-SHA:AES128-SHA");
	assert_int_equal(tls_ctx_keep_portable(ctx, NULL, NULL), -WSE_UNSUPP);
	assert_int_equal(tls_hs_prepare(ctx), -WSE_UNSUPP);
	SSL_CTX_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    keep_portable__default_list__only_three_aeads_left),
		cmocka_unit_test(
		    keep_portable__a_version_without_suites__switched_off),
		cmocka_unit_test(keep_portable__none_left__unsupported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
