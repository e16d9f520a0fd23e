/* SPDX-License-Identifier: MIT */
/*
 * What the interactive screens show: two readings, what was seen before, and
 * what keys have chosen.  No terminal: keys come in, a canvas is drawn.
 */
#ifndef TOOLS_TOP_VIEW_H
#define TOOLS_TOP_VIEW_H

#include "tools/top/canvas.h"
#include "tools/top/snap.h"

enum view_screen { SCR_OVER, SCR_POOLS, SCR_WORKERS, SCR_SERVER, SCR_N };

/* Keys that are no characters. */
enum view_key {
	KEY_VIEW_UP = 0x100,
	KEY_VIEW_DOWN,
	KEY_VIEW_PAGE_UP,
	KEY_VIEW_PAGE_DOWN,
	KEY_VIEW_HOME,
	KEY_VIEW_END,
	KEY_VIEW_ENTER,
	KEY_VIEW_BACK, /* backspace */
	KEY_VIEW_ESC,
	KEY_VIEW_F1,
	KEY_VIEW_F4 = KEY_VIEW_F1 + 3
};

enum {
	VIEW_HISTORY = 240,
	VIEW_ALERTS = 64,
	VIEW_ALERT_TEXT = 200,
	VIEW_FILTER_MAX = 32,
	VIEW_ROWS_LEAST = 24,
	VIEW_COLS_LEAST = 80
};

enum view_series {
	SER_REQUESTS,
	SER_TUNNELS,
	SER_MESSAGES,
	SER_OUT,
	SER_LEASE_P99,
	SER_N
};

struct view_alert {
	uint64_t wall_us;
	char text[VIEW_ALERT_TEXT];
};

/* What one screen's list is set to. */
struct view_list {
	int sort; /* column */
	bool reversed;
	int selected, top;
};

struct view {
	struct snap *now, *before; /* before: NULL at first; owned */
	double seconds;            /* between them, or since the start */
	enum view_screen screen;
	struct view_list list[SCR_N];
	uint32_t server; /* row that SCR_SERVER shows */
	char filter[VIEW_FILTER_MAX + 1];
	bool editing; /* the filter */
	bool paused, raw, ascii, quit;
	bool is_saved; /* a file: nothing moves */
	double series[SER_N][VIEW_HISTORY];
	int series_count;
	struct view_alert alert[VIEW_ALERTS]; /* the newest last */
	int alert_count;
};

void view_end(struct view *v);
/* A new reading, taken over. */
void view_feed(struct view *v, struct snap *s, uint64_t wall_us);
void view_key(struct view *v, int key);
void view_draw(struct view *v, struct canvas *c);

/* Of the counter `field` of the whole service, per second. */
double view_rate(const struct view *v, uint64_t now, uint64_t then);
#define VIEW_RATE(v, field)                           \
	view_rate(v, view_get(&(v)->now->stat.field), \
	    (v)->before ? view_get(&(v)->before->stat.field) : 0)

static inline uint64_t
view_get(const stat_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

/* Percentile of a histogram over the interval, or since the start. */
uint64_t view_percentile(
    const stat_t *now, const stat_t *before, uint32_t unit_us, double percent);
/* "13.0k", or all digits when units are off. */
const char *view_number(const struct view *v, char *to, size_t room, double x);
/* The process of then, or NULL. */
const struct snap_proc *
view_earlier(const struct view *v, const struct snap_proc *p);

/* alerts.c: what changed between the two readings. */
void alerts_find(struct view *v, uint64_t wall_us);
void alerts_draw(const struct view *v, struct canvas *c, int row, int rows);

/* draw_*.c: rows from `row` to before `end`. */
void draw_over(struct view *v, struct canvas *c, int row, int end);
void draw_pools(struct view *v, struct canvas *c, int row, int end);
void draw_workers(struct view *v, struct canvas *c, int row, int end);
void draw_server(struct view *v, struct canvas *c, int row, int end);
/* Four rows about v->server. */
void draw_server_facts(struct view *v, struct canvas *c, int row);
/* The list of processes alone; returns the row behind it. */
int draw_worker_list(struct view *v, struct canvas *c, int row, int end);
/* Columns of a screen's list that can be sorted by. */
int draw_sort_count(enum view_screen screen);
/* The server row a list's selection means; false: none. */
bool draw_selected_server(struct view *v, uint32_t *row_r);

#endif
