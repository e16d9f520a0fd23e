/* SPDX-License-Identifier: MIT */
/*
 * Keywords of the global section that size buffers and tables.
 */
#include <stddef.h>
#include <string.h>

#include "shm/base/buf.h"
#include "shm/conf/keyword.h"

enum {
	SLOTS_MAX = 1 << 24,
	H2_STREAMS_MAX = 1000,  /* of a client, at once */
	H2_WINDOW_LEAST = 1024, /* else bodies come in crumbs */
	H2_WINDOW_MOST = 65535, /* what a stream's buffer holds */
	H2_TABLE_BYTES = 4096,
	H2_FRAME_BYTES = 16384
};

static int
parse_bufsize(struct conf_parse *cp, const struct keyword *kw)
{
	unsigned long long n;

	(void)kw;
	if (conf_arg_size(cp, 1, BUF_LARGE, &n))
		return -WSE_SYNTAX;
	if (n < 1024)
		return conf_error(
		    cp, 1, "'tune.bufsize' expects at least 1024");
	cp->conf->global.bufsize_bytes = (unsigned)n;
	return conf_no_more(cp, 2);
}

static int
parse_maxrewrite(struct conf_parse *cp, const struct keyword *kw)
{
	unsigned long long n;

	(void)kw;
	if (conf_arg_size(cp, 1, BUF_LARGE, &n))
		return -WSE_SYNTAX;
	cp->conf->global.maxrewrite_bytes = (unsigned)n;
	return conf_no_more(cp, 2);
}

static int
parse_maxslots(struct conf_parse *cp, const struct keyword *kw)
{
	int n;

	(void)kw;
	if (conf_arg_int(cp, 1, 1, SLOTS_MAX, &n))
		return -WSE_SYNTAX;
	cp->conf->global.maxslots = (unsigned)n;
	return conf_no_more(cp, 2);
}

static int
parse_h2_streams(struct conf_parse *cp, const struct keyword *kw)
{
	int n;

	(void)kw;
	if (conf_arg_int(cp, 1, 1, H2_STREAMS_MAX, &n))
		return -WSE_SYNTAX;
	cp->conf->global.h2_max_streams = (unsigned)n;
	return conf_no_more(cp, 2);
}

static int
parse_h2_window(struct conf_parse *cp, const struct keyword *kw)
{
	int n;

	(void)kw;
	if (conf_arg_int(cp, 1, H2_WINDOW_LEAST, H2_WINDOW_MOST, &n))
		return -WSE_SYNTAX;
	cp->conf->global.h2_window_bytes = (unsigned)n;
	return conf_no_more(cp, 2);
}

/* Values that are what they are: named all the same, they change nothing. */
static int
parse_h2_fixed(struct conf_parse *cp, const struct keyword *kw)
{
	bool is_table = strcmp(kw->name, "tune.h2.header-table-size") == 0;
	int n, fixed = is_table ? H2_TABLE_BYTES : H2_FRAME_BYTES;

	if (conf_arg_int(cp, 1, 0, 1 << 24, &n))
		return -WSE_SYNTAX;
	if (n != fixed)
		return conf_error(cp, 1,
		    "'%s' is always %d: %s; instead leave it out", kw->name,
		    fixed,
		    is_table ? "a larger table would tie connections to a "
			       "process"
			     : "a frame has to fit a buffer");
	return conf_no_more(cp, 2);
}

static int
parse_h2_no_connect(struct conf_parse *cp, const struct keyword *kw)
{
	(void)kw;
	cp->conf->global.h2_no_connect = !cp->negated;
	return conf_no_more(cp, 1);
}

static int
parse_handover(struct conf_parse *cp, const struct keyword *kw)
{
	const char *word = conf_word(cp, 1);

	(void)kw;
	if (strcmp(word, "on") != 0 && strcmp(word, "off") != 0)
		return conf_error(cp, 1,
		    "'tunnel-handover' expects 'on' or 'off', not '%s'", word);
	cp->conf->global.tunnel_handover = strcmp(word, "on") == 0;
	return conf_no_more(cp, 2);
}

static int
parse_multi_queue(struct conf_parse *cp, const struct keyword *kw)
{
	const char *word;

	if (conf_need(cp, 1, kw->syntax))
		return -WSE_SYNTAX;
	word = conf_word(cp, 1);
	if (strcmp(word, "on") && strcmp(word, "fair") && strcmp(word, "off"))
		return conf_error(cp, 1,
		    "'%s' expects on, fair or off instead of '%s'", kw->name,
		    word);
	cp->conf->global.multi_queue = strcmp(word, "on") == 0;
	return conf_no_more(cp, 2);
}

static int
parse_nothing(struct conf_parse *cp, const struct keyword *kw)
{
	(void)cp;
	(void)kw;
	return 0;
}

const struct keyword global_tune_tbl[] = {
	{ KW_GLOBAL | KW_NO, "h2-workaround-bogus-websocket-clients",
	    parse_h2_no_connect, 0, "",
	    "Do not announce RFC 8441 to clients, so that those that do it "
	    "wrong open WebSockets by HTTP/1." },
	{ KW_GLOBAL, "tune.bufsize", parse_bufsize, 0, "<bytes>",
	    "Largest request or response head, 16384 by default." },
	{ KW_GLOBAL, "tune.maxrewrite", parse_maxrewrite, 0, "<bytes>",
	    "Part of tune.bufsize kept for what rules add, 1024 by default." },
	{ KW_GLOBAL, "tune.maxslots", parse_maxslots, 0, "<number>",
	    "Most backend connections at a time, over all servers; derived "
	    "from the limit of open files by default." },
	{ KW_GLOBAL, "tune.h2.header-table-size", parse_h2_fixed, 0, "4096",
	    "Bytes of the table header fields are compressed with: fixed, "
	    "and 0 once a connection was idle." },
	{ KW_GLOBAL, "tune.h2.initial-window-size", parse_h2_window, 0,
	    "<bytes>",
	    "What a client may send on a stream before any of it was passed "
	    "on, 65535 by default, which is the most." },
	{ KW_GLOBAL, "tune.h2.max-concurrent-streams", parse_h2_streams, 0,
	    "<number>",
	    "Streams of a client's connection at a time, 100 by default." },
	{ KW_GLOBAL, "tune.h2.max-frame-size", parse_h2_fixed, 0, "16384",
	    "Largest frame taken: fixed." },
	{ KW_GLOBAL, "tune.idle-pool.shared", parse_nothing, 0, "on|off",
	    "Without effect: the pool is always shared." },
	{ KW_GLOBAL, "tunnel-handover", parse_handover, 0, "on|off",
	    "Whether connections of a worker that drains move to other workers "
	    "(on, the default) or stay with it to their end." },
	{ KW_GLOBAL, "tune.listener.multi-queue", parse_multi_queue, 0,
	    "on|fair|off",
	    "on, the default: workers are kept even, new clients go to those "
	    "with few connections. fair, off: by chance, each gets as many." },
	{ KW_GLOBAL, "tune.ssl.default-dh-param", parse_nothing, 0, "<bits>",
	    "Without effect." },
	{ 0, NULL, NULL, 0, NULL, NULL },
};
