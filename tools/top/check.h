/* SPDX-License-Identifier: MIT */
/*
 * Whether the board is consistent.
 *
 * The processes change it while it is read, so a violation counts only if the
 * same words show it each time: in CHECK_READS reads, and what may well take a
 * moment (a dial, a respawn) in CHECK_READS_SLOW.
 */
#ifndef TOOLS_TOP_CHECK_H
#define TOOLS_TOP_CHECK_H

#include "shm/seg/board.h"
#include "tools/top/snap.h"

enum {
	CHECK_READS = 3,
	CHECK_READS_SLOW = 30,
	CHECK_PAUSE_MS = 50,
	CHECK_TEXT_MAX = 200,
	CHECK_MAX = 256, /* violations kept */
};

struct check_item {
	bool is_slow;
	char text[CHECK_TEXT_MAX]; /* with the words that show it */
};

struct check {
	unsigned count;
	struct check_item item[CHECK_MAX];
};

/* What one reading shows. */
void check_read(const struct snap *s, struct check *c_r);
/* Keep only what the later reading shows as well. */
void check_keep(struct check *c, const struct check *later);
/* Read as often as it takes; what is left are violations. */
void check_board(const struct board *b, struct check *c_r);

#endif
