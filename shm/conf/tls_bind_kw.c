/* SPDX-License-Identifier: MIT */
/*
 * Words of bind lines that are about TLS.
 */
#include "shm/conf/keyword.h"
#include "shm/conf/tls_conf_int.h"

static int
bind_ssl(struct conf_parse *cp, int i, struct bind *b, int arg)
{
	(void)arg;
	b->tls.enabled = true;
	tls_word_set(cp, i, &b->tls.at);
	return 0;
}

static int
bind_crt(struct conf_parse *cp, int i, struct bind *b, int is_list)
{
	struct tls_word w = { .s = NULL };

	tls_word_set(cp, i + 1, &w);
	tls_words_add(&b->tls.crts, &w, is_list);
	tls_word_done(&w);
	return 0;
}

static int
bind_strict(struct conf_parse *cp, int i, struct bind *b, int arg)
{
	(void)cp;
	(void)i;
	(void)arg;
	b->tls.strict_sni = true;
	return 0;
}

static int
bind_opt(struct conf_parse *cp, int i, struct bind *b, int arg)
{
	int r = tls_opts_parse(cp, i, &b->tls.opts, false);

	(void)arg;
	return r < 0 ? r : 0;
}

const struct bind_keyword bind_tls_tbl[] = {
	{ "alpn", 1, bind_opt, 0, "<protocol>[,...]",
	    "Protocols offered to clients by ALPN, in the order of our "
	    "preference, h2,http/1.1 by default." },
	{ "ca-file", 1, bind_opt, 0, "<file>",
	    "Authorities of client certificates: a file, a directory or "
	    "@system-ca." },
	{ "crt", 1, bind_crt, 0, "<path>",
	    "A file with certificate, chain and key (or the key in FILE.key), "
	    "a directory of such files, or a name that lacks .rsa and "
	    ".ecdsa; the first is the default." },
	{ "crt-list", 1, bind_crt, 1, "<file>",
	    "Certificates, a line each: <file> [<option>...] [[!]<sni>...]." },
	{ "no-alpn", 0, bind_opt, 0, "", "Offer nothing by ALPN." },
	{ "no-tls-tickets", 0, bind_opt, 0, "",
	    "No session tickets, so no resumption." },
	{ "ssl", 0, bind_ssl, 0, "", "Speak TLS with clients." },
	{ "strict-sni", 0, bind_strict, 0, "",
	    "Refuse clients that ask for no name or an unknown one." },
	{ "verify", 1, bind_opt, 0, "none|optional|required",
	    "Ask clients for a certificate; none by default." },
	TLS_OPT_ROWS(bind_opt),
	{ NULL, 0, NULL, 0, NULL, NULL },
};
