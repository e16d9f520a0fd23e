/* SPDX-License-Identifier: MIT */
/*
 * `show proc`: the processes, in HAProxy's columns, by the rows of the board.
 * Behind the version stands what a process that ends still waits for.
 */
#include <stdio.h>

#include "master/cli_parts.h"
#include "shm/base/clock.h"

static bool
proc_is_old(const struct master *m, const struct board_proc *p)
{
	return p->generation != atomic_load(&m->seg.board.hdr->generation) ||
	    atomic_load(&p->state) == PROC_DRAINING;
}

static void
proc_line(struct cli_client *c, const struct board_proc *p, const char *type)
{
	const struct board_hdr *h = c->m->seg.board.hdr;
	uint64_t now = clock_us(), started = atomic_load(&p->started_us);
	uint64_t s = now > started ? (now - started) / 1000000 : 0;
	uint32_t generation = atomic_load(&h->generation);
	char up[48];

	snprintf(up, sizeof(up), "%ud%02uh%02um%02us", (unsigned)(s / 86400),
	    (unsigned)(s / 3600 % 24), (unsigned)(s / 60 % 60),
	    (unsigned)(s % 60));
	cli_client_print(c, "%-15u %-15s %-15u %-15s %-15.*s", p->pid, type,
	    generation > p->generation ? generation - p->generation : 0, up,
	    (int)sizeof(h->version), h->version);
}

static void
proc_waits_for(struct cli_client *c, const struct board_proc *p)
{
	cli_client_print(c, " clients=%u tunnels=%u streams=%u",
	    atomic_load(&p->clients), atomic_load(&p->tunnels),
	    atomic_load(&p->streams));
}

static void
proc_workers(struct cli_client *c, bool old)
{
	const struct board *b = &c->m->seg.board;

	for (uint32_t i = 1; i < b->cap.proc_count; i++) {
		const struct board_proc *p = &b->proc[i];
		uint32_t state = atomic_load(&p->state);

		if (!atomic_load(&p->instance) || p->role != ROLE_WORKER ||
		    state == PROC_DEAD || state == PROC_FREE ||
		    proc_is_old(c->m, p) != old)
			continue;
		proc_line(c, p, "worker");
		if (old)
			proc_waits_for(c, p);
		cli_client_print(c, "\n");
	}
}

static void
proc_brokers(struct cli_client *c)
{
	const struct board *b = &c->m->seg.board;

	for (uint32_t i = 1; i < b->cap.proc_count; i++) {
		const struct board_proc *p = &b->proc[i];

		if (!atomic_load(&p->instance) || p->role != ROLE_BROKER ||
		    atomic_load(&p->state) == PROC_DEAD)
			continue;
		proc_line(c, p, "broker");
		cli_client_print(c, "\n");
	}
}

void
cli_proc_show(struct cli_client *c, int argc, char **argv)
{
	const struct board *b = &c->m->seg.board;

	(void)argc;
	(void)argv;
	cli_client_print(c, "#%-14s %-15s %-15s %-15s %-15s\n", "<PID>",
	    "<type>", "<reloads>", "<uptime>", "<version>");
	proc_line(c, &b->proc[0], "master");
	cli_client_print(c, "\n# workers\n");
	proc_workers(c, false);
	cli_client_print(c, "# old workers\n");
	proc_workers(c, true);
	cli_client_print(c, "# broker\n");
	proc_brokers(c);
	cli_client_print(c, "# programs\n");
}
