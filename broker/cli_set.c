/* SPDX-License-Identifier: MIT */
/*
 * Runtime changes of servers.  They live on the board, where all workers see
 * them at once, and end with this run of the service.
 */
#include <stdio.h>
#include <stdlib.h>

#include "broker/check.h"
#include "broker/cli_parts.h"
#include "broker/shut.h"
#include "broker/srv_admin.h"
#include "broker/store.h"
#include "shm/base/log.h"

enum { MAINT = SRV_FMAINT | SRV_CMAINT, WEIGHT_MAX = 256 };

/* The row of "backend/server"; UINT32_MAX: the client was told why not. */
static uint32_t
named(struct cli *c, char *name)
{
	char *slash = name ? strchr(name, '/') : NULL;
	const struct proxy *px;
	uint32_t row;

	if (!slash || !slash[1]) {
		cli_say(c, LOGL_ERR, "Require 'backend/server'.\n");
		return UINT32_MAX;
	}
	*slash = '\0';
	row = srv_find(name, slash + 1);
	px = conf_find_proxy(broker.conf, name, PX_BACKEND);
	*slash = '/';
	if (!px)
		cli_say(c, LOGL_ERR, "No such backend.\n");
	else if (row == UINT32_MAX)
		cli_say(c, LOGL_ERR, "No such server.\n");
	else
		store_mark(row);
	return row;
}

void
cli_enable_server(struct cli *c, int argc, char **argv)
{
	uint32_t row = named(c, argc > 2 ? argv[2] : NULL);

	if (row != UINT32_MAX)
		srv_admin(row, 0, MAINT);
}

void
cli_disable_server(struct cli *c, int argc, char **argv)
{
	uint32_t row = named(c, argc > 2 ? argv[2] : NULL);

	if (row != UINT32_MAX)
		srv_admin(row, SRV_FMAINT, 0);
}

static void
set_weight(struct cli *c, uint32_t row, const char *v)
{
	struct board_server *b = &broker.board.server[row];
	unsigned long n, iweight = atomic_load(&b->iweight);
	char *end;

	if (!v || !*v) {
		cli_say(c, LOGL_ERR, "Require <weight> or <weight%%>.\n");
		return;
	}
	n = strtoul(v, &end, 10);
	if (end == v || *v == '-' || (*end && strcmp(end, "%") != 0)) {
		cli_say(c, LOGL_ERR, "Trailing garbage in weight string.\n");
		return;
	}
	if (*end == '%') {
		n = n > WEIGHT_MAX * 100 ? WEIGHT_MAX : iweight * n / 100;
		if (n > WEIGHT_MAX)
			n = WEIGHT_MAX;
	} else if (n > WEIGHT_MAX) {
		cli_say(c, LOGL_ERR,
		    "Absolute weight can only be between 0 and 256 "
		    "inclusive.\n");
		return;
	}
	if (srv_is_static(row) && n != 0 && n != iweight) {
		cli_say(c, LOGL_ERR,
		    "Backend is using a static LB algorithm and only accepts "
		    "weights '0%%' and '100%%'.\n");
		return;
	}
	srv_weight(row, (unsigned)n);
}

static const char usage[] =
    "usage: set server <backend>/<server> addr | agent | agent-addr | "
    "agent-port | check-addr | check-port | health | state | weight\n";

static void
set_admin(struct cli *c, uint32_t row, const char *v)
{
	if (strcmp(v, "ready") == 0)
		srv_admin(row, 0, MAINT | SRV_FDRAIN);
	else if (strcmp(v, "drain") == 0)
		srv_admin(row, SRV_FDRAIN, MAINT);
	else if (strcmp(v, "maint") == 0)
		srv_admin(row, SRV_FMAINT, 0);
	else
		cli_say(c, LOGL_ERR,
		    "'set server <srv> state' expects 'ready', 'drain' and "
		    "'maint'.\n");
}

static bool
is_tracking(uint32_t row)
{
	const struct server *s = srv_conf(row);

	return s && s->watch.track;
}

static void
set_health(struct cli *c, uint32_t row, const char *v)
{
	static const char why[] = ", changed from CLI";

	if (is_tracking(row))
		cli_say(c, LOGL_ERR,
		    "cannot change health on a tracking server.\n");
	else if (strcmp(v, "up") == 0)
		check_force(row, false, true, why);
	else if (strcmp(v, "down") == 0)
		check_force(row, false, false, why);
	else if (strcmp(v, "stopping") == 0)
		srv_stopping(row, why);
	else
		cli_say(c, LOGL_ERR,
		    "'set server <srv> health' expects 'up', 'stopping', or "
		    "'down'.\n");
}

static void
set_agent(struct cli *c, uint32_t row, const char *v)
{
	if (!check_is_on(row, true))
		cli_say(c, LOGL_ERR,
		    "agent checks are not enabled on this server.\n");
	else if (strcmp(v, "up") == 0 || strcmp(v, "down") == 0)
		check_force(row, true, *v == 'u', ", changed from CLI");
	else
		cli_say(c, LOGL_ERR,
		    "'set server <srv> agent' expects 'up' or 'down'.\n");
}

void
cli_set_server(struct cli *c, int argc, char **argv)
{
	uint32_t row = named(c, argc > 2 ? argv[2] : NULL);
	const char *what = argc > 3 ? argv[3] : "";
	const char *v = argc > 4 ? argv[4] : "";

	if (row == UINT32_MAX)
		return;
	if (strcmp(what, "weight") == 0)
		set_weight(c, row, v);
	else if (strcmp(what, "state") == 0)
		set_admin(c, row, v);
	else if (strcmp(what, "health") == 0)
		set_health(c, row, v);
	else if (strcmp(what, "agent") == 0)
		set_agent(c, row, v);
	else if (strcmp(what, "addr") == 0)
		cli_set_addr(c, row, argc, argv);
	else if (strcmp(what, "check-addr") == 0 ||
	    strcmp(what, "check-port") == 0 ||
	    strcmp(what, "agent-addr") == 0 || strcmp(what, "agent-port") == 0)
		cli_set_place(c, row, argc, argv);
	else
		cli_say(c, LOGL_ERR, "%s", usage);
}

/* enable|disable health|agent */
void
cli_pause_check(struct cli *c, int argc, char **argv)
{
	uint32_t row = named(c, argc > 2 ? argv[2] : NULL);
	bool is_agent = strcmp(argv[1], "agent") == 0;
	bool pause = strcmp(argv[0], "disable") == 0;

	if (row == UINT32_MAX || check_pause(row, is_agent, pause) || pause)
		return;
	cli_say(c, LOGL_ERR,
	    is_agent ? "Agent was not configured on this server, cannot "
		       "enable.\n"
		     : "Health check was not configured on this server, "
		       "cannot enable.\n");
}

void
cli_set_weight(struct cli *c, int argc, char **argv)
{
	uint32_t row = named(c, argc > 2 ? argv[2] : NULL);

	if (row != UINT32_MAX)
		set_weight(c, row, argc > 3 ? argv[3] : NULL);
}

void
cli_get_weight(struct cli *c, int argc, char **argv)
{
	uint32_t row = named(c, argc > 2 ? argv[2] : NULL);

	if (row == UINT32_MAX)
		return;
	cli_print(c, "%u (initial %u)\n",
	    atomic_load(&broker.board.server[row].weight),
	    atomic_load(&broker.board.server[row].iweight));
}

/* A count from 0 up; false: the client was told. */
static bool
number(struct cli *c, const char *text, unsigned long *n_r)
{
	char *end;

	*n_r = strtoul(text, &end, 10);
	if (end != text && !*end && *text != '-' && *n_r <= INT32_MAX)
		return true;
	cli_say(c, LOGL_ERR, "maxconn string empty or preceded by garbage\n");
	return false;
}

void
cli_set_maxconn(struct cli *c, int argc, char **argv)
{
	uint32_t row = named(c, argc > 3 ? argv[3] : NULL);
	unsigned long n;

	if (row == UINT32_MAX)
		return;
	if (argc < 5)
		cli_say(c, LOGL_ERR, "Require <maxconn>.\n");
	else if (number(c, argv[4], &n))
		srv_maxconn(row, (unsigned)n);
}

/* Workers look at both for each client they accept. */
void
cli_set_maxconn_frontend(struct cli *c, int argc, char **argv)
{
	const struct proxy *px;
	unsigned long n;

	if (argc < 4) {
		cli_say(c, LOGL_ERR, "A frontend name is expected.\n");
		return;
	}
	px = conf_find_proxy(broker.conf, argv[3], PX_FRONTEND);
	if (!px)
		cli_say(c, LOGL_ERR, "No such frontend.\n");
	else if (argc < 5)
		cli_say(c, LOGL_ERR, "Integer value expected.\n");
	else if (number(c, argv[4], &n))
		__atomic_store_n(&broker.board.proxy[px->row].maxconn,
		    (uint32_t)n, __ATOMIC_SEQ_CST);
}

void
cli_set_maxconn_global(struct cli *c, int argc, char **argv)
{
	unsigned long n, most = (unsigned long)broker.conf->global.maxconn;

	if (argc < 4) {
		cli_say(c, LOGL_ERR, "Expects an integer value.\n");
		return;
	}
	if (!number(c, argv[3], &n))
		return;
	if (n > most)
		cli_say(c, LOGL_ERR, "Value out of range.\n");
	else
		__atomic_store_n(&broker.board.hdr->maxconn,
		    (uint32_t)(n ? n : most), __ATOMIC_SEQ_CST);
}

void
cli_shut_server(struct cli *c, int argc, char **argv)
{
	uint32_t row = named(c, argc > 3 ? argv[3] : NULL);

	if (row != UINT32_MAX)
		c->waiting = shut_ask(row, 'K', c);
}
