/* SPDX-License-Identifier: MIT */
/*
 * What a configuration has loaded: certificates by file name, authorities by
 * ca-file.  Each file is read once, by the master, however many lines name
 * it; children have them without a right to open files.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "shm/base/mem.h"
#include "shm/conf/tls_conf_int.h"

struct tls_store *
tls_store_of(struct conf *c)
{
	if (!c->tls) {
		c->tls = mem_alloc(sizeof(*c->tls));
		c->tls->tail = &c->tls->certs;
	}
	return c->tls;
}

static void
ca_free(struct tls_ca *ca)
{
	free(ca->name);
	X509_STORE_free(ca->store);
	sk_X509_NAME_pop_free(ca->names, X509_NAME_free);
	free(ca);
}

void
tls_conf_free(struct conf *c)
{
	struct tls_store *st = c->tls;

	if (!st)
		return;
	c->tls = NULL;
	while (st->certs) {
		struct tls_cert *one = st->certs;

		st->certs = one->next;
		tls_pem_done(&one->pem);
		free(one->name);
		free(one);
	}
	while (st->cas) {
		struct tls_ca *ca = st->cas;

		st->cas = ca->next;
		ca_free(ca);
	}
	while (st->said) {
		struct tls_said *one = st->said;

		st->said = one->next;
		free(one);
	}
	free(st);
}

bool
tls_store_is_unsaid(struct tls_store *st, const struct tls_word *at)
{
	struct tls_said *one;

	for (one = st->said; one; one = one->next)
		if (one->at.line == at->line && one->at.col == at->col &&
		    strcmp(one->at.file, at->file) == 0)
			return false;
	one = mem_alloc(sizeof(*one));
	one->at = *at;
	one->at.s = NULL;
	one->next = st->said;
	st->said = one;
	return true;
}

/* --- certificates --- */

struct tls_cert *
tls_store_cert(
    struct conf_parse *cp, const char *path, const struct tls_word *at)
{
	struct tls_store *st = tls_store_of(cp->conf);
	char err[TLS_ERR_BYTES], age[128];
	struct tls_pem pem = { 0 };
	struct tls_cert *one;

	for (one = st->certs; one; one = one->next)
		if (strcmp(one->name, path) == 0)
			return one;
	if (tls_pem_read(path, &pem, err, sizeof(err))) {
		tls_error(cp, at, "%s%s%s%s", strstr(err, path) ? "" : "'",
		    strstr(err, path) ? "" : path,
		    strstr(err, path) ? "" : "': ", err);
		return NULL;
	}
	if (tls_pem_check(&pem, path, err, sizeof(err))) {
		tls_error(cp, at, "%s", err);
		tls_pem_done(&pem);
		return NULL;
	}
	if (tls_pem_age(&pem, age, sizeof(age)))
		tls_warn(cp, at, "the certificate in '%s' %s", path, age);
	one = mem_alloc(sizeof(*one));
	one->name = mem_strdup(path);
	one->pem = pem;
	*st->tail = one;
	st->tail = &one->next;
	return one;
}

const char *
tls_cert_name(const struct conf *c, unsigned n)
{
	const struct tls_cert *one = c->tls ? c->tls->certs : NULL;

	while (one && n-- > 0)
		one = one->next;
	return one ? one->name : NULL;
}

/* --- authorities --- */

/* Adds a certificate to the digest and to the list of names, once. */
static bool
add_name(struct tls_ca *ca, EVP_MD_CTX *md, X509 *x)
{
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	X509_NAME *name = X509_get_subject_name(x), *copy;

	if (X509_digest(x, EVP_sha256(), sum, &n) != 1 ||
	    EVP_DigestUpdate(md, sum, n) != 1)
		return false;
	if (sk_X509_NAME_find(ca->names, name) >= 0)
		return true;
	copy = X509_NAME_dup(name);
	if (copy && sk_X509_NAME_push(ca->names, copy) > 0)
		return true;
	X509_NAME_free(copy);
	return false;
}

/* The authorities of one file; their number, or -1 with err filled in. */
static int
add_file(
    struct tls_ca *ca, EVP_MD_CTX *md, const char *path, char *err, size_t room)
{
	BIO *bio = BIO_new_file(path, "r");
	X509 *x;
	int n = 0;

	if (!bio) {
		snprintf(
		    err, room, "cannot read '%s': %s", path, strerror(errno));
		ERR_clear_error();
		return -1;
	}
	while ((x = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL)) != NULL) {
		bool ok = X509_STORE_add_cert(ca->store, x) == 1 &&
		    add_name(ca, md, x);

		X509_free(x);
		if (!ok)
			break;
		n++;
	}
	BIO_free(bio);
	if (x || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
		snprintf(
		    err, room, "'%s' is damaged: %s", path, tls_pem_reason());
		return -1;
	}
	ERR_clear_error();
	return n;
}

static int
add_dir(
    struct tls_ca *ca, EVP_MD_CTX *md, const char *path, char *err, size_t room)
{
	char **names = NULL;
	int n = 0, total = 0;

	if (tls_word_dir(path, &names, &n)) {
		snprintf(
		    err, room, "cannot read '%s': %s", path, strerror(errno));
		return -1;
	}
	for (int i = 0; i < n; i++) {
		char *file = mem_printf("%s/%s", path, names[i]);
		struct stat st;
		int r = 0;

		if (total >= 0 && stat(file, &st) == 0 && S_ISREG(st.st_mode))
			r = add_file(ca, md, file, err, room);
		total = r < 0 ? -1 : total < 0 ? total : total + r;
		free(file);
		free(names[i]);
	}
	free(names);
	return total;
}

/* What the system believes, read now: later there is no right to open it. */
static int
add_system(struct tls_ca *ca, EVP_MD_CTX *md, char *err, size_t room)
{
	const char *dir = getenv(X509_get_default_cert_dir_env());
	const char *file = getenv(X509_get_default_cert_file_env());
	char *bundle;
	int n;

	dir = dir ? dir : X509_get_default_cert_dir();
	file = file ? file : X509_get_default_cert_file();
	if (access(file, F_OK) == 0)
		return add_file(ca, md, file, err, room);
	bundle = mem_printf("%s/ca-certificates.crt", dir);
	n = access(bundle, F_OK) == 0 ? add_file(ca, md, bundle, err, room)
				      : add_dir(ca, md, dir, err, room);
	free(bundle);
	return n;
}

static int
fill_ca(struct tls_ca *ca, char *err, size_t room)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	struct stat st;
	int n;

	EVP_DigestInit_ex(md, EVP_sha256(), NULL);
	if (strcmp(ca->name, "@system-ca") == 0)
		n = add_system(ca, md, err, room);
	else if (stat(ca->name, &st) == 0 && S_ISDIR(st.st_mode))
		n = add_dir(ca, md, ca->name, err, room);
	else
		n = add_file(ca, md, ca->name, err, room);
	EVP_DigestFinal_ex(md, ca->digest, NULL);
	EVP_MD_CTX_free(md);
	if (n == 0)
		snprintf(err, room,
		    "no certificate in '%s': expected '-----BEGIN "
		    "CERTIFICATE-----'",
		    ca->name);
	return n > 0 ? 0 : -WSE_SYNTAX;
}

struct tls_ca *
tls_store_find_ca(const struct conf *c, const char *name)
{
	char *path = tls_word_path(c->global.ca_base, name);
	struct tls_ca *ca = c->tls ? c->tls->cas : NULL;

	while (ca && strcmp(ca->name, path) != 0)
		ca = ca->next;
	free(path);
	return ca;
}

static int
name_cmp(const X509_NAME *const *a, const X509_NAME *const *b)
{
	return X509_NAME_cmp(*a, *b);
}

struct tls_ca *
tls_store_ca(struct conf_parse *cp, const struct tls_word *at)
{
	struct tls_store *st = tls_store_of(cp->conf);
	struct tls_ca *ca = tls_store_find_ca(cp->conf, at->s);
	char err[TLS_ERR_BYTES];

	if (ca)
		return ca;
	ca = mem_alloc(sizeof(*ca));
	ca->name = tls_word_path(cp->conf->global.ca_base, at->s);
	ca->store = X509_STORE_new();
	ca->names = sk_X509_NAME_new(name_cmp);
	if (fill_ca(ca, err, sizeof(err))) {
		tls_error(cp, at, "'ca-file': %s", err);
		ca_free(ca);
		return NULL;
	}
	ca->next = st->cas;
	st->cas = ca;
	return ca;
}
