/* SPDX-License-Identifier: MIT */
/*
 * Contexts for connections to servers.  ALPN, SNI, the name to verify and the
 * session to resume belong to a connection: whoever dials gives them to
 * tls_hs_connect().
 */
#include <string.h>
#include <openssl/err.h>

#include "shm/conf/expr.h"
#include "shm/conf/tls_conf_int.h"

SSL_CTX *
tls_back_ctx(struct conf_parse *cp, const struct conf *c,
    const struct server *s, const struct tls_pem *crt)
{
	const struct tls_word *at = s->tls.crt.s ? &s->tls.crt : &s->tls.at;
	SSL_CTX *ctx = tls_opts_ctx(cp, c, &s->tls.opts, false, &s->tls.at);

	if (!ctx || !crt)
		return ctx;
	ERR_clear_error();
	if (SSL_CTX_use_cert_and_key(ctx, crt->x509, crt->key, crt->chain, 1) ==
	    1)
		return ctx;
	if (cp)
		tls_error(cp, at, "'server %s' : cannot use 'crt': %s", s->name,
		    tls_pem_reason());
	ERR_clear_error();
	SSL_CTX_free(ctx);
	return NULL;
}

bool
tls_back_const_sni(const struct server *s, struct sv *sni_r)
{
	const struct expr *e = s->tls.enabled ? s->tls.sni : NULL;

	*sni_r = SV_NULL;
	if (!e)
		return true;
	if (e->convs || strcmp(e->fetch->name, "str") != 0)
		return false;
	*sni_r = e->arg[0].s;
	return true;
}

const char *
tls_back_verify_host(const struct server *s, const char *sni)
{
	if (s->tls.opts.verify == TLS_VERIFY_NONE)
		return NULL;
	if (s->tls.verifyhost)
		return s->tls.verifyhost;
	return sni && *sni ? sni : NULL;
}

/* A protocol that is forced and one that is offered must not differ. */
static int
check_protocol(struct conf_parse *cp, const struct server *s)
{
	const struct tls_alpn *a = &s->tls.opts.alpn;
	const char *proto = s->proto_h1 ? "h1" : s->proto_h2 ? "h2" : NULL;

	if (!proto || !a->n)
		return 0;
	if (s->ws == (s->proto_h2 ? WS_H1 : WS_H2))
		return tls_error(cp, &s->tls.at,
		    "'server %s' : 'proto %s' contradicts 'ws %s' where 'alpn' "
		    "negotiates; leave 'proto' out, the server then chooses",
		    s->name, proto, s->proto_h2 ? "h1" : "h2");
	if (tls_alpn_has(a, s->proto_h2 ? SV("h2") : SV("http/1.1")))
		return 0;
	return tls_error(cp, &s->tls.at,
	    "'server %s' : 'proto %s' contradicts 'alpn', which does not offer "
	    "it; leave one of the two out",
	    s->name, proto);
}

int
tls_back_build(struct conf_parse *cp, struct server *s)
{
	const struct tls_pem *pem = NULL;
	struct tls_cert *cert;

	if (check_protocol(cp, s))
		return -WSE_SYNTAX;
	if (s->tls.opts.verify == TLS_VERIFY_REQUIRED && !s->tls.opts.ca_file.s)
		return tls_error(cp, &s->tls.at,
		    "'server %s' : the server's certificate is verified by "
		    "default, but no 'ca-file' says whose certificates are "
		    "good; add 'ca-file <file>' or 'ca-file @system-ca', or, "
		    "in a network where every answer can be trusted, 'verify "
		    "none' here or 'ssl-server-verify none' in the global "
		    "section",
		    s->name);
	if (s->tls.crt.s) {
		cert = tls_store_cert(cp, s->tls.crt.s, &s->tls.crt);
		if (!cert)
			return -WSE_SYNTAX;
		pem = &cert->pem;
	}
	s->tls.ctx = tls_back_ctx(cp, cp->conf, s, pem);
	return s->tls.ctx ? 0 : -WSE_SYNTAX;
}
