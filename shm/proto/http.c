/* SPDX-License-Identifier: MIT */
/*
 * Names, methods, reasons and the parts of a request target.
 */
#include "shm/proto/http.h"

#include <string.h>

#include "shm/base/chk.h"

struct known_name {
	const char *text; /* lower case, NULL: no name hashes here */
	uint8_t bytes;
	uint8_t id; /* enum http_hid */
};

/*
 * A perfect hash over length and first letter.  Two names in one place would
 * not compile (-Woverride-init); then change the multipliers.
 */
#define NAME_HASH(len, first) (((len) + ((first)*9u)) & 63u)
#define NAME(first, lit, hid) \
	[NAME_HASH(sizeof(lit) - 1, first)] = { lit, sizeof(lit) - 1, hid }

static const struct known_name known_names[64] = {
	NAME('c', "connection", HID_CONNECTION),
	NAME('c', "content-length", HID_CONTENT_LENGTH),
	NAME('t', "transfer-encoding", HID_TRANSFER_ENCODING),
	NAME('h', "host", HID_HOST),
	NAME('e', "expect", HID_EXPECT),
	NAME('u', "upgrade", HID_UPGRADE),
	NAME('k', "keep-alive", HID_KEEP_ALIVE),
	NAME('p', "proxy-connection", HID_PROXY_CONNECTION),
	NAME('t', "te", HID_TE),
	NAME('t', "trailer", HID_TRAILER),
	NAME('x', "x-forwarded-for", HID_X_FORWARDED_FOR),
	NAME('c', "cookie", HID_COOKIE),
	NAME('s', "set-cookie", HID_SET_COOKIE),
	NAME('d', "date", HID_DATE),
	NAME('s', "sec-websocket-key", HID_SEC_WEBSOCKET_KEY),
	NAME('s', "sec-websocket-accept", HID_SEC_WEBSOCKET_ACCEPT),
	NAME('s', "sec-websocket-version", HID_SEC_WEBSOCKET_VERSION),
	NAME('h', "http2-settings", HID_HTTP2_SETTINGS),
};

enum http_hid
http_hid_of(struct sv name)
{
	const struct known_name *k;
	unsigned char first;

	if (name.n < 2 || name.n > 21)
		return HID_OTHER;
	first = (unsigned char)name.p[0] | 0x20;
	k = &known_names[NAME_HASH((unsigned)name.n, (unsigned)first)];
	if (k->bytes != name.n || !sv_ieq(name, sv_of(k->text, k->bytes)))
		return HID_OTHER;
	return (enum http_hid)k->id;
}

static const struct sv method_names[HTTP_METHOD_N] = {
	[HTTP_GET] = { "GET", 3 },
	[HTTP_HEAD] = { "HEAD", 4 },
	[HTTP_POST] = { "POST", 4 },
	[HTTP_PUT] = { "PUT", 3 },
	[HTTP_DELETE] = { "DELETE", 6 },
	[HTTP_CONNECT] = { "CONNECT", 7 },
	[HTTP_OPTIONS] = { "OPTIONS", 7 },
	[HTTP_TRACE] = { "TRACE", 5 },
	[HTTP_PATCH] = { "PATCH", 5 },
};

enum http_method
http_method_of(struct sv name)
{
	for (int i = 0; i < HTTP_OTHER; i++)
		if (sv_eq(name, method_names[i]))
			return (enum http_method)i;
	return HTTP_OTHER;
}

int
http_find(const struct http_head *h, struct sv name, unsigned from)
{
	enum http_hid id = http_hid_of(name);

	if (id != HID_OTHER)
		return http_find_id(h, id, from);
	for (unsigned i = from; i < h->hdr_count; i++)
		if (h->hdr[i].id == HID_OTHER && sv_ieq(h->hdr[i].name, name))
			return (int)i;
	return -1;
}

int
http_find_id(const struct http_head *h, enum http_hid id, unsigned from)
{
	for (unsigned i = from; i < h->hdr_count; i++)
		if (h->hdr[i].id == id)
			return (int)i;
	return -1;
}

void
http_del(struct http_head *h, unsigned i)
{
	CHK(i < h->hdr_count);
	h->hdr_count--;
	memmove(
	    &h->hdr[i], &h->hdr[i + 1], (h->hdr_count - i) * sizeof(h->hdr[0]));
}

int
http_add(struct http_head *h, struct sv name, struct sv value)
{
	if (h->hdr_count >= HTTP_HDR_MAX)
		return -WSE_FULL;
	h->hdr[h->hdr_count++] =
	    (struct http_hdr){ name, value, http_hid_of(name) };
	return 0;
}

struct reason {
	uint16_t status;
	const char *text;
};

/* RFC 9110 15, RFC 6585, RFC 8297, RFC 8470. */
static const struct reason reasons[] = {
	{ 100, "Continue" },
	{ 101, "Switching Protocols" },
	{ 102, "Processing" },
	{ 103, "Early Hints" },
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 203, "Non-Authoritative Information" },
	{ 204, "No Content" },
	{ 205, "Reset Content" },
	{ 206, "Partial Content" },
	{ 207, "Multi-Status" },
	{ 208, "Already Reported" },
	{ 226, "IM Used" },
	{ 300, "Multiple Choices" },
	{ 301, "Moved Permanently" },
	{ 302, "Found" },
	{ 303, "See Other" },
	{ 304, "Not Modified" },
	{ 305, "Use Proxy" },
	{ 307, "Temporary Redirect" },
	{ 308, "Permanent Redirect" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 402, "Payment Required" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 407, "Proxy Authentication Required" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 411, "Length Required" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 416, "Range Not Satisfiable" },
	{ 417, "Expectation Failed" },
	{ 418, "I'm a teapot" },
	{ 421, "Misdirected Request" },
	{ 422, "Unprocessable Content" },
	{ 423, "Locked" },
	{ 424, "Failed Dependency" },
	{ 425, "Too Early" },
	{ 426, "Upgrade Required" },
	{ 428, "Precondition Required" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 451, "Unavailable For Legal Reasons" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
	{ 506, "Variant Also Negotiates" },
	{ 507, "Insufficient Storage" },
	{ 508, "Loop Detected" },
	{ 511, "Network Authentication Required" },
};

const char *
http_reason(unsigned status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Unknown";
}

/* The target from its path on, query included. */
static struct sv
path_and_query(const struct http_head *h)
{
	struct sv t = h->target;
	ssize_t at;

	if (t.n && t.p[0] == '/')
		return t;
	if (h->method == HTTP_CONNECT)
		return sv_of(t.p, 0);
	at = sv_find(t, SV("://"));
	if (at < 0)
		return sv_of(t.p, 0);
	for (size_t i = (size_t)at + 3; i < t.n; i++)
		if (t.p[i] == '/' || t.p[i] == '?')
			return sv_from(t, i);
	return sv_from(t, t.n);
}

struct sv
http_path(const struct http_head *h)
{
	struct sv s = path_and_query(h);
	ssize_t q = sv_find_char(s, '?', 0);

	return q < 0 ? s : sv_of(s.p, (size_t)q);
}

struct sv
http_query(const struct http_head *h)
{
	struct sv s = path_and_query(h);
	ssize_t q = sv_find_char(s, '?', 0);

	return q < 0 ? sv_from(s, s.n) : sv_from(s, (size_t)q + 1);
}
