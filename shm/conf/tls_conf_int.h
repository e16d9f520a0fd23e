/* SPDX-License-Identifier: MIT */
/*
 * Inner parts of the TLS configuration.  Only for shm/conf/tls_*.c.
 */
#ifndef SHM_CONF_TLS_CONF_INT_H
#define SHM_CONF_TLS_CONF_INT_H

#include <openssl/ssl.h>

#include "shm/conf/conf.h"

enum { TLS_ERR_BYTES = 512 };

/* --- PEM: tls_pem.c --- */

/* A certificate, the ones that follow it, and its key (may be NULL). */
struct tls_pem {
	X509 *x509;
	STACK_OF(X509) * chain; /* never NULL once parsed */
	EVP_PKEY *key;
};

void tls_pem_done(struct tls_pem *p);
/* From text: 0 or -WSE_SYNTAX with err filled in. A key may be missing. */
MUST_USE int
tls_pem_parse(struct sv text, struct tls_pem *p_r, char *err, size_t room);
/* From a file; the key in it, in FILE.key or, for X.crt, in X.key. */
MUST_USE int
tls_pem_read(const char *path, struct tls_pem *p_r, char *err, size_t room);
/* Whether key and certificate are there and belong together. */
MUST_USE int tls_pem_check(
    const struct tls_pem *p, const char *path, char *err, size_t room);
/* What is wrong with the dates, or NULL. */
const char *tls_pem_age(const struct tls_pem *p, char *text, size_t room);
/* The newest reason of OpenSSL's error queue, which is emptied. */
const char *tls_pem_reason(void);

/* --- what a conf has loaded: tls_store.c --- */

struct tls_cert {
	struct tls_cert *next;
	char *name; /* path as loaded */
	struct tls_pem pem;
};

/* Certification authorities of a ca-file. */
struct tls_ca {
	struct tls_ca *next;
	char *name;
	X509_STORE *store;
	STACK_OF(X509_NAME) * names; /* for certificate requests */
	uint8_t digest[32];          /* of the certificates */
};

/* A list of suites whose dropped ones were named. */
struct tls_said {
	struct tls_said *next;
	struct tls_word at;
};

struct tls_store {
	struct tls_cert *certs, **tail;
	struct tls_ca *cas;
	struct tls_said *said;
};

struct tls_store *tls_store_of(struct conf *c);
/* Each: from the store or its file; NULL after an error that was reported. */
struct tls_cert *tls_store_cert(
    struct conf_parse *cp, const char *path, const struct tls_word *at);
struct tls_ca *tls_store_ca(struct conf_parse *cp, const struct tls_word *at);
/* What tls_store_ca() loaded, or NULL; reports nothing. */
struct tls_ca *tls_store_find_ca(const struct conf *c, const char *name);
/* True the first time it is asked for this word. */
bool tls_store_is_unsaid(struct tls_store *st, const struct tls_word *at);

/* --- words and options: tls_word.c, tls_opts.c --- */

int tls_error(struct conf_parse *cp, const struct tls_word *at, const char *fmt,
    ...) PRINTF_LIKE(3, 4);
void tls_warn(struct conf_parse *cp, const struct tls_word *at, const char *fmt,
    ...) PRINTF_LIKE(3, 4);
void tls_word_set(struct conf_parse *cp, int i, struct tls_word *w);
void tls_word_copy(struct tls_word *to, const struct tls_word *from);
void tls_word_done(struct tls_word *w);
void
tls_words_add(struct tls_words **list, const struct tls_word *w, bool is_list);
void tls_words_done(struct tls_words **list);
/* path, or base/path where it is relative; malloc'ed. */
char *tls_word_path(const char *base, const char *path);
/* An alphabetical list of the file names in a directory. */
MUST_USE int tls_word_dir(const char *path, char ***names_r, int *n_r);

void tls_opts_copy(struct tls_opts *to, const struct tls_opts *from);
/* Fill what was not given from the defaults of the global section. */
void tls_opts_default(struct tls_opts *o, const struct tls_opts *from);
/*
 * Make a context with versions, suites, curves and verification as o says.
 * `at` is the line it is for.  cp = NULL: quietly, from what was loaded.
 * NULL after an error, which was reported.
 */
SSL_CTX *tls_opts_ctx(struct conf_parse *cp, const struct conf *c,
    const struct tls_opts *o, bool is_server, const struct tls_word *at);
/* Suites and groups of o for ctx; reports. */
MUST_USE int tls_suite_apply(struct conf_parse *cp, SSL_CTX *ctx,
    const struct tls_opts *o, const struct tls_word *at);

/* An option that bind lines, crt-lists, servers and the global options
 * share, at word i: words taken (0: another word), or -WSE_SYNTAX. */
MUST_USE int tls_opts_parse(
    struct conf_parse *cp, int i, struct tls_opts *o, bool is_server);
MUST_USE int tls_opts_alpn(struct conf_parse *cp, int i, struct tls_opts *o);
MUST_USE int
tls_opts_version(struct conf_parse *cp, int i, const char *text, uint16_t *v_r);
MUST_USE int tls_opts_verify(
    struct conf_parse *cp, int i, struct tls_opts *o, bool is_server);

/* Rows of words that mean the same on bind and server lines; parse calls
 * tls_opts_parse(). */
#define TLS_OPT_ROWS(parse)                                                    \
	{ "ciphers", 1, parse, 0, "<ciphers>",                                 \
		"TLS 1.2 ciphers, as OpenSSL writes them; only AES-GCM and "   \
		"ChaCha20-Poly1305 are kept." },                               \
	    { "ciphersuites", 1, parse, 0, "<ciphersuites>",                   \
		    "TLS 1.3 cipher suites." },                                \
	    { "curves", 1, parse, 0, "<curves>",                               \
		    "Groups of the key exchange." },                           \
	    { "force-tlsv12", 0, parse, 0, "", "Only TLS 1.2." },              \
	    { "force-tlsv13", 0, parse, 0, "", "Only TLS 1.3." },              \
	    { "no-sslv3", 0, parse, 0, "", "Without effect: never spoken." },  \
	    { "no-tlsv10", 0, parse, 0, "", "Without effect: never spoken." }, \
	    { "no-tlsv11", 0, parse, 0, "", "Without effect: never spoken." }, \
	    { "no-tlsv12", 0, parse, 0, "", "As ssl-min-ver TLSv1.3." },       \
	    { "no-tlsv13", 0, parse, 0, "", "As ssl-max-ver TLSv1.2." },       \
	    { "ssl-max-ver", 1, parse, 0, "TLSv1.2|TLSv1.3",                   \
		    "Highest version, TLSv1.3 by default." },                  \
	{                                                                      \
		"ssl-min-ver", 1, parse, 0, "TLSv1.2|TLSv1.3",                 \
		    "Lowest version, TLSv1.2 by default."                      \
	}

/* --- the server's side: tls_front.c, tls_sni.c, tls_crt_list.c --- */

struct tls_names {
	struct tls_names *next;
	char *s; /* lower case; "*.example.com" for any first label */
};

/* A certificate with the names it is shown for and its own options. */
struct tls_entry {
	struct tls_entry *next;
	struct tls_front *front;
	struct tls_cert *cert;
	struct tls_opts opts;
	struct tls_names *names;   /* filters of a crt-list */
	struct tls_names *not_for; /* its !filters */
	bool is_default;
	bool is_own; /* opts differ from the bind's: applied per handshake */
	SSL_CTX *ctx, *next_ctx; /* next_ctx: being replaced */
};

/* A row of the index, sorted by name, then order in the configuration. */
struct tls_name_row {
	char *name;
	unsigned order;
	struct tls_entry *e;
};

struct tls_front {
	unsigned refs;
	bool strict_sni;
	struct tls_entry *entries, **tail;
	unsigned entry_count;
	bool has_own;      /* some entry has options of its own */
	SSL_CTX *base_ctx; /* without a certificate, where that is needed */
	struct tls_name_row *rows;
	unsigned row_count, row_room;
};

/* An entry for a certificate; the caller fills in names and options. */
struct tls_entry *tls_front_add(struct tls_front *f, struct tls_cert *cert);
void tls_names_free(struct tls_names **list);
MUST_USE int tls_crt_list_read(struct conf_parse *cp, struct tls_front *f,
    const struct bind *b, const struct tls_word *at);
/* The lines of `in`; path is for messages.  Loads nothing when offline. */
MUST_USE int tls_crt_list_parse(struct conf_parse *cp, struct tls_front *f,
    const struct bind *b, const char *path, FILE *in);
/* The certificates of a file, a bundle or a directory; *first_r: the first
 * entry made, others follow it. */
MUST_USE int tls_front_load(struct conf_parse *cp, struct tls_front *f,
    const char *path, const struct tls_word *at, struct tls_entry **first_r);
struct tls_front *tls_front_build(struct conf_parse *cp, struct bind *b);
void tls_front_free(struct tls_front **f);
/* A context for an entry with this certificate; quiet when cp is NULL. */
SSL_CTX *tls_entry_ctx(struct conf_parse *cp, const struct conf *c,
    struct tls_entry *e, const struct tls_pem *pem, const struct tls_word *at);
/* Make the index again. */
void tls_sni_index(struct tls_front *f);
void tls_sni_index_free(struct tls_front *f);
/* Callbacks of an entry's context. */
void tls_sni_attach(struct tls_entry *e, SSL_CTX *ctx);
void tls_sni_attach_base(struct tls_front *f, SSL_CTX *ctx);
/* NULL: no certificate for this name ("": none was sent). */
struct tls_entry *
tls_sni_choose(const struct tls_front *f, const char *name, bool has_ecdsa);

/* --- tickets, the client's side --- */

void tls_ticket_attach(SSL_CTX *ctx);
MUST_USE int tls_back_build(struct conf_parse *cp, struct server *s);
SSL_CTX *tls_back_ctx(struct conf_parse *cp, const struct conf *c,
    const struct server *s, const struct tls_pem *crt);

#endif
