/* SPDX-License-Identifier: MIT */
/*
 * Alerts: changes of state between two readings, in words.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tools/top/view.h"

static void PRINTF_LIKE(3, 4)
    add(struct view *v, uint64_t wall_us, const char *fmt, ...)
{
	struct view_alert *a;
	va_list ap;

	if (v->alert_count == VIEW_ALERTS) {
		memmove(&v->alert[0], &v->alert[1],
		    (VIEW_ALERTS - 1) * sizeof(v->alert[0]));
		v->alert_count--;
	}
	a = &v->alert[v->alert_count++];
	a->wall_us = wall_us;
	va_start(ap, fmt);
	vsnprintf(a->text, sizeof(a->text), fmt, ap);
	va_end(ap);
}

static void
servers(struct view *v, uint64_t wall_us)
{
	const struct snap *s = v->now, *b = v->before;
	uint32_t i, n = s->servers < b->servers ? s->servers : b->servers;

	for (i = 0; i < n; i++) {
		const struct snap_server *x = &s->server[i];
		const struct snap_server *y = &b->server[i];
		const char *why;

		if (!x->in_use || !y->in_use || strcmp(x->full, y->full) != 0)
			continue;
		why = x->check_text[0] ? x->check_text : x->last_error;
		if (strcmp(snap_op_name(x), snap_op_name(y)) != 0)
			add(v, wall_us, "%s %s%s%s%s, %u tunnels kept", x->full,
			    snap_op_name(x), why[0] ? " (" : "", why,
			    why[0] ? ")" : "", x->tunnels);
		if (x->dial_errors > y->dial_errors)
			add(v, wall_us, "%s %llu dials failed: %s", x->full,
			    (unsigned long long)(x->dial_errors -
				y->dial_errors),
			    x->last_error);
		if (x->queue_count && !y->queue_count)
			add(v, wall_us, "%s full: %u wait, %u of %u in use",
			    x->full, x->queue_count, x->requests, x->maxconn);
	}
}

static void
processes(struct view *v, uint64_t wall_us)
{
	const struct snap *s = v->now, *b = v->before;
	const struct snap_proc *p;
	uint32_t i;

	for (i = 0; i < b->cap.proc_count; i++) {
		p = &b->proc[i];
		if (p->instance && p->state != PROC_DEAD &&
		    !snap_proc(s, p->instance))
			add(v, wall_us,
			    "%s %u (pid %u) ended, it had %u "
			    "clients",
			    snap_role_name(p->role), p->worker_index + 1,
			    p->pid, p->clients);
	}
	for (i = 0; i < s->cap.proc_count; i++) {
		p = &s->proc[i];
		if (p->instance && p->state != PROC_DEAD &&
		    !snap_proc(b, p->instance))
			add(v, wall_us, "%s %u (pid %u) started",
			    snap_role_name(p->role), p->worker_index + 1,
			    p->pid);
	}
}

void
alerts_find(struct view *v, uint64_t wall_us)
{
	const struct snap *s = v->now, *b = v->before;
	uint64_t drops = view_get(&s->stat.log_dropped);
	uint64_t old_drops = view_get(&b->stat.log_dropped);

	if (s->generation != b->generation)
		add(v, wall_us, "reload: generation %u", s->generation);
	processes(v, wall_us);
	servers(v, wall_us);
	if (s->maxconn && s->clients >= s->maxconn && b->clients < b->maxconn)
		add(v, wall_us, "maxconn reached: %u clients", s->clients);
	if (drops > old_drops)
		add(v, wall_us, "%llu log lines dropped",
		    (unsigned long long)(drops - old_drops));
	if (s->invalid && !b->invalid)
		add(v, wall_us, "%u slots hold no valid word: run --check",
		    s->invalid);
}

void
alerts_draw(const struct view *v, struct canvas *c, int row, int rows)
{
	int i, first = v->alert_count > rows ? v->alert_count - rows : 0;

	if (v->alert_count == 0 && rows > 0)
		canvas_put(c, row, 0, INK_PLAIN,
		    "ALERTS  none since this was started");
	for (i = first; i < v->alert_count; i++, row++) {
		const struct view_alert *a = &v->alert[i];
		time_t t = (time_t)(a->wall_us / 1000000);
		struct tm tm;
		char when[32];

		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S",
		    localtime_r(&t, &tm));
		canvas_put(c, row, 0, INK_BAD, "%s  %s %s",
		    i == first ? "ALERTS" : "      ", when, a->text);
	}
}
