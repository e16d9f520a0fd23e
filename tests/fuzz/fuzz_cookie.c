/* SPDX-License-Identifier: MIT */
/*
 * Fuzzer of session cookies in requests and responses (libFuzzer).
 *
 * Input: a byte of choices, a Cookie field, a NUL, a Set-Cookie field.  What is
 * left of a Cookie is never longer than it was, and holds none of ours where
 * the server must not see it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/cookie.h"

#define MUST(x)                                                            \
	do {                                                               \
		if (!(x)) {                                                \
			fprintf(stderr, "%d: broken: %s\n", __LINE__, #x); \
			abort();                                           \
		}                                                          \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA = 4096 };

static struct http_head req, res;
static char store[ARENA];
static struct server srv[2];
static struct proxy be;

static bool
is_up(const struct server *s)
{
	return s == &srv[1];
}

static char *
text(const char *s)
{
	return (char *)(uintptr_t)s;
}

static void
choices(uint8_t c)
{
	be = (struct proxy){ .servers = srv };
	be.cookie.name = text("S");
	be.cookie.insert = (c & 3) == 1;
	be.cookie.prefix = (c & 3) == 2;
	be.cookie.rewrite = (c & 3) == 3;
	be.cookie.indirect = c & 4;
	be.cookie.preserve = c & 8;
	be.cookie.nocache = c & 16;
	be.cookie.maxidle_s = c & 32 ? 1000000000 : 0;
	be.cookie.maxlife_s = c & 64 ? 1000000000 : 0;
	srv[0] = (struct server){ .cookie = text("a"), .next = &srv[1] };
	srv[1] = (struct server){ .cookie = c & 128 ? NULL : text("b") };
}

static void
put(struct http_head *h, struct sv name, struct sv value)
{
	h->hdr_count = 0;
	MUST(http_add(h, name, value) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data + 1, *nul;
	size_t n = size ? size - 1 : 0, first = n;
	struct txn t = { .be = &be, .fe = &be, .req = &req, .res = &res };
	struct txn again;

	if (size == 0 || size > 1000)
		return 0;
	choices(data[0]);
	nul = memchr(p, 0, n);
	if (nul)
		first = (size_t)(nul - p);
	txn_hooks.srv_is_up = is_up;
	/* a block of the size allowed: what is written behind it shows */
	t.arena = (struct arena){ malloc(first + 1), 0, (uint32_t)first + 1 };
	MUST(t.arena.data);
	put(&req, SV("Cookie"), sv_of(p, first));
	MUST(cookie_request(&t, false) == 0);
	MUST(req.hdr_count == 0 || req.hdr[0].value.n <= first);
	MUST(!t.cookie.srv || t.cookie.srv == &srv[1]);
	again = t;
	again.cookie = (struct txn_cookie){ 0 };
	again.arena = (struct arena){ store, 0, ARENA };
	MUST(cookie_request(&again, false) == 0);
	MUST(!be.cookie.insert || !be.cookie.indirect || !again.cookie.req);
	if (nul)
		put(&res, SV("Set-Cookie"), sv_of(nul + 1, n - first - 1));
	free(t.arena.data);
	t.arena = again.arena;
	t.srv = t.cookie.srv ? t.cookie.srv : &srv[0];
	MUST(cookie_response(&t) == 0);
	MUST(res.hdr_count <= 3);
	res.hdr_count = 0;
	return 0;
}
