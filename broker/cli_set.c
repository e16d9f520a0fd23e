/* SPDX-License-Identifier: MIT */
/*
 * Runtime changes of servers.  They live on the board, where all workers see
 * them at once, and end with this run of the service.
 */
#include <stdio.h>
#include <stdlib.h>

#include "broker/cli_parts.h"
#include "broker/lease.h"
#include "broker/srv.h"
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

static void
say_down(uint32_t row)
{
	char line[640];
	unsigned active, backup;

	srv_count_active(broker.board.server[row].proxy, &active, &backup);
	snprintf(line, sizeof(line),
	    "Server %s/%s is going DOWN for maintenance. %u active and %u "
	    "backup servers left. %u sessions active, 0 requeued, %u "
	    "remaining in queue.",
	    srv_proxy_name(row), srv_name(row), active, backup,
	    limit_sum(&broker.board, LIM_SERVER, row),
	    atomic_load(&broker.board.server[row].queue_count));
	srv_log(row, LOGL_ALERT, line);
}

static void
say_change(uint32_t row, const char *what)
{
	char line[320];

	snprintf(line, sizeof(line), "Server %s/%s %s.", srv_proxy_name(row),
	    srv_name(row), what);
	srv_log(row, LOGL_NOTICE, line);
}

static void
set_state(uint32_t row, uint32_t set, uint32_t clear)
{
	uint32_t old = atomic_load(&broker.board.server[row].admin_state);
	bool is_drain;

	srv_set_admin(row, set, clear);
	is_drain =
	    atomic_load(&broker.board.server[row].admin_state) & SRV_FDRAIN;
	if (set & SRV_FMAINT && !(old & MAINT))
		say_down(row);
	else if (old & clear & MAINT)
		say_change(row,
		    is_drain ? "is UP/DRAIN (leaving forced maintenance)"
			     : "is UP/READY (leaving forced maintenance)");
	else if (set & SRV_FDRAIN && !(old & SRV_FDRAIN))
		say_change(row, "enters drain state");
	else if (old & clear & SRV_FDRAIN)
		say_change(row, "is UP (leaving forced drain)");
}

void
cli_enable_server(struct cli *c, int argc, char **argv)
{
	uint32_t row = named(c, argc > 2 ? argv[2] : NULL);

	if (row != UINT32_MAX)
		set_state(row, 0, MAINT);
}

void
cli_disable_server(struct cli *c, int argc, char **argv)
{
	uint32_t row = named(c, argc > 2 ? argv[2] : NULL);

	if (row != UINT32_MAX)
		set_state(row, SRV_FMAINT, 0);
}

static bool
is_static(uint32_t row)
{
	const struct server *s = srv_conf(row);

	if (!s)
		return false;
	switch (s->px->lb.algo) {
	case LB_STATIC_RR:
		return true;
	case LB_SOURCE:
	case LB_URI:
	case LB_HDR:
		return !s->px->lb.consistent;
	case LB_ROUNDROBIN:
	case LB_LEASTCONN:
	case LB_RANDOM:
	case LB_FIRST:
	case LB_N:
		break;
	}
	return false;
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
	if (is_static(row) && n != 0 && n != iweight) {
		cli_say(c, LOGL_ERR,
		    "Backend is using a static LB algorithm and only accepts "
		    "weights '0%%' and '100%%'.\n");
		return;
	}
	atomic_store(&b->weight, (uint32_t)n);
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
		set_state(row, 0, MAINT | SRV_FDRAIN);
	else if (strcmp(v, "drain") == 0)
		set_state(row, SRV_FDRAIN, MAINT);
	else if (strcmp(v, "maint") == 0)
		set_state(row, SRV_FMAINT, 0);
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
	__atomic_store_n(
	    &broker.board.server[row].maxconn, (uint32_t)n, __ATOMIC_SEQ_CST);
	lease_run(row);
}
