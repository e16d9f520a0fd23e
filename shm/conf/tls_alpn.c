/* SPDX-License-Identifier: MIT */
/*
 * Protocol lists of ALPN (RFC 7301): tokens, never compared as one text.
 */
#include <string.h>

#include "shm/conf/tls_conf.h"

bool
tls_alpn_has(const struct tls_alpn *a, struct sv proto)
{
	for (unsigned i = 0; i < a->n; i += 1u + a->wire[i])
		if (sv_eq(proto,
			sv_of((const char *)a->wire + i + 1, a->wire[i])))
			return true;
	return false;
}

int
tls_alpn_parse(const char *text, struct tls_alpn *a_r)
{
	struct tls_alpn a = { .n = 0 };

	for (;;) {
		size_t n = strcspn(text, ",");

		if (n == 0 || n > 255)
			return -WSE_SYNTAX;
		if (n + 1 > (size_t)TLS_ALPN_MAX - a.n)
			return -WSE_TOOBIG;
		a.wire[a.n] = (uint8_t)n;
		memcpy(a.wire + a.n + 1, text, n);
		a.n = (uint8_t)(a.n + n + 1);
		text += n;
		if (!*text)
			break;
		text++;
	}
	*a_r = a;
	return 0;
}
