/* SPDX-License-Identifier: MIT */
/*
 * Keywords of the global section that are about TLS: defaults of bind and
 * server lines.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "shm/base/mem.h"
#include "shm/conf/keyword.h"
#include "shm/conf/proxy.h"
#include "shm/conf/tls_conf_int.h"

enum { LIMIT_MAX = 1000000 };

#define G(field) ((int)offsetof(struct conf_global, field))

static int
parse_base(struct conf_parse *cp, const struct keyword *kw)
{
	if (conf_need(cp, 1, kw->syntax))
		return -WSE_SYNTAX;
	proxy_set_string((char **)(void *)((char *)&cp->conf->global + kw->arg),
	    conf_word(cp, 1));
	return conf_no_more(cp, 2);
}

/* A list, which may be written as several words. */
static int
parse_list(struct conf_parse *cp, const struct keyword *kw)
{
	struct tls_word *w =
	    (struct tls_word *)(void *)((char *)&cp->conf->global + kw->arg);

	if (conf_need(cp, 1, kw->syntax))
		return -WSE_SYNTAX;
	tls_word_set(cp, 1, w);
	for (int i = 2; i < cp->ln->count; i++) {
		char *joined = mem_printf("%s:%s", w->s, conf_word(cp, i));

		free(w->s);
		w->s = joined;
	}
	return 0;
}

static int
parse_limit(struct conf_parse *cp, const struct keyword *kw)
{
	if (conf_arg_int(cp, 1, 0, LIMIT_MAX,
		(int *)(void *)((char *)&cp->conf->global + kw->arg)))
		return -WSE_SYNTAX;
	return conf_no_more(cp, 2);
}

static bool
is_option(const char *word)
{
	static const char *const known[] = { "no-sslv3", "no-tlsv10",
		"no-tlsv11", "no-tlsv12", "no-tlsv13", "no-tls-tickets",
		"force-tlsv12", "force-tlsv13", "ssl-min-ver", "ssl-max-ver" };

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(word, known[i]) == 0)
			return true;
	return false;
}

static int
parse_options(struct conf_parse *cp, const struct keyword *kw)
{
	struct tls_opts *o =
	    (struct tls_opts *)(void *)((char *)&cp->conf->global + kw->arg);
	int r;

	if (conf_need(cp, 1, kw->syntax))
		return -WSE_SYNTAX;
	for (int i = 1; i < cp->ln->count; i += r) {
		if (!is_option(conf_word(cp, i)))
			return conf_error(cp, i,
			    "'%s' does not know '%s'; expected %s", kw->name,
			    conf_word(cp, i), kw->syntax);
		r = tls_opts_parse(cp, i, o, kw->arg == G(ssl_server));
		if (r <= 0)
			return -WSE_SYNTAX;
	}
	return 0;
}

static int
parse_server_verify(struct conf_parse *cp, const struct keyword *kw)
{
	if (conf_need(cp, 1, kw->syntax) ||
	    tls_opts_verify(cp, 1, &cp->conf->global.ssl_server, true))
		return -WSE_SYNTAX;
	return conf_no_more(cp, 2);
}

#define OPTIONS                                                       \
	"no-sslv3|no-tlsv10|no-tlsv11|no-tlsv12|no-tlsv13|"           \
	"force-tlsv12|force-tlsv13|no-tls-tickets|ssl-min-ver <ver>|" \
	"ssl-max-ver <ver>"

const struct keyword global_tls_tbl[] = {
	{ KW_GLOBAL, "ca-base", parse_base, G(ca_base), "<directory>",
	    "Directory of relative ca-file names." },
	{ KW_GLOBAL, "crt-base", parse_base, G(crt_base), "<directory>",
	    "Directory of relative crt and crt-list names." },
	{ KW_GLOBAL, "maxsslconn", parse_limit, G(maxsslconn), "<number>",
	    "Most client connections through TLS at a time over all workers; "
	    "no limit of their own by default." },
	{ KW_GLOBAL, "maxsslrate", parse_limit, G(maxsslrate), "<number>",
	    "Most TLS connections accepted a second over all workers; no "
	    "limit by default." },
	{ KW_GLOBAL, "ssl-default-bind-ciphers", parse_list,
	    G(ssl_bind.ciphers), "<ciphers>",
	    "TLS 1.2 ciphers of bind lines." },
	{ KW_GLOBAL, "ssl-default-bind-ciphersuites", parse_list,
	    G(ssl_bind.ciphersuites), "<ciphersuites>",
	    "TLS 1.3 cipher suites of bind lines." },
	{ KW_GLOBAL, "ssl-default-bind-curves", parse_list, G(ssl_bind.curves),
	    "<curves>", "Groups of the key exchange of bind lines." },
	{ KW_GLOBAL, "ssl-default-bind-options", parse_options, G(ssl_bind),
	    OPTIONS, "TLS options of bind lines." },
	{ KW_GLOBAL, "ssl-default-server-ciphers", parse_list,
	    G(ssl_server.ciphers), "<ciphers>",
	    "TLS 1.2 ciphers of server lines." },
	{ KW_GLOBAL, "ssl-default-server-ciphersuites", parse_list,
	    G(ssl_server.ciphersuites), "<ciphersuites>",
	    "TLS 1.3 cipher suites of server lines." },
	{ KW_GLOBAL, "ssl-default-server-curves", parse_list,
	    G(ssl_server.curves), "<curves>",
	    "Groups of the key exchange of server lines." },
	{ KW_GLOBAL, "ssl-default-server-options", parse_options, G(ssl_server),
	    OPTIONS, "TLS options of server lines." },
	{ KW_GLOBAL, "ssl-server-verify", parse_server_verify, 0,
	    "none|required",
	    "Whether servers' certificates are checked where the line says "
	    "nothing; required by default." },
	{ 0, NULL, NULL, 0, NULL, NULL },
};
