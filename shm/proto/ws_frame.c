/* SPDX-License-Identifier: MIT */
/*
 * The follower: a byte at a time through a header, then the payload by
 * arithmetic.
 */
#include "shm/proto/ws_frame.h"

#include <string.h>

enum ws_at {
	AT_LOST,   /* or never started */
	AT_FIRST,  /* the first byte of a frame comes next */
	AT_SECOND, /* mask bit and length */
	AT_LENGTH, /* `more` bytes of a longer length */
	AT_KEY,    /* `more` bytes of the mask */
	AT_BODY    /* `left` bytes */
};

/* Bits of how: the reserved ones that may be set, and: */
enum {
	HOW_MASKED = 1, /* all frames are, or none */
	HOW_INSIDE = 2, /* fragments of a message are to come */
	HOW_BINARY = 4, /* of that one */
	HOW_HALF = 8,   /* of a close code is read */
	HOW_CODE = 0x80 /* `code` is that of the Close */
};

enum { OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };
enum { FIN = 0x80, MASK = 0x80, OP = 0x0f, LEN = 0x7f, KEY_BYTES = 4 };

_Static_assert(sizeof(struct ws_frame) == 16, "one for each direction");

void
ws_frame_start(struct ws_frame *f, bool masked, uint8_t rsv)
{
	memset(f, 0, sizeof(*f));
	f->at = AT_FIRST;
	f->how = (uint8_t)((rsv & WS_RSV_ALL) | (masked ? HOW_MASKED : 0));
}

bool
ws_frame_is_lost(const struct ws_frame *f)
{
	return f->at == AT_LOST;
}

bool
ws_frame_is_between(const struct ws_frame *f)
{
	return f->at == AT_FIRST;
}

bool
ws_frame_is_inside(const struct ws_frame *f)
{
	return f->how & HOW_INSIDE;
}

bool
ws_frame_is_closed(const struct ws_frame *f)
{
	return f->how & HOW_CODE;
}

bool
ws_frame_is_sound(const struct ws_frame *f)
{
	switch (f->at) {
	case AT_LENGTH:
		return f->more >= 1 && f->more <= 8;
	case AT_KEY:
		return f->more >= 1 && f->more <= KEY_BYTES && !(f->left >> 63);
	case AT_BODY:
		return !(f->left >> 63);
	default:
		return f->at <= AT_SECOND;
	}
}

static bool
is_control(uint8_t first)
{
	return first & OP_CLOSE;
}

/* A frame may begin so, where it does. */
static bool
begins(const struct ws_frame *f, uint8_t b)
{
	if (b & WS_RSV_ALL & ~f->how)
		return false;
	switch (b & OP) {
	case 0:
		return f->how & HOW_INSIDE;
	case OP_TEXT:
	case OP_BINARY:
		return !(f->how & HOW_INSIDE);
	case OP_CLOSE:
	case OP_PING:
	case OP_PONG:
		return b & FIN;
	default:
		return false;
	}
}

/* The header is complete but for the mask. */
static uint8_t
sized(struct ws_frame *f)
{
	if (f->left >> 63)
		return AT_LOST;
	f->more = KEY_BYTES;
	return f->how & HOW_MASKED ? AT_KEY : AT_BODY;
}

static uint8_t
second(struct ws_frame *f, uint8_t b)
{
	uint8_t len = b & LEN;

	if (!(b & MASK) != !(f->how & HOW_MASKED) ||
	    (is_control(f->first) && len > WS_CONTROL_MAX))
		return AT_LOST;
	f->left = len;
	if (len <= WS_CONTROL_MAX)
		return sized(f);
	f->left = 0;
	f->more = len == LEN ? 8 : 2;
	return AT_LENGTH;
}

/* One byte of a header. */
static void
step(struct ws_frame *f, uint8_t b)
{
	switch ((enum ws_at)f->at) {
	case AT_FIRST:
		f->at = begins(f, b) ? AT_SECOND : AT_LOST;
		f->first = b;
		break;
	case AT_SECOND:
		f->at = second(f, b);
		break;
	case AT_LENGTH:
		f->left = f->left << 8 | b;
		if (--f->more == 0)
			f->at = sized(f);
		break;
	case AT_KEY:
		if (f->more > KEY_BYTES - 2)
			f->key[KEY_BYTES - f->more] = b;
		if (--f->more == 0)
			f->at = AT_BODY;
		break;
	case AT_BODY:
	case AT_LOST:
		break;
	}
}

/* The payload of the first Close begins with its code. */
static void
close_code(struct ws_frame *f, const uint8_t *p, size_t n)
{
	for (; n > 0 && !(f->how & HOW_CODE); p++, n--) {
		if (f->how & HOW_HALF) {
			f->code |= *p ^ f->key[1];
			f->how |= HOW_CODE;
		} else {
			f->code = (uint16_t)((*p ^ f->key[0]) << 8);
			f->how |= HOW_HALF;
		}
	}
}

/* The frame at hand is over: the kind of the message that ends, or none. */
static enum ws_kind
over(struct ws_frame *f)
{
	uint8_t op = f->first & OP;

	f->at = AT_FIRST;
	switch (op) {
	case OP_CLOSE:
		if (!(f->how & HOW_CODE))
			f->code = WS_NO_CODE;
		f->how |= HOW_CODE;
		return WS_CLOSE;
	case OP_PING:
		return WS_PING;
	case OP_PONG:
		return WS_PONG;
	default:
		break;
	}
	if (op) /* else it goes on */
		f->how = (uint8_t)((f->how & ~HOW_BINARY) |
		    (op == OP_BINARY ? HOW_BINARY : 0));
	f->how |= HOW_INSIDE;
	if (!(f->first & FIN))
		return WS_KIND_N;
	f->how &= (uint8_t)~HOW_INSIDE;
	return f->how & HOW_BINARY ? WS_BINARY : WS_TEXT;
}

/* To the end of the frame at hand (true), or of what there is; *at_r is where.
 */
static bool
frame_end(struct ws_frame *f, const uint8_t *p, size_t n, size_t *at_r,
    enum ws_kind *kind_r)
{
	size_t at = *at_r, k;

	while (at < n && f->at != AT_BODY && f->at != AT_LOST)
		step(f, p[at++]);
	if (f->at == AT_BODY) {
		k = f->left < n - at ? (size_t)f->left : n - at;
		if ((f->first & OP) == OP_CLOSE)
			close_code(f, p + at, k);
		at += k;
		f->left -= k;
	}
	*at_r = at;
	if (f->at != AT_BODY || f->left)
		return false;
	*kind_r = over(f);
	return true;
}

size_t
ws_frame_follow(
    struct ws_frame *f, const void *bytes, size_t n, enum ws_kind *kind_r)
{
	size_t at = 0;

	*kind_r = WS_KIND_N;
	while (frame_end(f, bytes, n, &at, kind_r))
		if (*kind_r != WS_KIND_N)
			return at;
	return n;
}

size_t
ws_frame_skip(struct ws_frame *f, const void *bytes, size_t n)
{
	enum ws_kind kind;
	size_t at = 0;

	return frame_end(f, bytes, n, &at, &kind) ? at : n;
}

void
ws_frame_count(
    struct ws_frame *f, const void *bytes, size_t n, uint32_t count[WS_KIND_N])
{
	const char *p = bytes;
	enum ws_kind kind;
	size_t k;

	while (n > 0) {
		k = ws_frame_follow(f, p, n, &kind);
		if (kind != WS_KIND_N)
			count[kind]++;
		p += k;
		n -= k;
	}
}
