/* SPDX-License-Identifier: MIT */
/* The screens on a terminal. */
#ifndef TOOLS_TOP_TUI_H
#define TOOLS_TOP_TUI_H

#include <stdbool.h>

#include "shm/seg/board.h"

/* Until 'q'; a saved board is read once, as of its time (0: live). */
int tui_run(const struct board *b, double delay_s, uint64_t saved_us);

#endif
