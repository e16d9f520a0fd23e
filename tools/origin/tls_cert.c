/* SPDX-License-Identifier: MIT */
#include "tools/origin/tls_cert.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RSA_BITS  2048
#define BEFORE    (24 * 60 * 60) /* seconds: clocks differ */
#define LIFETIME  (365 * 24 * 60 * 60)
#define NAME_ROOM 272 /* "DNS:", a name of 255, a comma */

static bool
add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext && X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok;
}

static bool
add_names(X509 *cert, const char *const *names, size_t count)
{
	static const char first[] = "DNS:localhost,IP:127.0.0.1";
	char *value = malloc(sizeof(first) + count * NAME_ROOM);
	size_t at = sizeof(first) - 1;
	bool ok;

	if (!value)
		return false;
	memcpy(value, first, sizeof(first));
	for (size_t i = 0; i < count; i++) {
		unsigned char ip[16];
		bool is_ip = inet_pton(AF_INET, names[i], ip) == 1 ||
		    inet_pton(AF_INET6, names[i], ip) == 1;

		/* A comma would start an entry of another kind. */
		if (strlen(names[i]) > 255 || strchr(names[i], ',')) {
			free(value);
			return false;
		}
		at += (size_t)sprintf(
		    value + at, ",%s:%s", is_ip ? "IP" : "DNS", names[i]);
	}
	ok = add_extension(cert, NID_subject_alt_name, value);
	free(value);
	return ok;
}

static bool
fill(X509 *cert, EVP_PKEY *key, const char *const *names, size_t count)
{
	X509_NAME *name = X509_get_subject_name(cert);
	uint64_t serial;

	return RAND_bytes((unsigned char *)&serial, sizeof(serial)) == 1 &&
	    X509_set_version(cert, X509_VERSION_3) == 1 &&
	    ASN1_INTEGER_set_uint64(
		X509_get_serialNumber(cert), (serial >> 1) | 1) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(cert), -BEFORE) &&
	    X509_gmtime_adj(X509_getm_notAfter(cert), LIFETIME) &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
		(const unsigned char *)"localhost", -1, -1, 0) == 1 &&
	    X509_set_issuer_name(cert, name) == 1 &&
	    X509_set_pubkey(cert, key) == 1 &&
	    add_extension(cert, NID_basic_constraints, "critical,CA:TRUE") &&
	    add_extension(cert, NID_key_usage,
		"critical,digitalSignature,keyEncipherment,keyCertSign") &&
	    add_extension(cert, NID_ext_key_usage, "serverAuth") &&
	    add_extension(cert, NID_subject_key_identifier, "hash") &&
	    add_names(cert, names, count) &&
	    X509_sign(cert, key, EVP_sha256()) > 0;
}

bool
tls_cert_make(bool rsa, const char *const *names, size_t count,
    EVP_PKEY **key_r, X509 **cert_r)
{
	EVP_PKEY *key = rsa ? EVP_RSA_gen(RSA_BITS) : EVP_EC_gen("P-256");
	X509 *cert = X509_new();

	if (!key || !cert || !fill(cert, key, names, count)) {
		EVP_PKEY_free(key);
		X509_free(cert);
		return false;
	}
	*key_r = key;
	*cert_r = cert;
	return true;
}

bool
tls_cert_write(X509 *cert, const char *path)
{
	FILE *file = fopen(path, "we");
	bool ok;

	if (!file)
		return false;
	ok = PEM_write_X509(file, cert) == 1;
	if (fclose(file) != 0)
		return false;
	if (!ok)
		errno = EIO;
	return ok;
}
