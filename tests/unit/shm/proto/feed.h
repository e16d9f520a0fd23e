/* SPDX-License-Identifier: MIT */
/*
 * Feeding heads to the HTTP/1 parser whole, in two pieces and byte by byte.
 */
#ifndef TESTS_UNIT_SHM_PROTO_FEED_H
#define TESTS_UNIT_SHM_PROTO_FEED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "shm/proto/h1.h"

enum { MAX = 8192 };

/* What came of feeding a message. */
struct outcome {
	ssize_t r;
	struct h1_fault f;
};

enum kind { REQUEST, RESPONSE, TRAILER };

static struct http_head head;

static inline ssize_t
parse(enum kind kind, enum http_method m, const char *p, size_t n, size_t max,
    struct h1_scan *sc, struct h1_fault *f)
{
	switch (kind) {
	case REQUEST:
		return h1_parse_request(p, n, max, sc, &head, f);
	case RESPONSE:
		return h1_parse_response(p, n, max, sc, m, &head, f);
	case TRAILER:
		return h1_parse_trailer(p, n, max, sc, &head, f);
	}
	return -1;
}

/* Feed up to n bytes in steps, from storage that ends where they end. */
static inline struct outcome
feed(enum kind kind, enum http_method m, const char *text, size_t n,
    const size_t *cuts, size_t cut_count)
{
	struct outcome o = { 0 };
	struct h1_scan sc = { 0 };
	char *p = malloc(n);

	memcpy(p, text, n);
	for (size_t i = 0; i <= cut_count && o.r == 0; i++)
		o.r = parse(
		    kind, m, p, i < cut_count ? cuts[i] : n, MAX, &sc, &o.f);
	free(p);
	return o;
}

static inline struct outcome
feed_whole(enum kind kind, enum http_method m, const char *text)
{
	return feed(kind, m, text, strlen(text), NULL, 0);
}

/* Byte by byte and in two pieces the answer must be that of the whole. */
static inline void
check_splits(
    enum kind kind, enum http_method m, const char *text, struct outcome whole)
{
	size_t n = strlen(text);
	size_t *cuts = calloc(n, sizeof(*cuts));
	struct outcome o;

	for (size_t i = 1; i < n; i++) {
		cuts[0] = i;
		o = feed(kind, m, text, n, cuts, 1);
		if (o.r != whole.r)
			print_error("split at %zu of: %s\n", i, text);
		assert_int_equal(o.r, whole.r);
		if (o.r < 0)
			assert_int_equal(o.f.status, whole.f.status);
	}
	for (size_t i = 0; i < n; i++)
		cuts[i] = i;
	o = feed(kind, m, text, n, cuts, n);
	if (o.r != whole.r)
		print_error("byte by byte: %s\n", text);
	assert_int_equal(o.r, whole.r);
	free(cuts);
}

#define H  "Host: a\r\n"
#define G  "GET / HTTP/1.1\r\n" H
#define P  "POST / HTTP/1.1\r\n" H
#define TE "Transfer-Encoding: "
#define CL "Content-Length: "
#define E  "\r\n"

#endif
