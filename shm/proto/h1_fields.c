/* SPDX-License-Identifier: MIT */
/*
 * Field lines of requests, responses and trailers (RFC 9112 5), and what the
 * fields say about the connection and the length of the body.
 */
#include "shm/proto/h1_int.h"

/* Longer than any body can be: keeps sums of lengths in range. */
#define LENGTH_MAX ((uint64_t)INT64_MAX)

int
h1_refuse(
    struct h1_cur *c, int err, uint16_t status, const char *at, const char *why)
{
	c->f->status = status;
	c->f->at = (uint32_t)(at - c->base);
	c->f->why = why;
	return -err;
}

static int
bad(struct h1_cur *c, const char *at, const char *why)
{
	return h1_refuse(c, WSE_SYNTAX, c->status, at, why);
}

/* Connection (RFC 9110 7.6.1). */
static void
connection_note(struct http_head *h, struct sv v)
{
	struct sv e;

	while (sv_next_elem(&v, &e)) {
		if (sv_ieq(e, SV("keep-alive")))
			h->conn_keepalive = true;
		else if (sv_ieq(e, SV("close")))
			h->conn_close = true;
		else if (sv_ieq(e, SV("upgrade")))
			h->conn_upgrade = true;
		else
			h->conn_other = true;
	}
}

/*
 * Content-Length (RFC 9110 8.6): one number; a list of equal numbers and equal
 * repeated fields become one.  1, 2: repeats an earlier field, or -WSE_*.
 */
static int
length_note(struct h1_cur *c, struct http_head *h, struct sv *v)
{
	bool again = h->has_length;
	struct sv rest = *v;
	ssize_t comma;

	do {
		struct sv e;
		uint64_t n;

		comma = sv_find_char(rest, ',', 0);
		e = sv_trim(sv_of(rest.p, comma < 0 ? rest.n : (size_t)comma));
		if (sv_to_u64(e, &n) < 0 || n > LENGTH_MAX)
			return bad(c, e.p, "bad Content-Length");
		if (h->has_length && n != h->content_length)
			return bad(c, e.p, "differing Content-Length");
		if (rest.p == v->p)
			v->n = e.n;
		h->has_length = true;
		h->content_length = n;
		rest = sv_from(rest, (size_t)comma + 1);
	} while (comma >= 0);
	return again ? 2 : 1;
}

/*
 * Transfer-Encoding (RFC 9112 6.1): "chunked" alone in one field.  Codings we
 * do not know are 501 where the request is otherwise in order.
 */
static int
transfer_note(struct h1_cur *c, struct h1_claims *m, struct sv v)
{
	struct sv e, rest = v;
	bool unknown = false;
	uint16_t status;

	if (m->chunked)
		return bad(c, v.p, "chunked is not the last coding");
	if (sv_ieq(v, SV("chunked"))) {
		m->chunked = true;
		return 1;
	}
	while (sv_next_elem(&rest, &e)) {
		if (!sv_ieq(e, SV("chunked")))
			unknown = true;
		else if (rest.n)
			return bad(c, e.p, "chunked is not the last coding");
	}
	if (!unknown)
		return bad(c, v.p, "bad Transfer-Encoding");
	status = c->status == 400 ? 501 : c->status;
	return h1_refuse(c, WSE_SYNTAX, status, v.p, "unknown transfer coding");
}

/* What the proxy has to know of a field. 1, or 2: leave it out, or -WSE_*. */
static int
field_note(struct h1_cur *c, struct http_head *h, struct h1_claims *m,
    enum http_hid id, struct sv *v)
{
	switch (id) {
	case HID_CONNECTION:
		connection_note(h, *v);
		return 1;
	case HID_CONTENT_LENGTH:
		return length_note(c, h, v);
	case HID_TRANSFER_ENCODING:
		return transfer_note(c, m, *v);
	case HID_HOST:
		if (m->has_host && !h->is_response)
			return bad(c, v->p, "more than one Host");
		m->has_host = true;
		m->host = *v;
		return 1;
	case HID_EXPECT:
		if (sv_ieq(*v, SV("100-continue")))
			h->expect_continue = true;
		return 1;
	case HID_OTHER:
	case HID_UPGRADE:
	case HID_KEEP_ALIVE:
	case HID_PROXY_CONNECTION:
	case HID_TE:
	case HID_TRAILER:
	case HID_X_FORWARDED_FOR:
	case HID_COOKIE:
	case HID_SET_COOKIE:
	case HID_DATE:
	case HID_SEC_WEBSOCKET_KEY:
	case HID_SEC_WEBSOCKET_ACCEPT:
	case HID_SEC_WEBSOCKET_VERSION:
	case HID_HTTP2_SETTINGS:
	case HID_N:
		return 1;
	}
	return 1;
}

/* Why a name ends where it should not. */
static int
bad_name(struct h1_cur *c, const char *name)
{
	char b = *c->p;

	if (c->p == name && (b == ' ' || b == '\t'))
		return bad(c, c->p, "folded field line");
	if (c->p == name && b == ':')
		return bad(c, c->p, "empty field name");
	if (b == ' ' || b == '\t')
		return bad(c, c->p, "space before the colon");
	if (b == '\n')
		return bad(c, c->p, "bare LF");
	return bad(c, c->p, "bad byte in a field name");
}

/* One field line; name and value as views. */
static int
line_parse(struct h1_cur *c, struct sv *name_r, struct sv *value_r)
{
	const char *end = c->end;
	const char *name = c->p;
	const char *p = name, *v, *q;

	while (p < end && h1_is(*p, H1B_TOKEN))
		p++;
	c->p = p;
	if (p == end)
		return 0;
	if (*p != ':' || p == name)
		return bad_name(c, name);
	*name_r = sv_of(name, (size_t)(p - name));
	p++;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	v = p;
	p = h1_scan_value(p, end);
	if (p == end)
		return 0;
	if (*p != '\r')
		return bad(c, p,
		    *p == '\n' ? "bare LF" : "control byte in a field value");
	if (p + 1 == end)
		return 0;
	if (p[1] != '\n')
		return bad(c, p, "bare CR");
	c->p = p + 2;
	q = p;
	while (q > v && (q[-1] == ' ' || q[-1] == '\t'))
		q--;
	*value_r = sv_of(v, (size_t)(q - v));
	return 1;
}

int
h1_fields_parse(struct h1_cur *c, struct http_head *h, struct h1_claims *m)
{
	struct http_hdr *hdr = h->hdr;
	unsigned count = 0;

	for (;;) {
		enum http_hid id;
		struct sv name, value;
		int r;

		if (c->p < c->end && *c->p == '\r') {
			if (c->p + 1 == c->end)
				return 0;
			if (c->p[1] != '\n')
				return bad(c, c->p, "bare CR");
			c->p += 2;
			h->hdr_count = (uint16_t)count;
			return 1;
		}
		r = line_parse(c, &name, &value);
		if (r <= 0)
			return r;
		id = http_hid_of(name);
		if (id != HID_OTHER && m) {
			r = field_note(c, h, m, id, &value);
			if (r < 0)
				return r;
			if (r == 2)
				continue;
		}
		if (count == HTTP_HDR_MAX)
			return h1_refuse(c, WSE_TOOBIG,
			    c->status == 400 ? 431 : c->status, name.p,
			    "too many fields");
		hdr[count].name = name;
		hdr[count].value = value;
		hdr[count].id = id;
		count++;
	}
}

bool
h1_scan_ready(struct h1_scan *sc, const char *p, size_t n)
{
	/* a line end that was cut in two is looked at again */
	size_t from = sc->scanned_bytes > 3 ? sc->scanned_bytes - 3 : 0;
	const char *end = p + n;
	const char *q = p + from;

	if (sc->scanned_bytes == 0)
		return true;
	sc->scanned_bytes = (uint32_t)n;
	if (*q == '\n')
		q++; /* its CR was looked at before */
	for (;;) {
		q = h1_scan_value(q, end);
		if (q == end)
			return false;
		if (*q != '\r')
			return true;
		if (end - q < 2)
			return false;
		if (q[1] != '\n')
			return true;
		if (end - q == 2)
			return q == p; /* an empty trailer section */
		if (q[2] == '\r')
			return q == p || end - q > 3;
		q += 2;
	}
}
