/* SPDX-License-Identifier: MIT */
/*
 * A screen of characters in memory: what is drawn can be looked at without a
 * terminal.  Colours only repeat what the text says.
 */
#ifndef TOOLS_TOP_CANVAS_H
#define TOOLS_TOP_CANVAS_H

#include <stdbool.h>
#include <stdint.h>
#include <wchar.h>

#include "shm/base/err.h"

enum ink { INK_PLAIN, INK_BAR, INK_KEY, INK_GOOD, INK_WARN, INK_BAD, INK_N };

struct canvas {
	int rows, cols;
	wchar_t *ch;
	uint8_t *ink;
};

struct canvas *canvas_new(int rows, int cols);
void canvas_free(struct canvas **c);
void canvas_clear(struct canvas *c);
/* Text from there on, cut at the edge; returns the column behind it. */
int canvas_put(struct canvas *c, int row, int col, enum ink ink,
    const char *fmt, ...) PRINTF_LIKE(5, 6);
/* The ink of a whole row. */
void canvas_row(struct canvas *c, int row, enum ink ink);
/* Bars of n values, the last at the right end of `width` columns. */
void canvas_spark(struct canvas *c, int row, int col, int width,
    const double *v, int n, bool ascii);

#endif
