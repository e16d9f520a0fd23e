/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "shm/proto/h1.h"
#include "shm/proto/h2_head.h"

static struct http_head head;
_Alignas(8) static char store[32768];
static struct arena arena;
static struct h2_fields out;

/* "name: value\n" lines; a name may begin with a colon. */
static int
decode(enum h2_part part, const char *text, bool end, enum http_method method,
    const char *upgrade)
{
	struct h2_dec d = { .part = part,
		.may_connect = true,
		.method = method,
		.upgrade = sv_str(upgrade),
		.left_bytes = 16384,
		.h = &head,
		.a = &arena };
	const char *p = text;

	arena = (struct arena){ store, 0, sizeof(store) };
	h2_head_begin(&d);
	while (*p) {
		const char *colon = strstr(p + 1, ": ");
		const char *nl = strchr(colon ? colon : p, '\n');

		assert_true(colon && nl);
		h2_head_field(&d, sv_of(p, (size_t)(colon - p)),
		    sv_of(colon + 2, (size_t)(nl - colon - 2)));
		p = nl + 1;
	}
	return h2_head_end(&d, end);
}

/* The head in HTTP/1's words. */
static const char *
as_h1(void)
{
	static char text[40000];
	ssize_t n = h1_write_head(&head, text, sizeof(text) - 1);
	char *o = text;

	assert_true(n > 0);
	for (ssize_t i = 0; i < n; i++)
		if (text[i] != '\r')
			*o++ = text[i];
	*o = '\0';
	return text;
}

static const char *
as_h2(void)
{
	static char text[40000];
	size_t n = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < out.count; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    SV_FMT ": " SV_FMT "\n", SV_ARG(out.f[i].name),
		    SV_ARG(out.f[i].value));
	return text;
}

#define GET  ":method: GET\n:scheme: https\n:path: /\n:authority: a.example\n"
#define POST ":method: POST\n:scheme: https\n:path: /\n:authority: a.example\n"
#define WS                                                                    \
	":method: CONNECT\n:protocol: websocket\n:scheme: https\n:path: /c\n" \
	":authority: a.example\n"

struct row {
	const char *h2;
	bool end;
	const char *h1; /* NULL: malformed */
};

static const struct row requests[] = {
	{ GET, true, "GET / HTTP/1.1\nhost: a.example\n\n" },
	{ GET "accept: x\n", true,
	    "GET / HTTP/1.1\nhost: a.example\naccept: x\n\n" },
	{ GET "empty: \n", true,
	    "GET / HTTP/1.1\nhost: a.example\nempty: \n\n" },
	{ ":scheme: https\n:path: /\n:method: GET\nhost: b\n", true,
	    "GET / HTTP/1.1\nhost: b\n\n" },
	{ GET "host: A.Example\n", true,
	    "GET / HTTP/1.1\nhost: a.example\n\n" },
	{ GET "host: other\n", true, NULL },
	{ GET "host: a.example\nhost: a.example\n", true,
	    "GET / HTTP/1.1\nhost: a.example\n\n" },
	{ ":method: GET\n:scheme: https\n:path: /\nhost: a\nhost: b\n", true,
	    NULL },
	{ ":method: GET\n:scheme: https\n:path: /\n", true, NULL },
	{ ":method: OPTIONS\n:scheme: https\n:path: *\n:authority: a\n", true,
	    "OPTIONS * HTTP/1.1\nhost: a\n\n" },
	{ ":method: GET\n:scheme: https\n:path: *\n:authority: a\n", true,
	    NULL },
	{ ":method: GET\n:scheme: https\n:path: \n:authority: a\n", true,
	    NULL },
	{ ":method: GET\n:scheme: https\n:path: x\n:authority: a\n", true,
	    NULL },
	{ ":method: GET\n:scheme: https\n:path: /a b\n:authority: a\n", true,
	    NULL },
	{ ":method: GET\n:scheme: https\n:path: /#f\n:authority: a\n", true,
	    NULL },
	{ ":method: GET\n:scheme: https\n:path: /\r\n:authority: a\n", true,
	    NULL },
	{ ":method: G T\n:scheme: https\n:path: /\n:authority: a\n", true,
	    NULL },
	{ ":method: \n:scheme: https\n:path: /\n:authority: a\n", true, NULL },
	{ ":method: GET\n:scheme: 1x\n:path: /\n:authority: a\n", true, NULL },
	{ ":method: GET\n:scheme: \n:path: /\n:authority: a\n", true, NULL },
	{ ":method: GET\n:scheme: https\n:path: /\n:authority: u@a\n", true,
	    NULL },
	{ ":method: GET\n:scheme: https\n:path: /\n:authority: \nhost: a\n",
	    true, NULL },
	{ ":method: GET\n:scheme: https\n:path: /\n:authority: [::1]:80\n",
	    true, "GET / HTTP/1.1\nhost: [::1]:80\n\n" },
	{ ":method: GET\n:scheme: https\n:path: /\n:authority: a/b\n", true,
	    NULL },
	/* 8.3: once, first, known, complete */
	{ GET ":method: GET\n", true, NULL },
	{ GET ":path: /\n", true, NULL },
	{ GET "a: b\n:scheme: https\n", true, NULL },
	{ ":method: GET\na: b\n:path: /\n:scheme: https\n", true, NULL },
	{ GET ":status: 200\n", true, NULL },
	{ GET ":unknown: 1\n", true, NULL },
	{ ":path: /\n:scheme: https\n:authority: a\n", true, NULL },
	{ ":method: GET\n:path: /\n:authority: a\n", true, NULL },
	{ ":method: GET\n:scheme: https\n:authority: a\n", true, NULL },
	{ "a: b\n", true, NULL },
	{ "", true, NULL },
	/* 8.2.1 */
	{ GET "Accept: x\n", true, NULL },
	{ GET "a b: x\n", true, NULL },
	{ GET "a\r: x\n", true, NULL },
	{ GET "a\x80: x\n", true, NULL },
	{ GET "a:b: x\n", true, NULL },
	{ GET "a: x\r\n", true, NULL },
	{ GET "a: x\ry\n", true, NULL },
	{ GET "a:  x\n", true, NULL },
	{ GET "a: x \n", true, NULL },
	{ GET "a: x\t\n", true, NULL },
	{ GET "a: x\ty\n", true,
	    "GET / HTTP/1.1\nhost: a.example\na: x\ty\n\n" },
	{ GET "a: x\x01y\n", true, NULL },
	/* 8.2.2 */
	{ GET "connection: close\n", true, NULL },
	{ GET "keep-alive: 1\n", true, NULL },
	{ GET "proxy-connection: x\n", true, NULL },
	{ GET "transfer-encoding: chunked\n", false, NULL },
	{ GET "upgrade: websocket\n", true, NULL },
	{ GET "te: gzip\n", true, NULL },
	{ GET "te: trailers, gzip\n", true, NULL },
	{ GET "te: trailers\n", true,
	    "GET / HTTP/1.1\nhost: a.example\nte: trailers\n\n" },
	/* 8.2.3 */
	{ GET "cookie: a=1\nx: y\ncookie: b=2\ncookie: c=3\n", true,
	    "GET / HTTP/1.1\nhost: a.example\ncookie: a=1; b=2; c=3\n"
	    "x: y\n\n" },
	{ GET "cookie: \ncookie: b=2\ncookie: \n", true,
	    "GET / HTTP/1.1\nhost: a.example\ncookie: b=2\n\n" },
	/* 8.1.1 */
	{ POST "content-length: 5\n", false,
	    "POST / HTTP/1.1\nhost: a.example\ncontent-length: 5\n\n" },
	{ POST "content-length: 5\n", true, NULL },
	{ POST "content-length: 0\n", true,
	    "POST / HTTP/1.1\nhost: a.example\ncontent-length: 0\n\n" },
	{ POST "content-length: 5\ncontent-length: 5\n", false,
	    "POST / HTTP/1.1\nhost: a.example\ncontent-length: 5\n\n" },
	{ POST "content-length: 5\ncontent-length: 6\n", false, NULL },
	{ POST "content-length: 5, 5\n", false, NULL },
	{ POST "content-length: +5\n", false, NULL },
	{ POST "content-length: \n", false, NULL },
	{ POST "content-length: 99999999999999999999\n", false, NULL },
	/* 8.5, RFC 8441 */
	{ ":method: CONNECT\n:authority: a:443\n", false,
	    "CONNECT a:443 HTTP/1.1\nhost: a:443\n\n" },
	{ ":method: CONNECT\n:authority: a:443\ncontent-length: 5\n", true,
	    "CONNECT a:443 HTTP/1.1\nhost: a:443\n\n" },
	{ ":method: CONNECT\n:authority: a:443\n:path: /\n", false, NULL },
	{ ":method: CONNECT\n:authority: a:443\n:scheme: https\n", false,
	    NULL },
	{ ":method: CONNECT\nhost: a:443\n", false, NULL },
	{ WS "sec-websocket-version: 13\nsec-websocket-key: x\n", false,
	    "GET /c HTTP/1.1\nhost: a.example\nsec-websocket-version: 13\n"
	    "connection: upgrade\nupgrade: websocket\n\n" },
	{ ":method: GET\n:protocol: websocket\n:scheme: https\n:path: /\n"
	  ":authority: a\n",
	    false, NULL },
	{ ":method: CONNECT\n:protocol: h2c\n:scheme: https\n:path: /\n"
	  ":authority: a\n",
	    false, NULL },
	{ ":method: CONNECT\n:protocol: H2\n:scheme: https\n:path: /\n"
	  ":authority: a\n",
	    false, NULL },
	{ ":method: CONNECT\n:protocol: \n:scheme: https\n:path: /\n"
	  ":authority: a\n",
	    false, NULL },
	{ ":method: CONNECT\n:protocol: websocket\n:path: /\n"
	  ":authority: a\n",
	    false, NULL },
	{ ":method: CONNECT\n:protocol: websocket\n:scheme: https\n"
	  ":authority: a\n",
	    false, NULL },
};

static void
h2_head__requests__as_h1_or_malformed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		const struct row *r = &requests[i];
		int e = decode(H2_REQUEST, r->h2, r->end, HTTP_OTHER, NULL);

		if (e != (r->h1 ? 0 : -WSE_PROTO))
			fail_msg("%d for %s", e, r->h2);
		if (r->h1)
			assert_string_equal(as_h1(), r->h1);
	}
}

static void
h2_head__nul_in_a_value__is_malformed(void **state)
{
	struct h2_dec d = { .left_bytes = 1000, .h = &head, .a = &arena };

	(void)state;
	arena.used_bytes = 0;
	h2_head_begin(&d);
	h2_head_field(&d, SV(":method"), SV("GET"));
	h2_head_field(&d, SV(":scheme"), SV("http"));
	h2_head_field(&d, SV(":path"), SV("/"));
	h2_head_field(&d, SV(":authority"), SV("a"));
	h2_head_field(&d, SV("x"), SV("a\0b"));
	assert_int_equal(h2_head_end(&d, true), -WSE_PROTO);
	h2_head_begin(&d);
	h2_head_field(&d, SV(""), SV("a"));
	assert_int_equal(h2_head_end(&d, true), -WSE_PROTO);
}

static void
h2_head__protocol_not_announced__is_malformed(void **state)
{
	struct h2_dec d = { .left_bytes = 1000, .h = &head, .a = &arena };

	(void)state;
	arena = (struct arena){ store, 0, sizeof(store) };
	h2_head_begin(&d);
	h2_head_field(&d, SV(":method"), SV("CONNECT"));
	h2_head_field(&d, SV(":protocol"), SV("websocket"));
	h2_head_field(&d, SV(":scheme"), SV("http"));
	h2_head_field(&d, SV(":path"), SV("/"));
	h2_head_field(&d, SV(":authority"), SV("a"));
	assert_int_equal(h2_head_end(&d, false), -WSE_PROTO);
}

static void
h2_head__framing__follows_end_and_length(void **state)
{
	(void)state;
	assert_int_equal(decode(H2_REQUEST, GET, true, HTTP_OTHER, NULL), 0);
	assert_int_equal(head.framing, HTTP_BODY_NONE);
	assert_int_equal(decode(H2_REQUEST, POST, false, HTTP_OTHER, NULL), 0);
	assert_int_equal(head.framing, HTTP_BODY_CHUNKED);
	assert_int_equal(decode(H2_REQUEST, POST "content-length: 7\n", false,
			     HTTP_OTHER, NULL),
	    0);
	assert_int_equal(head.framing, HTTP_BODY_LENGTH);
	assert_int_equal(head.content_length, 7);
	assert_int_equal(decode(H2_REQUEST, WS, false, HTTP_OTHER, NULL), 0);
	assert_int_equal(head.framing, HTTP_BODY_NONE);
	assert_true(head.conn_upgrade);
	assert_int_equal(decode(H2_REQUEST, POST "expect: 100-continue\n",
			     false, HTTP_OTHER, NULL),
	    0);
	assert_true(head.expect_continue);
}

struct response {
	const char *h2;
	bool end;
	enum http_method method;
	const char *upgrade;
	const char *h1; /* NULL: malformed */
	enum http_framing framing;
};

static const struct response responses[] = {
	{ ":status: 200\nserver: x\n", false, HTTP_GET, NULL,
	    "HTTP/1.1 200 OK\nserver: x\n\n", HTTP_BODY_CHUNKED },
	{ ":status: 200\n", true, HTTP_GET, NULL, "HTTP/1.1 200 OK\n\n",
	    HTTP_BODY_NONE },
	{ ":status: 200\ncontent-length: 3\n", false, HTTP_GET, NULL,
	    "HTTP/1.1 200 OK\ncontent-length: 3\n\n", HTTP_BODY_LENGTH },
	{ ":status: 200\ncontent-length: 3\n", true, HTTP_GET, NULL, NULL, 0 },
	{ ":status: 200\ncontent-length: 3\n", true, HTTP_HEAD, NULL,
	    "HTTP/1.1 200 OK\ncontent-length: 3\n\n", HTTP_BODY_NONE },
	{ ":status: 304\ncontent-length: 3\n", true, HTTP_GET, NULL,
	    "HTTP/1.1 304 Not Modified\ncontent-length: 3\n\n",
	    HTTP_BODY_NONE },
	{ ":status: 103\nlink: x\n", false, HTTP_GET, NULL,
	    "HTTP/1.1 103 Early Hints\nlink: x\n\n", HTTP_BODY_NONE },
	{ ":status: 103\n", true, HTTP_GET, NULL, NULL, 0 },
	{ ":status: 101\n", false, HTTP_GET, NULL, NULL, 0 },
	{ ":status: 99\n", false, HTTP_GET, NULL, NULL, 0 },
	{ ":status: 1000\n", false, HTTP_GET, NULL, NULL, 0 },
	{ ":status: 2x0\n", false, HTTP_GET, NULL, NULL, 0 },
	{ ":status: 200\n:status: 200\n", false, HTTP_GET, NULL, NULL, 0 },
	{ ":status: 200\n:path: /\n", false, HTTP_GET, NULL, NULL, 0 },
	{ "server: x\n", false, HTTP_GET, NULL, NULL, 0 },
	{ "server: x\n:status: 200\n", false, HTTP_GET, NULL, NULL, 0 },
	{ ":status: 200\nconnection: close\n", false, HTTP_GET, NULL, NULL, 0 },
	{ ":status: 200\ntransfer-encoding: chunked\n", false, HTTP_GET, NULL,
	    NULL, 0 },
	{ ":status: 200\nset-cookie: a=1\nset-cookie: b=2\n", true, HTTP_GET,
	    NULL, "HTTP/1.1 200 OK\nset-cookie: a=1\nset-cookie: b=2\n\n",
	    HTTP_BODY_NONE },
	{ ":status: 200\nsec-websocket-protocol: p\n", false, HTTP_GET,
	    "websocket",
	    "HTTP/1.1 101 Switching Protocols\nsec-websocket-protocol: p\n"
	    "connection: upgrade\nupgrade: websocket\n\n",
	    HTTP_BODY_NONE },
	{ ":status: 403\n", false, HTTP_GET, "websocket",
	    "HTTP/1.1 403 Forbidden\n\n", HTTP_BODY_CHUNKED },
	{ ":status: 200\n", false, HTTP_CONNECT, NULL, "HTTP/1.1 200 OK\n\n",
	    HTTP_BODY_NONE },
	{ ":status: 200\ncontent-length: 5\n", false, HTTP_CONNECT, NULL,
	    "HTTP/1.1 200 OK\n\n", HTTP_BODY_NONE },
	{ ":status: 204\n", false, HTTP_GET, NULL,
	    "HTTP/1.1 204 No Content\n\n", HTTP_BODY_NONE },
};

static void
h2_head__responses__as_h1_or_malformed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(responses) / sizeof(responses[0]); i++) {
		const struct response *r = &responses[i];
		int e =
		    decode(H2_RESPONSE, r->h2, r->end, r->method, r->upgrade);

		if (e != (r->h1 ? 0 : -WSE_PROTO))
			fail_msg("%d for %s", e, r->h2);
		if (!r->h1)
			continue;
		assert_string_equal(as_h1(), r->h1);
		assert_int_equal(head.framing, r->framing);
	}
}

static void
h2_head__trailers__without_what_is_none(void **state)
{
	(void)state;
	assert_int_equal(
	    decode(H2_TRAILERS, "x: y\ncontent-length: 3\nhost: a\ncookie: b\n",
		true, HTTP_GET, NULL),
	    0);
	assert_int_equal(head.hdr_count, 1);
	assert_int_equal(
	    decode(H2_TRAILERS, "x: y\n", false, HTTP_GET, NULL), -WSE_PROTO);
	assert_int_equal(
	    decode(H2_TRAILERS, ":status: 200\n", true, HTTP_GET, NULL),
	    -WSE_PROTO);
	assert_int_equal(
	    decode(H2_TRAILERS, "connection: x\n", true, HTTP_GET, NULL),
	    -WSE_PROTO);
}

static void
h2_head__too_much__is_toobig(void **state)
{
	struct h2_dec d = {
		.part = H2_TRAILERS, .left_bytes = 200, .h = &head, .a = &arena
	};

	(void)state;
	arena = (struct arena){ store, 0, sizeof(store) };
	h2_head_begin(&d);
	for (int i = 0; i < 6; i++)
		h2_head_field(&d, SV("a"), SV("b"));
	assert_int_equal(h2_head_end(&d, true), -WSE_TOOBIG);
	d.left_bytes = 1 << 20;
	h2_head_begin(&d);
	for (int i = 0; i < HTTP_HDR_MAX; i++)
		h2_head_field(&d, SV("a"), SV("b"));
	assert_int_equal(h2_head_end(&d, true), 0);
	h2_head_begin(&d);
	for (int i = 0; i <= HTTP_HDR_MAX; i++)
		h2_head_field(&d, SV("a"), SV("b"));
	assert_int_equal(h2_head_end(&d, true), -WSE_TOOBIG);
	arena.size_bytes = 100;
	arena.used_bytes = 0;
	h2_head_begin(&d);
	for (int i = 0; i < 60; i++)
		h2_head_field(&d, SV("a"), SV("b"));
	assert_int_equal(h2_head_end(&d, true), -WSE_TOOBIG);
}

struct h1_row {
	const char *h1;
	int err;
	const char *h2;
};

static const struct h1_row h1_requests[] = {
	{ "GET /a?b HTTP/1.1\r\nHost: x\r\nAccept: y\r\n\r\n", 0,
	    ":method: GET\n:scheme: https\n:path: /a?b\n:authority: x\n"
	    "Accept: y\n" },
	{ "GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n", 0,
	    ":method: GET\n:scheme: http\n:path: /a\n:authority: x\n" },
	{ "GET http://x?q HTTP/1.1\r\nHost: x\r\n\r\n", 0,
	    ":method: GET\n:scheme: http\n:path: /?q\n:authority: x\n" },
	{ "GET http://x HTTP/1.1\r\nHost: x\r\n\r\n", 0,
	    ":method: GET\n:scheme: http\n:path: /\n:authority: x\n" },
	{ "OPTIONS http://x HTTP/1.1\r\nHost: x\r\n\r\n", 0,
	    ":method: OPTIONS\n:scheme: http\n:path: *\n:authority: x\n" },
	{ "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 0,
	    ":method: OPTIONS\n:scheme: https\n:path: *\n:authority: x\n" },
	{ "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n", 0,
	    ":method: CONNECT\n:authority: x:1\n" },
	{ "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, X-Hop\r\n"
	  "Keep-Alive: 1\r\nX-Hop: 1\r\nTE: gzip, trailers\r\nX: y\r\n\r\n",
	    0,
	    ":method: GET\n:scheme: https\n:path: /\n:authority: x\n"
	    "TE: trailers\nX: y\n" },
	{ "GET / HTTP/1.1\r\nHost: x\r\nTE: gzip\r\nHTTP2-Settings: AA\r\n"
	  "Upgrade: h2c\r\nProxy-Connection: x\r\n\r\n",
	    0, ":method: GET\n:scheme: https\n:path: /\n:authority: x\n" },
	{ "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 0,
	    ":method: POST\n:scheme: https\n:path: /\n:authority: x\n" },
	{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n", 0,
	    ":method: POST\n:scheme: https\n:path: /\n:authority: x\n"
	    "Content-Length: 4\n" },
	{ "GET /c HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
	  "Upgrade: websocket, x\r\nSec-WebSocket-Key: k\r\n"
	  "Sec-WebSocket-Version: 13\r\n\r\n",
	    0,
	    ":method: CONNECT\n:protocol: websocket\n:scheme: https\n"
	    ":path: /c\n:authority: x\nSec-WebSocket-Version: 13\n" },
	{ "GET /c HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\r\n", 0,
	    ":method: GET\n:scheme: https\n:path: /c\n:authority: x\n" },
	{ "POST /c HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
	  "Upgrade: websocket\r\nContent-Length: 3\r\n\r\n",
	    -WSE_UNSUPP, NULL },
	{ "GET /c HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
	  "Upgrade: h2c\r\n\r\n",
	    -WSE_UNSUPP, NULL },
};

static void
h2_head__h1_requests__in_the_words_of_h2(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(h1_requests) / sizeof(h1_requests[0]);
	     i++) {
		const struct h1_row *r = &h1_requests[i];
		struct h1_scan sc = { 0 };
		struct h1_fault f;
		int e;

		assert_true(h1_parse_request(r->h1, strlen(r->h1), 16384, &sc,
				&head, &f) > 0);
		arena = (struct arena){ store, 0, sizeof(store) };
		e = h2_head_request(&head, SV("https"), &arena, &out);
		if (e != r->err)
			fail_msg("%d for %s", e, r->h1);
		if (r->h2)
			assert_string_equal(as_h2(), r->h2);
	}
}

static void
h2_head__h1_responses__in_the_words_of_h2(void **state)
{
	static const char ok[] = "HTTP/1.1 200 Fine\r\nConnection: close, X\r\n"
				 "X: 1\r\nTransfer-Encoding: chunked\r\n"
				 "Server: y\r\n\r\n";
	static const char sw[] = "HTTP/1.1 101 x\r\nConnection: upgrade\r\n"
				 "Upgrade: websocket\r\n"
				 "Sec-WebSocket-Accept: z\r\n"
				 "Sec-WebSocket-Protocol: p\r\n\r\n";
	struct h1_scan sc = { 0 };
	struct h1_fault f;

	(void)state;
	assert_true(h1_parse_response(ok, sizeof(ok) - 1, 16384, &sc, HTTP_GET,
			&head, &f) > 0);
	assert_int_equal(h2_head_response(&head, false, &out), 0);
	assert_string_equal(as_h2(), ":status: 200\nServer: y\n");
	sc = (struct h1_scan){ 0 };
	assert_true(h1_parse_response(sw, sizeof(sw) - 1, 16384, &sc, HTTP_GET,
			&head, &f) > 0);
	assert_int_equal(h2_head_response(&head, false, &out), -WSE_PROTO);
	assert_int_equal(h2_head_response(&head, true, &out), 0);
	assert_string_equal(
	    as_h2(), ":status: 200\nSec-WebSocket-Protocol: p\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h2_head__requests__as_h1_or_malformed),
		cmocka_unit_test(h2_head__nul_in_a_value__is_malformed),
		cmocka_unit_test(h2_head__protocol_not_announced__is_malformed),
		cmocka_unit_test(h2_head__framing__follows_end_and_length),
		cmocka_unit_test(h2_head__responses__as_h1_or_malformed),
		cmocka_unit_test(h2_head__trailers__without_what_is_none),
		cmocka_unit_test(h2_head__too_much__is_toobig),
		cmocka_unit_test(h2_head__h1_requests__in_the_words_of_h2),
		cmocka_unit_test(h2_head__h1_responses__in_the_words_of_h2),
	};

	return cmocka_run_group_tests_name("h2_head", tests, NULL, NULL);
}
