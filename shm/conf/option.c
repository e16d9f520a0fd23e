/* SPDX-License-Identifier: MIT */
/*
 * option ... : switches of a proxy.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "shm/conf/addr.h"
#include "shm/conf/keyword.h"
#include "shm/conf/proxy.h"

#define P(field) ((int)offsetof(struct proxy, field))

static int
parse_switch(struct conf_parse *cp, const struct keyword *kw)
{
	*(bool *)(void *)((char *)cp->px + kw->arg) = !cp->negated;
	return conf_no_more(cp, 2);
}

/* The three ways to end a transaction exclude each other; the last counts. */
static int
parse_conn_mode(struct conf_parse *cp, const struct keyword *kw)
{
	struct proxy_http *h = &cp->px->http;

	if (!cp->negated)
		h->httpclose = h->server_close = false;
	/* Row "http-keep-alive" has no switch of its own. */
	if (kw->arg)
		*(bool *)(void *)((char *)cp->px + kw->arg) = !cp->negated;
	return conf_no_more(cp, 2);
}

static int
parse_forwardfor(struct conf_parse *cp, const struct keyword *kw)
{
	struct proxy_http *h = &cp->px->http;

	(void)kw;
	h->forwardfor = !cp->negated;
	h->forwardfor_except.len = 0;
	h->forwardfor_if_none = false;
	proxy_set_string(&h->forwardfor_hdr, NULL);
	if (cp->negated)
		return conf_no_more(cp, 2);
	for (int i = 2; i < cp->ln->count; i++) {
		const char *word = conf_word(cp, i);

		if (strcmp(word, "if-none") == 0) {
			h->forwardfor_if_none = true;
		} else if (strcmp(word, "header") == 0) {
			if (!*conf_word(cp, ++i))
				return conf_error(
				    cp, i, "'header' expects a header name");
			proxy_set_string(&h->forwardfor_hdr, conf_word(cp, i));
		} else if (strcmp(word, "except") == 0) {
			if (addr_parse_net(conf_word(cp, ++i),
				&h->forwardfor_except, &h->forwardfor_bits))
				return conf_error(cp, i,
				    "'except' expects "
				    "<address>[/<bits>], not '%s'",
				    conf_word(cp, i));
		} else {
			return conf_error(cp, i,
			    "'option forwardfor' only "
			    "supports 'except', 'header' and 'if-none', not "
			    "'%s'",
			    word);
		}
	}
	return 0;
}

static int
parse_ws_ping(struct conf_parse *cp, const struct keyword *kw)
{
	unsigned ms = 0;

	(void)kw;
	if (cp->negated) {
		cp->px->http.ws_ping_ms = 0;
		return conf_no_more(cp, 2);
	}
	if (conf_arg_ms(cp, 2, &ms) < 0)
		return -WSE_SYNTAX;
	if (ms == 0)
		return conf_error(cp, 2, "'option ws-ping' needs a time");
	cp->px->http.ws_ping_ms = ms;
	return conf_no_more(cp, 3);
}

const struct keyword option_tbl[] = {
	{ KW_ALL | KW_NO, "option forwardfor", parse_forwardfor, 0,
	    "[except <network>] [header <name>] [if-none]",
	    "Add the client's address to requests, as X-Forwarded-For." },
	{ KW_ALL | KW_NO, "option http-buffer-request", parse_switch,
	    P(http.buffer_request), "",
	    "Wait for the body, or a buffer full of it, before going on." },
	{ KW_ALL | KW_NO, "option httpclose", parse_conn_mode,
	    P(http.httpclose), "", "Close both connections after a response." },
	{ KW_ALL | KW_NO, "option http-server-close", parse_conn_mode,
	    P(http.server_close), "",
	    "Close the server's connection after a response." },
	{ KW_ALL | KW_NO, "option http-keep-alive", parse_conn_mode, 0, "",
	    "Keep connections after a response; the default." },
	{ KW_BE | KW_NO, "option abortonclose", parse_switch,
	    P(http.abortonclose), "",
	    "Give up a queued request whose client closed." },
	{ KW_FE | KW_NO, "option http-ignore-probes", parse_switch,
	    P(http.ignore_probes), "",
	    "Neither answer nor log connections without a request." },
	{ KW_FE | KW_NO, "option dontlognull", parse_switch, P(log.dontlognull),
	    "", "Do not log connections without a request." },
	{ KW_FE | KW_NO, "option dontlog-normal", parse_switch,
	    P(log.dontlog_normal), "", "Do not log requests that went well." },
	{ KW_FE | KW_NO, "option logasap", parse_switch, P(log.logasap), "",
	    "Log when the response begins, not when it ends." },
	{ KW_ALL | KW_NO, "option ws-ping", parse_ws_ping, 0, "<time>",
	    "Ping WebSockets' clients (in a frontend) and servers (in a "
	    "backend) that were silent for so long, and end tunnels whose one "
	    "stays silent for as long again. No activity for timeout tunnel. "
	    "Who does not take what waits for it is not asked." },
	{ 0, NULL, NULL, 0, NULL, NULL },
};
