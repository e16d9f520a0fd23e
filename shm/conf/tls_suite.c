/* SPDX-License-Identifier: MIT */
/*
 * Cipher suites and groups of a context.  Only suites whose connections can
 * change their process are kept; what is dropped is named.
 */
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>

#include "shm/conf/tls_conf_int.h"

enum { LIST_BYTES = 8192, DROPPED_BYTES = 1024 };

struct suites {
	char v12[LIST_BYTES], v13[LIST_BYTES];
	char dropped[DROPPED_BYTES];
	unsigned dropped_count;
};

static bool
is_portable(const SSL_CIPHER *c)
{
	int nid = SSL_CIPHER_get_cipher_nid(c);

	return nid == NID_aes_128_gcm || nid == NID_aes_256_gcm ||
	    nid == NID_chacha20_poly1305;
}

static bool
is_13(const SSL_CIPHER *c)
{
	return SSL_CIPHER_get_protocol_id(c) >> 8 == 0x13;
}

static void
add(char *list, size_t room, const char *sep, const char *name)
{
	size_t n = strlen(list);

	if (n + strlen(sep) + strlen(name) + 1 <= room)
		snprintf(list + n, room - n, "%s%s", n ? sep : "", name);
}

/* Sort what ctx has; is_12 and is_13: which kinds the user chose himself. */
static void
sort(SSL_CTX *ctx, struct suites *s, bool chose_12, bool chose_13)
{
	STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ctx);

	for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
		const SSL_CIPHER *c = sk_SSL_CIPHER_value(all, i);
		const char *name = SSL_CIPHER_get_name(c);

		if (is_portable(c)) {
			add(is_13(c) ? s->v13 : s->v12, LIST_BYTES, ":", name);
		} else if (is_13(c) ? chose_13 : chose_12) {
			s->dropped_count++;
			if (strlen(s->dropped) + 80 < DROPPED_BYTES)
				add(s->dropped, DROPPED_BYTES, ", ", name);
		}
	}
}

static void
say_dropped(
    struct conf_parse *cp, const struct suites *s, const struct tls_opts *o)
{
	const struct tls_word *at =
	    o->ciphers.s ? &o->ciphers : &o->ciphersuites;

	if (!s->dropped_count ||
	    !tls_store_is_unsaid(tls_store_of(cp->conf), at))
		return;
	tls_warn(cp, at,
	    "%u cipher suite%s left out, since a connection that uses one "
	    "cannot move between processes (only AES-GCM and "
	    "ChaCha20-Poly1305 can): %s%s",
	    s->dropped_count, s->dropped_count == 1 ? " is" : "s are",
	    s->dropped, strlen(s->dropped) + 80 < DROPPED_BYTES ? "" : ", ...");
}

/* OpenSSL passes over names it does not know; a typo should not. */
static int
check_names_13(struct conf_parse *cp, const struct tls_word *w)
{
	static const char *const known[] = { "TLS_AES_128_GCM_SHA256",
		"TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
		"TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256" };
	enum { KNOWN = sizeof(known) / sizeof(*known) };

	for (const char *p = w->s; *p; p += strspn(p, ": ,")) {
		char name[64];
		const char *near;
		size_t n = strcspn(p, ": ,");
		bool found = false;

		for (int i = 0; i < KNOWN && !found; i++)
			found = strlen(known[i]) == n &&
			    strncmp(known[i], p, n) == 0;
		if (!found) {
			snprintf(name, sizeof(name), "%.*s", (int)n, p);
			near = conf_nearest(name, known, KNOWN);
			return tls_error(cp, w,
			    "'%s' is not a TLS 1.3 cipher suite%s%s%s", name,
			    near ? "; did you mean '" : "", near ? near : "",
			    near ? "'?" : "");
		}
		p += n;
		if (!*p)
			break;
	}
	return 0;
}

/* Put the chosen lists into ctx. */
static int
set_chosen(struct conf_parse *cp, SSL_CTX *ctx, const struct tls_opts *o)
{
	const char *s12 = o->ciphers.s, *s13 = o->ciphersuites.s;

	if (cp && s13 && check_names_13(cp, &o->ciphersuites))
		return -WSE_SYNTAX;
	ERR_clear_error();
	if (s13 && SSL_CTX_set_ciphersuites(ctx, s13) != 1) {
		const char *why = tls_pem_reason();

		return cp ? tls_error(cp, &o->ciphersuites,
				"unable to set TLS 1.3 cipher suites to '%s': "
				"%s; names are separated by ':'",
				s13, why)
			  : -WSE_SYNTAX;
	}
	if (s12 && SSL_CTX_set_cipher_list(ctx, s12) != 1) {
		const char *why = tls_pem_reason();

		return cp ? tls_error(cp, &o->ciphers,
				"unable to set cipher list to '%s': %s; see "
				"'openssl ciphers -v' for names",
				s12, why)
			  : -WSE_SYNTAX;
	}
	return 0;
}

static int
none_left(struct conf_parse *cp, const struct tls_opts *o,
    const struct tls_word *at, const char *why)
{
	const struct tls_word *w = o->ciphers.s ? &o->ciphers
	    : o->ciphersuites.s                 ? &o->ciphersuites
						: at;

	return cp ? tls_error(cp, w,
			"no cipher suite is left%s; name one of AES-GCM or "
			"ChaCha20-Poly1305, such as "
			"ECDHE-RSA-AES128-GCM-SHA256 in 'ciphers' or "
			"TLS_AES_128_GCM_SHA256 in 'ciphersuites'",
			why)
		  : -WSE_SYNTAX;
}

/* What is kept, and no version without a suite. */
static int
set_kept(struct conf_parse *cp, SSL_CTX *ctx, const struct tls_opts *o,
    const struct suites *s, const struct tls_word *at)
{
	bool has12 = *s->v12, has13 = *s->v13;
	bool ok;

	if (!has12 && SSL_CTX_get_max_proto_version(ctx) == TLS1_2_VERSION)
		return none_left(cp, o, at, " for TLS 1.2");
	if (!has13 && SSL_CTX_get_min_proto_version(ctx) == TLS1_3_VERSION)
		return none_left(cp, o, at, " for TLS 1.3");
	if (!has12 && !has13)
		return none_left(cp, o, at, "");
	ok = SSL_CTX_set_ciphersuites(ctx, s->v13) == 1;
	if (ok && has12)
		ok = SSL_CTX_set_cipher_list(ctx, s->v12) == 1;
	if (ok && !has12)
		ok = SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1;
	if (ok && !has13)
		ok = SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION) == 1;
	return ok ? 0 : none_left(cp, o, at, "");
}

int
tls_suite_apply(struct conf_parse *cp, SSL_CTX *ctx, const struct tls_opts *o,
    const struct tls_word *at)
{
	struct suites s = { .dropped_count = 0 };

	if (set_chosen(cp, ctx, o))
		return -WSE_SYNTAX;
	sort(ctx, &s, o->ciphers.s, o->ciphersuites.s);
	if (cp)
		say_dropped(cp, &s, o);
	if (set_kept(cp, ctx, o, &s, at))
		return -WSE_SYNTAX;
	if (o->curves.s && SSL_CTX_set1_groups_list(ctx, o->curves.s) != 1) {
		ERR_clear_error();
		return cp ? tls_error(cp, &o->curves,
				"unable to set curves to '%s'; names as "
				"X25519:P-256:P-384 are separated by ':'",
				o->curves.s)
			  : -WSE_SYNTAX;
	}
	return 0;
}
