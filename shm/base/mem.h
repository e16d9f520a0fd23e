/* SPDX-License-Identifier: MIT */
/*
 * Allocation for set-up code: aborts with a message when memory is out.
 * Data paths use freelists (struct mempool) and handle running out.
 */
#ifndef SHM_BASE_MEM_H
#define SHM_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *mem_alloc(size_t n); /* zeroed */
void *mem_realloc(void *p, size_t n);
char *mem_strdup(const char *s);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Give the heap's free pages back to the system, also those that the calling
 * thread's cache of small chunks holds on to.  Looks at all of the heap.
 */
void mem_trim(void);

/* A freelist of equal objects; objects come zeroed. */
struct mempool {
	size_t object_bytes;
	void *free; /* singly linked through the first word */
	uint64_t free_count;
	uint64_t used_count;
	uint64_t max_count; /* 0: no limit */
	bool in_slabs;
	char *slab; /* the rest of the newest one */
	size_t slab_bytes;
};

#define MEMPOOL_INIT(type)                   \
	{                                    \
		.object_bytes = sizeof(type) \
	}
/*
 * Objects in slabs of their own, which are never given back and in no core
 * dump: what lives long does not lie between what comes and goes on the heap,
 * where it would keep whole pages.
 */
#define MEMPOOL_SLABS(type)                                    \
	{                                                      \
		.object_bytes = sizeof(type), .in_slabs = true \
	}

/* NULL at max_count or when memory is out. */
void *mempool_get(struct mempool *m);
void mempool_put(struct mempool *m, void *p);
/* Give back what is free; slabs stay. */
void mempool_drain(struct mempool *m);

/* A bump arena: freed as a whole. */
struct arena {
	char *data;
	uint32_t used_bytes;
	uint32_t size_bytes;
};

/* n bytes, 8-aligned, or NULL when the arena is full. */
void *arena_get(struct arena *a, size_t n);

#endif
