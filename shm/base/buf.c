/* SPDX-License-Identifier: MIT */
/*
 * The freelists behind struct buf: one per size, linked through the first
 * word of each free block.  One thread a process uses them.
 */
#include "shm/base/buf.h"

#include <stdlib.h>
#include <string.h>

#include "shm/base/chk.h"

struct block {
	struct block *next;
};

struct freelist {
	struct block *first;
	uint64_t bytes;
	uint64_t least; /* bytes there were since the last buf_shrink() */
};

static struct freelist small_list;
static struct freelist large_list;
static uint64_t attached_bytes;
static uint64_t limit_bytes; /* 0: none */

static struct freelist *
list_of(uint32_t size)
{
	CHK(size == BUF_SMALL || size == BUF_LARGE);
	return size == BUF_SMALL ? &small_list : &large_list;
}

static char *
block_take(uint32_t size)
{
	struct freelist *l = list_of(size);
	struct block *k = l->first;

	if (limit_bytes && attached_bytes + size > limit_bytes)
		return NULL;
	if (k) {
		l->first = k->next;
		l->bytes -= size;
		if (l->bytes < l->least)
			l->least = l->bytes;
	} else {
		k = malloc(size);
		if (!k)
			return NULL;
	}
	attached_bytes += size;
	return (char *)k;
}

static void
block_give(char *data, uint32_t size)
{
	struct freelist *l = list_of(size);
	struct block *k = (struct block *)(void *)data;

	CHK(attached_bytes >= size);
	attached_bytes -= size;
	k->next = l->first;
	l->first = k;
	l->bytes += size;
}

int
buf_get(struct buf *b, uint32_t size)
{
	char *data;

	CHK(!b->data);
	data = block_take(size);
	if (!data)
		return -WSE_NOMEM;
	*b = (struct buf){ data, size, 0, 0 };
	return 0;
}

void
buf_put(struct buf *b)
{
	if (b->data)
		block_give(b->data, b->size);
	*b = (struct buf){ NULL, 0, 0, 0 };
}

void
buf_put_empty(struct buf *b)
{
	if (b->r == b->w)
		buf_put(b);
}

void
buf_compact(struct buf *b)
{
	uint32_t n = buf_len(b);

	if (b->r == 0)
		return;
	if (n)
		memmove(b->data, b->data + b->r, n);
	b->r = 0;
	b->w = n;
}

int
buf_grow(struct buf *b)
{
	uint32_t n = buf_len(b);
	char *data;

	CHK(b->data && b->size == BUF_SMALL);
	data = block_take(BUF_LARGE);
	if (!data)
		return -WSE_NOMEM;
	memcpy(data, b->data + b->r, n);
	block_give(b->data, BUF_SMALL);
	*b = (struct buf){ data, BUF_LARGE, 0, n };
	return 0;
}

void
buf_limit(uint64_t bytes)
{
	limit_bytes = bytes;
}

uint64_t
buf_attached_bytes(void)
{
	return attached_bytes;
}

uint64_t
buf_free_bytes(void)
{
	return small_list.bytes + large_list.bytes;
}

static void
freelist_trim(struct freelist *l, uint32_t size, uint64_t keep)
{
	while (l->first && buf_free_bytes() > keep) {
		struct block *k = l->first;

		l->first = k->next;
		l->bytes -= size;
		free(k);
	}
}

void
buf_trim(uint64_t keep)
{
	freelist_trim(&large_list, BUF_LARGE, keep);
	freelist_trim(&small_list, BUF_SMALL, keep);
}

static uint64_t
freelist_shrink(struct freelist *l, uint32_t size)
{
	uint64_t unused = l->least < l->bytes ? l->least : l->bytes;

	for (uint64_t n = 0; n < unused; n += size) {
		struct block *k = l->first;

		l->first = k->next;
		l->bytes -= size;
		free(k);
	}
	l->least = l->bytes;
	return unused;
}

uint64_t
buf_shrink(void)
{
	return freelist_shrink(&small_list, BUF_SMALL) +
	    freelist_shrink(&large_list, BUF_LARGE);
}
