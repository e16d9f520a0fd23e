/* SPDX-License-Identifier: MIT */
/*
 * Words of server and default-server lines that are about TLS.
 */
#include "shm/conf/expr.h"
#include "shm/conf/keyword.h"
#include "shm/conf/proxy.h"
#include "shm/conf/tls_conf_int.h"

static int
server_ssl(struct conf_parse *cp, int i, struct server *s, int on)
{
	s->tls.enabled = on;
	tls_word_set(cp, i, &s->tls.at);
	return 0;
}

static int
server_crt(struct conf_parse *cp, int i, struct server *s, int arg)
{
	(void)arg;
	tls_word_set(cp, i + 1, &s->tls.crt);
	return 0;
}

static int
server_sni(struct conf_parse *cp, int i, struct server *s, int arg)
{
	(void)arg;
	if (s->tls.sni)
		expr_free(&s->tls.sni);
	return expr_parse(cp, i + 1, FETCH_AT_REQUEST, &s->tls.sni);
}

static int
server_verifyhost(struct conf_parse *cp, int i, struct server *s, int on)
{
	proxy_set_string(&s->tls.verifyhost, on ? conf_word(cp, i + 1) : NULL);
	return 0;
}

static int
server_reuse(struct conf_parse *cp, int i, struct server *s, int on)
{
	(void)cp;
	(void)i;
	s->tls.no_reuse = !on;
	return 0;
}

static int
server_tickets(struct conf_parse *cp, int i, struct server *s, int on)
{
	(void)cp;
	(void)i;
	s->tls.opts.no_tickets = !on;
	return 0;
}

static int
server_opt(struct conf_parse *cp, int i, struct server *s, int arg)
{
	int r = tls_opts_parse(cp, i, &s->tls.opts, true);

	(void)arg;
	return r < 0 ? r : 0;
}

const struct server_keyword server_tls_tbl[] = {
	{ "alpn", 1, server_opt, 0, "<protocol>[,...]",
	    "Protocols offered to the server by ALPN, in the order of our "
	    "preference." },
	{ "ca-file", 1, server_opt, 0, "<file>",
	    "Authorities of the server's certificate: a file, a directory or "
	    "@system-ca." },
	{ "crt", 1, server_crt, 0, "<file>",
	    "Our certificate and key, if the server asks." },
	{ "no-alpn", 0, server_opt, 0, "", "Undoes alpn." },
	{ "no-ssl", 0, server_ssl, 0, "", "Undoes ssl." },
	{ "no-ssl-reuse", 0, server_reuse, 0, "",
	    "Every connection makes a full handshake." },
	{ "no-tls-tickets", 0, server_tickets, 0, "",
	    "Take no session tickets." },
	{ "no-verifyhost", 0, server_verifyhost, 0, "", "Undoes verifyhost." },
	{ "sni", 1, server_sni, 0, "<expression>",
	    "The name to ask the server for, and to look for in its "
	    "certificate." },
	{ "ssl", 0, server_ssl, 1, "", "Speak TLS with the server." },
	{ "ssl-reuse", 0, server_reuse, 1, "", "Undoes no-ssl-reuse." },
	{ "tls-tickets", 0, server_tickets, 1, "", "Undoes no-tls-tickets." },
	{ "verify", 1, server_opt, 0, "none|required",
	    "Check the server's certificate, the default." },
	{ "verifyhost", 1, server_verifyhost, 1, "<name>",
	    "The name the certificate must have, instead of sni's." },
	TLS_OPT_ROWS(server_opt),
	{ NULL, 0, NULL, 0, NULL, NULL },
};
