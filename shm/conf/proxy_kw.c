/* SPDX-License-Identifier: MIT */
/*
 * Keywords of frontends and backends that need no file of their own.
 */
#include <stdlib.h>
#include <string.h>

#include "shm/conf/keyword.h"
#include "shm/conf/proxy.h"

enum { CONN_MAX = 10000000, ID_MAX = 0x7fffffff };

static int
parse_mode(struct conf_parse *cp, const struct keyword *kw)
{
	const char *word = conf_word(cp, 1);

	(void)kw;
	if (conf_need(cp, 1, "'http'"))
		return -WSE_SYNTAX;
	/* Also after an error, which is then said once. */
	cp->px->http.mode_http = true;
	if (strcmp(word, "http") == 0)
		return conf_no_more(cp, 2);
	if (strcmp(word, "tcp") == 0)
		return conf_error(cp, 1,
		    "'mode tcp' is not supported by this "
		    "version of wsbroker; instead use 'mode http'");
	return conf_error(cp, 1,
	    "'mode': unknown mode '%s'; did you mean "
	    "'http'?",
	    word);
}

static int
parse_description(struct conf_parse *cp, const struct keyword *kw)
{
	(void)kw;
	return conf_need(cp, 1, "a text");
}

static int
parse_id(struct conf_parse *cp, const struct keyword *kw)
{
	(void)kw;
	if (conf_arg_int(cp, 1, 1, ID_MAX, &cp->px->id))
		return -WSE_SYNTAX;
	return conf_no_more(cp, 2);
}

static int
parse_disabled(struct conf_parse *cp, const struct keyword *kw)
{
	cp->px->disabled = kw->arg;
	return conf_no_more(cp, 1);
}

static int
parse_maxconn(struct conf_parse *cp, const struct keyword *kw)
{
	(void)kw;
	if (conf_arg_int(cp, 1, 0, CONN_MAX, &cp->px->maxconn))
		return -WSE_SYNTAX;
	return conf_no_more(cp, 2);
}

static int
parse_default_backend(struct conf_parse *cp, const struct keyword *kw)
{
	(void)kw;
	if (conf_need(cp, 1, "the name of a backend"))
		return -WSE_SYNTAX;
	proxy_set_string(&cp->px->default_backend_name, conf_word(cp, 1));
	cp->px->default_backend_file = cp->ln->file;
	cp->px->default_backend_line = cp->ln->line;
	return conf_no_more(cp, 2);
}

static int
parse_http_reuse(struct conf_parse *cp, const struct keyword *kw)
{
	static const char *const modes[REUSE_N] = {
		[REUSE_NEVER] = "never",
		[REUSE_SAFE] = "safe",
		[REUSE_AGGRESSIVE] = "aggressive",
		[REUSE_ALWAYS] = "always",
	};

	(void)kw;
	if (conf_need(cp, 1, "'never', 'safe', 'aggressive' or 'always'"))
		return -WSE_SYNTAX;
	for (int i = 0; i < REUSE_N; i++) {
		if (strcmp(conf_word(cp, 1), modes[i]) == 0) {
			cp->px->http.reuse = (enum reuse_mode)i;
			return conf_no_more(cp, 2);
		}
	}
	return conf_error(cp, 1,
	    "'http-reuse' expects 'never', 'safe', "
	    "'aggressive' or 'always', not '%s'",
	    conf_word(cp, 1));
}

static int
parse_ws_learn_ttl(struct conf_parse *cp, const struct keyword *kw)
{
	(void)kw;
	if (conf_arg_ms(cp, 1, &cp->px->http.ws_learn_ttl_ms))
		return -WSE_SYNTAX;
	if (cp->px->http.ws_learn_ttl_ms == 0)
		return conf_error(
		    cp, 1, "'ws-learn-ttl' expects a time above 0");
	return conf_no_more(cp, 2);
}

const struct keyword proxy_kw_tbl[] = {
	{ KW_ALL, "mode", parse_mode, 0, "http",
	    "What the proxy speaks; it must be given." },
	{ KW_PROXY, "description", parse_description, 0, "<text>",
	    "A note for readers of the file." },
	{ KW_PROXY, "id", parse_id, 0, "<number>",
	    "Number of the proxy in statistics." },
	{ KW_ALL, "disabled", parse_disabled, 1, "",
	    "The proxy is checked, but not started." },
	{ KW_ALL, "enabled", parse_disabled, 0, "",
	    "Undoes disabled of a defaults section." },
	{ KW_FE, "maxconn", parse_maxconn, 0, "<number>",
	    "Most client connections of the frontend at a time." },
	{ KW_FE, "default_backend", parse_default_backend, 0, "<backend>",
	    "Where requests go that no use_backend rule takes." },
	{ KW_BE, "http-reuse", parse_http_reuse, 0,
	    "never | safe | aggressive | always",
	    "When a request may use a connection that others used, safe by "
	    "default." },
	{ KW_BE, "ws-learn-ttl", parse_ws_learn_ttl, 0, "<time>",
	    "How long it is remembered whether a server takes WebSockets over "
	    "HTTP/2, for 'ws prefer-h2'; 1h by default." },
	{ 0, NULL, NULL, 0, NULL, NULL },
};
