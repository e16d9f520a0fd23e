/* SPDX-License-Identifier: MIT */
/* A queue of bytes that grows: taken from the front, added at the end. */
#ifndef ORIGIN_H2_BUF_H
#define ORIGIN_H2_BUF_H

#include <stddef.h>

struct h2_buf {
	char *data;
	size_t at, end, size;
};

static inline size_t
h2_buf_len(const struct h2_buf *b)
{
	return b->end - b->at;
}

/* Makes room for len bytes at `end`; ends the program without memory. */
void h2_buf_reserve(struct h2_buf *b, size_t len);
void h2_buf_put(struct h2_buf *b, const void *data, size_t len);
/* Takes at most len bytes; returns how many. */
size_t h2_buf_take(struct h2_buf *b, void *to, size_t len);
void h2_buf_clear(struct h2_buf *b);

#endif
