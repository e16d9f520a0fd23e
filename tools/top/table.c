/* SPDX-License-Identifier: MIT */
#include "tools/top/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	const struct view *v;
	const struct table *t;
	const struct table_col *col;
	bool reversed;
} by; /* qsort() has no argument */

static int
order(uint32_t a, uint32_t b)
{
	char x[TABLE_TEXT], y[TABLE_TEXT];
	double p, q;

	if (by.col->key) {
		p = by.col->key(by.v, a);
		q = by.col->key(by.v, b);
		return p > q ? -1 : p < q; /* the largest first */
	}
	by.col->text(by.v, a, x);
	by.col->text(by.v, b, y);
	return strcmp(x, y);
}

static int
compare(const void *pa, const void *pb)
{
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
	uint32_t ga = by.t->group ? by.t->group(a) : a;
	uint32_t gb = by.t->group ? by.t->group(b) : b;
	int r = ga == gb ? 0 : order(ga, gb);

	if (by.reversed)
		r = -r;
	if (r == 0)
		r = ga < gb ? -1 : ga > gb;
	return r ? r : (a < b ? -1 : a > b);
}

static void
cell(struct canvas *c, int row, int col, const struct table_col *k,
    enum ink ink, const char *text)
{
	canvas_put(c, row, col, ink, k->left ? "%-*.*s" : "%*.*s", k->width,
	    k->width, text);
}

static void
line(const struct view *v, struct canvas *c, const struct table *t, int row,
    uint32_t id, enum ink ink)
{
	char text[TABLE_TEXT];
	int i, col = 0;

	for (i = 0; i < t->col_count; i++) {
		if (col + t->cols[i].width > c->cols)
			break;
		t->cols[i].text(v, id, text);
		cell(c, row, col, &t->cols[i], ink, text);
		col += t->cols[i].width + 1;
	}
}

static void
titles(
    struct canvas *c, const struct table *t, const struct view_list *l, int row)
{
	char text[TABLE_TEXT];
	int i, col = 0;

	for (i = 0; i < t->col_count; i++) {
		if (col + t->cols[i].width > c->cols)
			break;
		snprintf(text, sizeof(text), "%s", t->cols[i].title);
		cell(c, row, col, &t->cols[i], INK_KEY, text);
		if (i == l->sort) /* what it is sorted by is marked */
			canvas_put(c, row,
			    t->cols[i].left ? col + (int)strlen(text) : col,
			    INK_KEY, l->reversed ? "^" : "v");
		col += t->cols[i].width + 1;
	}
}

int
table_draw(struct view *v, struct canvas *c, const struct table *t,
    enum view_screen list, int row, int end)
{
	struct view_list *l = &v->list[list];
	int shown = end - row - 1, i;
	enum ink ink;

	if (l->sort >= t->col_count)
		l->sort = 0;
	by.v = v;
	by.t = t;
	by.col = &t->cols[l->sort];
	by.reversed = l->reversed;
	qsort(t->id, (size_t)t->row_count, sizeof(*t->id), compare);
	if (l->selected >= t->row_count)
		l->selected = t->row_count ? t->row_count - 1 : 0;
	if (l->top > l->selected || l->top >= t->row_count)
		l->top = l->selected;
	if (shown > 0 && l->selected >= l->top + shown)
		l->top = l->selected - shown + 1;
	titles(c, t, l, row++);
	for (i = l->top; i < t->row_count && row < end; i++, row++) {
		ink = t->ink ? t->ink(v, t->id[i]) : INK_PLAIN;
		line(v, c, t, row, t->id[i], ink);
		if (i == l->selected && list == v->screen)
			canvas_row(c, row, INK_BAR);
	}
	return row;
}
