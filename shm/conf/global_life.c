/* SPDX-License-Identifier: MIT */
/*
 * Keywords of the global section about the end of the service.
 */
#include <string.h>

#include "shm/conf/keyword.h"

enum { HANG_LEAST_MS = 2000 };

static int
parse_close_spread(struct conf_parse *cp, const struct keyword *kw)
{
	struct conf_life *l = &cp->conf->global.life;

	(void)kw;
	if (strcmp(conf_word(cp, 1), "infinite") == 0) {
		l->spreads = false;
		return conf_no_more(cp, 2);
	}
	if (conf_arg_ms(cp, 1, &l->spread_ms))
		return -WSE_SYNTAX;
	l->spreads = true;
	return conf_no_more(cp, 2);
}

/* RFC 6455 7.4: what may be in a frame. */
static bool
may_be_sent(int code)
{
	return (code >= 1000 && code <= 1003) ||
	    (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static int
parse_close_code(struct conf_parse *cp, const struct keyword *kw)
{
	int code;

	(void)kw;
	if (conf_arg_int(cp, 1, 1000, 4999, &code))
		return -WSE_SYNTAX;
	if (!may_be_sent(code))
		return conf_error(cp, 1,
		    "'close-code' expects a code that may be sent: 1000 to "
		    "1003, 1007 to 1014 or 3000 to 4999");
	cp->conf->global.life.close_code = (unsigned)code;
	return conf_no_more(cp, 2);
}

static int
parse_hang_limit(struct conf_parse *cp, const struct keyword *kw)
{
	struct conf_life *l = &cp->conf->global.life;

	(void)kw;
	if (conf_arg_ms(cp, 1, &l->hang_ms))
		return -WSE_SYNTAX;
	if (l->hang_ms && l->hang_ms < HANG_LEAST_MS)
		return conf_error(cp, 1,
		    "'hang-limit' expects 0, for none, or at least 2s: "
		    "processes give a sign of life each second");
	return conf_no_more(cp, 2);
}

static int
parse_master_loss(struct conf_parse *cp, const struct keyword *kw)
{
	const char *v = conf_word(cp, 1);

	(void)kw;
	if (strcmp(v, "keep") != 0 && strcmp(v, "drain") != 0)
		return conf_error(cp, 1,
		    "'master-loss' expects 'drain' or 'keep', not '%s'", v);
	cp->conf->global.life.outlives_master = *v == 'k';
	return conf_no_more(cp, 2);
}

const struct keyword global_life_tbl[] = {
	{ KW_GLOBAL, "close-code", parse_close_code, 0, "<code>",
	    "What WebSockets are told when the service ends (SIGUSR1): 1001, "
	    "going away, by default; 1012 says that it starts anew." },
	{ KW_GLOBAL, "close-spread-time", parse_close_spread, 0,
	    "<time>|infinite",
	    "When the service ends (SIGUSR1), idle connections and tunnels "
	    "are closed spread over this time, WebSockets with a Close frame. "
	    "Without it, or with infinite, idle connections close at once and "
	    "tunnels go on until they end or hard-stop-after is over.  It "
	    "should be shorter than that, and is made three quarters of it "
	    "else." },
	{ KW_GLOBAL, "hang-limit", parse_hang_limit, 0, "<time>",
	    "A worker or the broker that gives no sign of life for so long is "
	    "killed and replaced, one within this time, and none after the "
	    "machine or the master was paused.  10s by default; 0: never." },
	{ KW_GLOBAL, "master-loss", parse_master_loss, 0, "drain|keep",
	    "What workers and broker do when the master has died.  drain, the "
	    "default: as by SIGUSR1.  keep: they serve on, and nobody replaces "
	    "them; SIGTERM ends each." },
	{ 0, NULL, NULL, 0, NULL, NULL },
};
