/* SPDX-License-Identifier: MIT */
/*
 * HTTP/1.x messages (RFC 9112): strict, incremental, no copies.
 *
 * What is ambiguous is refused, never repaired: Content-Length with
 * Transfer-Encoding, differing lengths, obs-fold, bare CR or LF, NUL, space
 * before the colon, bad chunk sizes, unknown transfer codings.
 */
#ifndef SHM_PROTO_H1_H
#define SHM_PROTO_H1_H

#include "shm/proto/http.h"

/* How far the search for the end of a head has come; zero to begin. */
struct h1_scan {
	uint32_t scanned_bytes; /* of the head, known to hold no end */
};

/* Why a head was refused. */
struct h1_fault {
	uint16_t status; /* what to answer: 400, 405, 414, 431, 501, 505; 502
			    for responses */
	uint32_t at;     /* offset of the offending byte */
	const char *why; /* static text */
};

/*
 * Parse a request head at p, n bytes so far, p stable from the first call on.
 * Up to two empty lines before the request line are passed over and counted
 * as consumed.  Returns the head's bytes, empty line included; 0: need more;
 * -WSE_SYNTAX or -WSE_TOOBIG with *f filled in.  `max_bytes` bounds the head.
 */
MUST_USE ssize_t h1_parse_request(const char *p, size_t n, size_t max_bytes,
    struct h1_scan *sc, struct http_head *h, struct h1_fault *f);
/* The same for a response to a request of `method`; framing per RFC 9112 6.3.
 */
MUST_USE ssize_t h1_parse_response(const char *p, size_t n, size_t max_bytes,
    struct h1_scan *sc, enum http_method method, struct http_head *h,
    struct h1_fault *f);

enum h1_chunk_state {
	H1C_SIZE,     /* before or in a chunk-size line */
	H1C_DATA,     /* left_bytes of payload follow */
	H1C_DATA_END, /* CRLF after the payload */
	H1C_TRAILER,  /* the trailer section follows; see h1_parse_trailer */
	H1C_DONE,
	H1C_N
};

/* Decoder of the chunked coding; zero to begin. */
struct h1_chunk {
	enum h1_chunk_state state;
	uint8_t digits;      /* hex digits of the size read so far */
	uint8_t sub;         /* private position in a size line or CRLF */
	uint32_t ext_bytes;  /* bytes of extensions in this line (bounded) */
	uint64_t left_bytes; /* payload left in this chunk */
};

/*
 * Decode from n bytes at p. Returns bytes consumed (may be 0), or -WSE_SYNTAX
 * (-WSE_TOOBIG: extensions or size).  *data_r is the payload, inside p, that
 * the consumed bytes hold: at most one contiguous run per call.  Stops at
 * H1C_TRAILER, having consumed the last-chunk line.  Extensions are dropped.
 */
MUST_USE ssize_t h1_chunk_decode(
    struct h1_chunk *c, const char *p, size_t n, struct sv *data_r);
/*
 * Parse the trailer section at p into h->hdr (h zeroed by this call).  Bytes
 * consumed, the final empty line included; 0: need more; -WSE_*.  Fields that
 * must not be trailers (RFC 9110 6.5.1: framing, routing, Host, ...) are
 * dropped.
 */
MUST_USE ssize_t h1_parse_trailer(const char *p, size_t n, size_t max_bytes,
    struct h1_scan *sc, struct http_head *h, struct h1_fault *f);

/*
 * Write the start line (always HTTP/1.1) and all of h->hdr and the empty line.
 * Nothing is filtered. Bytes written, or -WSE_TOOBIG.
 */
MUST_USE ssize_t h1_write_head(
    const struct http_head *h, char *out, size_t room);
/* Write "<hex>\r\n" for a chunk of n bytes; out has room for 20. */
size_t h1_write_chunk_size(char *out, uint64_t n);

#endif
