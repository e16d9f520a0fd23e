/* SPDX-License-Identifier: MIT */
/*
 * The counters by name, with their documentation: what tools, metrics and
 * manual pages print.
 */
#ifndef SHM_SEG_STAT_TBL_H
#define SHM_SEG_STAT_TBL_H

#include <stddef.h>

#include "shm/seg/stat.h"

struct stat_row {
	const char *name; /* unit in the name, else a count of events */
	size_t offset;    /* of a stat_t in its struct, bytes */
	const char *doc;
};

/* Ended by a row without name. */
extern const struct stat_row stat_tbl_proc[];
extern const struct stat_row stat_tbl_proxy[];
extern const struct stat_row stat_tbl_server[];

/* The row's counter in a struct (of the right kind). */
static inline uint64_t
stat_tbl_get(const struct stat_row *r, const void *of)
{
	return atomic_load_explicit(
	    (const stat_t *)(const void *)((const char *)of + r->offset),
	    memory_order_relaxed);
}

#endif
