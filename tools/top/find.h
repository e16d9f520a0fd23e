/* SPDX-License-Identifier: MIT */
/*
 * Getting a read-only descriptor of a board.  Each returns it or -1 with one
 * line, without newline, in `why`.
 */
#ifndef TOOLS_TOP_FIND_H
#define TOOLS_TOP_FIND_H

#include <stddef.h>
#include <sys/types.h>

enum { FIND_WHY_MAX = 512 };

/* Ask at a runtime socket. */
int find_by_socket(const char *path, char *why);
/* From /proc/PID/fd of a master, broker or worker, or of its parent. */
int find_by_pid(pid_t pid, char *why);
/* The admin socket at its usual place, else the only master running. */
int find_default(const char *path, char *why);

#endif
