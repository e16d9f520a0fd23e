/* SPDX-License-Identifier: MIT */
/*
 * TLS settings of bind and server lines, and what is made of them: OpenSSL
 * contexts built (and so checked) by the master, inherited by its children.
 *
 * A context of conf_finish() knows certificates, versions, suites, SNI, ALPN
 * and tickets.  It serves handshakes once its process called tls_hs_prepare()
 * (shm/proto) on it, for which tls_conf_each_ctx() walks them all.
 */
#ifndef SHM_CONF_TLS_CONF_H
#define SHM_CONF_TLS_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/base/sv.h"
#include "shm/conf/parse.h"

struct bind;
struct conf;
struct expr;
struct server;
struct ssl_ctx_st; /* SSL_CTX */
struct tls_front;  /* what a bind line serves: certificates by name */

enum tls_verify {
	TLS_VERIFY_NONE,
	TLS_VERIFY_OPTIONAL, /* bind lines only */
	TLS_VERIFY_REQUIRED,
	TLS_VERIFY_N
};

enum {
	TLS_ALPN_MAX = 64,
	TLS_TICKET_KEYS = 3,
	TLS_TICKET_KEY_BYTES = 80 /* name 16, AES-256 32, HMAC 32 */
};

/* A protocol list in wire form (RFC 7301 3.1). */
struct tls_alpn {
	uint8_t n; /* bytes; 0: none offered */
	uint8_t wire[TLS_ALPN_MAX];
};

/* A word of the configuration and where it stood; s = NULL: not given. */
struct tls_word {
	char *s;
	const char *file;
	int line, col;
};

struct tls_words {
	struct tls_words *next;
	struct tls_word w;
	bool is_list; /* a crt-list */
};

/* Common to bind lines, lines of a crt-list and server lines. */
struct tls_opts {
	bool alpn_set; /* `alpn` or `no-alpn` was written */
	struct tls_alpn alpn;
	uint16_t min_ver, max_ver; /* TLS1_2_VERSION ..., 0: not given */
	struct tls_word ciphers, ciphersuites, curves, ca_file;
	bool verify_set;
	enum tls_verify verify;
	bool no_tickets;
};

/* Of a bind line. */
struct bind_tls {
	bool enabled;           /* `ssl` */
	struct tls_word at;     /* its first word */
	struct tls_words *crts; /* crt: files, directories; crt-list: files */
	bool strict_sni;
	/* alpn: by conf_finish() what is offered (n = 0: nothing). */
	struct tls_opts opts;
	struct tls_front *front; /* built by conf_finish(), counted */
};

/* Of a server line. */
struct server_tls {
	bool enabled;        /* `ssl` */
	struct tls_word at;  /* its first word */
	struct tls_word crt; /* client certificate */
	char *verifyhost;
	struct expr *sni; /* sni EXPR, NULL: none */
	bool no_reuse;    /* no-ssl-reuse: sessions are not resumed */
	/* alpn as written (n = 0: no ALPN); verify by conf_finish(). */
	struct tls_opts opts;
	/*
	 * Built by conf_finish(); NULL without `ssl`.  tls_cert_replace() puts
	 * another in its place: start handshakes and replace in one thread.
	 */
	struct ssl_ctx_st *ctx;
	struct ssl_ctx_st *next_ctx; /* inside tls_cert_replace() only */
};

/* Whether a protocol ("h2", "http/1.1") is in a list. */
bool tls_alpn_has(const struct tls_alpn *a, struct sv proto);
/*
 * "h2,http/1.1" to wire form. -WSE_SYNTAX (no token, an empty or over-long
 * one), -WSE_TOOBIG (of the list).
 */
MUST_USE int tls_alpn_parse(const char *text, struct tls_alpn *a_r);

/*
 * Part of conf_finish(): load certificates and build contexts; every mistake
 * is reported with file, line, column and what to do.  Suites that cannot be
 * made portable are dropped with a warning that names them; none left is an
 * error.  Opens no file when cp->offline.
 */
void tls_conf_finish(struct conf_parse *cp);
/* Parts of freeing a bind, a server (not the structs) and a conf. */
void tls_bind_done(struct bind_tls *t);
void tls_server_done(struct server_tls *t);
void tls_opts_done(struct tls_opts *o);
void tls_conf_free(struct conf *c);
/* A copy of what a bind line says (not of its front), for each address. */
void tls_bind_copy(struct bind_tls *to, const struct bind_tls *from);

/* The context a handshake starts with (SNI switches it in a callback). */
struct ssl_ctx_st *tls_front_ctx(const struct tls_front *f);
/* Every context of a front; n from 0, NULL at the end. */
struct ssl_ctx_st *tls_front_each(const struct tls_front *f, unsigned n);
/*
 * Call fn (tls_hs_prepare()) for each context of all binds and servers; stops
 * at the first that does not answer 0, and answers that.
 */
MUST_USE int
tls_conf_each_ctx(const struct conf *c, int (*fn)(struct ssl_ctx_st *ctx));

/* The SNI that all connections have (empty: none); false: it depends on the
 * request. */
bool tls_back_const_sni(const struct server *s, struct sv *sni_r);
/*
 * The name a server's certificate must have when its SNI is sni ("": none):
 * verifyhost, or else the SNI; NULL: any (as HAProxy, also with verify
 * required where neither is given).
 */
const char *tls_back_verify_host(const struct server *s, const char *sni);

/* --- certificates by file name, for show|set|commit ssl cert --- */

/* Name of the n-th certificate (from 0), NULL at the end. */
const char *tls_cert_name(const struct conf *c, unsigned n);
/*
 * PEM text for certificate `name`, without installing it; -WSE_NOTFOUND (no
 * such certificate), -WSE_SYNTAX; err says why.  Without a key in the text
 * the one in use goes on, if it fits.
 */
MUST_USE int tls_cert_check(const struct conf *c, const char *name,
    struct sv pem, char *err, size_t err_room);
/*
 * Install it: later handshakes use it, those under way and connections keep
 * what they have.  All or nothing.  The new contexts are not prepared: call
 * tls_conf_each_ctx() afterwards.
 */
MUST_USE int tls_cert_replace(struct conf *c, const char *name, struct sv pem,
    char *err, size_t err_room);
/* Whether PEM text holds a certificate, and perhaps a key, whether or not they
 * fit together: 0 or -WSE_SYNTAX with err filled in. */
MUST_USE int
tls_cert_text_check(struct sv pem, bool *has_key_r, char *err, size_t err_room);
/* As tls_cert_show(), of text that is not in use. */
MUST_USE int
tls_cert_text_show(const char *name, struct sv pem, char *out, size_t room);
/* As HAProxy prints it for `show ssl cert NAME`. -WSE_NOTFOUND, -WSE_TOOBIG. */
MUST_USE int
tls_cert_show(const struct conf *c, const char *name, char *out, size_t room);

/* --- session tickets --- */

/*
 * Make a random ticket key, the one that is used from now on; the two before
 * it still open tickets.  By the master before it forks, so that all workers
 * have the same.  0 or -WSE_SYS.
 */
MUST_USE int tls_ticket_keys_make(void);
/* conf_finish() makes one where a bind line needs it and there is none yet. */
/* All keys, newest first, for a successor that is another program. */
void tls_ticket_keys_get(
    uint8_t keys_r[TLS_TICKET_KEYS][TLS_TICKET_KEY_BYTES], unsigned *n_r);
MUST_USE int tls_ticket_keys_set(
    uint8_t keys[TLS_TICKET_KEYS][TLS_TICKET_KEY_BYTES], unsigned n);

#endif
