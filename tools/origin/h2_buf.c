/* SPDX-License-Identifier: MIT */
#include "tools/origin/h2_buf.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_MIN 512

void
h2_buf_reserve(struct h2_buf *b, size_t len)
{
	size_t have = h2_buf_len(b), size = b->size ? b->size : SIZE_MIN;

	if (b->size - b->end >= len)
		return;
	if (b->at > 0 && b->size - have >= len) {
		memmove(b->data, b->data + b->at, have);
	} else {
		char *data;

		while (size - have < len)
			size *= 2;
		data = malloc(size);
		if (!data)
			abort();
		if (have)
			memcpy(data, b->data + b->at, have);
		free(b->data);
		b->data = data;
		b->size = size;
	}
	b->at = 0;
	b->end = have;
}

void
h2_buf_put(struct h2_buf *b, const void *data, size_t len)
{
	if (len == 0)
		return;
	h2_buf_reserve(b, len);
	memcpy(b->data + b->end, data, len);
	b->end += len;
}

size_t
h2_buf_take(struct h2_buf *b, void *to, size_t len)
{
	size_t n = h2_buf_len(b);

	if (n > len)
		n = len;
	if (n)
		memcpy(to, b->data + b->at, n);
	b->at += n;
	if (b->at == b->end)
		b->at = b->end = 0;
	return n;
}

void
h2_buf_clear(struct h2_buf *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}
