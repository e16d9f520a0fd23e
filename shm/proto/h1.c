/* SPDX-License-Identifier: MIT */
/*
 * Heads of requests and responses (RFC 9112 2 to 6).
 *
 * A head is parsed in one pass from its first byte as soon as there is
 * something of it.  If that was not all of it, later calls only look for its
 * end (h1_scan_ready) and parse again when they found it, so that a head
 * that comes byte by byte costs no more than two passes.
 */
#include "shm/proto/h1_int.h"

#include <string.h>

static int
bad(struct h1_cur *c, const char *at, const char *why)
{
	return h1_refuse(c, WSE_SYNTAX, c->status, at, why);
}

/* Only what is read before it is written; the header table is large. */
static void
head_clear(struct http_head *h)
{
	memset(h, 0, offsetof(struct http_head, hdr));
}

/* "HTTP/1.x" at p, 8 bytes: sets the minor version. */
static int
version_parse(struct h1_cur *c, struct http_head *h, const char *p)
{
	if (memcmp(p, "HTTP/1.", 7) == 0 && (p[7] == '1' || p[7] == '0')) {
		h->minor = (uint8_t)(p[7] - '0');
		return 1;
	}
	if (memcmp(p, "HTTP/", 5) != 0 || p[5] < '0' || p[5] > '9' ||
	    p[6] != '.' || p[7] < '0' || p[7] > '9')
		return bad(c, p, "bad HTTP version");
	/* HAProxy takes any digits for 1.1; RFC 9110 15.6.6 has an answer */
	return h1_refuse(c, WSE_SYNTAX, c->status == 400 ? 505 : c->status, p,
	    "unsupported HTTP version");
}

/* "HTTP/1.x" CRLF at c->p. */
static int
version_line(struct h1_cur *c, struct http_head *h)
{
	size_t left = (size_t)(c->end - c->p);
	int r;

	if (left < 10) {
		if (memchr(c->p, '\n', left))
			return bad(c, c->p, "bad HTTP version");
		return 0;
	}
	r = version_parse(c, h, c->p);
	if (r < 0)
		return r;
	if (c->p[8] != '\r' || c->p[9] != '\n')
		return bad(c, c->p + 8, "bad end of the request line");
	c->p += 10;
	return 1;
}

static int
method_parse(struct h1_cur *c, struct http_head *h)
{
	const char *start = c->p;
	const char *p = start;

	if (c->end - p >= 4 && memcmp(p, "GET ", 4) == 0) {
		h->method_text = sv_of(p, 3);
		h->method = HTTP_GET;
		c->p = p + 4;
		return 1;
	}
	while (p < c->end && h1_is(*p, H1B_TOKEN))
		p++;
	if (p == c->end)
		return 0;
	if (*p != ' ' || p == start)
		return bad(c, p, "bad method");
	h->method_text = sv_of(start, (size_t)(p - start));
	h->method = http_method_of(h->method_text);
	c->p = p + 1;
	return 1;
}

static int
target_parse(struct h1_cur *c, struct http_head *h)
{
	const char *start = c->p;
	const char *p = h1_scan_target(start, c->end);

	if (p == c->end)
		return 0;
	if (p == start)
		return bad(c, p, "empty request target");
	if (*p != ' ')
		return bad(c, p,
		    *p == '\r' ? "no HTTP version"
			       : "bad byte in the request target");
	h->target = sv_of(start, (size_t)(p - start));
	c->p = p + 1;
	return 1;
}

/* uri-host [":" port] (RFC 9110 7.2); what is empty is for the caller. */
bool
h1_is_host(struct sv s)
{
	size_t i = 0;

	if (s.n && s.p[0] == '[') {
		ssize_t close = sv_find_char(s, ']', 0);

		if (close < 2)
			return false;
		for (i = 1; i < (size_t)close; i++)
			if (!h1_is(s.p[i], H1B_HOST) || s.p[i] == '[')
				return false;
		i++;
		if (i < s.n && s.p[i] != ':')
			return false;
	} else {
		for (; i < s.n && s.p[i] != ':'; i++)
			if (!h1_is(s.p[i], H1B_HOST) || s.p[i] == '[' ||
			    s.p[i] == ']')
				return false;
		if (i == 0 && s.n)
			return false; /* a port alone */
	}
	for (i++; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

/* Without a port that is empty or `port`. */
static struct sv
host_without(struct sv host, struct sv port)
{
	if (sv_ends(host, port) && host.n > port.n &&
	    host.p[host.n - port.n - 1] == ':')
		host.n -= port.n + 1;
	else if (sv_ends(host, SV(":")))
		host.n--;
	return host;
}

/*
 * Do authority and Host name the same (RFC 9112 3.2.2)?  Without a scheme
 * (CONNECT) both well-known ports may be left out, as in HAProxy.
 */
static bool
is_same_host(struct sv authority, struct sv host, struct sv scheme)
{
	struct sv p80 = SV("80"), p443 = SV("443");
	bool tls = sv_ieq(scheme, SV("https")) || sv_ieq(scheme, SV("wss"));

	if (sv_ieq(authority, host))
		return true;
	if (!tls &&
	    sv_ieq(host_without(authority, p80), host_without(host, p80)))
		return true;
	return (tls || scheme.n == 0) &&
	    sv_ieq(host_without(authority, p443), host_without(host, p443));
}

/* The authority of the target, if its form has one (RFC 9112 3.2). */
static int
authority_find(struct h1_cur *c, const struct http_head *h, struct sv *auth_r,
    struct sv *scheme_r)
{
	struct sv t = h->target, a;
	ssize_t at;

	*auth_r = *scheme_r = SV_NULL;
	if (h->method == HTTP_CONNECT) {
		if (!h1_is_host(t) || sv_find_char(t, ':', 0) < 0 ||
		    t.p[t.n - 1] == ':' || t.p[t.n - 1] == ']')
			return bad(c, t.p, "CONNECT wants host:port");
		*auth_r = t;
		return 1;
	}
	if (t.p[0] == '/' || (h->method == HTTP_OPTIONS && sv_eq(t, SV("*"))))
		return 1;
	at = sv_find(t, SV("://"));
	for (ssize_t i = 0; i < at; i++)
		if (!h1_is(t.p[i], H1B_HOST) || !h1_is(t.p[i], H1B_TOKEN))
			at = 0;
	if (at <= 0)
		return bad(c, t.p, "bad form of request target");
	*scheme_r = sv_of(t.p, (size_t)at);
	a = sv_from(t, (size_t)at + 3);
	for (size_t i = 0; i < a.n; i++)
		if (a.p[i] == '/' || a.p[i] == '?')
			a.n = i;
	if (a.n == 0 || !h1_is_host(a))
		return bad(c, a.p, "bad authority in the request target");
	*auth_r = a;
	return 1;
}

/*
 * Host (RFC 9112 3.2).  HAProxy 2.6 lets a 1.1 request without Host pass, and
 * equal repetitions, and any bytes as its value; the RFC, nginx and Apache
 * answer 400, and so do we: what routes a request must not be open to doubt.
 */
static int
host_check(
    struct h1_cur *c, const struct http_head *h, const struct h1_claims *m)
{
	struct sv authority, scheme;
	int r;

	if (!m->has_host && h->minor > 0)
		return bad(c, c->base, "no Host");
	if (m->has_host && !h1_is_host(m->host))
		return bad(c, m->host.p, "bad Host");
	if (h->target.p[0] == '/' && h->method != HTTP_CONNECT)
		return 1;
	r = authority_find(c, h, &authority, &scheme);
	if (r < 0)
		return r;
	if (authority.n && m->has_host &&
	    !is_same_host(authority, m->host, scheme))
		return bad(c, m->host.p, "Host is not the target's");
	return 1;
}

/* RFC 9112 6.3 for requests. */
static int
request_framing(
    struct h1_cur *c, struct http_head *h, const struct h1_claims *m)
{
	h->framing = HTTP_BODY_NONE;
	if (m->chunked) {
		if (h->has_length)
			return bad(c, c->base,
			    "Content-Length with Transfer-Encoding");
		if (h->minor == 0)
			return bad(c, c->base, "Transfer-Encoding in HTTP/1.0");
		h->framing = HTTP_BODY_CHUNKED;
	} else if (h->content_length > 0) {
		h->framing = HTTP_BODY_LENGTH;
	}
	if (h->method == HTTP_CONNECT && h->framing != HTTP_BODY_NONE)
		return bad(c, c->base, "CONNECT with a body");
	if (h->minor == 0)
		h->expect_continue = false; /* RFC 9110 10.1.1 */
	return 1;
}

/* Up to two empty lines before the request line (RFC 9112 2.2). */
static int
empty_lines(struct h1_cur *c)
{
	for (int i = 0; i < 2; i++) {
		if (c->p == c->end)
			return 0;
		if (*c->p != '\r')
			return 1;
		if (c->p + 1 == c->end)
			return 0;
		if (c->p[1] != '\n')
			return bad(c, c->p, "bare CR");
		c->p += 2;
	}
	return 1;
}

static int
request_parse(struct h1_cur *c, struct http_head *h)
{
	struct h1_claims m = { .chunked = false };
	int r;

	head_clear(h);
	if ((r = empty_lines(c)) <= 0 || (r = method_parse(c, h)) <= 0 ||
	    (r = target_parse(c, h)) <= 0 || (r = version_line(c, h)) <= 0 ||
	    (r = h1_fields_parse(c, h, &m)) <= 0)
		return r;
	if ((r = host_check(c, h, &m)) < 0)
		return r;
	return request_framing(c, h, &m);
}

/* "HTTP/1.x" SP status [SP reason] CRLF (RFC 9112 4). */
static int
status_line(struct h1_cur *c, struct http_head *h)
{
	const char *p = c->p, *q;
	int r;

	if (c->end - p < 14) {
		if (p < c->end && *p != 'H')
			return bad(c, p, "not an HTTP response");
		return 0;
	}
	r = version_parse(c, h, p);
	if (r < 0)
		return r;
	if (p[8] != ' ' || p[9] < '1' || p[9] > '9' || p[10] < '0' ||
	    p[10] > '9' || p[11] < '0' || p[11] > '9' ||
	    (p[12] != ' ' && p[12] != '\r'))
		return bad(c, p + 8, "bad status line");
	h->status =
	    (uint16_t)((p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0'));
	p += p[12] == ' ' ? 13 : 12;
	q = h1_scan_value(p, c->end);
	if (q == c->end || (*q == '\r' && q + 1 == c->end))
		return 0;
	if (*q != '\r' || q[1] != '\n')
		return bad(c, q, "bad byte in the status line");
	h->reason = sv_of(p, (size_t)(q - p));
	c->p = q + 2;
	return 1;
}

/* RFC 9112 6.3 for responses; more than one claim is a fault. */
static int
response_framing(
    struct h1_cur *c, struct http_head *h, const struct h1_claims *m)
{
	if (m->chunked && h->has_length)
		return bad(c, c->base, "Content-Length with Transfer-Encoding");
	if (m->chunked && h->minor == 0)
		return bad(c, c->base, "Transfer-Encoding in HTTP/1.0");
	if (h->method == HTTP_HEAD || h->status < 200 || h->status == 204 ||
	    h->status == 304 || (h->method == HTTP_CONNECT && h->status < 300))
		h->framing = HTTP_BODY_NONE;
	else if (m->chunked)
		h->framing = HTTP_BODY_CHUNKED;
	else if (!h->has_length)
		h->framing = HTTP_BODY_EOF;
	else
		h->framing =
		    h->content_length ? HTTP_BODY_LENGTH : HTTP_BODY_NONE;
	return 1;
}

static int
response_parse(struct h1_cur *c, struct http_head *h, enum http_method method)
{
	struct h1_claims m = { .chunked = false };
	int r;

	head_clear(h);
	h->is_response = true;
	h->method = method;
	if ((r = status_line(c, h)) <= 0 ||
	    (r = h1_fields_parse(c, h, &m)) <= 0)
		return r;
	return response_framing(c, h, &m);
}

/* Nothing is wrong, but the end is not there: is there room for it? */
static ssize_t
head_incomplete(struct h1_cur *c, size_t n, size_t max_bytes)
{
	bool in_line;

	if (n < max_bytes)
		return 0;
	if (c->status != 400)
		return h1_refuse(
		    c, WSE_TOOBIG, c->status, c->end, "head too large");
	in_line = !memchr(c->base, '\n', (size_t)(c->end - c->base));
	return h1_refuse(c, WSE_TOOBIG, in_line ? 414 : 431, c->end,
	    in_line ? "request line too long" : "head too large");
}

ssize_t
h1_parse_request(const char *p, size_t n, size_t max_bytes, struct h1_scan *sc,
    struct http_head *h, struct h1_fault *f)
{
	size_t cut = n < max_bytes ? n : max_bytes;
	struct h1_cur c = { p, p, p + cut, f, 400 };
	int r = 0;

	if (h1_scan_ready(sc, p, cut))
		r = request_parse(&c, h);
	if (r < 0)
		return r;
	return r > 0 ? c.p - p : head_incomplete(&c, n, max_bytes);
}

ssize_t
h1_parse_response(const char *p, size_t n, size_t max_bytes, struct h1_scan *sc,
    enum http_method method, struct http_head *h, struct h1_fault *f)
{
	size_t cut = n < max_bytes ? n : max_bytes;
	struct h1_cur c = { p, p, p + cut, f, 502 };
	int r = 0;

	if (h1_scan_ready(sc, p, cut))
		r = response_parse(&c, h, method);
	if (r < 0)
		return r;
	return r > 0 ? c.p - p : head_incomplete(&c, n, max_bytes);
}

/* RFC 9110 6.5.1: what must not come after the content it speaks of. */
static bool
is_trailer_allowed(const struct http_hdr *hdr)
{
	static const struct sv never[] = {
		SV("authorization"),
		SV("cache-control"),
		SV("content-encoding"),
		SV("content-range"),
		SV("content-type"),
		SV("if-match"),
		SV("if-modified-since"),
		SV("if-none-match"),
		SV("if-range"),
		SV("if-unmodified-since"),
		SV("location"),
		SV("max-forwards"),
		SV("pragma"),
		SV("proxy-authenticate"),
		SV("proxy-authorization"),
		SV("range"),
		SV("vary"),
		SV("www-authenticate"),
		SV("expires"),
		SV("age"),
		SV("retry-after"),
		SV("forwarded"),
		SV("x-forwarded-proto"),
		SV("x-forwarded-host"),
		SV("x-real-ip"),
	};

	if (hdr->id != HID_OTHER)
		return false;
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (sv_ieq(hdr->name, never[i]))
			return false;
	return true;
}

ssize_t
h1_parse_trailer(const char *p, size_t n, size_t max_bytes, struct h1_scan *sc,
    struct http_head *h, struct h1_fault *f)
{
	size_t cut = n < max_bytes ? n : max_bytes;
	struct h1_cur c = { p, p, p + cut, f, 400 };
	unsigned kept = 0;
	int r = 0;

	head_clear(h);
	if (h1_scan_ready(sc, p, cut))
		r = h1_fields_parse(&c, h, NULL);
	if (r < 0)
		return r;
	if (r == 0) {
		h->hdr_count = 0;
		return n < max_bytes ? 0
				     : h1_refuse(&c, WSE_TOOBIG, 431, c.end,
					   "trailers too large");
	}
	for (unsigned i = 0; i < h->hdr_count; i++)
		if (is_trailer_allowed(&h->hdr[i]))
			h->hdr[kept++] = h->hdr[i];
	h->hdr_count = (uint16_t)kept;
	return c.p - p;
}
