/* SPDX-License-Identifier: MIT */
/*
 * Linear byte buffers from a bounded freelist.
 *
 * A buffer is attached only while bytes are in flight; an idle connection
 * holds none.  Two sizes: BUF_SMALL for heads and small bodies, BUF_LARGE for
 * bulk.  Bytes r..w are filled, w..size free.  A buffer never moves while a
 * struct http_head points into it: only buf_compact() moves bytes.
 */
#ifndef SHM_BASE_BUF_H
#define SHM_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/base/err.h"

enum { BUF_SMALL = 16384, BUF_LARGE = 65536 };

struct buf {
	char *data;    /* size bytes, NULL when nothing is attached */
	uint32_t size; /* 0, BUF_SMALL or BUF_LARGE */
	uint32_t r;    /* bytes consumed, <= w */
	uint32_t w;    /* bytes written, <= size */
};

/* Attach storage of BUF_SMALL or BUF_LARGE. -WSE_NOMEM at the limit. */
MUST_USE int buf_get(struct buf *b, uint32_t size);
/* Detach and give back; harmless when nothing is attached. */
void buf_put(struct buf *b);
/* Give back when empty, else keep. */
void buf_put_empty(struct buf *b);
/* Move r..w to the start. */
void buf_compact(struct buf *b);
/* Swap BUF_SMALL for BUF_LARGE, keeping r..w. -WSE_NOMEM at the limit. */
MUST_USE int buf_grow(struct buf *b);
/* Most bytes that may be attached at once in this process (0: no limit). */
void buf_limit(uint64_t bytes);
/* Bytes attached now, and kept on the freelists. */
uint64_t buf_attached_bytes(void);
uint64_t buf_free_bytes(void);
/* Free what the freelists keep above `keep` bytes. */
void buf_trim(uint64_t keep);
/* Free what was not used since the last call; bytes freed. */
uint64_t buf_shrink(void);

static inline uint32_t
buf_len(const struct buf *b)
{
	return b->w - b->r;
}

static inline uint32_t
buf_room(const struct buf *b)
{
	return b->size - b->w;
}

static inline char *
buf_rp(struct buf *b)
{
	return b->data + b->r;
}

static inline char *
buf_wp(struct buf *b)
{
	return b->data + b->w;
}

/* Consume n bytes; an emptied buffer starts over. */
static inline void
buf_eat(struct buf *b, uint32_t n)
{
	b->r += n;
	if (b->r == b->w)
		b->r = b->w = 0;
}

#endif
