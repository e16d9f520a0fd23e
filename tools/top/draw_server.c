/* SPDX-License-Identifier: MIT */
/*
 * One server: what is known of it, and its connections.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/base/mem.h"
#include "tools/top/table.h"
#include "tools/top/text.h"

static uint64_t
since(const struct view *v, uint64_t us)
{
	return us && v->now->now_us > us ? v->now->now_us - us : 0;
}

static int
newer(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* "w1" of an instance, "broker". */
static void
holder_name(const struct view *v, uint32_t holder, char *to, size_t room)
{
	const struct snap_proc *p = snap_proc(v->now, holder);

	if (holder == HOLDER_BROKER)
		snprintf(to, room, "broker");
	else if (p && p->role == ROLE_WORKER)
		snprintf(to, room, "w%u", p->worker_index + 1);
	else
		snprintf(to, room, "?%u", holder);
}

static bool
is_of(const struct view *v, const struct snap_slot *t)
{
	return t->server == v->server && t->v.state != SLOT_FREE &&
	    t->v.state < SLOT_STATE_N;
}

/* Holders of the server's connections, and their ages. */
static void
holders(struct view *v, struct canvas *c, int row)
{
	const struct snap *s = v->now;
	char name[24], p50[24], max[24];
	uint32_t i, k, n = 0, count;
	uint64_t *age;
	int col;

	age = mem_alloc((s->cap.slot_count + 1) * sizeof(*age));
	for (i = 0; i < s->cap.slot_count; i++) {
		if (is_of(v, &s->slot[i]))
			age[n++] = since(v, s->slot[i].born_us);
	}
	qsort(age, n, sizeof(*age), newer);
	col = canvas_put(c, row, 1, INK_PLAIN, "age p50 %s max %s  holders",
	    text_duration(p50, sizeof(p50), n ? age[n / 2] : 0),
	    text_duration(max, sizeof(max), n ? age[n - 1] : 0));
	free(age);
	for (k = 0; k <= s->cap.proc_count; k++) {
		uint32_t id =
		    k < s->cap.proc_count ? s->proc[k].instance : HOLDER_BROKER;

		if (k < s->cap.proc_count &&
		    (id == 0 || s->proc[k].role != ROLE_WORKER))
			continue;
		for (count = i = 0; i < s->cap.slot_count; i++)
			count +=
			    is_of(v, &s->slot[i]) && s->slot[i].v.holder == id;
		if (count == 0)
			continue;
		holder_name(v, id, name, sizeof(name));
		col = canvas_put(c, row, col, INK_PLAIN, " %s %u", name, count);
	}
}

void
draw_server_facts(struct view *v, struct canvas *c, int row)
{
	const struct snap *b = v->before;
	const struct snap_server *s = &v->now->server[v->server];
	const struct snap_server *o =
	    b && v->server < b->servers ? &b->server[v->server] : NULL;

	canvas_put(c, row, 0, INK_KEY,
	    "%s  %s  weight %u  epoch %u  RFC8441 %s%s", s->full,
	    snap_op_name(s), s->weight, s->epoch, able_name(s->ws_able),
	    s->is_backup ? "  backup" : "");
	holders(v, c, row + 1);
	canvas_put(c, row + 2, 1, INK_PLAIN,
	    "dials %llu failed %llu  TLS full %llu resumed %llu  "
	    "stale-retry/s %.1f  prewarm used %llu",
	    (unsigned long long)s->dials, (unsigned long long)s->dial_errors,
	    (unsigned long long)s->tls_full, (unsigned long long)s->tls_resumed,
	    view_rate(v, view_get(&s->stat.stale_retries),
		o ? view_get(&o->stat.stale_retries) : 0),
	    (unsigned long long)view_get(&s->stat.prewarmed));
	canvas_put(c, row + 3, 1, INK_PLAIN, "check %s  last dial error %s",
	    s->check_text[0] ? s->check_text : "-",
	    s->last_error[0] ? s->last_error : "-");
}

/* --- its connections --- */

static const struct snap_slot *
slot(const struct view *v, uint32_t id)
{
	return &v->now->slot[id];
}

static void
t_slot(const struct view *v, uint32_t id, char *to)
{
	(void)v;
	snprintf(to, TABLE_TEXT, "%u", id);
}

static void
t_state(const struct view *v, uint32_t id, char *to)
{
	snprintf(to, TABLE_TEXT, "%s", slot_state_name(slot(v, id)->v.state));
}

static void
t_tag(const struct view *v, uint32_t id, char *to)
{
	snprintf(to, TABLE_TEXT, "%s",
	    slot(v, id)->v.tag < TAG_N ? slot_tag_name(slot(v, id)->v.tag)
				       : "?");
}

static void
t_holder(const struct view *v, uint32_t id, char *to)
{
	holder_name(v, slot(v, id)->v.holder, to, TABLE_TEXT);
}

static double
k_uses(const struct view *v, uint32_t id)
{
	return slot(v, id)->uses;
}

static void
t_uses(const struct view *v, uint32_t id, char *to)
{
	view_number(v, to, TABLE_TEXT, slot(v, id)->uses);
}

static double
k_age(const struct view *v, uint32_t id)
{
	return (double)since(v, slot(v, id)->born_us);
}

static void
t_age(const struct view *v, uint32_t id, char *to)
{
	text_duration(to, TABLE_TEXT, since(v, slot(v, id)->born_us));
}

static void
t_idle(const struct view *v, uint32_t id, char *to)
{
	if (slot(v, id)->v.state == SLOT_IDLE)
		text_duration(to, TABLE_TEXT, since(v, slot(v, id)->idle_us));
	else
		snprintf(to, TABLE_TEXT, "-");
}

static void
t_gen(const struct view *v, uint32_t id, char *to)
{
	snprintf(to, TABLE_TEXT, "%u", slot(v, id)->v.gen);
}

static const struct table_col cols[] = {
	{ "STATE", 10, true, t_state, NULL },
	{ "TAG", 5, true, t_tag, NULL },
	{ "HOLDER", 8, true, t_holder, NULL },
	{ "USES", 8, false, t_uses, k_uses },
	{ "AGE", 7, false, t_age, k_age },
	{ "IDLE", 7, false, t_idle, NULL },
	{ "SLOT", 7, false, t_slot, NULL },
	{ "GENERATION", 10, false, t_gen, NULL },
};

void
draw_server(struct view *v, struct canvas *c, int row, int end)
{
	const struct snap *s = v->now;
	struct table t = { cols, sizeof(cols) / sizeof(*cols), NULL, 0, NULL,
		NULL };
	uint32_t i;

	if (v->server >= s->servers || !s->server[v->server].in_use) {
		canvas_put(c, row, 0, INK_PLAIN,
		    "No server: choose one in the pools (2, enter).");
		return;
	}
	draw_server_facts(v, c, row - 1);
	t.id = mem_alloc((s->cap.slot_count + 1) * sizeof(*t.id));
	for (i = 0; i < s->cap.slot_count; i++) {
		if (is_of(v, &s->slot[i]))
			t.id[t.row_count++] = i;
	}
	canvas_put(c, row + 4, 0, INK_PLAIN, "CONNECTIONS %d", t.row_count);
	table_draw(v, c, &t, SCR_SERVER, row + 5, end);
	free(t.id);
}
