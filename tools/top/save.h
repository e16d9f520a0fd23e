/* SPDX-License-Identifier: MIT */
/*
 * A board in a file: the segment as it is, sparse, and behind it when it was
 * saved, since its times are of a clock that does not go on elsewhere.
 */
#ifndef TOOLS_TOP_SAVE_H
#define TOOLS_TOP_SAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 0, or -1 with one line in `why` (FIND_WHY_MAX). */
int save_write(int board_fd, size_t bytes, const char *path, char *why);
/* The path names a regular file. */
bool save_is_file(const char *path);
/*
 * A descriptor of a private copy, so that nothing changes or ends under it;
 * *now_us_r: CLOCK_MONOTONIC when it was saved.  -1 with `why`.
 */
int save_read(const char *path, uint64_t *now_us_r, char *why);

#endif
