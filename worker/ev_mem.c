/* SPDX-License-Identifier: MIT */
/*
 * See ev_mem.h.  Objects of up to SMALL_BYTES come from one reserved region,
 * by whose addresses they are known again; the rest from the heap.
 */
#include "worker/ev_mem.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	SMALL_BYTES = 16,
	REGION_BYTES = SMALL_BYTES << 20 /* for a million descriptors */
};

static char *region, *region_end, *fresh;
static void *free_list; /* linked through the first word */

static bool
is_small(const void *p)
{
	const char *c = p;

	return c >= region && c < region_end;
}

static void *
small_get(void)
{
	void *p = free_list;

	if (p) {
		memcpy(&free_list, p, sizeof(p));
		return p;
	}
	if (fresh == region_end)
		return NULL;
	p = fresh;
	fresh += SMALL_BYTES;
	return p;
}

static void *
ev_malloc(size_t n)
{
	void *p = n <= SMALL_BYTES ? small_get() : NULL;

	return p ? p : malloc(n);
}

static void
ev_free(void *p)
{
	if (!p || !is_small(p)) {
		free(p);
		return;
	}
	memcpy(p, &free_list, sizeof(p));
	free_list = p;
}

static void *
ev_realloc(void *p, size_t n)
{
	void *q;

	if (!p)
		return ev_malloc(n);
	if (!is_small(p))
		return realloc(p, n);
	if (n <= SMALL_BYTES)
		return p;
	q = malloc(n);
	if (!q)
		return NULL;
	memcpy(q, p, SMALL_BYTES);
	ev_free(p);
	return q;
}

void
ev_mem_init(void)
{
	void *p = mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return; /* the heap will do */
	region = fresh = p;
	region_end = region + REGION_BYTES;
	event_set_mem_functions(ev_malloc, ev_realloc, ev_free);
}
