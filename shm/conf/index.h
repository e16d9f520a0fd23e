/* SPDX-License-Identifier: MIT */
/*
 * Things sorted by name or by number, for configs with thousands of them.
 */
#ifndef SHM_CONF_INDEX_H
#define SHM_CONF_INDEX_H

#include <stdbool.h>

struct index_entry {
	const char *name; /* owned by the item; NULL: sorted by id */
	int id;
	int order; /* place in the file: equals keep it */
	void *item;
};

struct index {
	struct index_entry *e;
	int count, room;
};

void index_add(struct index *x, const char *name, int id, void *item);
void index_sort(struct index *x);
/* First entry of that name in a sorted index, or its end (x->count). */
int index_find(const struct index *x, const char *name);
/* Whether entry i is named (or numbered) as the one before it. */
bool index_is_repeat(const struct index *x, int i);
void index_done(struct index *x);

#endif
