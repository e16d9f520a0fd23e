/* SPDX-License-Identifier: MIT */
/*
 * What the files of the HTTP/1 parser share: byte classes, scanning, the
 * cursor.  Only they and h2_head.c, which knows the same bytes, include it.
 */
#ifndef SHM_PROTO_H1_INT_H
#define SHM_PROTO_H1_INT_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "shm/proto/h1.h"

/* A head being parsed. The functions return 1: go on, 0: need more, -WSE_*. */
struct h1_cur {
	const char *base; /* first byte of the head */
	const char *p;    /* next byte */
	const char *end;  /* after the last byte there is */
	struct h1_fault *f;
	uint16_t status; /* of faults without one of their own */
};

enum {
	H1B_TOKEN = 1, /* RFC 9110 5.6.2 */
	H1B_VALUE = 2, /* field values: HTAB, SP, VCHAR, obs-text */
	H1B_HOST = 4,  /* RFC 3986 3.2.2, with port and brackets */
};

/* H1B_ bits of each byte (h1_bytes.c). */
extern const unsigned char h1_bytes[256];

/* uri-host [":" port], RFC 9110 7.2; true for what is empty (h1.c). */
bool h1_is_host(struct sv s);

static inline bool
h1_is(char c, unsigned cls)
{
	return (h1_bytes[(unsigned char)c] & cls) != 0;
}

/* First byte from p on that no field value may hold, or end. */
static inline const char *
h1_scan_value(const char *p, const char *end)
{
#ifdef __SSE2__
	const __m128i ctl = _mm_set1_epi8(0x1f);
	const __m128i del = _mm_set1_epi8(0x7f);
	const __m128i tab = _mm_set1_epi8('\t');

	while (end - p >= 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i bad = _mm_cmpeq_epi8(_mm_min_epu8(x, ctl), x);
		unsigned m;

		bad = _mm_andnot_si128(_mm_cmpeq_epi8(x, tab), bad);
		bad = _mm_or_si128(bad, _mm_cmpeq_epi8(x, del));
		m = (unsigned)_mm_movemask_epi8(bad);
		if (m)
			return p + __builtin_ctz(m);
		p += 16;
	}
#endif
	while (p < end && h1_is(*p, H1B_VALUE))
		p++;
	return p;
}

/*
 * First byte from p on that no request target may hold, or end: what is not
 * in 0x21..0x7e, and '#', as HAProxy has it.
 */
static inline const char *
h1_scan_target(const char *p, const char *end)
{
#ifdef __SSE2__
	const __m128i low = _mm_set1_epi8(0x21);
	const __m128i del = _mm_set1_epi8(0x7f);
	const __m128i hash = _mm_set1_epi8('#');

	while (end - p >= 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
		/* signed: bytes from 0x80 on are low as well */
		__m128i bad = _mm_cmplt_epi8(x, low);
		unsigned m;

		bad = _mm_or_si128(bad, _mm_cmpeq_epi8(x, del));
		bad = _mm_or_si128(bad, _mm_cmpeq_epi8(x, hash));
		m = (unsigned)_mm_movemask_epi8(bad);
		if (m)
			return p + __builtin_ctz(m);
		p += 16;
	}
#endif
	while (p < end && *p >= 0x21 && *p != 0x7f && *p != '#')
		p++;
	return p;
}

/* Fill in the fault; returns err negated, for `return h1_refuse(...)`. */
int h1_refuse(struct h1_cur *c, int err, uint16_t status, const char *at,
    const char *why);

/* What the fields claim that the head itself does not keep. */
struct h1_claims {
	bool chunked; /* the Transfer-Encoding, "chunked" and nothing else */
	bool has_host;
	struct sv host;
};

/*
 * Parse field lines up to and with the empty line into h->hdr.  1 when all
 * were there, 0: need more, -WSE_*.  Without m (trailers) no field means
 * anything.
 */
MUST_USE int
h1_fields_parse(struct h1_cur *c, struct http_head *h, struct h1_claims *m);

/*
 * May a head that was incomplete be complete or faulty now, with n bytes?
 * Looks at each byte once over all calls.
 */
MUST_USE bool h1_scan_ready(struct h1_scan *sc, const char *p, size_t n);

#endif
