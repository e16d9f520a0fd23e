/* SPDX-License-Identifier: MIT */
/*
 * Pools by server and tag.  A row's id is server * TAG_N + tag, the first of a
 * server has TAG_H1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/base/mem.h"
#include "shm/seg/hist.h"
#include "tools/top/table.h"
#include "tools/top/text.h"

static const struct snap_server *
srv(const struct view *v, uint32_t id)
{
	return &v->now->server[id / TAG_N];
}

static const struct snap_server *
old(const struct view *v, uint32_t id)
{
	const struct snap *b = v->before;

	return b && id / TAG_N < b->servers && b->server[id / TAG_N].in_use
	    ? &b->server[id / TAG_N]
	    : NULL;
}

static bool
is_first(uint32_t id)
{
	return id % TAG_N == TAG_H1;
}

static double
rate(const struct view *v, uint32_t id, size_t offset)
{
	const struct snap_server *o = old(v, id);
	const char *now = (const char *)&srv(v, id)->stat + offset;
	const char *then = o ? (const char *)&o->stat + offset : NULL;

	return view_rate(v, view_get((const stat_t *)(const void *)now),
	    then ? view_get((const stat_t *)(const void *)then) : 0);
}

static void
t_name(const struct view *v, uint32_t id, char *to)
{
	const char *s = srv(v, id)->full;
	size_t n = strlen(s);

	/* the end tells servers apart */
	snprintf(to, TABLE_TEXT, "%s%.60s", n > 60 ? ".." : "",
	    is_first(id) ? (n > 60 ? s + n - 58 : s) : "");
}

static void
t_state(const struct view *v, uint32_t id, char *to)
{
	snprintf(
	    to, TABLE_TEXT, "%s", is_first(id) ? snap_op_name(srv(v, id)) : "");
}

static void
t_tag(const struct view *v, uint32_t id, char *to)
{
	(void)v;
	snprintf(
	    to, TABLE_TEXT, "%s", slot_tag_name((enum slot_tag)(id % TAG_N)));
}

/* Of one tag. */
static void
t_slots(const struct view *v, uint32_t id, enum slot_state st, char *to)
{
	view_number(v, to, TABLE_TEXT, srv(v, id)->slots.n[id % TAG_N][st]);
}

#define SLOTS(name, state)                                                \
	static double k_##name(const struct view *v, uint32_t id)         \
	{                                                                 \
		return snap_count(&srv(v, id)->slots, state);             \
	}                                                                 \
	static void t_##name(const struct view *v, uint32_t id, char *to) \
	{                                                                 \
		t_slots(v, id, state, to);                                \
	}
SLOTS(idle, SLOT_IDLE)
SLOTS(leased, SLOT_LEASED)

/* Of the server, in its first row. */
#define FIRST(name, expr)                                                 \
	static double k_##name(const struct view *v, uint32_t id)         \
	{                                                                 \
		const struct snap_server *s = srv(v, id);                 \
		(void)s;                                                  \
		return (double)(expr);                                    \
	}                                                                 \
	static void t_##name(const struct view *v, uint32_t id, char *to) \
	{                                                                 \
		to[0] = '\0';                                             \
		if (is_first(id))                                         \
			view_number(v, to, TABLE_TEXT, k_##name(v, id));  \
	}
FIRST(tunnels, s->tunnels)
FIRST(queue, s->queue_count)
FIRST(requests, rate(v, id, offsetof(struct stat_server, requests)))
FIRST(weight, s->weight)
FIRST(stale, rate(v, id, offsetof(struct stat_server, stale_retries)))
FIRST(retries, rate(v, id, offsetof(struct stat_server, retries)))
FIRST(dialing, s->dial_count)
FIRST(errors, s->dial_errors)

static double
k_use(const struct view *v, uint32_t id)
{
	return srv(v, id)->requests;
}

static void
t_use(const struct view *v, uint32_t id, char *to)
{
	const struct snap_server *s = srv(v, id);
	char a[24], b[24];

	to[0] = '\0';
	if (!is_first(id))
		return;
	view_number(v, a, sizeof(a), s->requests);
	if (s->maxconn)
		snprintf(to, TABLE_TEXT, "%s/%s", a,
		    view_number(v, b, sizeof(b), s->maxconn));
	else
		snprintf(to, TABLE_TEXT, "%s/-", a);
}

static double
k_reuse(const struct view *v, uint32_t id)
{
	const struct stat_server *st = &srv(v, id)->stat;
	uint64_t c = view_get(&st->connects), r = view_get(&st->reuses);

	return text_percent(r, c + r);
}

static void
t_reuse(const struct view *v, uint32_t id, char *to)
{
	snprintf(to, TABLE_TEXT, is_first(id) ? "%.1f" : "", k_reuse(v, id));
}

static double
k_hs(const struct view *v, uint32_t id)
{
	const struct snap_server *s = srv(v, id), *o = old(v, id);

	return view_rate(v, s->tls_full + s->tls_resumed,
	    o ? o->tls_full + o->tls_resumed : 0);
}

static void
t_hs(const struct view *v, uint32_t id, char *to)
{
	snprintf(to, TABLE_TEXT, is_first(id) ? "%.1f" : "", k_hs(v, id));
}

static double
k_p99(const struct view *v, uint32_t id)
{
	const struct snap_server *o = old(v, id);

	return (double)view_percentile(srv(v, id)->stat.response_hist,
	    o ? o->stat.response_hist : NULL, HIST_REQUEST_UNIT_US, 99);
}

static void
t_p99(const struct view *v, uint32_t id, char *to)
{
	snprintf(
	    to, TABLE_TEXT, is_first(id) ? "%.1f" : "", k_p99(v, id) / 1000);
}

static void
t_ws(const struct view *v, uint32_t id, char *to)
{
	snprintf(to, TABLE_TEXT, "%s",
	    is_first(id) ? able_name(srv(v, id)->ws_able) : "");
}

static const struct table_col cols[] = {
	{ "BACKEND/SERVER", 19, true, t_name, NULL },
	{ "STATE", 5, true, t_state, NULL },
	{ "TAG", 4, true, t_tag, NULL },
	{ "IDLE", 4, false, t_idle, k_idle },
	{ "LEASE", 5, false, t_leased, k_leased },
	{ "TUN", 5, false, t_tunnels, k_tunnels },
	{ "QUE", 4, false, t_queue, k_queue },
	{ "USE/MAX", 9, false, t_use, k_use },
	{ "REUSE", 5, false, t_reuse, k_reuse },
	{ "HS/S", 4, false, t_hs, k_hs },
	{ "P99ms", 5, false, t_p99, k_p99 },
	{ "REQ/S", 6, false, t_requests, k_requests },
	{ "DIAL", 4, false, t_dialing, k_dialing },
	{ "DIALERR", 7, false, t_errors, k_errors },
	{ "RETRY/S", 7, false, t_retries, k_retries },
	{ "STALE/S", 7, false, t_stale, k_stale },
	{ "WEIGHT", 6, false, t_weight, k_weight },
	{ "RFC8441", 7, true, t_ws, NULL },
};

enum { COLS = sizeof(cols) / sizeof(*cols) };

static enum ink
ink(const struct view *v, uint32_t id)
{
	const struct snap_server *s = srv(v, id);

	if (s->op_state == SRV_STOPPED)
		return INK_BAD;
	return strcmp(snap_op_name(s), "UP") == 0 && !s->queue_count ? INK_PLAIN
								     : INK_WARN;
}

static uint32_t
group(uint32_t id)
{
	return id / TAG_N * TAG_N + TAG_H1;
}

static bool
tag_is_used(const struct snap_server *s, int tag)
{
	int st;

	for (st = 0; st < SLOT_STATE_N; st++) {
		if (s->slots.n[tag][st])
			return true;
	}
	return false;
}

/* Rows of servers that the filter leaves. */
static void
rows_make(const struct view *v, struct table *t)
{
	const struct snap *s = v->now;
	uint32_t i;
	int tag;

	t->id = mem_alloc((s->servers + 1) * TAG_N * sizeof(*t->id));
	for (i = 0; i < s->servers; i++) {
		if (!s->server[i].in_use ||
		    (v->filter[0] && !strstr(s->server[i].full, v->filter)))
			continue;
		for (tag = TAG_H1; tag < TAG_N; tag++) {
			if (tag == TAG_H1 || tag_is_used(&s->server[i], tag))
				t->id[t->row_count++] =
				    i * TAG_N + (uint32_t)tag;
		}
	}
}

static uint32_t last_selected; /* server row + 1 */

bool
draw_selected_server(struct view *v, uint32_t *row_r)
{
	if (last_selected == 0 || last_selected > v->now->servers)
		return false;
	*row_r = last_selected - 1;
	return true;
}

void
draw_pools(struct view *v, struct canvas *c, int row, int end)
{
	const struct snap *s = v->now;
	struct table t = { cols, COLS, NULL, 0, ink, group };
	uint64_t con = 0, reuse = 0;
	uint32_t i, tunnels = 0;

	rows_make(v, &t);
	for (i = 0; i < s->servers; i++) {
		con += view_get(&s->server[i].stat.connects);
		reuse += view_get(&s->server[i].stat.reuses);
		tunnels += s->server[i].in_use ? s->server[i].tunnels : 0;
	}
	canvas_put(c, row - 1, 0, INK_PLAIN,
	    "POOLS idle %u leased %u tunnels %u reuse %.2f%%  slots %u/%u  "
	    "rows %d",
	    snap_count(&s->slots, SLOT_IDLE),
	    snap_count(&s->slots, SLOT_LEASED), tunnels,
	    text_percent(reuse, con + reuse),
	    s->cap.slot_count - snap_count(&s->slots, SLOT_FREE),
	    s->cap.slot_count, t.row_count);
	table_draw(v, c, &t, SCR_POOLS, row, end - 5);
	last_selected =
	    t.row_count ? t.id[v->list[SCR_POOLS].selected] / TAG_N + 1 : 0;
	if (last_selected) {
		v->server = last_selected - 1;
		draw_server_facts(v, c, end - 4);
	}
	free(t.id);
}
