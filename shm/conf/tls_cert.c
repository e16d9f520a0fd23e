/* SPDX-License-Identifier: MIT */
/*
 * Certificates at run time: replaced and shown by file name.  Nothing here
 * opens a file: it runs in processes that cannot.
 */
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "shm/base/mem.h"
#include "shm/conf/tls_conf_int.h"

static struct tls_cert *
find(const struct conf *c, const char *name)
{
	struct tls_cert *one = c->tls ? c->tls->certs : NULL;

	while (one && strcmp(one->name, name) != 0)
		one = one->next;
	return one;
}

/* --- replacing --- */

static int
parse(const struct conf *c, const char *name, struct sv text,
    struct tls_cert **cert_r, struct tls_pem *pem_r, char *err, size_t room)
{
	struct tls_cert *cert = find(c, name);

	if (!cert) {
		snprintf(err, room, "no certificate '%s' is in use", name);
		return -WSE_NOTFOUND;
	}
	if (tls_pem_parse(text, pem_r, err, room))
		return -WSE_SYNTAX;
	if (!pem_r->key && EVP_PKEY_up_ref(cert->pem.key) == 1)
		pem_r->key = cert->pem.key;
	if (tls_pem_check(pem_r, name, err, room)) {
		tls_pem_done(pem_r);
		return -WSE_SYNTAX;
	}
	*cert_r = cert;
	return 0;
}

int
tls_cert_check(const struct conf *c, const char *name, struct sv pem, char *err,
    size_t err_room)
{
	struct tls_pem p = { 0 };
	struct tls_cert *cert;
	int r = parse(c, name, pem, &cert, &p, err, err_room);

	if (r == 0)
		tls_pem_done(&p);
	return r;
}

/* Contexts of a front beside those in use; binds of a line share it. */
static bool
prepare_front(const struct conf *c, struct tls_front *f,
    const struct tls_cert *cert, const struct tls_pem *pem)
{
	for (struct tls_entry *e = f->entries; e; e = e->next) {
		if (e->cert != cert || e->next_ctx)
			continue;
		e->next_ctx = tls_entry_ctx(NULL, c, e, pem, NULL);
		if (!e->next_ctx)
			return false;
	}
	return true;
}

static bool
is_crt_of(const struct server *s, const struct tls_cert *cert)
{
	return s->tls.ctx && s->tls.crt.s &&
	    strcmp(s->tls.crt.s, cert->name) == 0;
}

static bool
prepare(const struct conf *c, const struct tls_cert *cert,
    const struct tls_pem *pem)
{
	for (struct proxy *px = c->proxies; px; px = px->next) {
		for (struct bind *b = px->binds; b; b = b->next)
			if (b->tls.front &&
			    !prepare_front(c, b->tls.front, cert, pem))
				return false;
		for (struct server *s = px->servers; s; s = s->next) {
			if (!is_crt_of(s, cert))
				continue;
			s->tls.next_ctx = tls_back_ctx(NULL, c, s, pem);
			if (!s->tls.next_ctx)
				return false;
		}
	}
	return true;
}

/* Put the prepared contexts in place, or drop them. */
static void
settle(SSL_CTX **ctx, SSL_CTX **next, bool install)
{
	if (install && *next) {
		SSL_CTX_free(*ctx);
		*ctx = *next;
	} else {
		SSL_CTX_free(*next);
	}
	*next = NULL;
}

static void
settle_all(const struct conf *c, bool install)
{
	for (struct proxy *px = c->proxies; px; px = px->next) {
		for (struct bind *b = px->binds; b; b = b->next)
			for (struct tls_entry *e =
				 b->tls.front ? b->tls.front->entries : NULL;
			     e; e = e->next)
				settle(&e->ctx, &e->next_ctx, install);
		for (struct server *s = px->servers; s; s = s->next)
			settle(&s->tls.ctx, &s->tls.next_ctx, install);
	}
}

/* The new certificate may have other names. */
static void
index_all(const struct conf *c, const struct tls_cert *cert)
{
	const struct tls_front *last = NULL;

	for (struct proxy *px = c->proxies; px; px = px->next)
		for (struct bind *b = px->binds; b; b = b->next) {
			struct tls_front *f = b->tls.front;
			struct tls_entry *e = f ? f->entries : NULL;

			while (e && e->cert != cert)
				e = e->next;
			if (e && f != last)
				tls_sni_index(f);
			last = f;
		}
}

int
tls_cert_replace(struct conf *c, const char *name, struct sv text, char *err,
    size_t err_room)
{
	struct tls_pem pem = { 0 };
	struct tls_cert *cert;
	int r = parse(c, name, text, &cert, &pem, err, err_room);

	if (r)
		return r;
	if (!prepare(c, cert, &pem)) {
		snprintf(err, err_room, "cannot use certificate '%s': %s", name,
		    tls_pem_reason());
		settle_all(c, false);
		tls_pem_done(&pem);
		return -WSE_SYNTAX;
	}
	settle_all(c, true);
	tls_pem_done(&cert->pem);
	cert->pem = pem;
	index_all(c, cert);
	return 0;
}

/* --- showing --- */

static void
show_serial(BIO *out, const X509 *x)
{
	BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
	char *hex = n ? BN_bn2hex(n) : NULL;

	BIO_printf(out, "Serial: %s\n", hex ? hex : "");
	OPENSSL_free(hex);
	BN_free(n);
}

static void
show_time(BIO *out, const char *name, const ASN1_TIME *t)
{
	BIO_printf(out, "%s: ", name);
	ASN1_TIME_print(out, t);
	BIO_puts(out, "\n");
}

static void
show_alt_names(BIO *out, X509 *x)
{
	int at = X509_get_ext_by_NID(x, NID_subject_alt_name, -1);

	BIO_puts(out, "Subject Alternative Name: ");
	if (at >= 0)
		X509V3_EXT_print(out, X509_get_ext(x, at), 0, 0);
	BIO_puts(out, "\n");
}

static void
show_key(BIO *out, X509 *x)
{
	EVP_PKEY *key = X509_get0_pubkey(x);
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int id = EVP_PKEY_get_base_id(key);

	BIO_printf(out, "Algorithm: %s%d\n",
	    id == EVP_PKEY_RSA      ? "RSA"
		: id == EVP_PKEY_EC ? "EC"
				    : OBJ_nid2sn(id),
	    EVP_PKEY_get_bits(key));
	X509_digest(x, EVP_sha1(), sum, &n);
	BIO_puts(out, "SHA1 FingerPrint: ");
	for (unsigned i = 0; i < n; i++)
		BIO_printf(out, "%02X", sum[i]);
	BIO_puts(out, "\n");
}

static void
show_name(BIO *out, const char *what, const X509_NAME *name)
{
	char *line = X509_NAME_oneline(name, NULL, 0);

	BIO_printf(out, "%s: %s\n", what, line ? line : "");
	OPENSSL_free(line);
}

static void
show(BIO *out, const struct tls_pem *pem)
{
	X509 *x = pem->x509;

	show_serial(out, x);
	show_time(out, "notBefore", X509_get0_notBefore(x));
	show_time(out, "notAfter", X509_get0_notAfter(x));
	show_alt_names(out, x);
	show_key(out, x);
	show_name(out, "Subject", X509_get_subject_name(x));
	show_name(out, "Issuer", X509_get_issuer_name(x));
	for (int i = 0; i < sk_X509_num(pem->chain); i++) {
		const X509 *up = sk_X509_value(pem->chain, i);

		show_name(out, "Chain Subject", X509_get_subject_name(up));
		show_name(out, "Chain Issuer", X509_get_issuer_name(up));
	}
	BIO_puts(out, "OCSP Response Key: \n");
}

/* 0 or -WSE_TOOBIG. */
static int
show_all(const char *head, const char *name, const char *status,
    const struct tls_pem *pem, char *out, size_t room)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;

	BIO_printf(bio, "Filename: %s%s\nStatus: %s\n", head, name, status);
	show(bio, pem);
	n = BIO_get_mem_data(bio, &text);
	if (n >= 0 && (size_t)n < room) {
		memcpy(out, text, (size_t)n);
		out[n] = '\0';
	}
	BIO_free(bio);
	ERR_clear_error();
	return (size_t)n < room ? 0 : -WSE_TOOBIG;
}

int
tls_cert_show(const struct conf *c, const char *name, char *out, size_t room)
{
	const struct tls_cert *cert = find(c, name);

	if (!cert)
		return -WSE_NOTFOUND;
	return show_all("", cert->name, "Used", &cert->pem, out, room);
}

int
tls_cert_text_show(const char *name, struct sv text, char *out, size_t room)
{
	struct tls_pem pem = { 0 };
	char err[TLS_ERR_BYTES];
	int r = tls_pem_parse(text, &pem, err, sizeof(err));

	if (r)
		return r;
	r = show_all("*", name, "Unused", &pem, out, room);
	tls_pem_done(&pem);
	return r;
}

int
tls_cert_text_check(struct sv text, bool *has_key_r, char *err, size_t room)
{
	struct tls_pem pem = { 0 };
	int r = tls_pem_parse(text, &pem, err, room);

	if (r)
		return r;
	*has_key_r = pem.key != NULL;
	tls_pem_done(&pem);
	return 0;
}
