/* SPDX-License-Identifier: MIT */
/*
 * The chunked transfer coding (RFC 9112 7.1).
 */
#include "shm/proto/h1.h"

/* What a peer may make us read for nothing in one chunk-size line. */
enum { EXT_MAX_BYTES = 1024, DIGITS_MAX = 16 };

/* Position in a size line, and in the CRLF after the payload. */
enum { SUB_DIGITS, SUB_BLANK, SUB_EXT, SUB_LF };
enum { SUB_END_CR, SUB_END_LF };

static int
hex_value(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch |= 0x20;
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

/* A byte after the digits: blanks, then an extension or the line's end. */
static int
size_tail(struct h1_chunk *c, char ch)
{
	if (ch == '\r') {
		c->sub = SUB_LF;
		return 0;
	}
	if (++c->ext_bytes > EXT_MAX_BYTES)
		return -WSE_TOOBIG;
	if (c->sub == SUB_EXT) {
		if (((unsigned char)ch < 0x20 && ch != '\t') || ch == 0x7f)
			return -WSE_SYNTAX;
		return 0;
	}
	if (ch == ';')
		c->sub = SUB_EXT;
	else if (ch == ' ' || ch == '\t')
		c->sub = SUB_BLANK; /* some servers pad; HAProxy takes it */
	else
		return -WSE_SYNTAX;
	return 0;
}

/* One byte of a chunk-size line. */
static int
size_byte(struct h1_chunk *c, char ch)
{
	int v;

	if (c->sub == SUB_LF) {
		if (ch != '\n')
			return -WSE_SYNTAX;
		if (c->left_bytes > (uint64_t)INT64_MAX)
			return -WSE_TOOBIG;
		c->state = c->left_bytes ? H1C_DATA : H1C_TRAILER;
		c->digits = 0;
		c->sub = 0;
		c->ext_bytes = 0;
		return 0;
	}
	v = c->sub == SUB_DIGITS ? hex_value(ch) : -1;
	if (v < 0)
		return c->digits ? size_tail(c, ch) : -WSE_SYNTAX;
	if (c->digits == DIGITS_MAX)
		return -WSE_TOOBIG;
	c->digits++;
	c->left_bytes = c->left_bytes << 4 | (unsigned)v;
	return 0;
}

/* One byte of the CRLF after the payload. */
static int
end_byte(struct h1_chunk *c, char ch)
{
	if (ch != (c->sub == SUB_END_CR ? '\r' : '\n'))
		return -WSE_SYNTAX;
	if (c->sub == SUB_END_LF) {
		c->state = H1C_SIZE;
		c->sub = SUB_DIGITS;
	} else {
		c->sub = SUB_END_LF;
	}
	return 0;
}

ssize_t
h1_chunk_decode(struct h1_chunk *c, const char *p, size_t n, struct sv *data_r)
{
	size_t i = 0;
	int r = 0;

	*data_r = SV_NULL;
	while (i < n && c->state < H1C_TRAILER) {
		if (c->state == H1C_DATA) {
			size_t run = n - i;

			if (data_r->p)
				break;
			if (run > c->left_bytes)
				run = (size_t)c->left_bytes;
			*data_r = sv_of(p + i, run);
			i += run;
			c->left_bytes -= run;
			if (c->left_bytes == 0)
				c->state = H1C_DATA_END;
			continue;
		}
		r = c->state == H1C_SIZE ? size_byte(c, p[i])
					 : end_byte(c, p[i]);
		if (r < 0)
			return r;
		i++;
	}
	return (ssize_t)i;
}
