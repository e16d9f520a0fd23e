/* SPDX-License-Identifier: MIT */
/*
 * Field sections to heads: the strict half.  See h2_head.h.
 */
#include "shm/proto/h2_head.h"

#include <string.h>

#include "shm/proto/h1_int.h"

enum pseudo {
	P_METHOD = 1,
	P_SCHEME = 2,
	P_PATH = 4,
	P_AUTHORITY = 8,
	P_PROTOCOL = 16,
	P_STATUS = 32
};

/* Longer than any body can be, as h1 has it. */
#define LENGTH_MAX ((uint64_t)INT64_MAX)

void
h2_head_begin(struct h2_dec *d)
{
	d->seen = 0;
	d->regular = d->closed = false;
	d->err = 0;
	d->cookies = 0;
	d->scheme = d->path = d->authority = d->protocol = SV_NULL;
	memset(d->h, 0, offsetof(struct http_head, hdr));
	d->h->is_response = d->part == H2_RESPONSE;
	d->h->minor = 1;
}

static void
refuse(struct h2_dec *d, enum wse err)
{
	if (!d->err)
		d->err = (uint8_t)err;
}

/* Room right behind what the arena holds, unlike arena_get() not aligned. */
static char *
room(struct h2_dec *d, size_t n)
{
	struct arena *a = d->a;
	char *p = a->data + a->used_bytes;

	if (n > a->size_bytes - a->used_bytes) {
		refuse(d, WSE_TOOBIG);
		return NULL;
	}
	a->used_bytes += (uint32_t)n;
	return p;
}

static struct sv
copy(struct h2_dec *d, struct sv s)
{
	char *p = room(d, s.n);

	if (!p)
		return SV_NULL;
	if (s.n)
		memcpy(p, s.p, s.n);
	return sv_of(p, s.n);
}

/* Copied as "name: value\r\n", so that h1_write_head() copies runs. */
static void
add(struct h2_dec *d, struct sv name, struct sv value, enum http_hid id)
{
	struct http_head *h = d->h;
	char *p;

	if (h->hdr_count >= HTTP_HDR_MAX) {
		refuse(d, WSE_TOOBIG);
		return;
	}
	p = room(d, name.n + value.n + 4);
	if (!p)
		return;
	memcpy(p, name.p, name.n);
	memcpy(p + name.n, ": ", 2);
	if (value.n)
		memcpy(p + name.n + 2, value.p, value.n);
	memcpy(p + name.n + 2 + value.n, "\r\n", 2);
	h->hdr[h->hdr_count++] = (struct http_hdr){ sv_of(p, name.n),
		sv_of(p + name.n + 2, value.n), id };
}

static bool
is_token(struct sv s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!h1_is(s.p[i], H1B_TOKEN))
			return false;
	return s.n > 0;
}

/* RFC 9113 8.2.1. */
static bool
is_name(struct sv s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 'A' && s.p[i] <= 'Z')
			return false;
	return is_token(s);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_value(struct sv s)
{
	if (s.n == 0)
		return true;
	if (is_blank(s.p[0]) || is_blank(s.p[s.n - 1]))
		return false;
	return h1_scan_value(s.p, s.p + s.n) == s.p + s.n;
}

static bool
is_scheme(struct sv s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = (char)(s.p[i] | 0x20);
		bool more = (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '+' ||
		    s.p[i] == '-' || s.p[i] == '.';

		if (!(c >= 'a' && c <= 'z') && !(i && more))
			return false;
	}
	return s.n > 0;
}

static bool
is_path(struct sv s)
{
	if (s.n == 0 || (s.p[0] != '/' && !sv_eq(s, SV("*"))))
		return false;
	return h1_scan_target(s.p, s.p + s.n) == s.p + s.n;
}

/* RFC 9110 7.8: a name, perhaps with a version. */
static bool
is_protocol(struct sv s)
{
	ssize_t at = sv_find(s, SV("/"));

	if (at < 0)
		return is_token(s);
	return is_token(sv_of(s.p, (size_t)at)) &&
	    is_token(sv_from(s, (size_t)at + 1));
}

static bool
is_h2_token(struct sv s)
{
	return sv_ieq(s, SV("h2")) || sv_ieq(s, SV("h2c"));
}

static bool
status_take(struct h2_dec *d, struct sv v)
{
	uint64_t n;

	if (v.n != 3 || sv_to_u64(v, &n) < 0 || n < 100 || n == 101)
		return false;
	d->h->status = (uint16_t)n;
	d->h->reason = sv_str(http_reason((unsigned)n));
	return true;
}

static bool
method_take(struct h2_dec *d, struct sv v)
{
	if (!is_token(v))
		return false;
	d->h->method = http_method_of(v);
	d->h->method_text = copy(d, v);
	return true;
}

static unsigned
pseudo_of(struct sv name)
{
	static const struct {
		struct sv name;
		unsigned bit;
	} known[] = {
		{ { ":method", 7 }, P_METHOD },
		{ { ":scheme", 7 }, P_SCHEME },
		{ { ":path", 5 }, P_PATH },
		{ { ":authority", 10 }, P_AUTHORITY },
		{ { ":protocol", 9 }, P_PROTOCOL },
		{ { ":status", 7 }, P_STATUS },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (sv_eq(name, known[i].name))
			return known[i].bit;
	return 0;
}

static bool
pseudo_take(struct h2_dec *d, unsigned bit, struct sv v)
{
	switch ((enum pseudo)bit) {
	case P_METHOD:
		return method_take(d, v);
	case P_STATUS:
		return status_take(d, v);
	case P_SCHEME:
		d->scheme = copy(d, v);
		return is_scheme(v);
	case P_PATH:
		d->path = copy(d, v);
		return is_path(v);
	case P_AUTHORITY:
		d->authority = copy(d, v);
		return v.n && h1_is_host(v);
	case P_PROTOCOL:
		d->protocol = copy(d, v);
		return d->may_connect && is_protocol(v) && !is_h2_token(v);
	}
	return false;
}

static void
pseudo_field(struct h2_dec *d, struct sv name, struct sv value)
{
	unsigned bit = pseudo_of(name), allowed = 0;

	if (d->part == H2_REQUEST)
		allowed =
		    P_METHOD | P_SCHEME | P_PATH | P_AUTHORITY | P_PROTOCOL;
	else if (d->part == H2_RESPONSE)
		allowed = P_STATUS;
	if (d->regular || !(bit & allowed) || (d->seen & bit) ||
	    !is_value(value) || !pseudo_take(d, bit, value))
		refuse(d, WSE_PROTO);
	d->seen |= (uint8_t)bit;
}

/* RFC 9113 8.3.1, 8.5, RFC 8441 4. */
static void
request_close(struct h2_dec *d)
{
	struct http_head *h = d->h;
	unsigned need = P_METHOD | P_SCHEME | P_PATH;

	if (h->method == HTTP_CONNECT && !(d->seen & P_PROTOCOL)) {
		if (d->seen != (P_METHOD | P_AUTHORITY))
			refuse(d, WSE_PROTO);
		h->target = d->authority;
		return;
	}
	if ((d->seen & P_PROTOCOL) && h->method != HTTP_CONNECT)
		refuse(d, WSE_PROTO);
	if ((d->seen & need) != need)
		refuse(d, WSE_PROTO);
	if (sv_eq(d->path, SV("*")) && h->method != HTTP_OPTIONS)
		refuse(d, WSE_PROTO);
	h->target = d->path;
	if (d->protocol.n) {
		h->method = HTTP_GET;
		h->method_text = SV("GET");
	}
}

/* The pseudo-header fields are all here: judge them, and say Host first. */
static void
pseudo_close(struct h2_dec *d)
{
	d->closed = true;
	if (d->part == H2_REQUEST)
		request_close(d);
	else if (d->part == H2_RESPONSE && !(d->seen & P_STATUS))
		refuse(d, WSE_PROTO);
	if (!d->err && d->authority.n)
		add(d, SV("host"), d->authority, HID_HOST);
}

static void
length_field(struct h2_dec *d, struct sv name, struct sv value)
{
	struct http_head *h = d->h;
	uint64_t n;

	if (sv_to_u64(value, &n) < 0 || n > LENGTH_MAX ||
	    (h->has_length && n != h->content_length)) {
		refuse(d, WSE_PROTO);
		return;
	}
	if (!h->has_length)
		add(d, name, value, HID_CONTENT_LENGTH);
	h->has_length = true;
	h->content_length = n;
}

/* Host says what :authority said, or takes its place. */
static void
host_field(struct h2_dec *d, struct sv name, struct sv value)
{
	if (d->part == H2_RESPONSE) {
		add(d, name, value, HID_HOST);
		return;
	}
	if (value.n == 0 || !h1_is_host(value))
		refuse(d, WSE_PROTO);
	if (d->authority.n == 0) {
		add(d, name, value, HID_HOST);
		d->authority = value; /* a second one has to be equal */
		if (d->h->hdr_count)
			d->authority = d->h->hdr[d->h->hdr_count - 1].value;
	} else if (!sv_ieq(value, d->authority)) {
		refuse(d, WSE_PROTO);
	}
}

static bool
is_trailer(enum http_hid id)
{
	switch (id) {
	case HID_CONNECTION:
	case HID_CONTENT_LENGTH:
	case HID_TRANSFER_ENCODING:
	case HID_HOST:
	case HID_EXPECT:
	case HID_UPGRADE:
	case HID_KEEP_ALIVE:
	case HID_PROXY_CONNECTION:
	case HID_TE:
	case HID_TRAILER:
	case HID_COOKIE:
	case HID_SET_COOKIE:
	case HID_SEC_WEBSOCKET_KEY:
	case HID_SEC_WEBSOCKET_ACCEPT:
	case HID_SEC_WEBSOCKET_VERSION:
	case HID_HTTP2_SETTINGS:
		return false;
	case HID_OTHER:
	case HID_X_FORWARDED_FOR:
	case HID_DATE:
	case HID_N:
		break;
	}
	return true;
}

/* RFC 9113 8.2.2. */
static bool
is_connection_field(enum http_hid id, struct sv value)
{
	return id == HID_CONNECTION || id == HID_KEEP_ALIVE ||
	    id == HID_PROXY_CONNECTION || id == HID_TRANSFER_ENCODING ||
	    id == HID_UPGRADE || id == HID_HTTP2_SETTINGS ||
	    (id == HID_TE && !sv_ieq(value, SV("trailers")));
}

static void
regular_field(struct h2_dec *d, struct sv name, struct sv value)
{
	enum http_hid id = http_hid_of(name);

	if (is_connection_field(id, value)) {
		refuse(d, WSE_PROTO);
		return;
	}
	if (d->part == H2_TRAILERS) {
		if (is_trailer(id))
			add(d, name, value, id);
		return;
	}
	if (id == HID_CONTENT_LENGTH)
		length_field(d, name, value);
	else if (id == HID_HOST)
		host_field(d, name, value);
	else if (id == HID_SEC_WEBSOCKET_KEY || id == HID_SEC_WEBSOCKET_ACCEPT)
		return; /* have no meaning here, RFC 8441 5 */
	else
		add(d, name, value, id);
	d->cookies += id == HID_COOKIE;
	if (id == HID_EXPECT && sv_ieq(value, SV("100-continue")))
		d->h->expect_continue = d->part == H2_REQUEST;
}

void
h2_head_field(struct h2_dec *d, struct sv name, struct sv value)
{
	size_t n = name.n + value.n + 32;

	if (n > d->left_bytes) {
		d->left_bytes = 0;
		refuse(d, WSE_TOOBIG);
	}
	if (d->err)
		return;
	d->left_bytes -= (uint32_t)n;
	if (name.n && name.p[0] == ':') {
		pseudo_field(d, name, value);
		return;
	}
	if (!d->closed)
		pseudo_close(d);
	d->regular = true;
	if (!is_name(name) || !is_value(value))
		refuse(d, WSE_PROTO);
	if (!d->err)
		regular_field(d, name, value);
}

/*
 * RFC 9113 8.2.3: the crumbs become one field where the first stood; empty
 * ones say nothing.
 */
static void
cookies_join(struct h2_dec *d)
{
	struct http_head *h = d->h;
	int first = http_find_id(h, HID_COOKIE, 0), i = first;
	size_t n = 0, at = 0;
	char *p;

	for (; i >= 0; i = http_find_id(h, HID_COOKIE, (unsigned)i + 1))
		n += h->hdr[i].value.n + 2;
	p = room(d, n);
	if (!p)
		return;
	for (i = first; i >= 0; i = http_find_id(h, HID_COOKIE, (unsigned)i)) {
		struct sv v = h->hdr[i].value;

		if (v.n && at) {
			memcpy(p + at, "; ", 2);
			at += 2;
		}
		if (v.n)
			memcpy(p + at, v.p, v.n);
		at += v.n;
		if (i == first)
			i++;
		else
			http_del(h, (unsigned)i);
	}
	h->hdr[first].value = sv_of(p, at);
}

/* What the length of the body is, and whether the length fits the end. */
static void
framing_set(struct h2_dec *d, bool end)
{
	struct http_head *h = d->h;
	bool is_head =
	    h->is_response && (d->method == HTTP_HEAD || h->status == 304);
	bool is_empty = is_head || (h->is_response && h->status == 204);

	if (end) {
		h->framing = HTTP_BODY_NONE;
		if (h->has_length && h->content_length && !is_head)
			refuse(d, WSE_PROTO);
	} else if (is_empty || (h->has_length && h->content_length == 0)) {
		h->framing = HTTP_BODY_NONE;
	} else {
		h->framing =
		    h->has_length ? HTTP_BODY_LENGTH : HTTP_BODY_CHUNKED;
	}
}

/*
 * A tunnel asked for, or there: a length means nothing (RFC 9110 9.3.6), but
 * HTTP/1 might wait for so many bytes and take them from what follows.
 */
static void
tunnel_set(struct h2_dec *d)
{
	struct http_head *h = d->h;

	if (h->has_length)
		http_del(h, (unsigned)http_find_id(h, HID_CONTENT_LENGTH, 0));
	h->has_length = false;
	h->content_length = 0;
	h->framing = HTTP_BODY_NONE;
}

/* Say an extended CONNECT or its success as HTTP/1 would. */
static void
upgrade_set(struct h2_dec *d, struct sv protocol)
{
	struct http_head *h = d->h;

	tunnel_set(d);
	h->conn_upgrade = true;
	add(d, SV("connection"), SV("upgrade"), HID_CONNECTION);
	add(d, SV("upgrade"), protocol, HID_UPGRADE);
}

static void
response_end(struct h2_dec *d, bool end)
{
	struct http_head *h = d->h;
	bool connected =
	    h->status / 100 == 2 && (d->upgrade.n || d->method == HTTP_CONNECT);

	h->method = d->method;
	if (h->status < 200 && end)
		refuse(d, WSE_PROTO);
	if (h->status < 200) {
		h->framing = HTTP_BODY_NONE;
	} else if (connected && d->upgrade.n) {
		upgrade_set(d, d->upgrade);
		h->status = 101;
		h->reason = sv_str(http_reason(101));
	} else if (connected) {
		tunnel_set(d);
	} else {
		framing_set(d, end);
	}
}

int
h2_head_end(struct h2_dec *d, bool end)
{
	if (!d->closed)
		pseudo_close(d);
	if (d->part == H2_TRAILERS && !end)
		refuse(d, WSE_PROTO);
	if (d->part == H2_REQUEST && d->authority.n == 0)
		refuse(d, WSE_PROTO); /* no Host, as in h1 */
	if (!d->err && d->cookies > 1 && d->part == H2_REQUEST)
		cookies_join(d);
	if (!d->err && d->part == H2_RESPONSE)
		response_end(d, end);
	if (!d->err && d->part == H2_REQUEST) {
		if (d->protocol.n)
			upgrade_set(d, d->protocol);
		else if (d->h->method == HTTP_CONNECT)
			tunnel_set(d);
		else
			framing_set(d, end);
	}
	return -(int)d->err;
}
