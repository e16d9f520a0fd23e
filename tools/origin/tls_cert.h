/* SPDX-License-Identifier: MIT */
/* A key and a certificate that the demo origin makes for itself. */
#ifndef ORIGIN_TLS_CERT_H
#define ORIGIN_TLS_CERT_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * For localhost, 127.0.0.1 and the names (an address among them becomes
 * one). It signs itself and may stand as the authority of a client. False:
 * OpenSSL's error queue says why.
 */
bool tls_cert_make(bool rsa, const char *const *names, size_t count,
    EVP_PKEY **key_r, X509 **cert_r);

/* Writes the certificate as PEM. False: errno. */
bool tls_cert_write(X509 *cert, const char *path);

#endif
