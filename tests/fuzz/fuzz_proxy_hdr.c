/* SPDX-License-Identifier: MIT */
/*
 * Fuzzer of PROXY protocol headers (libFuzzer).  What must hold: a header is
 * taken in pieces exactly as whole, and what is taken can be written and reads
 * as the same addresses again.
 */
#include <stdlib.h>
#include <string.h>

#include "shm/proto/proxy_hdr.h"

#define MUST(x)                  \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
rewrite(unsigned version, const struct proxy_peer *src,
    const struct proxy_peer *dst)
{
	struct proxy_peer a, b;
	char out[PROXY_HDR_MAX];
	ssize_t n;

	n = proxy_hdr_write(version, (const struct sockaddr *)&src->ss,
	    (const struct sockaddr *)&dst->ss, out, sizeof(out));
	MUST(n > 0);
	MUST(proxy_hdr_parse(out, (size_t)n, &a, &b) == n);
	MUST(a.len == src->len && b.len == dst->len);
	MUST(memcmp(&a.ss, &src->ss, a.len) == 0);
	MUST(memcmp(&b.ss, &dst->ss, b.len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_peer src, dst, s, d;
	char *text = malloc(size ? size : 1);
	ssize_t n, k = 0;

	MUST(text);
	memcpy(text, data, size);
	n = proxy_hdr_parse(text, size, &src, &dst);
	for (size_t i = 0; i <= size && k == 0; i++)
		k = proxy_hdr_parse(text, i, &s, &d);
	MUST(k == n || (n <= 0 && k <= 0));
	MUST(n <= (ssize_t)size);
	if (n > 0 && src.len) {
		rewrite(1, &src, &dst);
		rewrite(2, &src, &dst);
	}
	free(text);
	return 0;
}
