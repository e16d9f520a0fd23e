/* SPDX-License-Identifier: MIT */
/*
 * Fuzzer of the HTTP/1 code (libFuzzer).
 *
 * The first byte of the input chooses what is parsed and in which steps, the
 * rest is the message.  What must hold:
 * - fed in pieces, a message is taken exactly when it is taken whole, with the
 *   same bytes consumed;
 * - what was refused whole is never taken in pieces, and the other way round;
 * - what the writer makes of a head reads as the same head again;
 * - the chunk decoder gives the same payload in any steps.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/proto/h1.h"

enum { MAX = 4096, HOLD = 65536 };

enum kind { REQUEST, RESPONSE, TRAILER, CHUNKS, KIND_N };

static struct http_head whole, pieces, again;
static char written[HOLD];

#define MUST(x)                                                            \
	do {                                                               \
		if (!(x)) {                                                \
			fprintf(stderr, "%d: broken: %s\n", __LINE__, #x); \
			abort();                                           \
		}                                                          \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ssize_t
parse(enum kind kind, enum http_method m, const char *p, size_t n,
    struct h1_scan *sc, struct http_head *h, struct h1_fault *f)
{
	switch (kind) {
	case REQUEST:
		return h1_parse_request(p, n, MAX, sc, h, f);
	case RESPONSE:
		return h1_parse_response(p, n, MAX, sc, m, h, f);
	case TRAILER:
		return h1_parse_trailer(p, n, MAX, sc, h, f);
	case CHUNKS:
	case KIND_N:
		break;
	}
	abort();
}

/* What the rest of the proxy relies on in a head that was taken. */
static void
check_head(const struct http_head *h, enum kind kind)
{
	MUST(h->hdr_count <= HTTP_HDR_MAX);
	for (unsigned i = 0; i < h->hdr_count; i++) {
		struct sv n = h->hdr[i].name, v = h->hdr[i].value;

		MUST(n.n > 0 && !memchr(n.p, ':', n.n));
		MUST(v.p && !memchr(v.p, '\n', v.n) &&
		    !memchr(v.p, '\r', v.n) && !memchr(v.p, 0, v.n));
		MUST(h->hdr[i].id == http_hid_of(n));
		MUST(sv_eq(sv_trim(v), v));
	}
	if (kind == REQUEST) {
		MUST(h->target.n > 0 && h->minor <= 1);
		MUST(h->framing != HTTP_BODY_EOF);
		MUST(http_path(h).n + http_query(h).n <= h->target.n);
	}
	if (h->framing == HTTP_BODY_LENGTH)
		MUST(h->has_length && h->content_length > 0);
	if (h->framing == HTTP_BODY_CHUNKED)
		MUST(!h->has_length);
}

static void
check_same(const struct http_head *a, const struct http_head *b)
{
	MUST(a->status == b->status && a->method == b->method);
	MUST(a->framing == b->framing && a->has_length == b->has_length);
	MUST(a->content_length == b->content_length);
	MUST(a->conn_close == b->conn_close &&
	    a->conn_keepalive == b->conn_keepalive &&
	    a->conn_upgrade == b->conn_upgrade &&
	    a->conn_other == b->conn_other);
	MUST(sv_eq(a->target, b->target) && sv_eq(a->reason, b->reason));
	MUST(sv_eq(a->method_text, b->method_text));
	MUST(a->hdr_count == b->hdr_count);
	for (unsigned i = 0; i < a->hdr_count; i++) {
		MUST(sv_eq(a->hdr[i].name, b->hdr[i].name));
		MUST(sv_eq(a->hdr[i].value, b->hdr[i].value));
	}
}

/* Written and read again it is the same; HTTP/1.0 becomes 1.1. */
static void
check_written(const struct http_head *h, enum kind kind)
{
	struct h1_scan sc = { 0 };
	struct h1_fault f;
	ssize_t n = h1_write_head(h, written, sizeof(written)), r;

	MUST(n > 0);
	for (ssize_t room = n - 1; room >= 0; room -= 1 + room / 3)
		MUST(h1_write_head(h, written, (size_t)room) == -WSE_TOOBIG);
	MUST(h1_write_head(h, written, (size_t)n) == n);
	if (h->minor == 0)
		return;
	if (kind == REQUEST)
		r = h1_parse_request(written, (size_t)n, HOLD, &sc, &again, &f);
	else
		r = h1_parse_response(
		    written, (size_t)n, HOLD, &sc, h->method, &again, &f);
	MUST(r == n);
	check_same(h, &again);
}

static void
fuzz_head(
    enum kind kind, enum http_method m, const char *p, size_t n, size_t step)
{
	struct h1_scan sc = { 0 };
	struct h1_fault f = { 0 }, g = { 0 };
	ssize_t r = parse(kind, m, p, n, &sc, &whole, &f), q = 0;

	MUST(r <= (ssize_t)n && r <= MAX);
	if (r < 0)
		MUST(f.why && f.status >= 400 && f.at <= n);
	if (r > 0)
		check_head(&whole, kind);
	sc = (struct h1_scan){ 0 };
	for (size_t seen = 0; q == 0 && seen < n;) {
		seen = seen + step < n ? seen + step : n;
		q = parse(kind, m, p, seen, &sc, &pieces, &g);
		/* faults are not seen before they are there */
		if (r > 0 && seen < (size_t)r)
			MUST(q == 0);
	}
	if (r > 0) {
		MUST(q == r);
		check_same(&whole, &pieces);
	} else if (r == 0) {
		MUST(q == 0);
	} else {
		/* a head without an end may still wait for it */
		MUST(q == 0 || q == -WSE_SYNTAX || q == -WSE_TOOBIG);
	}
	if (r > 0 && kind != TRAILER)
		check_written(&whole, kind);
}

/* Decode all; payload to out, which has room for n bytes. */
static ssize_t
decode(const char *p, size_t n, size_t step, char *out, size_t *out_n)
{
	struct h1_chunk c = { 0 };
	size_t at = 0, seen = 0;

	*out_n = 0;
	while (seen < n && c.state < H1C_TRAILER) {
		seen = seen + step < n ? seen + step : n;
		while (at < seen && c.state < H1C_TRAILER) {
			struct sv d;
			ssize_t r = h1_chunk_decode(&c, p + at, seen - at, &d);

			if (r < 0)
				return r;
			MUST(r > 0 && (size_t)r <= seen - at && d.n <= n);
			if (d.n)
				memcpy(out + *out_n, d.p, d.n);
			*out_n += d.n;
			at += (size_t)r;
		}
	}
	return (ssize_t)at;
}

static void
fuzz_chunks(const char *p, size_t n, size_t step)
{
	char *a = malloc(n + 1), *b = malloc(n + 1);
	size_t a_n, b_n;
	ssize_t r = decode(p, n, n, a, &a_n);
	ssize_t q = decode(p, n, step, b, &b_n);

	MUST(r == q);
	if (r >= 0) /* else what came right before the fault may be lost */
		MUST(a_n == b_n && memcmp(a, b, a_n) == 0);
	free(a);
	free(b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum http_method methods[] = { HTTP_GET, HTTP_HEAD,
		HTTP_CONNECT, HTTP_POST };
	enum kind kind;
	size_t n, step;
	char *p;

	if (size < 2 || size > HOLD / 2)
		return 0;
	kind = (enum kind)(data[0] % KIND_N);
	step = 1u + (data[0] / KIND_N) % 16u * (data[0] / KIND_N % 16u);
	n = size - 1;
	p = malloc(n); /* ends where the input ends */
	memcpy(p, data + 1, n);
	if (kind == CHUNKS)
		fuzz_chunks(p, n, step);
	else
		fuzz_head(kind, methods[data[0] >> 6], p, n, step);
	free(p);
	return 0;
}
