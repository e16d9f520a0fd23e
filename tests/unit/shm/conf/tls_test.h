/* SPDX-License-Identifier: MIT */
/*
 * Certificates in a directory of their own, configurations that name them,
 * and handshakes over memory.
 */
#ifndef TESTS_UNIT_SHM_CONF_TLS_TEST_H
#define TESTS_UNIT_SHM_CONF_TLS_TEST_H

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "shm/base/mem.h"
#include "tests/unit/shm/conf/conf_test.h"

enum { DAY_S = 86400 };

static char tls_dir[] = "/tmp/wsb-tls-XXXXXX";

struct issuer {
	X509 *x509;
	EVP_PKEY *key;
};

/* What a certificate shall be; zero means the usual. */
struct cert_spec {
	const char *cn;
	const char *alt; /* "DNS:a,DNS:b" */
	bool rsa;
	bool is_ca;
	int from_days, to_days;  /* both 0: yesterday to in a month */
	const struct issuer *by; /* NULL: by itself */
};

static struct issuer tls_ca, tls_other_ca;

static inline void
add_ext(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

static inline struct issuer
cert_new(const struct cert_spec *s)
{
	static long serial = 4096;
	struct issuer i = { X509_new(),
		s->rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256") };
	X509_NAME *n = X509_NAME_new();
	bool usual = !s->from_days && !s->to_days;

	assert_non_null(i.key);
	X509_NAME_add_entry_by_txt(
	    n, "CN", MBSTRING_ASC, (const unsigned char *)s->cn, -1, -1, 0);
	X509_set_version(i.x509, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(i.x509), serial++);
	X509_gmtime_adj(X509_getm_notBefore(i.x509),
	    (long)(usual ? -1 : s->from_days) * DAY_S);
	X509_gmtime_adj(X509_getm_notAfter(i.x509),
	    (long)(usual ? 30 : s->to_days) * DAY_S);
	X509_set_subject_name(i.x509, n);
	X509_set_issuer_name(
	    i.x509, s->by ? X509_get_subject_name(s->by->x509) : n);
	X509_NAME_free(n);
	X509_set_pubkey(i.x509, i.key);
	add_ext(i.x509, NID_basic_constraints,
	    s->is_ca ? "critical,CA:TRUE" : "CA:FALSE");
	if (s->alt)
		add_ext(i.x509, NID_subject_alt_name, s->alt);
	assert_true(
	    X509_sign(i.x509, s->by ? s->by->key : i.key, EVP_sha256()));
	return i;
}

static inline void
issuer_done(struct issuer *i)
{
	X509_free(i->x509);
	EVP_PKEY_free(i->key);
	i->x509 = NULL;
	i->key = NULL;
}

static inline const char *
tls_path(const char *name)
{
	static char path[4][256];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", tls_dir, name);
	return path[turn];
}

/* Write what is not NULL, in this order. */
static inline void
pem_write(const char *name, X509 *x, X509 *chain, EVP_PKEY *key)
{
	FILE *f = fopen(tls_path(name), "w");

	assert_non_null(f);
	if (x)
		assert_int_equal(PEM_write_X509(f, x), 1);
	if (chain)
		assert_int_equal(PEM_write_X509(f, chain), 1);
	if (key)
		assert_int_equal(
		    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
}

static inline void
cert_file(const char *name, struct cert_spec s)
{
	struct issuer i;

	if (!s.by)
		s.by = &tls_ca;
	i = cert_new(&s);
	pem_write(name, i.x509, NULL, i.key);
	issuer_done(&i);
}

static inline void
text_file(const char *name, const char *text)
{
	FILE *f = fopen(tls_path(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* A file's text; the caller frees it. */
static inline char *
file_text(const char *name)
{
	FILE *f = fopen(tls_path(name), "r");
	char *text = mem_alloc(65536);

	assert_non_null(f);
	assert_true(fread(text, 1, 65535, f) > 0);
	fclose(f);
	return text;
}

static inline int
tls_setup(void **state)
{
	(void)state;
	if (!mkdtemp(tls_dir))
		return -1;
	tls_ca = cert_new(&(struct cert_spec){ .cn = "ca", .is_ca = true });
	tls_other_ca =
	    cert_new(&(struct cert_spec){ .cn = "other-ca", .is_ca = true });
	pem_write("ca.crt", tls_ca.x509, NULL, NULL);
	pem_write("other-ca.crt", tls_other_ca.x509, NULL, NULL);
	cert_file("a.pem", (struct cert_spec){ .cn = "a.test" });
	cert_file("b.pem",
	    (struct cert_spec){ .cn = "b.test", .alt = "DNS:b2.test" });
	cert_file("wild.pem",
	    (struct cert_spec){ .cn = "w", .alt = "DNS:*.Wild.test" });
	cert_file(
	    "both.rsa", (struct cert_spec){ .cn = "both.test", .rsa = true });
	cert_file("both.ecdsa", (struct cert_spec){ .cn = "both.test" });
	cert_file("client.pem", (struct cert_spec){ .cn = "client" });
	cert_file("client-other.pem",
	    (struct cert_spec){ .cn = "client", .by = &tls_other_ca });
	return 0;
}

static inline int
tls_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline int
tls_teardown(void **state)
{
	(void)state;
	issuer_done(&tls_ca);
	issuer_done(&tls_other_ca);
	return nftw(tls_dir, tls_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- configurations --- */

/* Global lines, and lines of a frontend or a backend; relative to tls_dir. */
static inline void
tls_run(
    struct run *r, const char *global, const char *section, const char *line)
{
	char *text = mem_printf(
	    "global\n\tca-base %s\n\tcrt-base %s\n%s\n" DEFAULTS "%s x\n\t%s\n",
	    tls_dir, tls_dir, global, section, line);

	run_begin(r);
	r->cp.offline = false;
	r->read = conf_read_text(&r->cp, "t.cfg", text);
	run_finish(r);
	free(text);
}

static inline struct tls_front *
front_good(struct run *r, const char *line)
{
	tls_run(r, "", "frontend", line);
	if (r->said_bytes)
		print_error("%s", r->said);
	assert_int_equal(r->cp.error_count, 0);
	assert_int_equal(r->cp.warning_count, 0);
	assert_non_null(r->cp.conf->proxies->binds->tls.front);
	return r->cp.conf->proxies->binds->tls.front;
}

/* --- handshakes --- */

struct shake {
	SSL *client, *server;
	bool client_ok, server_ok;
	int client_alert; /* that the client received, 0: none */
};

static inline void
on_info(const SSL *ssl, int where, int value)
{
	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT)
		*(int *)SSL_get_app_data(ssl) = value & 0xff;
}

/* Bytes from one side to the other. */
static inline void
pass(SSL *from, SSL *to)
{
	char buf[4096];
	int n;

	while ((n = BIO_read(SSL_get_wbio(from), buf, sizeof(buf))) > 0)
		assert_int_equal(BIO_write(SSL_get_rbio(to), buf, n), n);
}

/* client: prepared, in connect state; the handshake and a byte behind it. */
static inline void
shake_run(struct shake *h, SSL *client, SSL_CTX *server)
{
	char c;

	*h = (struct shake){ .client = client, .server = SSL_new(server) };
	SSL_set_app_data(client, &h->client_alert);
	SSL_set_info_callback(client, on_info);
	SSL_set_bio(client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_bio(h->server, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_connect_state(client);
	SSL_set_accept_state(h->server);
	for (int i = 0; i < 8; i++) {
		h->client_ok = SSL_do_handshake(client) == 1;
		pass(client, h->server);
		h->server_ok = SSL_do_handshake(h->server) == 1;
		pass(h->server, client);
	}
	/* Tickets, or the alert about a client certificate. */
	if (h->client_ok && SSL_read(client, &c, 1) <= 0)
		h->client_ok = SSL_get_error(client, -1) == SSL_ERROR_WANT_READ;
	ERR_clear_error();
}

static inline void
shake_done(struct shake *h)
{
	SSL_set_shutdown(h->client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(h->client);
	SSL_free(h->server);
}

static inline SSL_CTX *
client_ctx(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	assert_non_null(ctx);
	return ctx;
}

/* Common name of the certificate the client was shown, "" if none. */
static inline const char *
shown(const struct shake *h)
{
	static char name[64];
	X509 *x = SSL_get0_peer_certificate(h->client);

	name[0] = '\0';
	if (x)
		X509_NAME_get_text_by_NID(X509_get_subject_name(x),
		    NID_commonName, name, sizeof(name));
	return name;
}

/* A handshake with that SNI (NULL: none) and what else ctx says. */
static inline void
shake_sni(
    struct shake *h, const struct tls_front *f, SSL_CTX *ctx, const char *sni)
{
	SSL *c = SSL_new(ctx);

	if (sni)
		SSL_set_tlsext_host_name(c, sni);
	shake_run(h, c, tls_front_ctx(f));
}

#endif
