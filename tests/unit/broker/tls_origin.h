/* SPDX-License-Identifier: MIT */
/*
 * A TLS server for tests of broker and pool: a thread per connection, with
 * OpenSSL.  It answers each byte with a byte; some bytes ask for more.
 */
#ifndef TESTS_UNIT_BROKER_TLS_ORIGIN_H
#define TESTS_UNIT_BROKER_TLS_ORIGIN_H

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Requests; after the answer the server ... */
#define TO_PLAIN  'x' /* does nothing */
#define TO_UPDATE 'u' /* sends a KeyUpdate that asks for one, 100 ms later */
#define TO_TICKET 't' /* sends a ticket, 100 ms later */
#define TO_SPEAK  's' /* sends data nobody asked for, 100 ms later */
#define TO_CLOSE  'c' /* closes with close_notify, 100 ms later */
#define TO_HALF   'h' /* sends half of a ticket, the rest 150 ms later */

struct tls_origin {
	int fd, port;
	SSL_CTX *ctx;
	X509 *cert;
	atomic_uint gate; /* no handshake before so many were accepted */
	atomic_uint did;  /* things done after an answer */
	atomic_uint threads;
	atomic_uint accepted, full, resumed, failed, polite; /* close_notify */
};

/* Listens; nobody accepts before tls_origin_run(). expired: the certificate;
 * max_version: 0 or TLS1_2_VERSION. */
void tls_origin_init(struct tls_origin *o, bool expired, int max_version);
void tls_origin_run(struct tls_origin *o);
/* A detached thread without signals; it counts itself. */
void tls_origin_thread(void *(*fn)(void *), void *arg);
/* Its clients have closed or will: waits until it has noticed. */
void tls_origin_quiet(const struct tls_origin *o);
/* Its clients have closed: waits for the threads, frees. */
void tls_origin_fini(struct tls_origin *o);
/* A client's context; verify: trusts the certificate of o. */
SSL_CTX *tls_origin_client(const struct tls_origin *o, bool verify);

#endif
