/* SPDX-License-Identifier: MIT */
#include "tools/top/view.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "shm/seg/hist.h"
#include "tools/top/text.h"

void
view_end(struct view *v)
{
	snap_free(&v->now);
	snap_free(&v->before);
}

double
view_rate(const struct view *v, uint64_t now, uint64_t then)
{
	return now > then ? (double)(now - then) / v->seconds : 0;
}

uint64_t
view_percentile(
    const stat_t *now, const stat_t *before, uint32_t unit_us, double percent)
{
	uint64_t n[STAT_HIST_N];

	if (hist_diff(now, before, n) == 0)
		hist_diff(now, NULL, n); /* nothing new: of all that was */
	return hist_percentile(n, unit_us, percent);
}

const char *
view_number(const struct view *v, char *to, size_t room, double x)
{
	if (!v->raw)
		return text_human(to, room, x);
	snprintf(to, room, "%.0f", x);
	return to;
}

const struct snap_proc *
view_earlier(const struct view *v, const struct snap_proc *p)
{
	return v->before ? snap_proc(v->before, p->instance) : NULL;
}

static uint64_t
messages(const struct snap *s)
{
	return view_get(&s->stat.ws[STAT_IN][STAT_WS_TEXT]) +
	    view_get(&s->stat.ws[STAT_IN][STAT_WS_BINARY]) +
	    view_get(&s->stat.ws[STAT_OUT][STAT_WS_TEXT]) +
	    view_get(&s->stat.ws[STAT_OUT][STAT_WS_BINARY]);
}

static void
series_add(struct view *v)
{
	const struct snap *s = v->now, *b = v->before;
	double x[SER_N] = { 0 };
	uint32_t i;
	int k;

	x[SER_REQUESTS] = VIEW_RATE(v, requests);
	for (i = 0; i < s->cap.proc_count; i++)
		x[SER_TUNNELS] += s->proc[i].tunnels;
	x[SER_MESSAGES] = view_rate(v, messages(s), messages(b));
	x[SER_OUT] =
	    VIEW_RATE(v, bytes_out) + VIEW_RATE(v, tunnel_bytes[STAT_OUT]);
	x[SER_LEASE_P99] = (double)view_percentile(
	    s->stat.lease_hist, b->stat.lease_hist, HIST_LEASE_UNIT_US, 99);
	if (v->series_count == VIEW_HISTORY) {
		for (k = 0; k < SER_N; k++)
			memmove(&v->series[k][0], &v->series[k][1],
			    (VIEW_HISTORY - 1) * sizeof(double));
		v->series_count--;
	}
	for (k = 0; k < SER_N; k++)
		v->series[k][v->series_count] = x[k];
	v->series_count++;
}

void
view_feed(struct view *v, struct snap *s, uint64_t wall_us)
{
	uint64_t since;

	snap_free(&v->before);
	v->before = v->now;
	v->now = s;
	since = v->before ? v->before->now_us : s->start_us;
	v->seconds = s->now_us > since ? (double)(s->now_us - since) / 1e6 : 1;
	if (!v->before)
		return;
	series_add(v);
	alerts_find(v, wall_us);
}

/* --- keys --- */

static void
edit(struct view *v, int key)
{
	size_t n = strlen(v->filter);

	if (key == KEY_VIEW_ENTER || key == '\n' || key == '\r') {
		v->editing = false;
	} else if (key == KEY_VIEW_ESC) {
		v->editing = false;
		v->filter[0] = '\0';
	} else if (key == KEY_VIEW_BACK) {
		v->filter[n ? n - 1 : 0] = '\0';
	} else if (key > ' ' && key <= '~' && n < VIEW_FILTER_MAX) {
		v->filter[n] = (char)key;
		v->filter[n + 1] = '\0';
	}
	v->list[v->screen].selected = 0;
}

static void
enter(struct view *v)
{
	if (v->screen == SCR_OVER)
		v->screen = SCR_POOLS;
	else if (v->screen == SCR_POOLS &&
	    draw_selected_server(v, &v->server)) {
		v->screen = SCR_SERVER;
		v->list[SCR_SERVER].selected = 0;
	}
}

static bool
move(struct view_list *l, int key)
{
	enum { PAGE = 15, FAR = 1 << 29 };

	switch (key) {
	case KEY_VIEW_UP:
	case 'k':
		l->selected--;
		break;
	case KEY_VIEW_DOWN:
	case 'j':
		l->selected++;
		break;
	case KEY_VIEW_PAGE_UP:
		l->selected -= PAGE;
		break;
	case KEY_VIEW_PAGE_DOWN:
		l->selected += PAGE;
		break;
	case KEY_VIEW_HOME:
		l->selected = 0;
		break;
	case KEY_VIEW_END:
		l->selected = FAR; /* drawing brings it back */
		break;
	default:
		return false;
	}
	if (l->selected < 0)
		l->selected = 0;
	return true;
}

void
view_key(struct view *v, int key)
{
	struct view_list *l = &v->list[v->screen];

	if (v->editing) {
		edit(v, key);
		return;
	}
	if (move(l, key))
		return;
	if (key >= KEY_VIEW_F1 && key <= KEY_VIEW_F4)
		key = '1' + (key - KEY_VIEW_F1);
	switch (key) {
	case '1':
	case '2':
	case '3':
		v->screen = (enum view_screen)(key - '1');
		break;
	case '4':
		if (v->screen == SCR_POOLS)
			draw_selected_server(v, &v->server);
		v->screen = SCR_SERVER;
		break;
	case KEY_VIEW_ENTER:
	case '\n':
	case '\r':
		enter(v);
		break;
	case KEY_VIEW_ESC:
	case KEY_VIEW_BACK:
		v->screen = v->screen == SCR_SERVER ? SCR_POOLS : SCR_OVER;
		break;
	case 's':
		l->sort = (l->sort + 1) % draw_sort_count(v->screen);
		break;
	case 'S':
		l->reversed = !l->reversed;
		break;
	case '/':
		v->editing = true;
		break;
	case 'p':
	case ' ':
		v->paused = !v->paused;
		break;
	case 'u':
		v->raw = !v->raw;
		break;
	case 'q':
	case 'Q':
		v->quit = true;
		break;
	default:
		break;
	}
}

/* --- drawing --- */

static void
head(const struct view *v, struct canvas *c)
{
	const struct snap *s = v->now;
	char up[24], load[24];
	struct timespec ts;
	uint64_t wall;
	int col;

	clock_gettime(CLOCK_REALTIME, &ts);
	wall = (uint64_t)ts.tv_sec * 1000000;
	col = canvas_put(c, 0, 0, INK_BAR, "wsbroker-top %s v%s gen %u | up %s",
	    s->node, s->version, s->generation,
	    text_duration(up, sizeof(up),
		s->now_us > s->start_us ? s->now_us - s->start_us : 0));
	if (s->reload_wall_us && wall > s->reload_wall_us)
		col = canvas_put(c, 0, col, INK_BAR, " | reload %s ago",
		    text_duration(
			load, sizeof(load), wall - s->reload_wall_us));
	if (v->is_saved)
		col = canvas_put(c, 0, col, INK_BAR, " | SAVED");
	else if (s->master_has_ended)
		col = canvas_put(c, 0, col, INK_BAR, " | ENDED");
	if (v->paused)
		col = canvas_put(c, 0, col, INK_BAR, " | PAUSED");
	if (v->filter[0] || v->editing)
		canvas_put(c, 0, col, INK_BAR, " | filter %s%s", v->filter,
		    v->editing ? "_" : "");
	canvas_row(c, 0, INK_BAR);
}

static void
keys(const struct view *v, struct canvas *c)
{
	static const char *const names[SCR_N] = { "1 overview", "2 pools",
		"3 workers", "4 server" };
	int i, col = canvas_put(c, c->rows - 1, 0, INK_KEY, "F");

	if (v->editing) {
		canvas_put(c, c->rows - 1, 0, INK_KEY,
		    "type what names must hold | enter keep  esc clear");
		return;
	}
	for (i = 0; i < SCR_N; i++) {
		bool here = i == (int)v->screen;

		col = canvas_put(c, c->rows - 1, col - (here && i), INK_KEY,
		    here && i ? ">%s " : "%s ", names[i]);
	}
	canvas_put(c, c->rows - 1, col, INK_KEY,
	    "| s sort / filter p pause u units q quit");
}

void
view_draw(struct view *v, struct canvas *c)
{
	int end = c->rows - 1;

	canvas_clear(c);
	if (c->rows < VIEW_ROWS_LEAST || c->cols < VIEW_COLS_LEAST) {
		canvas_put(c, 0, 0, INK_PLAIN, "%dx%d is too small: %dx%d",
		    c->cols, c->rows, VIEW_COLS_LEAST, VIEW_ROWS_LEAST);
		return;
	}
	head(v, c);
	switch (v->screen) {
	case SCR_OVER:
		draw_over(v, c, 1, end);
		break;
	case SCR_POOLS:
		draw_pools(v, c, 2, end);
		break;
	case SCR_WORKERS:
		draw_workers(v, c, 2, end);
		break;
	case SCR_SERVER:
		draw_server(v, c, 2, end);
		break;
	case SCR_N:
		break;
	}
	keys(v, c);
}
