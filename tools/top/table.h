/* SPDX-License-Identifier: MIT */
/*
 * A list with columns: as many as fit are drawn, rows are sorted by one of
 * them, the selected row stays in sight.
 */
#ifndef TOOLS_TOP_TABLE_H
#define TOOLS_TOP_TABLE_H

#include "tools/top/view.h"

enum { TABLE_TEXT = 64 };

struct table_col {
	const char *title;
	int width;
	bool left;
	/* Text of a row; a number to sort by, NULL: by the text. */
	void (*text)(const struct view *v, uint32_t id, char *to);
	double (*key)(const struct view *v, uint32_t id);
};

struct table {
	const struct table_col *cols;
	int col_count;
	uint32_t *id; /* rows */
	int row_count;
	/* ink of a row, or NULL */
	enum ink (*ink)(const struct view *v, uint32_t id);
	/* rows with the same group stay together, sorted by their first; NULL
	 */
	uint32_t (*group)(uint32_t id);
};

/* Title row and rows from `row` to before `end`; returns the row behind. */
int table_draw(struct view *v, struct canvas *c, const struct table *t,
    enum view_screen list, int row, int end);

#endif
