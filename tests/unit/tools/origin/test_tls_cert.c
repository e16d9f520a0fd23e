/* SPDX-License-Identifier: MIT */
#include "tools/origin/tls_cert.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void
tls_cert__of_both_kinds__is_for_its_names_and_its_key(void **state)
{
	static const char *const names[] = { "one.test", "*.two.test", "::1" };

	(void)state;
	for (int rsa = 0; rsa < 2; rsa++) {
		EVP_PKEY *key;
		X509 *cert;

		assert_true(tls_cert_make(rsa, names, 3, &key, &cert));
		assert_int_equal(EVP_PKEY_get_base_id(key),
		    rsa ? EVP_PKEY_RSA : EVP_PKEY_EC);
		assert_int_equal(X509_check_private_key(cert, key), 1);
		assert_int_equal(X509_verify(cert, key), 1);
		assert_int_equal(
		    X509_check_host(cert, "localhost", 0, 0, NULL), 1);
		assert_int_equal(
		    X509_check_host(cert, "one.test", 0, 0, NULL), 1);
		assert_int_equal(
		    X509_check_host(cert, "a.two.test", 0, 0, NULL), 1);
		assert_int_equal(
		    X509_check_host(cert, "x.test", 0, 0, NULL), 0);
		assert_int_equal(X509_check_ip_asc(cert, "127.0.0.1", 0), 1);
		assert_int_equal(X509_check_ip_asc(cert, "::1", 0), 1);
		assert_int_equal(X509_check_ip_asc(cert, "127.0.0.2", 0), 0);
		assert_true(X509_check_ca(cert) == 1);
		EVP_PKEY_free(key);
		X509_free(cert);
	}
}

static void
tls_cert__name_that_is_none__is_refused(void **state)
{
	static const char *const bad = "a,email:b";
	char big[300];
	const char *long_name = big;
	EVP_PKEY *key;
	X509 *cert;

	(void)state;
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_false(tls_cert_make(false, &bad, 1, &key, &cert));
	assert_false(tls_cert_make(false, &long_name, 1, &key, &cert));
}

static void
tls_cert__written__reads_back(void **state)
{
	char path[] = "/tmp/test_tls_cert.XXXXXX";
	EVP_PKEY *key;
	X509 *cert, *back;
	FILE *file;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_true(tls_cert_make(false, NULL, 0, &key, &cert));
	assert_true(tls_cert_write(cert, path));
	file = fopen(path, "r");
	assert_non_null(file);
	back = PEM_read_X509(file, NULL, NULL, NULL);
	assert_non_null(back);
	assert_int_equal(X509_cmp(cert, back), 0);
	fclose(file);
	unlink(path);
	assert_false(tls_cert_write(cert, "/no such folder/cert"));
	X509_free(back);
	X509_free(cert);
	EVP_PKEY_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    tls_cert__of_both_kinds__is_for_its_names_and_its_key),
		cmocka_unit_test(tls_cert__name_that_is_none__is_refused),
		cmocka_unit_test(tls_cert__written__reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
