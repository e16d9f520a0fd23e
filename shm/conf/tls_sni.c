/* SPDX-License-Identifier: MIT */
/*
 * Which certificate a client gets: by the name it asks for (SNI, RFC 6066 3)
 * and the kinds of keys it can verify; and what follows from that choice.
 *
 * It is made in the ClientHello callback, before version, session and suite
 * are chosen, so that options of a crt-list line reach all of them.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/x509v3.h>

#include "shm/base/mem.h"
#include "shm/conf/tls_conf_int.h"

enum { NAME_MAX_BYTES = 255, DNS_NAMES_MAX = 4096 };

/* --- the index --- */

static void
add_row(struct tls_front *f, struct tls_entry *e, const char *name, size_t n)
{
	struct tls_name_row *row;

	if (n == 0 || n > NAME_MAX_BYTES || memchr(name, 0, n))
		return;
	if (f->row_count == f->row_room) {
		f->row_room = f->row_room ? 2 * f->row_room : 16;
		f->rows =
		    mem_realloc(f->rows, f->row_room * sizeof(f->rows[0]));
	}
	row = &f->rows[f->row_count];
	row->name = mem_alloc(n + 1);
	for (size_t i = 0; i < n; i++)
		row->name[i] = (char)tolower((unsigned char)name[i]);
	row->order = f->row_count++;
	row->e = e;
}

/* As HAProxy: alternative names and the common name, both. */
static void
add_cert_names(struct tls_front *f, struct tls_entry *e, X509 *x)
{
	GENERAL_NAMES *alt =
	    X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	X509_NAME *subject = X509_get_subject_name(x);
	int at = -1;

	for (int i = 0; i < sk_GENERAL_NAME_num(alt) && i < DNS_NAMES_MAX;
	     i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(alt, i);

		if (g->type == GEN_DNS)
			add_row(f, e,
			    (const char *)ASN1_STRING_get0_data(g->d.dNSName),
			    (size_t)ASN1_STRING_length(g->d.dNSName));
	}
	GENERAL_NAMES_free(alt);
	while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >=
	    0) {
		unsigned char *text = NULL;
		int n = ASN1_STRING_to_UTF8(&text,
		    X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));

		if (n > 0)
			add_row(f, e, (const char *)text, (size_t)n);
		OPENSSL_free(text);
	}
}

static int
by_name(const void *a, const void *b)
{
	const struct tls_name_row *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r ? r : (x->order > y->order) - (x->order < y->order);
}

void
tls_sni_index_free(struct tls_front *f)
{
	for (unsigned i = 0; i < f->row_count; i++)
		free(f->rows[i].name);
	free(f->rows);
	f->rows = NULL;
	f->row_count = f->row_room = 0;
}

void
tls_sni_index(struct tls_front *f)
{
	tls_sni_index_free(f);
	for (struct tls_entry *e = f->entries; e; e = e->next) {
		for (struct tls_names *n = e->names; n; n = n->next)
			add_row(f, e, n->s, strlen(n->s));
		if (!e->names)
			add_cert_names(f, e, e->cert->pem.x509);
	}
	if (f->row_count)
		qsort(f->rows, f->row_count, sizeof(f->rows[0]), by_name);
}

/* --- the choice --- */

static bool
matches(const char *pattern, const char *name)
{
	const char *dot = strchr(name, '.');

	if (pattern[0] == '*')
		return pattern[1] == '\0' ||
		    (dot && strcmp(pattern + 1, dot) == 0);
	return strcmp(pattern, name) == 0;
}

static bool
is_refused(const struct tls_entry *e, const char *name)
{
	for (const struct tls_names *n = e->not_for; n; n = n->next)
		if (matches(n->s, name))
			return true;
	return false;
}

static bool
is_rsa(const struct tls_entry *e)
{
	return EVP_PKEY_get_base_id(e->cert->pem.key) == EVP_PKEY_RSA;
}

/* The better of two candidates; a came first, or is NULL. */
static struct tls_entry *
better(struct tls_entry *a, struct tls_entry *b, bool has_ecdsa)
{
	if (!a)
		return b;
	return is_rsa(a) == has_ecdsa && is_rsa(b) != has_ecdsa ? b : a;
}

/* Index of the first row that is not before key. */
static unsigned
lower_bound(const struct tls_front *f, const char *key)
{
	unsigned lo = 0, hi = f->row_count;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (strcmp(f->rows[mid].name, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct tls_entry *
find(const struct tls_front *f, const char *key, const char *name,
    bool has_ecdsa)
{
	struct tls_entry *best = NULL;

	for (unsigned i = lower_bound(f, key);
	     i < f->row_count && strcmp(f->rows[i].name, key) == 0; i++)
		if (!is_refused(f->rows[i].e, name))
			best = better(best, f->rows[i].e, has_ecdsa);
	return best;
}

struct tls_entry *
tls_sni_choose(const struct tls_front *f, const char *name, bool has_ecdsa)
{
	const char *dot = strchr(name, '.');
	char wild[NAME_MAX_BYTES + 2];
	struct tls_entry *e = *name ? find(f, name, name, has_ecdsa) : NULL;

	if (!e && dot && strlen(dot) < sizeof(wild) - 1) {
		wild[0] = '*';
		strcpy(wild + 1, dot);
		e = find(f, wild, name, has_ecdsa);
	}
	if (e || f->strict_sni)
		return e;
	for (struct tls_entry *d = f->entries; d; d = d->next)
		if (d->is_default)
			e = better(e, d, has_ecdsa);
	return e;
}

/* --- what the client said --- */

/* Big-endian, 2 bytes. */
static size_t
be16(const unsigned char *p)
{
	return (size_t)p[0] << 8 | p[1];
}

/* The host name of the hello, in lower case; "" if none or malformed. */
static void
hello_name(SSL *ssl, char name[NAME_MAX_BYTES + 1])
{
	const unsigned char *p;
	size_t n, len;

	name[0] = '\0';
	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &p, &n) !=
		1 ||
	    n < 5 || be16(p) != n - 2 || p[2] != TLSEXT_NAMETYPE_host_name)
		return;
	len = be16(p + 3);
	if (len > n - 5 || len > NAME_MAX_BYTES || memchr(p + 5, 0, len))
		return;
	for (size_t i = 0; i < len; i++)
		name[i] = (char)tolower(p[5 + i]);
	name[len] = '\0';
}

/* An ECDSA signature algorithm and a suite that goes with it. */
static bool
hello_has_ecdsa(SSL *ssl)
{
	const unsigned char *p;
	size_t n, i;

	if (SSL_client_hello_get0_ext(
		ssl, TLSEXT_TYPE_signature_algorithms, &p, &n) != 1 ||
	    n < 2)
		return false;
	for (i = 2; i + 1 < n; i += 2)
		if (p[i + 1] == TLSEXT_signature_ecdsa && p[i] <= 6)
			break;
	if (i + 1 >= n)
		return false;
	n = SSL_client_hello_get0_ciphers(ssl, &p);
	for (i = 0; i + 1 < n; i += 2) {
		const SSL_CIPHER *c = SSL_CIPHER_find(ssl, p + i);
		int auth = c ? SSL_CIPHER_get_auth_nid(c) : NID_undef;

		if (auth == NID_auth_ecdsa || auth == NID_auth_any)
			return true;
	}
	return false;
}

/* What SSL_set_SSL_CTX() leaves as it was. */
static bool
apply_own(SSL *ssl, const struct tls_entry *e)
{
	SSL_set_verify(ssl, SSL_CTX_get_verify_mode(e->ctx), NULL);
	return SSL_set_min_proto_version(
		   ssl, SSL_CTX_get_min_proto_version(e->ctx)) == 1 &&
	    SSL_set_max_proto_version(
		ssl, SSL_CTX_get_max_proto_version(e->ctx)) == 1 &&
	    (!e->opts.curves.s ||
		SSL_set1_groups_list(ssl, e->opts.curves.s) == 1);
}

static int
on_hello(SSL *ssl, int *alert, void *arg)
{
	const struct tls_front *f = arg;
	char name[NAME_MAX_BYTES + 1];
	struct tls_entry *e;

	hello_name(ssl, name);
	e = tls_sni_choose(f, name, hello_has_ecdsa(ssl));
	if (!e) {
		*alert = SSL_AD_UNRECOGNIZED_NAME;
		return SSL_CLIENT_HELLO_ERROR;
	}
	if ((SSL_get_SSL_CTX(ssl) != e->ctx && !SSL_set_SSL_CTX(ssl, e->ctx)) ||
	    (f->has_own && !apply_own(ssl, e))) {
		*alert = SSL_AD_INTERNAL_ERROR;
		return SSL_CLIENT_HELLO_ERROR;
	}
	return SSL_CLIENT_HELLO_SUCCESS;
}

/* The name was heard, so that the session remembers it. */
static int
on_name(SSL *ssl, int *alert, void *arg)
{
	(void)ssl;
	(void)alert;
	(void)arg;
	return SSL_TLSEXT_ERR_OK;
}

/* Our order; without a protocol in common the connection goes on. */
static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_bytes,
    const unsigned char *in, unsigned in_bytes, void *arg)
{
	const struct tls_alpn *ours = &((struct tls_entry *)arg)->opts.alpn;

	(void)ssl;
	for (unsigned i = 0; i < ours->n; i += 1u + ours->wire[i]) {
		for (unsigned k = 0; k < in_bytes; k += 1u + in[k]) {
			if (in[k] != ours->wire[i] || in[k] >= in_bytes - k ||
			    memcmp(in + k + 1, ours->wire + i + 1, in[k]) != 0)
				continue;
			*out = ours->wire + i + 1;
			*out_bytes = ours->wire[i];
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_NOACK;
}

void
tls_sni_attach(struct tls_entry *e, SSL_CTX *ctx)
{
	SSL_CTX_set_client_hello_cb(ctx, on_hello, e->front);
	SSL_CTX_set_tlsext_servername_callback(ctx, on_name);
	if (e->opts.alpn.n)
		SSL_CTX_set_alpn_select_cb(ctx, on_alpn, e);
}

void
tls_sni_attach_base(struct tls_front *f, SSL_CTX *ctx)
{
	SSL_CTX_set_client_hello_cb(ctx, on_hello, f);
	SSL_CTX_set_tlsext_servername_callback(ctx, on_name);
}
