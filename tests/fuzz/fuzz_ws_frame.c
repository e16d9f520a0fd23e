/* SPDX-License-Identifier: MIT */
/*
 * Fuzzer of the WebSocket frame follower (libFuzzer).
 *
 * The first byte: masked or not, and the reserved bits that are agreed on.
 * What must hold: however the bytes come cut, the same is seen in them; a
 * follower never goes beyond what it was given; lost is lost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/proto/ws_frame.h"

#define MUST(x)                                                            \
	do {                                                               \
		if (!(x)) {                                                \
			fprintf(stderr, "%d: broken: %s\n", __LINE__, #x); \
			abort();                                           \
		}                                                          \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
feed(struct ws_frame *f, const uint8_t *p, size_t n, uint32_t *count)
{
	enum ws_kind kind;
	bool lost;
	size_t k;

	while (n > 0) {
		lost = ws_frame_is_lost(f);
		k = ws_frame_follow(f, p, n, &kind);
		MUST(k > 0 && k <= n);
		MUST(kind != WS_KIND_N || k == n);
		MUST(kind == WS_KIND_N || ws_frame_is_between(f));
		MUST(!lost || (ws_frame_is_lost(f) && kind == WS_KIND_N));
		if (kind != WS_KIND_N)
			count[kind]++;
		p += k;
		n -= k;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t whole[WS_KIND_N] = { 0 }, bytes[WS_KIND_N] = { 0 };
	uint32_t split[WS_KIND_N] = { 0 };
	struct ws_frame a, b, c, d;
	size_t half;

	if (size < 2)
		return 0;
	ws_frame_start(&a, data[0] & 1, data[0]);
	d = c = b = a;
	half = 1 + data[0] % (size - 1);
	feed(&a, data + 1, size - 1, whole);
	for (size_t i = 1; i < size; i++)
		feed(&b, data + i, 1, bytes);
	feed(&c, data + 1, half, split);
	feed(&c, data + 1 + half, size - 1 - half, split);
	MUST(memcmp(&a, &b, sizeof(a)) == 0);
	MUST(memcmp(&a, &c, sizeof(a)) == 0);
	MUST(memcmp(whole, bytes, sizeof(whole)) == 0);
	MUST(memcmp(whole, split, sizeof(whole)) == 0);
	for (size_t i = 1; i < size;)
		i += ws_frame_skip(&d, data + i, size - i);
	MUST(memcmp(&a, &d, sizeof(a)) == 0);
	MUST(!ws_frame_is_closed(&a) || whole[WS_CLOSE] > 0 ||
	    !ws_frame_is_between(&a));
	return 0;
}
