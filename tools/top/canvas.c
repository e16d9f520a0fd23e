/* SPDX-License-Identifier: MIT */
#include "tools/top/canvas.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/base/mem.h"

struct canvas *
canvas_new(int rows, int cols)
{
	struct canvas *c = mem_alloc(sizeof(*c));
	size_t n = (size_t)rows * (size_t)cols;

	c->rows = rows;
	c->cols = cols;
	c->ch = mem_alloc((n + 1) * sizeof(*c->ch));
	c->ink = mem_alloc(n + 1);
	canvas_clear(c);
	return c;
}

void
canvas_free(struct canvas **cp)
{
	struct canvas *c = *cp;

	*cp = NULL;
	if (!c)
		return;
	free(c->ch);
	free(c->ink);
	free(c);
}

void
canvas_clear(struct canvas *c)
{
	size_t n = (size_t)c->rows * (size_t)c->cols;

	wmemset(c->ch, L' ', n);
	memset(c->ink, INK_PLAIN, n);
}

static void
set(struct canvas *c, int row, int col, enum ink ink, wchar_t ch)
{
	size_t at = (size_t)row * (size_t)c->cols + (size_t)col;

	c->ch[at] = ch;
	c->ink[at] = (uint8_t)ink;
}

int
canvas_put(
    struct canvas *c, int row, int col, enum ink ink, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int i;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (row < 0 || row >= c->rows || col < 0)
		return col;
	for (i = 0; text[i] && col < c->cols; i++, col++)
		set(c, row, col, ink,
		    text[i] >= ' ' && text[i] <= '~' ? (wchar_t)text[i] : L'?');
	return col;
}

void
canvas_row(struct canvas *c, int row, enum ink ink)
{
	if (row >= 0 && row < c->rows)
		memset(c->ink + (size_t)row * (size_t)c->cols, ink,
		    (size_t)c->cols);
}

void
canvas_spark(struct canvas *c, int row, int col, int width, const double *v,
    int n, bool ascii)
{
	static const wchar_t blocks[] = L"▁▂▃▄▅▆▇█", letters[] = L"_..:-=+#";
	double max = 0;
	int i, level;

	if (row < 0 || row >= c->rows)
		return;
	if (n > width) {
		v += n - width;
		n = width;
	}
	for (i = 0; i < n; i++)
		max = v[i] > max ? v[i] : max;
	for (i = 0; i < n; i++) {
		int at = col + width - n + i;

		if (at < 0 || at >= c->cols)
			continue;
		level = max > 0 ? (int)(v[i] / max * 7.999) : 0;
		set(c, row, at, INK_GOOD, (ascii ? letters : blocks)[level]);
	}
}
