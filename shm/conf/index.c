/* SPDX-License-Identifier: MIT */
/*
 * Things sorted by name or by number.
 */
#include <stdlib.h>
#include <string.h>

#include "shm/base/mem.h"
#include "shm/conf/index.h"

void
index_add(struct index *x, const char *name, int id, void *item)
{
	if (x->count == x->room) {
		x->room = x->room ? 2 * x->room : 16;
		x->e = mem_realloc(x->e, (size_t)x->room * sizeof(*x->e));
	}
	x->e[x->count] = (struct index_entry){ name, id, x->count, item };
	x->count++;
}

static int
compare_keys(const struct index_entry *a, const struct index_entry *b)
{
	if (a->name && b->name)
		return strcmp(a->name, b->name);
	return (a->id > b->id) - (a->id < b->id);
}

static int
compare(const void *va, const void *vb)
{
	const struct index_entry *a = va, *b = vb;
	int r = compare_keys(a, b);

	return r ? r : (a->order > b->order) - (a->order < b->order);
}

void
index_sort(struct index *x)
{
	if (x->count)
		qsort(x->e, (size_t)x->count, sizeof(*x->e), compare);
}

int
index_find(const struct index *x, const char *name)
{
	int lo = 0, hi = x->count;

	while (lo < hi) {
		int mid = lo + (hi - lo) / 2;

		if (strcmp(x->e[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < x->count && strcmp(x->e[lo].name, name) != 0)
		return x->count;
	return lo;
}

bool
index_is_repeat(const struct index *x, int i)
{
	return i > 0 && compare_keys(&x->e[i - 1], &x->e[i]) == 0;
}

void
index_done(struct index *x)
{
	free(x->e);
	memset(x, 0, sizeof(*x));
}
