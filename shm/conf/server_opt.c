/* SPDX-License-Identifier: MIT */
/*
 * Options of server and default-server lines.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "shm/conf/addr.h"
#include "shm/conf/expr.h"
#include "shm/conf/keyword.h"
#include "shm/conf/proxy.h"
#include "shm/conf/server_kw.h"

#define S(field) ((int)offsetof(struct server, field))

enum { WEIGHT_MAX = 256, CONN_MAX = 10000000 };

/* Values of `arg` for parse functions that serve several names. */
enum { OFF, ON };

static int
server_backup(struct conf_parse *cp, int i, struct server *s, int arg)
{
	(void)cp;
	(void)i;
	s->backup = arg;
	return 0;
}

static int
server_disabled(struct conf_parse *cp, int i, struct server *s, int arg)
{
	(void)cp;
	(void)i;
	s->disabled = arg;
	return 0;
}

static int
server_send_proxy(struct conf_parse *cp, int i, struct server *s, int arg)
{
	(void)cp;
	(void)i;
	s->send_proxy = (uint8_t)arg;
	return 0;
}

static int
server_time(struct conf_parse *cp, int i, struct server *s, int arg)
{
	unsigned *at = (unsigned *)(void *)((char *)s + arg);

	if (conf_arg_ms(cp, i + 1, at))
		return -WSE_SYNTAX;
	/* The pool may be purged at once, a check not without a pause. */
	if (*at == 0 && arg != S(pool.purge_delay_ms))
		return conf_error(
		    cp, i + 1, "'%s' expects a time above 0", conf_word(cp, i));
	return 0;
}

/* Counts from 0 up. */
static int
server_number(struct conf_parse *cp, int i, struct server *s, int arg)
{
	return conf_arg_int(
	    cp, i + 1, 0, CONN_MAX, (int *)(void *)((char *)s + arg));
}

static int
server_max_conn(struct conf_parse *cp, int i, struct server *s, int arg)
{
	(void)arg;
	return conf_arg_int(cp, i + 1, -1, CONN_MAX, &s->pool.max_conn);
}

static int
server_weight(struct conf_parse *cp, int i, struct server *s, int arg)
{
	(void)arg;
	return conf_arg_int(cp, i + 1, 0, WEIGHT_MAX, &s->weight);
}

static int
server_id(struct conf_parse *cp, int i, struct server *s, int arg)
{
	(void)arg;
	return conf_arg_int(cp, i + 1, 1, 0x7fffffff, &s->id);
}

static int
server_proto(struct conf_parse *cp, int i, struct server *s, int arg)
{
	const char *word = conf_word(cp, i + 1);

	(void)arg;
	if (strcmp(word, "h1") != 0 && strcmp(word, "h2") != 0)
		return conf_error(
		    cp, i + 1, "'proto' expects 'h1' or 'h2', not '%s'", word);
	/* the last one counts, also after a default-server line's */
	s->proto_h1 = word[1] == '1';
	s->proto_h2 = !s->proto_h1;
	return 0;
}

static int
server_on_drain(struct conf_parse *cp, int i, struct server *s, int arg)
{
	const char *v = conf_word(cp, i + 1);

	(void)arg;
	if (strcmp(v, "keep") != 0 && strcmp(v, "spread-close") != 0)
		return conf_error(cp, i + 1,
		    "'on-drain' expects 'keep' or 'spread-close', not '%s'", v);
	s->drain_closes = *v == 's';
	return 0;
}

static int
server_ws(struct conf_parse *cp, int i, struct server *s, int arg)
{
	static const char *const words[WS_N] = {
		[WS_AUTO] = "auto",
		[WS_H1] = "h1",
		[WS_H2] = "h2",
		[WS_PREFER_H2] = "prefer-h2",
	};

	(void)arg;
	for (int m = 0; m < WS_N; m++) {
		if (strcmp(conf_word(cp, i + 1), words[m]) == 0) {
			s->ws = (enum ws_mode)m;
			return 0;
		}
	}
	return conf_error(cp, i + 1,
	    "'ws' expects 'auto', 'h1', 'h2' or 'prefer-h2', not '%s'",
	    conf_word(cp, i + 1));
}

static int
server_conn_name(struct conf_parse *cp, int i, struct server *s, int arg)
{
	(void)arg;
	if (s->pool.conn_name)
		expr_free(&s->pool.conn_name);
	return expr_parse(
	    cp, i + 1, FETCH_SESS | FETCH_REQ, &s->pool.conn_name);
}

/* Names are resolved once, by the resolver of the C library, at start. */
static int
server_init_addr(struct conf_parse *cp, int i, struct server *s, int arg)
{
	char list[128], *rest = list, *one;

	(void)s;
	(void)arg;
	if (strlen(conf_word(cp, i + 1)) >= sizeof(list))
		return conf_error(
		    cp, i + 1, "'init-addr': the list is too long");
	strcpy(list, conf_word(cp, i + 1));
	while ((one = strsep(&rest, ",")) != NULL)
		if (strcmp(one, "last") != 0 && strcmp(one, "libc") != 0 &&
		    strcmp(one, "none") != 0)
			return conf_error(cp, i + 1,
			    "'init-addr' expects "
			    "'last', 'libc' or 'none', not '%s'",
			    one);
	return 0;
}

const struct server_keyword server_opt_tbl[] = {
	{ "backup", 0, server_backup, ON, "",
	    "Used only when no other server is left." },
	{ "no-backup", 0, server_backup, OFF, "", "Undoes backup." },
	{ "cookie", 1, cookie_kw_server, 0, "<value>",
	    "What the backend's cookie says of a client of this server." },
	{ "disabled", 0, server_disabled, ON, "", "Begins in maintenance." },
	{ "enabled", 0, server_disabled, OFF, "", "Undoes disabled." },
	{ "id", 1, server_id, 0, "<number>",
	    "Number of the server in statistics." },
	{ "init-addr", 1, server_init_addr, 0, "last|libc|none[,...]",
	    "none: a name that does not resolve disables the server." },
	{ "maxconn", 1, server_number, S(maxconn), "<number>",
	    "Most requests at a time, over all workers; others wait." },
	{ "maxqueue", 1, server_number, S(maxqueue), "<number>",
	    "Most requests that wait for this server." },
	{ "on-drain", 1, server_on_drain, 0, "keep|spread-close",
	    "What becomes of tunnels when the server is set to drain: they go "
	    "on (keep, the default), or are closed spread over "
	    "close-spread-time, WebSockets with 1001." },
	{ "pool-conn-name", 1, server_conn_name, 0, "<expression>",
	    "Only requests of the same value share a connection." },
	{ "pool-low-conn", 1, server_number, S(pool.low_conn), "<number>",
	    "Idle connections that are kept however long they are idle." },
	{ "pool-max-conn", 1, server_max_conn, 0, "<number>",
	    "Most idle connections, -1 without limit (default), 0 for none." },
	{ "pool-prewarm", 1, server_number, S(pool.prewarm), "<number>",
	    "Connections kept ready ahead of need; none with send-proxy or an "
	    "sni that depends on the request." },
	{ "pool-prewarm-ws", 1, server_number, S(pool.prewarm_ws), "<number>",
	    "Likewise, beside those, of the protocol that WebSockets take." },
	{ "pool-purge-delay", 1, server_time, S(pool.purge_delay_ms), "<time>",
	    "Idle connections close after this time, 5s by default." },
	{ "proto", 1, server_proto, 0, "h1|h2",
	    "The protocol spoken to the server, if ALPN does not say." },
	{ "send-proxy", 0, server_send_proxy, 1, "",
	    "Begin connections with a PROXY header, version 1." },
	{ "send-proxy-v2", 0, server_send_proxy, 2, "",
	    "Begin connections with a PROXY header, version 2." },
	{ "no-send-proxy", 0, server_send_proxy, 0, "", "Undoes send-proxy." },
	{ "no-send-proxy-v2", 0, server_send_proxy, 0, "",
	    "Undoes send-proxy-v2." },
	{ "weight", 1, server_weight, 0, "<0-256>",
	    "Share of the load, 1 by default; 0: no new requests." },
	{ "ws", 1, server_ws, 0, "auto|h1|h2|prefer-h2",
	    "The protocol of WebSockets.  auto: as other requests, but "
	    "http/1.1 where alpn offers both; h1, h2: this one, whatever alpn "
	    "and proto say; prefer-h2: h2 if the server is able to (RFC 8441), "
	    "else h1." },
	{ NULL, 0, NULL, 0, NULL, NULL },
};

/* Words that have no meaning for all servers at once. */
static bool
is_server_only(const char *word)
{
	return strcmp(word, "id") == 0;
}

int
server_opt_parse(
    struct conf_parse *cp, int i, struct server *s, bool is_default)
{
	while (i < cp->ln->count) {
		const char *word = conf_word(cp, i);
		const struct server_keyword *kw = keyword_find_server(word);

		if (!kw)
			return keyword_unknown_option(cp, i, KW_SERVER);
		if (is_default && is_server_only(word))
			return conf_error(cp, i,
			    "'%s' is not accepted on a "
			    "'default-server' line",
			    word);
		if (i + kw->argc >= cp->ln->count)
			return conf_error(
			    cp, i + 1, "'%s' expects %s", word, kw->syntax);
		if (kw->parse(cp, i, s, kw->arg))
			return -WSE_SYNTAX;
		i += 1 + kw->argc;
	}
	return 0;
}
