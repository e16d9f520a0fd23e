/* SPDX-License-Identifier: MIT */
/*
 * The list of processes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/base/mem.h"
#include "shm/seg/hist.h"
#include "tools/top/table.h"
#include "tools/top/text.h"

#define PROC(v, id) (&(v)->now->proc[id])

static double
rate(const struct view *v, uint32_t id, size_t offset)
{
	const struct snap_proc *p = PROC(v, id), *old = view_earlier(v, p);
	const char *now = (const char *)&p->stat + offset;
	const char *then = old ? (const char *)&old->stat + offset : NULL;

	return view_rate(v, view_get((const stat_t *)(const void *)now),
	    then ? view_get((const stat_t *)(const void *)then) : 0);
}

static void
t_name(const struct view *v, uint32_t id, char *to)
{
	const struct snap_proc *p = PROC(v, id);

	if (p->role != ROLE_WORKER)
		snprintf(to, TABLE_TEXT, "%s", snap_role_name(p->role));
	else if (p->generation != v->now->generation)
		snprintf(to, TABLE_TEXT, "old %u", p->worker_index + 1);
	else
		snprintf(to, TABLE_TEXT, "%u", p->worker_index + 1);
}

#define NUMBER(name, expr)                                                \
	static double k_##name(const struct view *v, uint32_t id)         \
	{                                                                 \
		const struct snap_proc *p = PROC(v, id);                  \
		(void)p;                                                  \
		return (double)(expr);                                    \
	}                                                                 \
	static void t_##name(const struct view *v, uint32_t id, char *to) \
	{                                                                 \
		view_number(v, to, TABLE_TEXT, k_##name(v, id));          \
	}

NUMBER(clients, p->clients)
NUMBER(streams, p->streams)
NUMBER(tunnels, p->tunnels)
NUMBER(requests, rate(v, id, offsetof(struct stat_proc, requests)))
NUMBER(accepted, rate(v, id, offsetof(struct stat_proc, accepted)))
NUMBER(leases, rate(v, id, offsetof(struct stat_proc, leases)))
NUMBER(own, rate(v, id, offsetof(struct stat_proc, own_reuse)))
NUMBER(idle, snap_count(&p->slots, SLOT_IDLE))
NUMBER(leased, snap_count(&p->slots, SLOT_LEASED))

static void
t_plain(char *to, unsigned long long n)
{
	snprintf(to, TABLE_TEXT, "%llu", n);
}

static double
k_name(const struct view *v, uint32_t id)
{
	const struct snap_proc *p = PROC(v, id);

	return p->role == ROLE_WORKER ? 1e6 - p->worker_index : -p->role;
}

static double
k_pid(const struct view *v, uint32_t id)
{
	return PROC(v, id)->pid;
}

static void
t_pid(const struct view *v, uint32_t id, char *to)
{
	t_plain(to, PROC(v, id)->pid);
}

static void
t_gen(const struct view *v, uint32_t id, char *to)
{
	t_plain(to, PROC(v, id)->generation);
}

static void
t_state(const struct view *v, uint32_t id, char *to)
{
	snprintf(
	    to, TABLE_TEXT, "%s", snap_proc_state_name(PROC(v, id)->state));
}

static double
k_cpu(const struct view *v, uint32_t id)
{
	const struct snap_proc *p = PROC(v, id), *old = view_earlier(v, p);

	return old ? view_rate(v, p->cpu_us, old->cpu_us) / 10000 : 0;
}

static void
t_cpu(const struct view *v, uint32_t id, char *to)
{
	snprintf(to, TABLE_TEXT, "%.0f", k_cpu(v, id));
}

static double
loop(const struct view *v, uint32_t id, double percent)
{
	const struct snap_proc *p = PROC(v, id), *old = view_earlier(v, p);

	return (double)view_percentile(p->stat.loop_hist,
	    old ? old->stat.loop_hist : NULL, HIST_LOOP_UNIT_US, percent);
}

static double
k_loop(const struct view *v, uint32_t id)
{
	return loop(v, id, 99);
}

static void
t_loop(const struct view *v, uint32_t id, char *to)
{
	if (PROC(v, id)->role == ROLE_WORKER)
		text_short_time(to, TABLE_TEXT, (uint64_t)loop(v, id, 99));
	else
		snprintf(to, TABLE_TEXT, "-");
}

static void
t_lease(const struct view *v, uint32_t id, char *to)
{
	const struct snap_proc *p = PROC(v, id), *old = view_earlier(v, p);

	if (p->role != ROLE_WORKER)
		snprintf(to, TABLE_TEXT, "-");
	else
		text_short_time(to, TABLE_TEXT,
		    view_percentile(p->stat.lease_hist,
			old ? old->stat.lease_hist : NULL, HIST_LEASE_UNIT_US,
			99));
}

static double
k_fds(const struct view *v, uint32_t id)
{
	return PROC(v, id)->fds;
}

static void
t_fds(const struct view *v, uint32_t id, char *to)
{
	char a[24], b[24];

	snprintf(to, TABLE_TEXT, "%s/%s",
	    view_number(v, a, sizeof(a), PROC(v, id)->fds),
	    text_human(b, sizeof(b), PROC(v, id)->fd_max));
}

static double
k_rss(const struct view *v, uint32_t id)
{
	return (double)PROC(v, id)->rss_kb;
}

static void
t_rss(const struct view *v, uint32_t id, char *to)
{
	snprintf(to, TABLE_TEXT, "%.0fM", k_rss(v, id) / 1024);
}

static double
k_per(const struct view *v, uint32_t id)
{
	const struct snap_proc *p = PROC(v, id);

	return p->clients ? (double)p->rss_kb / p->clients : 0;
}

static void
t_per(const struct view *v, uint32_t id, char *to)
{
	if (PROC(v, id)->clients)
		snprintf(to, TABLE_TEXT, "%.1f", k_per(v, id));
	else
		snprintf(to, TABLE_TEXT, "-");
}

static const struct table_col cols[] = {
	{ "WORKER", 7, true, t_name, k_name },
	{ "PID", 7, false, t_pid, k_pid },
	{ "GEN", 3, false, t_gen, NULL },
	{ "STATE", 5, true, t_state, NULL },
	{ "CLIENTS", 7, false, t_clients, k_clients },
	{ "TUNNELS", 7, false, t_tunnels, k_tunnels },
	{ "REQ/S", 6, false, t_requests, k_requests },
	{ "CPU%", 4, false, t_cpu, k_cpu },
	{ "LOOPp99", 7, false, t_loop, k_loop },
	{ "FD/MAX", 10, false, t_fds, k_fds },
	{ "KB/C", 6, false, t_per, k_per },
	{ "RSS", 6, false, t_rss, k_rss },
	{ "STREAMS", 7, false, t_streams, k_streams },
	{ "IDLE", 6, false, t_idle, k_idle },
	{ "LEASED", 6, false, t_leased, k_leased },
	{ "ACC/S", 6, false, t_accepted, k_accepted },
	{ "OWN/S", 6, false, t_own, k_own },
	{ "LEASE/S", 7, false, t_leases, k_leases },
	{ "LEASEp99", 8, false, t_lease, NULL },
};

enum { COLS = sizeof(cols) / sizeof(*cols) };

static enum ink
ink(const struct view *v, uint32_t id)
{
	const struct snap_proc *p = PROC(v, id);

	if (p->state == PROC_DEAD || (!p->exists && !v->is_saved))
		return INK_BAD;
	return p->state == PROC_RUNNING ? INK_PLAIN : INK_WARN;
}

int
draw_worker_list(struct view *v, struct canvas *c, int row, int end)
{
	const struct snap *s = v->now;
	struct table t = { cols, COLS, NULL, 0, ink, NULL };
	char name[TABLE_TEXT];
	uint32_t i;

	t.id = mem_alloc((s->cap.proc_count + 1) * sizeof(*t.id));
	for (i = 0; i < s->cap.proc_count; i++) {
		if (s->proc[i].instance == 0)
			continue;
		t_name(v, i, name);
		if (v->screen != SCR_WORKERS || !v->filter[0] ||
		    strstr(name, v->filter))
			t.id[t.row_count++] = i;
	}
	row = table_draw(v, c, &t, SCR_WORKERS, row, end);
	free(t.id);
	return row;
}

void
draw_workers(struct view *v, struct canvas *c, int row, int end)
{
	row = draw_worker_list(v, c, row, end - 6);
	alerts_draw(v, c, row + 1, end - row - 1);
}

int
draw_sort_count(enum view_screen screen)
{
	/* those that every list has at 80 columns */
	return screen == SCR_SERVER ? 6 : 11;
}
