/* SPDX-License-Identifier: MIT */
/*
 * Set-up allocation, object freelists and arenas.
 */
#include "shm/base/mem.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "shm/base/chk.h"
#include "shm/base/err.h"

static NORETURN void
out_of_memory(size_t n)
{
	fprintf(stderr, "wsbroker: out of memory (%zu bytes)\n", n);
	abort();
}

void *
mem_alloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		out_of_memory(n);
	return p;
}

void *
mem_realloc(void *p, size_t n)
{
	void *q = realloc(p, n ? n : 1);

	if (!q)
		out_of_memory(n);
	return q;
}

/*
 * glibc caches CACHE_CHUNKS freed chunks of each small size, which it has no
 * call to give back; scattered over the heap as a burst left them, each holds
 * a page.  Other chunks take their places, of which the heap has whole runs
 * once it was trimmed.
 */
static void
cache_renew(void)
{
	enum { CACHE_CHUNKS = 7, CACHE_LEAST = 24, CACHE_MOST = 1032 };
	void *volatile p[2 * CACHE_CHUNKS];
	int i;

	for (size_t n = CACHE_LEAST; n <= CACHE_MOST; n += 16) {
		for (i = 0; i < 2 * CACHE_CHUNKS; i++)
			p[i] = malloc(n);
		while (i-- > 0)
			free(p[i]);
	}
}

void
mem_trim(void)
{
	malloc_trim(0);
	cache_renew();
	malloc_trim(0);
}

char *
mem_strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = mem_alloc(n);

	memcpy(p, s, n);
	return p;
}

char *
mem_printf(const char *fmt, ...)
{
	va_list ap;
	char *p = NULL;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&p, fmt, ap);
	va_end(ap);
	if (n < 0)
		out_of_memory(0);
	return p;
}

/* Sanitizers look after each object on the heap. */
#if defined(__SANITIZE_ADDRESS__)
#define ALL_ON_HEAP 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ALL_ON_HEAP 1
#endif
#endif
#ifndef ALL_ON_HEAP
#define ALL_ON_HEAP 0
#endif

enum { SLAB_BYTES = 1 << 18, SLAB_ALIGN = 16 };

static void *
slab_get(struct mempool *m)
{
	size_t n =
	    (m->object_bytes + SLAB_ALIGN - 1) & ~(size_t)(SLAB_ALIGN - 1);
	void *p;

	CHK(n <= SLAB_BYTES);
	if (m->slab_bytes < n) {
		p = mmap(NULL, SLAB_BYTES, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			return NULL;
		(void)madvise(p, SLAB_BYTES, MADV_DONTDUMP);
		m->slab = p;
		m->slab_bytes = SLAB_BYTES;
	}
	p = m->slab;
	m->slab += n;
	m->slab_bytes -= n;
	return p;
}

void *
mempool_get(struct mempool *m)
{
	void *p = m->free;

	CHK(m->object_bytes >= sizeof(void *));
	if (m->max_count && m->used_count >= m->max_count)
		return NULL;
	if (p) {
		memcpy(&m->free, p, sizeof(void *));
		m->free_count--;
		memset(p, 0, m->object_bytes);
	} else {
		p = m->in_slabs && !ALL_ON_HEAP ? slab_get(m)
						: calloc(1, m->object_bytes);
		if (!p)
			return NULL;
	}
	m->used_count++;
	return p;
}

void
mempool_put(struct mempool *m, void *p)
{
	CHK(m->used_count > 0);
	memcpy(p, &m->free, sizeof(void *));
	m->free = p;
	m->free_count++;
	m->used_count--;
}

void
mempool_drain(struct mempool *m)
{
	void *p;

	while ((!m->in_slabs || ALL_ON_HEAP) && (p = m->free)) {
		memcpy(&m->free, p, sizeof(void *));
		m->free_count--;
		free(p);
	}
}

void *
arena_get(struct arena *a, size_t n)
{
	size_t start = (a->used_bytes + 7u) & ~(size_t)7;

	if (start > a->size_bytes || n > a->size_bytes - start)
		return NULL;
	a->used_bytes = (uint32_t)(start + n);
	return a->data + start;
}
