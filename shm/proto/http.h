/* SPDX-License-Identifier: MIT */
/*
 * A parsed message head, whatever version of HTTP it came in.
 *
 * Views point into the buffer that was parsed, or into the stream's arena for
 * what rules have changed; the owner keeps both in place while the head lives.
 */
#ifndef SHM_PROTO_HTTP_H
#define SHM_PROTO_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/base/err.h"
#include "shm/base/sv.h"

enum { HTTP_HDR_MAX = 101 }; /* HAProxy's tune.http.maxhdr */

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_DELETE,
	HTTP_CONNECT,
	HTTP_OPTIONS,
	HTTP_TRACE,
	HTTP_PATCH,
	HTTP_OTHER,
	HTTP_METHOD_N
};

/* Header fields the proxy itself looks at. */
enum http_hid {
	HID_OTHER,
	HID_CONNECTION,
	HID_CONTENT_LENGTH,
	HID_TRANSFER_ENCODING,
	HID_HOST,
	HID_EXPECT,
	HID_UPGRADE,
	HID_KEEP_ALIVE,
	HID_PROXY_CONNECTION,
	HID_TE,
	HID_TRAILER,
	HID_X_FORWARDED_FOR,
	HID_COOKIE,
	HID_SET_COOKIE,
	HID_DATE,
	HID_SEC_WEBSOCKET_KEY,
	HID_SEC_WEBSOCKET_ACCEPT,
	HID_SEC_WEBSOCKET_VERSION,
	HID_HTTP2_SETTINGS,
	HID_N
};

struct http_hdr {
	struct sv name;   /* as received, no colon */
	struct sv value;  /* trimmed; may be empty */
	enum http_hid id; /* classified by name, case-insensitively */
};

enum http_framing {
	HTTP_BODY_NONE,    /* no body bytes follow (Content-Length: 0 too) */
	HTTP_BODY_LENGTH,  /* content_length bytes, at least one */
	HTTP_BODY_CHUNKED, /* RFC 9112 7.1 */
	HTTP_BODY_EOF,     /* until the connection closes (responses) */
	HTTP_FRAMING_N
};

struct http_head {
	bool is_response;
	uint8_t minor;           /* HTTP/1.<minor> as received: 0 or 1 */
	uint16_t status;         /* responses: 100..999 */
	enum http_method method; /* requests; for responses: of the request */
	enum http_framing framing;
	uint64_t content_length; /* bytes; valid if has_length */
	struct sv method_text;   /* requests */
	struct sv target;        /* requests: as received, any form */
	struct sv reason;        /* responses: may be empty */
	bool has_length;         /* a Content-Length field was there */
	bool conn_close;         /* Connection holds close */
	bool conn_keepalive;     /* Connection holds keep-alive */
	bool conn_upgrade;       /* Connection holds upgrade */
	bool conn_other;         /* Connection names other fields too */
	bool expect_continue;    /* Expect: 100-continue */
	uint16_t hdr_count;
	struct http_hdr hdr[HTTP_HDR_MAX];
};

/* First header called `name` (case-insensitive) at or after `from`, or -1. */
int http_find(const struct http_head *h, struct sv name, unsigned from);
int http_find_id(const struct http_head *h, enum http_hid id, unsigned from);
/* Remove entry i (the order of the others stays). */
void http_del(struct http_head *h, unsigned i);
/* Append; name and value must outlive the head. -WSE_FULL. */
MUST_USE int http_add(struct http_head *h, struct sv name, struct sv value);
/* Classify a header name. */
enum http_hid http_hid_of(struct sv name);
enum http_method http_method_of(struct sv name);
/* The standard reason phrase, "Unknown" when there is none. */
const char *http_reason(unsigned status);
/*
 * Parts of the request target (RFC 9112 3.2): path is what HAProxy's `path`
 * gives (without query; for absolute-form without scheme and authority; "*"
 * and authority-form give an empty view), query without '?'.
 */
struct sv http_path(const struct http_head *h);
struct sv http_query(const struct http_head *h);

#endif
