/* SPDX-License-Identifier: MIT */
/*
 * The board as the master makes it from the config.
 */
#ifndef MASTER_SEGMENTS_H
#define MASTER_SEGMENTS_H

#include "shm/conf/conf.h"
#include "shm/seg/board.h"

enum { PROC_ROWS_MAX = 254 }; /* processes, the dead not yet swept included */

struct segments {
	struct board board; /* mapped read-write */
	int board_fd;       /* read-write */
	int board_ro_fd;    /* read-only re-open, for tools */
};

/* Create the board and fill in its header, proxy and server rows. */
MUST_USE int segments_create(const struct conf *c, struct segments *s_r);
/* A free process row for a child, or -WSE_FULL. */
MUST_USE int segments_proc_row(const struct segments *s, uint32_t *row_r);

#endif
