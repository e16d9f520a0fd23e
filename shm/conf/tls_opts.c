/* SPDX-License-Identifier: MIT */
/*
 * Options that bind lines, crt-lists and server lines share: how they are
 * read, and the OpenSSL context they make.
 */
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>

#include "shm/base/mem.h"
#include "shm/conf/tls_conf_int.h"

/* Seconds a session may be resumed, as HAProxy's tune.ssl.lifetime. */
enum { SESSION_S = 300 };

void
tls_opts_copy(struct tls_opts *to, const struct tls_opts *from)
{
	*to = *from;
	tls_word_copy(&to->ciphers, &from->ciphers);
	tls_word_copy(&to->ciphersuites, &from->ciphersuites);
	tls_word_copy(&to->curves, &from->curves);
	tls_word_copy(&to->ca_file, &from->ca_file);
}

void
tls_opts_done(struct tls_opts *o)
{
	tls_word_done(&o->ciphers);
	tls_word_done(&o->ciphersuites);
	tls_word_done(&o->curves);
	tls_word_done(&o->ca_file);
}

static void
word_default(struct tls_word *w, const struct tls_word *from)
{
	if (!w->s)
		tls_word_copy(w, from);
}

void
tls_opts_default(struct tls_opts *o, const struct tls_opts *from)
{
	word_default(&o->ciphers, &from->ciphers);
	word_default(&o->ciphersuites, &from->ciphersuites);
	word_default(&o->curves, &from->curves);
	word_default(&o->ca_file, &from->ca_file);
	if (!o->min_ver)
		o->min_ver = from->min_ver;
	if (!o->max_ver)
		o->max_ver = from->max_ver;
	if (!o->verify_set) {
		o->verify_set = from->verify_set;
		o->verify = from->verify;
	}
	if (!o->alpn_set) {
		o->alpn_set = from->alpn_set;
		o->alpn = from->alpn;
	}
	o->no_tickets |= from->no_tickets;
}

/* --- reading --- */

int
tls_opts_alpn(struct conf_parse *cp, int i, struct tls_opts *o)
{
	const char *text = conf_word(cp, i);
	struct tls_alpn a;
	int r = tls_alpn_parse(text, &a);

	if (r == -WSE_TOOBIG)
		return conf_error(cp, i,
		    "'alpn': the list '%s' is too long, at most %d bytes", text,
		    TLS_ALPN_MAX);
	if (r)
		return conf_error(cp, i,
		    "'alpn' expects protocols separated by ',', as in "
		    "'h2,http/1.1', not '%s'",
		    text);
	o->alpn_set = true;
	o->alpn = a;
	return 0;
}

int
tls_opts_version(struct conf_parse *cp, int i, const char *text, uint16_t *v_r)
{
	if (strcmp(text, "TLSv1.2") == 0)
		*v_r = TLS1_2_VERSION;
	else if (strcmp(text, "TLSv1.3") == 0)
		*v_r = TLS1_3_VERSION;
	else if (strcmp(text, "SSLv3") == 0 || strcmp(text, "TLSv1.0") == 0 ||
	    strcmp(text, "TLSv1.1") == 0)
		return conf_error(cp, i,
		    "'%s' is not supported: its connections cannot move "
		    "between processes (and RFC 8996 forbids it); instead use "
		    "'TLSv1.2' or 'TLSv1.3'",
		    text);
	else
		return conf_error(cp, i,
		    "'%s' : unknown ssl/tls version; expected 'TLSv1.2' or "
		    "'TLSv1.3'",
		    text);
	return 0;
}

int
tls_opts_verify(
    struct conf_parse *cp, int i, struct tls_opts *o, bool is_server)
{
	static const char *const names[TLS_VERIFY_N] = { "none", "optional",
		"required" };
	const char *word = conf_word(cp, i);

	for (int v = 0; v < TLS_VERIFY_N; v++) {
		if (strcmp(word, names[v]) != 0 ||
		    (is_server && v == TLS_VERIFY_OPTIONAL))
			continue;
		o->verify_set = true;
		o->verify = (enum tls_verify)v;
		return 0;
	}
	return conf_error(cp, i,
	    "'verify' : unknown verify method '%s', only %s are supported",
	    word,
	    is_server ? "'none' and 'required'"
		      : "'none', 'optional', and 'required'");
}

/* The words without an argument. */
static bool
parse_flag(const char *word, struct tls_opts *o)
{
	if (strcmp(word, "no-alpn") == 0) {
		o->alpn_set = true;
		o->alpn.n = 0;
	} else if (strcmp(word, "no-tls-tickets") == 0) {
		o->no_tickets = true;
	} else if (strcmp(word, "no-tlsv12") == 0) {
		o->min_ver = TLS1_3_VERSION;
	} else if (strcmp(word, "no-tlsv13") == 0) {
		o->max_ver = TLS1_2_VERSION;
	} else if (strcmp(word, "force-tlsv12") == 0) {
		o->min_ver = o->max_ver = TLS1_2_VERSION;
	} else if (strcmp(word, "force-tlsv13") == 0) {
		o->min_ver = o->max_ver = TLS1_3_VERSION;
	} else {
		/* Never spoken here. */
		return strcmp(word, "no-sslv3") == 0 ||
		    strcmp(word, "no-tlsv10") == 0 ||
		    strcmp(word, "no-tlsv11") == 0;
	}
	return true;
}

static struct tls_word *
word_of(const char *name, struct tls_opts *o)
{
	if (strcmp(name, "ciphers") == 0)
		return &o->ciphers;
	if (strcmp(name, "ciphersuites") == 0)
		return &o->ciphersuites;
	if (strcmp(name, "curves") == 0)
		return &o->curves;
	return strcmp(name, "ca-file") == 0 ? &o->ca_file : NULL;
}

int
tls_opts_parse(struct conf_parse *cp, int i, struct tls_opts *o, bool is_server)
{
	const char *name = conf_word(cp, i), *value = conf_word(cp, i + 1);
	struct tls_word *w = word_of(name, o);
	bool is_alpn = strcmp(name, "alpn") == 0;
	bool is_verify = strcmp(name, "verify") == 0;
	bool is_min = strcmp(name, "ssl-min-ver") == 0;
	int r = 0;

	if (parse_flag(name, o))
		return 1;
	if (!w && !is_alpn && !is_verify && !is_min &&
	    strcmp(name, "ssl-max-ver") != 0)
		return 0;
	if (!*value)
		return conf_error(cp, i + 1, "'%s' expects a value", name);
	if (w)
		tls_word_set(cp, i + 1, w);
	else if (is_alpn)
		r = tls_opts_alpn(cp, i + 1, o);
	else if (is_verify)
		r = tls_opts_verify(cp, i + 1, o, is_server);
	else
		r = tls_opts_version(
		    cp, i + 1, value, is_min ? &o->min_ver : &o->max_ver);
	return r ? r : 2;
}

/* --- making a context --- */

/*
 * A session belongs to what was verified when it was made: it must not let a
 * client in elsewhere.  The same in all workers, and after a reload of the
 * same configuration.
 */
static bool
set_session_context(
    SSL_CTX *ctx, const struct tls_opts *o, const struct tls_ca *ca)
{
	uint8_t id[32] = { 0 };

	if (ca)
		memcpy(id, ca->digest, sizeof(id));
	id[0] ^= (uint8_t)(1 + o->verify);
	return SSL_CTX_set_session_id_context(ctx, id, sizeof(id)) == 1;
}

static int
set_verify(struct conf_parse *cp, const struct conf *c, SSL_CTX *ctx,
    const struct tls_opts *o, bool is_server)
{
	struct tls_ca *ca = NULL;
	int mode = o->verify == TLS_VERIFY_NONE ? SSL_VERIFY_NONE
	    : o->verify == TLS_VERIFY_OPTIONAL
	    ? SSL_VERIFY_PEER
	    : SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	STACK_OF(X509_NAME) * names;

	if (o->ca_file.s) {
		ca = cp ? tls_store_ca(cp, &o->ca_file)
			: tls_store_find_ca(c, o->ca_file.s);
		if (!ca)
			return -WSE_SYNTAX;
		SSL_CTX_set1_cert_store(ctx, ca->store);
	}
	SSL_CTX_set_verify(ctx, mode, NULL);
	if (!is_server)
		return 0;
	if (ca && mode != SSL_VERIFY_NONE) {
		names = SSL_dup_CA_list(ca->names);
		if (!names)
			return -WSE_NOMEM;
		SSL_CTX_set_client_CA_list(ctx, names);
	}
	return set_session_context(ctx, o, ca) ? 0 : -WSE_NOMEM;
}

static void
set_common(SSL_CTX *ctx, const struct tls_opts *o, bool is_server)
{
	uint64_t options = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION;

	if (is_server)
		options |=
		    SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA;
	if (o->no_tickets)
		options |= SSL_OP_NO_TICKET;
	SSL_CTX_set_options(ctx, options);
	/* The chain is what the file holds, not built in each handshake. */
	SSL_CTX_set_mode(
	    ctx, SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_timeout(ctx, SESSION_S);
	SSL_CTX_set_max_early_data(ctx, 0);
	SSL_CTX_set_dh_auto(ctx, 1);
	/* Else 1.3 tickets would name sessions that no cache holds. */
	if (is_server && o->no_tickets)
		SSL_CTX_set_num_tickets(ctx, 0);
}

SSL_CTX *
tls_opts_ctx(struct conf_parse *cp, const struct conf *c,
    const struct tls_opts *o, bool is_server, const struct tls_word *at)
{
	SSL_CTX *ctx =
	    SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
	int min = o->min_ver ? o->min_ver : TLS1_2_VERSION;
	int max = o->max_ver ? o->max_ver : TLS1_3_VERSION;
	int errors = cp ? cp->error_count : 0;

	if (!ctx) {
		if (cp)
			tls_error(cp, at, "out of memory");
		return NULL;
	}
	set_common(ctx, o, is_server);
	if (min > max) {
		if (cp)
			tls_error(cp, at,
			    "no TLS version is left: 'ssl-min-ver' is above "
			    "'ssl-max-ver'");
	} else if (SSL_CTX_set_min_proto_version(ctx, min) == 1 &&
	    SSL_CTX_set_max_proto_version(ctx, max) == 1 &&
	    tls_suite_apply(cp, ctx, o, at) == 0 &&
	    set_verify(cp, c, ctx, o, is_server) == 0) {
		return ctx;
	}
	if (cp && cp->error_count == errors)
		tls_error(cp, at, "no TLS context: %s", tls_pem_reason());
	SSL_CTX_free(ctx);
	return NULL;
}
