/* SPDX-License-Identifier: MIT */
/*
 * HTTP/2 field sections and struct http_head, both ways (RFC 9113 8).
 *
 * What a head looks like does not depend on the version it came in: an
 * :authority is the Host field, and an extended CONNECT (RFC 8441) is a GET
 * with Connection and Upgrade, its 2xx a 101, as HTTP/1 would say it.  What
 * could mean two things is refused, as in h1.h.
 */
#ifndef SHM_PROTO_H2_HEAD_H
#define SHM_PROTO_H2_HEAD_H

#include "shm/base/mem.h"
#include "shm/proto/http.h"

enum h2_part { H2_REQUEST, H2_RESPONSE, H2_TRAILERS, H2_PART_N };

/* A section being read. The members below the line are h2_head's own. */
struct h2_dec {
	enum h2_part part;
	bool may_connect;        /* requests: we announced ENABLE_CONNECT */
	enum http_method method; /* responses: of the request */
	struct sv upgrade;       /* responses: :protocol asked for, or empty */
	uint32_t left_bytes;     /* of the limit, as RFC 9113 6.5.2 counts */
	struct http_head *h;
	struct arena *a;
	/* ---- */
	uint8_t seen; /* pseudo-header fields, bits */
	bool regular; /* other fields have begun */
	bool closed;  /* the pseudo-header fields were judged */
	uint8_t err;  /* the first WSE_, sticks */
	uint16_t cookies;
	struct sv scheme, path, authority, protocol;
};

/*
 * Begin; the fields above the line were set by the caller, the others are set
 * here.  *d->h is zeroed; names and values are copied to d->a, one after the
 * other as HTTP/1 has them.
 */
void h2_head_begin(struct h2_dec *d);
/* One field, in the order of the section. */
void h2_head_field(struct h2_dec *d, struct sv name, struct sv value);
/*
 * The section is complete; end: no DATA follows. 0; -WSE_PROTO: malformed
 * (8.1.1), reset the stream with PROTOCOL_ERROR; -WSE_TOOBIG: beyond
 * left_bytes, HTTP_HDR_MAX or the arena.  Then *d->h is of no use.
 *
 * A request's head says minor 1 and framing NONE, LENGTH or CHUNKED (length
 * unknown; there is no Transfer-Encoding field); a response's the same.
 */
MUST_USE int h2_head_end(struct h2_dec *d, bool end);

/* A section to be sent; views into the head, the arena, static text. */
struct h2_field {
	struct sv name; /* in any case: lowered on the wire */
	struct sv value;
};

struct h2_fields {
	unsigned count;
	char status[3];
	struct h2_field f[HTTP_HDR_MAX + 5];
};

/*
 * A request.  Hop-by-hop fields are dropped (those Connection names as well),
 * Host becomes :authority, the scheme is the target's or, without one, as
 * given (an upgrade's should be https).  A head that asks for an upgrade
 * becomes an extended CONNECT for its first token, Sec-WebSocket-Key dropped.
 * 0; -WSE_UNSUPP: an upgrade with a body, or to h2 or h2c; -WSE_SYNTAX: a
 * target without path; -WSE_FULL: the arena.
 */
MUST_USE int h2_head_request(const struct http_head *h, struct sv scheme,
    struct arena *a, struct h2_fields *out);
/*
 * A response, final or interim.  A 101 becomes :status 200 if the stream is an
 * extended CONNECT (is_tunnel), else -WSE_PROTO.
 */
MUST_USE int h2_head_response(
    const struct http_head *h, bool is_tunnel, struct h2_fields *out);
/* Trailers: fields of the head that may be such. */
void h2_head_trailers(const struct http_head *h, struct h2_fields *out);

/* :protocol this head's upgrade asks for, or empty when it is none. */
struct sv h2_head_upgrade(const struct http_head *h);

#endif
