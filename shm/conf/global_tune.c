/* SPDX-License-Identifier: MIT */
/*
 * Keywords of the global section that size buffers and tables.
 */
#include <stddef.h>

#include "shm/base/buf.h"
#include "shm/conf/keyword.h"

enum { SLOTS_MAX = 1 << 24 };

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
parse_nothing(struct conf_parse *cp, const struct keyword *kw)
{
	(void)cp;
	(void)kw;
	return 0;
}

const struct keyword global_tune_tbl[] = {
	{ KW_GLOBAL, "tune.bufsize", parse_bufsize, 0, "<bytes>",
	    "Largest request or response head, 16384 by default." },
	{ KW_GLOBAL, "tune.maxrewrite", parse_maxrewrite, 0, "<bytes>",
	    "Part of tune.bufsize kept for what rules add, 1024 by default." },
	{ KW_GLOBAL, "tune.maxslots", parse_maxslots, 0, "<number>",
	    "Most backend connections at a time, over all servers; derived "
	    "from the limit of open files by default." },
	{ KW_GLOBAL, "tune.idle-pool.shared", parse_nothing, 0, "on|off",
	    "Without effect: the pool is always shared." },
	{ KW_GLOBAL, "tune.ssl.default-dh-param", parse_nothing, 0, "<bits>",
	    "Without effect." },
	{ 0, NULL, NULL, 0, NULL, NULL },
};
