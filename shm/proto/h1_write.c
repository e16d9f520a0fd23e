/* SPDX-License-Identifier: MIT */
/*
 * Writing heads and chunk sizes.
 *
 * Fields mostly stand in the parsed buffer as they came, one after the other:
 * such a run is copied at once.
 */
#include "shm/proto/h1.h"

#include <string.h>

struct out {
	char *p;
	size_t room;
};

static bool
put(struct out *o, const char *p, size_t n)
{
	if (n > o->room)
		return false;
	memcpy(o->p, p, n);
	o->p += n;
	o->room -= n;
	return true;
}

static bool
put_sv(struct out *o, struct sv s)
{
	return s.n == 0 || put(o, s.p, s.n);
}

static bool
start_line(struct out *o, const struct http_head *h)
{
	char st[13] = "HTTP/1.1 000 ";

	if (!h->is_response)
		return put_sv(o, h->method_text) && put(o, " ", 1) &&
		    put_sv(o, h->target) && put(o, " HTTP/1.1\r\n", 11);
	st[9] = (char)('0' + h->status / 100 % 10);
	st[10] = (char)('0' + h->status / 10 % 10);
	st[11] = (char)('0' + h->status % 10);
	return put(o, st, 13) && put_sv(o, h->reason) && put(o, "\r\n", 2);
}

/* Does the field stand as "name: value" in one piece? */
static bool
is_plain(const struct http_hdr *f)
{
	const char *colon = f->name.p + f->name.n;

	return f->value.p == colon + 2 && colon[0] == ':' && colon[1] == ' ';
}

/* Does `next` stand right behind it, after CRLF? */
static bool
is_followed(const struct http_hdr *f, const struct http_hdr *next)
{
	const char *end = f->value.p + f->value.n;

	return next->name.p == end + 2 && end[0] == '\r' && end[1] == '\n';
}

ssize_t
h1_write_head(const struct http_head *h, char *out, size_t room)
{
	struct out o = { out, room };
	unsigned i = 0;

	if (!start_line(&o, h))
		return -WSE_TOOBIG;
	while (i < h->hdr_count) {
		const struct http_hdr *first = &h->hdr[i], *last = first;

		if (!is_plain(first)) {
			if (!put_sv(&o, first->name) || !put(&o, ": ", 2) ||
			    !put_sv(&o, first->value) || !put(&o, "\r\n", 2))
				return -WSE_TOOBIG;
			i++;
			continue;
		}
		while (++i < h->hdr_count && is_followed(last, &h->hdr[i]) &&
		    is_plain(&h->hdr[i]))
			last = &h->hdr[i];
		if (!put(&o, first->name.p,
			(size_t)(last->value.p + last->value.n -
			    first->name.p)) ||
		    !put(&o, "\r\n", 2))
			return -WSE_TOOBIG;
	}
	if (!put(&o, "\r\n", 2))
		return -WSE_TOOBIG;
	return o.p - out;
}

size_t
h1_write_chunk_size(char *out, uint64_t n)
{
	static const char hex[] = "0123456789abcdef";
	unsigned digits = n ? (unsigned)(67 - __builtin_clzll(n)) / 4 : 1;

	for (unsigned i = digits; i-- > 0; n >>= 4)
		out[i] = hex[n & 15];
	out[digits] = '\r';
	out[digits + 1] = '\n';
	return digits + 2;
}
