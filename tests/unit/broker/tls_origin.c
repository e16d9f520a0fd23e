/* SPDX-License-Identifier: MIT */
/*
 * See tls_origin.h.
 */
#include "tests/unit/broker/tls_origin.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shm/base/chk.h"

struct talk {
	struct tls_origin *o;
	int fd;
};

static void
add_name(X509 *x)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(
	    NULL, NULL, NID_subject_alt_name, "DNS:good.test");

	CHK(e && X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
}

static X509 *
make_cert(EVP_PKEY *key, bool expired)
{
	X509 *x = X509_new();
	X509_NAME *n;

	CHK(x);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -7200);
	X509_gmtime_adj(X509_getm_notAfter(x), expired ? -3600 : 86400);
	X509_set_pubkey(x, key);
	n = X509_get_subject_name(x);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC,
	    (const unsigned char *)"good.test", -1, -1, 0);
	X509_set_issuer_name(x, n);
	add_name(x);
	CHK(X509_sign(x, key, EVP_sha256()) > 0);
	return x;
}

void
tls_origin_init(struct tls_origin *o, bool expired, int max_version)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t n = sizeof(sin);
	EVP_PKEY *key = EVP_EC_gen("P-256");

	memset(o, 0, sizeof(*o));
	o->cert = make_cert(key, expired);
	o->ctx = SSL_CTX_new(TLS_server_method());
	CHK(SSL_CTX_use_certificate(o->ctx, o->cert) == 1 &&
	    SSL_CTX_use_PrivateKey(o->ctx, key) == 1);
	EVP_PKEY_free(key);
	if (max_version)
		SSL_CTX_set_max_proto_version(o->ctx, max_version);
	SSL_CTX_set_session_id_context(o->ctx, (const unsigned char *)"t", 1);
	o->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHK(bind(o->fd, (struct sockaddr *)&sin, sizeof(sin)) == 0);
	CHK(listen(o->fd, 512) == 0);
	CHK(getsockname(o->fd, (struct sockaddr *)&sin, &n) == 0);
	o->port = ntohs(sin.sin_port);
}

SSL_CTX *
tls_origin_client(const struct tls_origin *o, bool verify)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());

	CHK(c);
	if (verify) {
		SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
		CHK(X509_STORE_add_cert(SSL_CTX_get_cert_store(c), o->cert) ==
		    1);
	}
	return c;
}

/* A ticket in two pieces, by way of a memory BIO in the socket's place. */
static void
half_ticket(SSL *ssl, int fd)
{
	BIO *mem = BIO_new(BIO_s_mem());
	char *p;
	long n;

	SSL_set0_wbio(ssl, mem);
	SSL_new_session_ticket(ssl);
	SSL_do_handshake(ssl);
	n = BIO_get_mem_data(mem, &p);
	if (n > 20) {
		(void)!write(fd, p, 20);
		usleep(150000);
		(void)!write(fd, p + 20, (size_t)n - 20);
	}
	SSL_set0_wbio(ssl, BIO_new_socket(fd, BIO_NOCLOSE));
}

/* What comes after an answer; false: the connection ends. */
static bool
follow(SSL *ssl, int fd, char what)
{
	usleep(100000);
	switch (what) {
	case TO_UPDATE:
		SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED);
		SSL_do_handshake(ssl);
		return true;
	case TO_TICKET:
		SSL_new_session_ticket(ssl);
		SSL_do_handshake(ssl);
		return true;
	case TO_SPEAK:
		SSL_write(ssl, "z", 1);
		return true;
	case TO_HALF:
		half_ticket(ssl, fd);
		return true;
	}
	SSL_shutdown(ssl);
	return false;
}

static bool
answer(struct tls_origin *o, SSL *ssl, int fd, char what)
{
	bool stays;

	if (SSL_write(ssl, "y", 1) != 1)
		return false;
	if (what == TO_PLAIN)
		return true;
	stays = follow(ssl, fd, what);
	o->did++;
	return stays;
}

static void *
talk(void *arg)
{
	struct talk *t = arg;
	struct tls_origin *o = t->o;
	SSL *ssl = SSL_new(o->ctx);
	char b;
	int r;

	while (o->accepted < o->gate)
		usleep(1000);
	SSL_set_fd(ssl, t->fd);
	if (SSL_accept(ssl) == 1) {
		(*(SSL_session_reused(ssl) ? &o->resumed : &o->full))++;
		while (
		    (r = SSL_read(ssl, &b, 1)) == 1 && answer(o, ssl, t->fd, b))
			;
		if (r != 1 && SSL_get_error(ssl, r) == SSL_ERROR_ZERO_RETURN)
			o->polite++;
	} else {
		o->failed++;
	}
	SSL_free(ssl);
	shutdown(t->fd, SHUT_RDWR);
	close(t->fd);
	free(t);
	OPENSSL_thread_stop(); /* a leak, if the process ends first */
	o->threads--;
	return NULL;
}

void
tls_origin_thread(void *(*fn)(void *), void *arg)
{
	sigset_t all, old;
	pthread_t id;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	CHK(pthread_create(&id, NULL, fn, arg) == 0);
	pthread_detach(id);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void *
accept_all(void *arg)
{
	struct tls_origin *o = arg;
	struct talk *t;
	int fd, one = 1;

	while ((fd = accept4(o->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		o->accepted++;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		t = malloc(sizeof(*t));
		CHK(t);
		t->o = o;
		t->fd = fd;
		o->threads++;
		tls_origin_thread(talk, t);
	}
	OPENSSL_thread_stop();
	o->threads--;
	return NULL;
}

void
tls_origin_run(struct tls_origin *o)
{
	o->threads++;
	tls_origin_thread(accept_all, o);
}

void
tls_origin_quiet(const struct tls_origin *o)
{
	unsigned i;

	for (i = 0; o->threads > 1 && i < 30000; i++)
		usleep(1000);
	CHK(o->threads == 1);
}

void
tls_origin_fini(struct tls_origin *o)
{
	unsigned i;

	shutdown(o->fd, SHUT_RDWR);
	for (i = 0; o->threads > 0 && i < 30000; i++)
		usleep(1000);
	CHK(o->threads == 0);
	close(o->fd);
	SSL_CTX_free(o->ctx);
	X509_free(o->cert);
}
