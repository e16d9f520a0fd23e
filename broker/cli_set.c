/* SPDX-License-Identifier: MIT */
/*
 * Runtime changes of servers.  They live on the board, where all workers see
 * them at once, and end with this run of the service.
 */
#include <stdio.h>
#include <stdlib.h>

#include "broker/cli_parts.h"
#include "broker/srv_admin.h"
#include "shm/base/log.h"

enum { MAINT = SRV_FMAINT | SRV_CMAINT, WEIGHT_MAX = 256 };

/* The row of "backend/server"; UINT32_MAX: the client was told why not. */
static uint32_t
named(struct cli *c, char *name)
{
	char *slash = name ? strchr(name, '/') : NULL;
	uint32_t row;

	if (!slash || !slash[1]) {
		cli_say(c, LOGL_ERR, "Require 'backend/server'.\n");
		return UINT32_MAX;
	}
	*slash = '\0';
	row = srv_find(name, slash + 1);
	*slash = '/';
	if (row == UINT32_MAX)
		cli_say(c, LOGL_ERR, "No such server.\n");
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
	else if (strcmp(what, "state") != 0)
		cli_say(c, LOGL_ERR,
		    "usage: set server <backend>/<server> state | weight\n");
	else if (strcmp(v, "ready") == 0)
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

void
cli_set_maxconn(struct cli *c, int argc, char **argv)
{
	uint32_t row = named(c, argc > 3 ? argv[3] : NULL);
	unsigned long n;
	char *end;

	if (row == UINT32_MAX)
		return;
	if (argc < 5) {
		cli_say(c, LOGL_ERR, "Require a value.\n");
		return;
	}
	n = strtoul(argv[4], &end, 10);
	if (end == argv[4] || *end || *argv[4] == '-' || n > INT32_MAX) {
		cli_say(c, LOGL_ERR,
		    "maxconn string empty or preceded by garbage\n");
		return;
	}
	srv_maxconn(row, (unsigned)n);
}
