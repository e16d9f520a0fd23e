/* SPDX-License-Identifier: MIT */
/*
 * Fuzzer of field sections to heads and back (libFuzzer).
 *
 * Input: a byte of choices, then fields, each {name length, value length,
 * name, value}.  What is accepted is written as HTTP/1, where our own strict
 * parser must find the same message; and as HTTP/2, where it must be
 * accepted once more.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/proto/h1.h"
#include "shm/proto/h2_head.h"

#define MUST(x)                                                            \
	do {                                                               \
		if (!(x)) {                                                \
			fprintf(stderr, "%d: broken: %s\n", __LINE__, #x); \
			abort();                                           \
		}                                                          \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA = 16384 };

static struct http_head h, h1, again;
_Alignas(8) static char store[ARENA], store2[ARENA * 4];
static char text[ARENA * 4];

static void
fields(struct h2_dec *d, const uint8_t *p, size_t n)
{
	while (n >= 2) {
		size_t a = p[0], b = p[1];

		p += 2;
		n -= 2;
		if (a > n)
			a = n;
		if (b > n - a)
			b = n - a;
		h2_head_field(d, sv_of((const char *)p, a),
		    sv_of((const char *)p + a, b));
		p += a + b;
		n -= a + b;
	}
}

/* HTTP/1 sees one message, with the same fields and length. */
static void
same_as_h1(void)
{
	struct h1_scan sc = { 0 };
	struct h1_fault f;
	ssize_t n = h1_write_head(&h, text, sizeof(text)), r;

	MUST(n > 0);
	if (h.is_response)
		r = h1_parse_response(
		    text, (size_t)n, sizeof(text), &sc, h.method, &h1, &f);
	else
		r = h1_parse_request(
		    text, (size_t)n, sizeof(text), &sc, &h1, &f);
	if (h.method == HTTP_CONNECT && !h.is_response && r < 0)
		return; /* wants a port */
	MUST(r == n);
	MUST(h1.hdr_count == h.hdr_count);
	MUST(h1.has_length == h.has_length);
	MUST(!h.has_length || h1.content_length == h.content_length);
	MUST(h1.conn_upgrade == h.conn_upgrade);
	MUST(h1.framing != HTTP_BODY_CHUNKED);
	for (unsigned i = 0; i < h.hdr_count; i++) {
		MUST(sv_eq(h.hdr[i].name, h1.hdr[i].name));
		MUST(sv_eq(h.hdr[i].value, h1.hdr[i].value));
	}
}

/* What we would send is what we would accept. */
static void
same_as_h2(const struct h2_dec *from, bool end)
{
	static struct h2_fields f;
	struct arena a = { store2, 0, sizeof(store2) };
	struct h2_dec d = { .part = from->part,
		.may_connect = true,
		.method = from->method,
		.upgrade = from->upgrade,
		.left_bytes = ARENA * 4,
		.h = &again,
		.a = &a };
	int e;

	if (h.is_response)
		e = h2_head_response(&h, from->upgrade.n > 0, &f);
	else
		e = h2_head_request(&h, from->scheme, &a, &f);
	MUST(e == 0);
	h2_head_begin(&d);
	for (unsigned i = 0; i < f.count; i++)
		h2_head_field(&d, f.f[i].name, f.f[i].value);
	e = h2_head_end(&d, end);
	MUST(e == 0);
	MUST(again.hdr_count == h.hdr_count);
	MUST(again.status == h.status && again.framing == h.framing);
	MUST(sv_eq(again.target, h.target));
	MUST(sv_eq(again.method_text, h.method_text));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { store, 0, sizeof(store) };
	struct h2_dec d = { .left_bytes = ARENA, .h = &h, .a = &a };
	bool end;
	int e;

	if (size == 0)
		return 0;
	d.part = (enum h2_part)(data[0] % H2_PART_N);
	d.may_connect = data[0] & 4;
	end = data[0] & 8;
	d.method = data[0] & 16 ? HTTP_HEAD : HTTP_GET;
	d.upgrade = data[0] & 32 ? SV("websocket") : SV_NULL;
	h2_head_begin(&d);
	fields(&d, data + 1, size - 1);
	e = h2_head_end(&d, end);
	MUST(e == 0 || e == -WSE_PROTO || e == -WSE_TOOBIG);
	MUST(a.used_bytes <= a.size_bytes && h.hdr_count <= HTTP_HDR_MAX);
	if (e < 0 || d.part == H2_TRAILERS)
		return 0;
	same_as_h1();
	if (h.status != 101 || d.upgrade.n)
		same_as_h2(&d, end);
	return 0;
}
