/* SPDX-License-Identifier: MIT */
/*
 * The certificates of a bind line and a context for each.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <openssl/err.h>

#include "shm/base/mem.h"
#include "shm/conf/tls_conf_int.h"

/* Kinds of keys that may lie beside each other, FILE.rsa and FILE.ecdsa. */
static const char *const kinds[] = { ".rsa", ".ecdsa" };

/* What else lies in a directory of certificates. */
static const char *const others[] = { ".key", ".issuer", ".ocsp", ".sctl",
	".dsa" };

enum {
	KINDS = sizeof(kinds) / sizeof(*kinds),
	OTHERS = sizeof(others) / sizeof(*others)
};

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

struct tls_entry *
tls_front_add(struct tls_front *f, struct tls_cert *cert)
{
	struct tls_entry *e = mem_alloc(sizeof(*e));

	e->front = f;
	e->cert = cert;
	*f->tail = e;
	f->tail = &e->next;
	f->entry_count++;
	return e;
}

void
tls_names_free(struct tls_names **list)
{
	while (*list) {
		struct tls_names *n = *list;

		*list = n->next;
		free(n->s);
		free(n);
	}
}

void
tls_front_free(struct tls_front **fp)
{
	struct tls_front *f = *fp;

	*fp = NULL;
	if (!f || --f->refs > 0)
		return;
	while (f->entries) {
		struct tls_entry *e = f->entries;

		f->entries = e->next;
		tls_names_free(&e->names);
		tls_names_free(&e->not_for);
		tls_opts_done(&e->opts);
		SSL_CTX_free(e->ctx);
		SSL_CTX_free(e->next_ctx);
		free(e);
	}
	SSL_CTX_free(f->base_ctx);
	tls_sni_index_free(f);
	free(f);
}

/* --- loading --- */

static int
load_file(struct conf_parse *cp, struct tls_front *f, const char *path,
    const struct tls_word *at, struct tls_entry **first_r)
{
	struct tls_cert *cert = tls_store_cert(cp, path, at);
	struct tls_entry *e;

	if (!cert)
		return -WSE_SYNTAX;
	e = tls_front_add(f, cert);
	if (!*first_r)
		*first_r = e;
	return 0;
}

static int
load_bundle(struct conf_parse *cp, struct tls_front *f, const char *path,
    const struct tls_word *at, struct tls_entry **first_r)
{
	int r = -WSE_NOTFOUND;

	for (int i = 0; i < KINDS; i++) {
		char *file = mem_printf("%s%s", path, kinds[i]);
		struct stat st;

		if (stat(file, &st) == 0)
			r = load_file(cp, f, file, at, first_r);
		free(file);
		if (r && r != -WSE_NOTFOUND)
			break;
	}
	/* Neither: say of the file itself that it is not there. */
	return r == -WSE_NOTFOUND ? load_file(cp, f, path, at, first_r) : r;
}

static bool
is_certificate_name(const char *name)
{
	for (int i = 0; i < OTHERS; i++)
		if (ends_with(name, others[i]))
			return false;
	return true;
}

static int
load_dir(struct conf_parse *cp, struct tls_front *f, const char *path,
    const struct tls_word *at, struct tls_entry **first_r)
{
	char **names = NULL;
	int n = 0, r = 0;

	if (tls_word_dir(path, &names, &n))
		return tls_error(cp, at, "cannot read directory '%s': %s", path,
		    strerror(errno));
	for (int i = 0; i < n; i++) {
		char *file = mem_printf("%s/%s", path, names[i]);
		struct stat st;

		/* Tell of every bad one. */
		if (is_certificate_name(names[i]) && stat(file, &st) == 0 &&
		    S_ISREG(st.st_mode) && load_file(cp, f, file, at, first_r))
			r = -WSE_SYNTAX;
		free(file);
		free(names[i]);
	}
	free(names);
	return r;
}

int
tls_front_load(struct conf_parse *cp, struct tls_front *f, const char *path,
    const struct tls_word *at, struct tls_entry **first_r)
{
	struct stat st;

	*first_r = NULL;
	if (stat(path, &st) < 0)
		return errno == ENOENT ? load_bundle(cp, f, path, at, first_r)
				       : load_file(cp, f, path, at, first_r);
	if (S_ISDIR(st.st_mode))
		return load_dir(cp, f, path, at, first_r);
	return load_file(cp, f, path, at, first_r);
}

/* --- contexts --- */

SSL_CTX *
tls_entry_ctx(struct conf_parse *cp, const struct conf *c, struct tls_entry *e,
    const struct tls_pem *pem, const struct tls_word *at)
{
	SSL_CTX *ctx = tls_opts_ctx(cp, c, &e->opts, true, at);

	if (!ctx)
		return NULL;
	ERR_clear_error();
	if (SSL_CTX_use_cert_and_key(ctx, pem->x509, pem->key, pem->chain, 1) !=
	    1) {
		const char *why = tls_pem_reason();

		if (cp)
			tls_error(cp, at, "cannot use certificate '%s': %s",
			    e->cert->name, why);
		SSL_CTX_free(ctx);
		return NULL;
	}
	tls_sni_attach(e, ctx);
	tls_ticket_attach(ctx);
	return ctx;
}

/* Length of a name without .rsa or .ecdsa. */
static size_t
bundle_bytes(const char *name)
{
	for (int i = 0; i < KINDS; i++)
		if (ends_with(name, kinds[i]))
			return strlen(name) - strlen(kinds[i]);
	return strlen(name);
}

/* The first certificate, with all its kinds, unless a crt-list says others. */
static void
mark_default(struct tls_front *f)
{
	const struct tls_entry *first = f->entries;
	size_t n;

	for (const struct tls_entry *e = f->entries; e; e = e->next)
		if (e->is_default)
			return;
	n = first ? bundle_bytes(first->cert->name) : 0;
	for (struct tls_entry *e = f->entries; e; e = e->next)
		if (e == first ||
		    (bundle_bytes(first->cert->name) !=
			    strlen(first->cert->name) &&
			bundle_bytes(e->cert->name) == n &&
			strncmp(e->cert->name, first->cert->name, n) == 0))
			e->is_default = true;
}

static int
load_word(struct conf_parse *cp, struct tls_front *f, struct bind *b,
    const struct tls_words *w)
{
	struct tls_entry *e;
	char *path;
	int r;

	if (w->is_list)
		return tls_crt_list_read(cp, f, b, &w->w);
	path = tls_word_path(cp->conf->global.crt_base, w->w.s);
	r = tls_front_load(cp, f, path, &w->w, &e);
	free(path);
	for (; e; e = e->next)
		tls_opts_copy(&e->opts, &b->tls.opts);
	return r;
}

static int
build_base(struct conf_parse *cp, struct tls_front *f, struct bind *b)
{
	if (f->entries && !f->has_own)
		return 0;
	f->base_ctx =
	    tls_opts_ctx(cp, cp->conf, &b->tls.opts, true, &b->tls.at);
	if (!f->base_ctx)
		return -WSE_SYNTAX;
	tls_ticket_attach(f->base_ctx);
	tls_sni_attach_base(f, f->base_ctx);
	return 0;
}

static int
build_contexts(struct conf_parse *cp, struct tls_front *f, struct bind *b)
{
	for (struct tls_entry *e = f->entries; e; e = e->next) {
		f->has_own |= e->is_own;
		e->ctx =
		    tls_entry_ctx(cp, cp->conf, e, &e->cert->pem, &b->tls.at);
		/* The next ones would most likely fail alike. */
		if (!e->ctx)
			return -WSE_SYNTAX;
	}
	return build_base(cp, f, b);
}

struct tls_front *
tls_front_build(struct conf_parse *cp, struct bind *b)
{
	struct tls_front *f = mem_alloc(sizeof(*f));
	int r = 0;

	f->refs = 1;
	f->tail = &f->entries;
	f->strict_sni = b->tls.strict_sni;
	for (const struct tls_words *w = b->tls.crts; w; w = w->next)
		if (load_word(cp, f, b, w))
			r = -WSE_SYNTAX;
	if (r == 0 && !f->entries && !f->strict_sni)
		r = tls_error(cp, &b->tls.at,
		    "no SSL certificate specified for bind '%s' (use 'crt' or "
		    "'crt-list' with a file that holds certificate and key%s)",
		    b->text, b->tls.crts ? "; what was named is empty" : "");
	if (r == 0)
		r = build_contexts(cp, f, b);
	if (r) {
		tls_front_free(&f);
		return NULL;
	}
	mark_default(f);
	tls_sni_index(f);
	return f;
}

struct ssl_ctx_st *
tls_front_ctx(const struct tls_front *f)
{
	return f->base_ctx ? f->base_ctx : f->entries->ctx;
}

struct ssl_ctx_st *
tls_front_each(const struct tls_front *f, unsigned n)
{
	const struct tls_entry *e = f->entries;

	if (f->base_ctx && n-- == 0)
		return f->base_ctx;
	while (e && n-- > 0)
		e = e->next;
	return e ? e->ctx : NULL;
}
