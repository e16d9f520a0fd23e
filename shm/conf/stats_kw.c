/* SPDX-License-Identifier: MIT */
/*
 * stats ...: the status page of a proxy.
 */
#include <stdlib.h>
#include <string.h>

#include "shm/conf/keyword.h"
#include "shm/conf/proxy.h"

enum { HIDE_VERSION, SHOW_LEGENDS, SHOW_NODE };

static void
enable(struct proxy_stats *st)
{
	st->enabled = true;
	if (!st->uri)
		proxy_set_string(&st->uri, "/haproxy?stats");
}

static int
parse_enable(struct conf_parse *cp, const struct keyword *kw)
{
	(void)kw;
	enable(&cp->px->stats);
	return conf_no_more(cp, 2);
}

static int
parse_uri(struct conf_parse *cp, const struct keyword *kw)
{
	(void)kw;
	if (conf_need(cp, 2, "the beginning of a path"))
		return -WSE_SYNTAX;
	if (conf_word(cp, 2)[0] != '/')
		return conf_error(
		    cp, 2, "'stats uri' expects a path, beginning with '/'");
	proxy_set_string(&cp->px->stats.uri, conf_word(cp, 2));
	enable(&cp->px->stats);
	return conf_no_more(cp, 3);
}

static int
parse_refresh(struct conf_parse *cp, const struct keyword *kw)
{
	(void)kw;
	if (conf_arg_ms(cp, 2, &cp->px->stats.refresh_ms))
		return -WSE_SYNTAX;
	enable(&cp->px->stats);
	return conf_no_more(cp, 3);
}

static int
parse_flag(struct conf_parse *cp, const struct keyword *kw)
{
	struct proxy_stats *st = &cp->px->stats;

	st->hide_version |= kw->arg == HIDE_VERSION;
	st->show_legends |= kw->arg == SHOW_LEGENDS;
	st->show_node |= kw->arg == SHOW_NODE;
	enable(st);
	return conf_no_more(cp, 2);
}

const struct keyword stats_tbl[] = {
	{ KW_ALL, "stats enable", parse_enable, 0, "",
	    "Answer requests to 'stats uri' with the status page." },
	{ KW_ALL, "stats uri", parse_uri, 0, "<prefix>",
	    "What their targets begin with, /haproxy?stats by default." },
	{ KW_ALL, "stats refresh", parse_refresh, 0, "<time>",
	    "How often the page reads the figures anew, 2s by default." },
	{ KW_ALL, "stats hide-version", parse_flag, HIDE_VERSION, "",
	    "Do not show the version on the page." },
	{ KW_ALL, "stats show-legends", parse_flag, SHOW_LEGENDS, "",
	    "Show addresses of servers on the page." },
	{ KW_ALL, "stats show-node", parse_flag, SHOW_NODE, "",
	    "Show the name of the node on the page." },
	{ 0, NULL, NULL, 0, NULL, NULL },
};
