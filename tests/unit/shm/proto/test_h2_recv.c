/* SPDX-License-Identifier: MIT */
/*
 * RFC 9113 sections 3 to 6 (and some of 8), case by case: raw frames in, the
 * reaction out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/unit/shm/proto/h2_pair.h"

#include <stdlib.h>
#include <string.h>

enum { FRAMES = 4, BIG = -1 };

struct fr {
	uint8_t type, flags;
	uint32_t id;
	const char *payload;
	int len; /* BIG: 16,385 bytes of zeros */
};

/* A payload given as text, with its length. */
#define P(s) s, sizeof(s) - 1

enum reaction { FINE, STREAM, CONN };

struct err_case {
	const char *name; /* section and what is wrong */
	struct fr f[FRAMES];
	enum reaction r;
	uint32_t code;
};

#define GET_BLOCK  "\x82\x86\x84\x41\x01"
#define POST_BLOCK "\x83\x86\x84\x41\x01"
#define ES         H2_END_STREAM
#define EH         H2_END_HEADERS
#define GET(id)                                           \
	{                                                 \
		H2_HEADERS, ES | EH, id, P(GET_BLOCK "a") \
	}
#define POST(id)                                      \
	{                                             \
		H2_HEADERS, EH, id, P(POST_BLOCK "a") \
	}
/* content-length: 3 */
#define POST3(id)                                                     \
	{                                                             \
		H2_HEADERS, EH, id, P(POST_BLOCK "a\x0f\x0d\x01\x33") \
	}

static const struct err_case server_cases[] = {
	{ "a request", { GET(1) }, FINE, 0 },
	{ "a request with a body", { POST(1), { H2_DATA, ES, 1, P("x") } },
	    FINE, 0 },
	{ "4.1 unknown type", { { 0x16, 0, 0, P("abc") }, GET(1) }, FINE, 0 },
	{ "4.1 unknown flags", { { H2_PING, 0xfe, 0, P("12345678") } }, FINE,
	    0 },
	{ "4.2 too large DATA", { POST(1), { H2_DATA, 0, 1, NULL, BIG } }, CONN,
	    H2_FRAME_SIZE_ERROR },
	{ "4.2 too large HEADERS", { { H2_HEADERS, EH, 1, NULL, BIG } }, CONN,
	    H2_FRAME_SIZE_ERROR },
	{ "4.3 bad header block", { { H2_HEADERS, EH | ES, 1, P("\xff\xff") } },
	    CONN, H2_COMPRESSION_ERROR },
	{ "4.3 PRIORITY inside a header block",
	    { { H2_HEADERS, ES, 1, P(GET_BLOCK) },
		{ H2_PRIORITY, 0, 1, P("\0\0\0\0\0") } },
	    CONN, H2_PROTOCOL_ERROR },
	{ "4.3 another stream inside a header block",
	    { { H2_HEADERS, ES, 1, P(GET_BLOCK) },
		{ H2_HEADERS, ES, 3, P(GET_BLOCK "a") } },
	    CONN, H2_PROTOCOL_ERROR },
	{ "4.3 unknown type inside a header block",
	    { { H2_HEADERS, ES, 1, P(GET_BLOCK) }, { 0x16, 0, 1, P("x") } },
	    CONN, H2_PROTOCOL_ERROR },
	{ "5.1 idle: DATA", { { H2_DATA, 0, 1, P("x") } }, CONN,
	    H2_PROTOCOL_ERROR },
	{ "5.1 idle: RST_STREAM", { { H2_RST_STREAM, 0, 1, P("\0\0\0\x08") } },
	    CONN, H2_PROTOCOL_ERROR },
	{ "5.1 idle: WINDOW_UPDATE",
	    { { H2_WINDOW_UPDATE, 0, 1, P("\0\0\0\x08") } }, CONN,
	    H2_PROTOCOL_ERROR },
	{ "5.1 idle: CONTINUATION", { { H2_CONTINUATION, EH, 1, P("\x82") } },
	    CONN, H2_PROTOCOL_ERROR },
	{ "5.1 idle: PRIORITY", { { H2_PRIORITY, 0, 1, P("\0\0\0\0\0") } },
	    FINE, 0 },
	{ "5.1 half-closed (remote): DATA",
	    { GET(1), { H2_DATA, 0, 1, P("x") } }, CONN, H2_STREAM_CLOSED },
	{ "5.1 half-closed (remote): HEADERS", { GET(1), GET(1) }, CONN,
	    H2_STREAM_CLOSED },
	{ "5.1 half-closed (remote): WINDOW_UPDATE",
	    { GET(1), { H2_WINDOW_UPDATE, 0, 1, P("\0\0\0\x08") } }, FINE, 0 },
	{ "5.1 closed by the peer: WINDOW_UPDATE",
	    { GET(1), { H2_RST_STREAM, 0, 1, P("\0\0\0\x08") },
		{ H2_WINDOW_UPDATE, 0, 1, P("\0\0\0\x08") } },
	    FINE, 0 },
	{ "5.1 closed by the peer: RST_STREAM",
	    { GET(1), { H2_RST_STREAM, 0, 1, P("\0\0\0\x08") },
		{ H2_RST_STREAM, 0, 1, P("\0\0\0\x08") } },
	    FINE, 0 },
	{ "5.1 closed: HEADERS",
	    { GET(1), { H2_RST_STREAM, 0, 1, P("\0\0\0\x08") }, GET(1) }, CONN,
	    H2_STREAM_CLOSED },
	{ "5.1 closed: DATA",
	    { POST(1), { H2_RST_STREAM, 0, 1, P("\0\0\0\x08") },
		{ H2_DATA, 0, 1, P("x") } },
	    CONN, H2_STREAM_CLOSED },
	{ "5.1 reset by us: DATA, trailers",
	    { POST3(1), { H2_DATA, 0, 1, P("abcd") },
		{ H2_DATA, 0, 1, P("abcd") },
		{ H2_HEADERS, EH | ES, 1, P("\0\x01x\x01y") } },
	    STREAM, H2_PROTOCOL_ERROR },
	{ "5.1.1 even id", { GET(2) }, CONN, H2_PROTOCOL_ERROR },
	{ "5.1.1 id going down", { GET(5), GET(3) }, CONN, H2_PROTOCOL_ERROR },
	{ "5.3 depends on itself", { { H2_PRIORITY, 0, 3, P("\0\0\0\x03\0") } },
	    FINE, 0 },
	{ "6.1 DATA on 0", { { H2_DATA, 0, 0, P("x") } }, CONN,
	    H2_PROTOCOL_ERROR },
	{ "6.1 padding as long as DATA",
	    { POST(1),
		{ H2_DATA, H2_PADDED, 1,
		    P("\x04"
		      "abc") } },
	    CONN, H2_PROTOCOL_ERROR },
	{ "6.1 padded",
	    { POST(1),
		{ H2_DATA, 9, 1,
		    P("\x02"
		      "abc") } },
	    FINE, 0 },
	{ "6.2 HEADERS on 0", { GET(0) }, CONN, H2_PROTOCOL_ERROR },
	{ "6.2 padding too long",
	    { { H2_HEADERS, EH | ES | H2_PADDED, 1, P("\x09\x82\x86") } }, CONN,
	    H2_PROTOCOL_ERROR },
	{ "6.2 priority cut short",
	    { { H2_HEADERS, EH | ES | H2_WITH_PRIORITY, 1, P("\0\0\0") } },
	    CONN, H2_FRAME_SIZE_ERROR },
	{ "6.2 with priority",
	    { { H2_HEADERS, EH | ES | H2_WITH_PRIORITY, 1,
		P("\0\0\0\0\x10" GET_BLOCK "a") } },
	    FINE, 0 },
	{ "6.3 PRIORITY on 0", { { H2_PRIORITY, 0, 0, P("\0\0\0\x01\0") } },
	    CONN, H2_PROTOCOL_ERROR },
	{ "6.3 PRIORITY of 4 bytes", { { H2_PRIORITY, 0, 1, P("\0\0\0\0") } },
	    CONN, H2_FRAME_SIZE_ERROR },
	{ "6.4 RST_STREAM on 0", { { H2_RST_STREAM, 0, 0, P("\0\0\0\0") } },
	    CONN, H2_PROTOCOL_ERROR },
	{ "6.4 RST_STREAM of 3 bytes",
	    { GET(1), { H2_RST_STREAM, 0, 1, P("\0\0\0") } }, CONN,
	    H2_FRAME_SIZE_ERROR },
	{ "6.5 SETTINGS on 1", { { H2_SETTINGS, 0, 1, P("") } }, CONN,
	    H2_PROTOCOL_ERROR },
	{ "6.5 ACK with payload",
	    { { H2_SETTINGS, H2_ACK, 0, P("\0\x03\0\0\0\x01") } }, CONN,
	    H2_FRAME_SIZE_ERROR },
	{ "6.5 5 bytes", { { H2_SETTINGS, 0, 0, P("\0\x03\0\0\0") } }, CONN,
	    H2_FRAME_SIZE_ERROR },
	{ "6.5 unknown setting",
	    { { H2_SETTINGS, 0, 0, P("\0\x99\0\0\0\x01") } }, FINE, 0 },
	{ "6.5.2 ENABLE_PUSH 2",
	    { { H2_SETTINGS, 0, 0, P("\0\x02\0\0\0\x02") } }, CONN,
	    H2_PROTOCOL_ERROR },
	{ "6.5.2 INITIAL_WINDOW_SIZE 2^31",
	    { { H2_SETTINGS, 0, 0, P("\0\x04\x80\0\0\0") } }, CONN,
	    H2_FLOW_CONTROL_ERROR },
	{ "6.5.2 MAX_FRAME_SIZE 16383",
	    { { H2_SETTINGS, 0, 0, P("\0\x05\0\0\x3f\xff") } }, CONN,
	    H2_PROTOCOL_ERROR },
	{ "6.5.2 MAX_FRAME_SIZE 2^24",
	    { { H2_SETTINGS, 0, 0, P("\0\x05\x01\0\0\0") } }, CONN,
	    H2_PROTOCOL_ERROR },
	{ "6.6 PUSH_PROMISE",
	    { GET(1), { H2_PUSH_PROMISE, EH, 1, P("\0\0\0\x02\x82") } }, CONN,
	    H2_PROTOCOL_ERROR },
	{ "6.7 PING of 7 bytes", { { H2_PING, 0, 0, P("1234567") } }, CONN,
	    H2_FRAME_SIZE_ERROR },
	{ "6.7 PING on 1", { { H2_PING, 0, 1, P("12345678") } }, CONN,
	    H2_PROTOCOL_ERROR },
	{ "6.7 PING", { { H2_PING, 0, 0, P("12345678") } }, FINE, 0 },
	{ "6.8 GOAWAY on 1", { { H2_GOAWAY, 0, 1, P("\0\0\0\0\0\0\0\0") } },
	    CONN, H2_PROTOCOL_ERROR },
	{ "6.8 GOAWAY twice, of 2^31 - 1 and less",
	    { POST(1), { H2_GOAWAY, 0, 0, P("\x7f\xff\xff\xff\0\0\0\0why") },
		{ H2_GOAWAY, 0, 0, P("\0\0\0\0\0\0\0\0") } },
	    FINE, 0 },
	{ "6.8 GOAWAY cut short", { { H2_GOAWAY, 0, 0, P("\0\0\0\0") } }, CONN,
	    H2_FRAME_SIZE_ERROR },
	{ "6.9 WINDOW_UPDATE 0 on the connection",
	    { { H2_WINDOW_UPDATE, 0, 0, P("\0\0\0\0") } }, CONN,
	    H2_PROTOCOL_ERROR },
	{ "6.9 WINDOW_UPDATE 0 on a stream",
	    { POST(1), { H2_WINDOW_UPDATE, 0, 1, P("\0\0\0\0") } }, CONN,
	    H2_PROTOCOL_ERROR },
	{ "6.9 WINDOW_UPDATE of 3 bytes",
	    { { H2_WINDOW_UPDATE, 0, 0, P("\0\0\0") } }, CONN,
	    H2_FRAME_SIZE_ERROR },
	{ "6.9.1 the connection's window overflows",
	    { { H2_WINDOW_UPDATE, 0, 0, P("\x7f\xff\xff\xff") } }, CONN,
	    H2_FLOW_CONTROL_ERROR },
	{ "6.9.1 a stream's window overflows",
	    { POST(1), { H2_WINDOW_UPDATE, 0, 1, P("\x7f\xff\xff\xff") } },
	    STREAM, H2_FLOW_CONTROL_ERROR },
	{ "6.9.2 a setting overflows a stream's window",
	    { POST(1), { H2_WINDOW_UPDATE, 0, 1, P("\0\0\x01\0") },
		{ H2_SETTINGS, 0, 0, P("\0\x04\x7f\xff\xff\xff") } },
	    CONN, H2_FLOW_CONTROL_ERROR },
	{ "6.10 CONTINUATION",
	    { { H2_HEADERS, ES, 1, P(GET_BLOCK) },
		{ H2_CONTINUATION, EH, 1, P("a") } },
	    FINE, 0 },
	{ "6.10 CONTINUATION of another stream",
	    { { H2_HEADERS, ES, 1, P(GET_BLOCK) },
		{ H2_CONTINUATION, EH, 3, P("a") } },
	    CONN, H2_PROTOCOL_ERROR },
	{ "6.10 CONTINUATION after the end",
	    { GET(1), { H2_CONTINUATION, EH, 1, P("\x82") } }, CONN,
	    H2_PROTOCOL_ERROR },
	{ "6.10 CONTINUATION on 0",
	    { { H2_HEADERS, ES, 1, P(GET_BLOCK) },
		{ H2_CONTINUATION, EH, 0, P("a") } },
	    CONN, H2_PROTOCOL_ERROR },
	{ "8.1 second HEADERS without END_STREAM", { POST(1), POST(1) }, STREAM,
	    H2_PROTOCOL_ERROR },
	{ "8.1 pseudo-header in trailers",
	    { POST(1), { H2_HEADERS, EH | ES, 1, P("\x82") } }, STREAM,
	    H2_PROTOCOL_ERROR },
	{ "8.1 trailers",
	    { POST(1), { H2_HEADERS, EH | ES, 1, P("\0\x01x\x01y") } }, FINE,
	    0 },
	{ "8.1.1 more DATA than Content-Length",
	    { POST3(1), { H2_DATA, 0, 1, P("abcd") } }, STREAM,
	    H2_PROTOCOL_ERROR },
	{ "8.1.1 less DATA than Content-Length",
	    { POST3(1), { H2_DATA, ES, 1, P("ab") } }, STREAM,
	    H2_PROTOCOL_ERROR },
	{ "8.1.1 less DATA than Content-Length, trailers",
	    { POST3(1), { H2_DATA, 0, 1, P("ab") },
		{ H2_HEADERS, EH | ES, 1, P("\0\x01x\x01y") } },
	    STREAM, H2_PROTOCOL_ERROR },
	{ "8.1.1 as much DATA as Content-Length",
	    { POST3(1), { H2_DATA, 0, 1, P("ab") },
		{ H2_DATA, ES, 1, P("c") } },
	    FINE, 0 },
	{ "8.2.1 upper case",
	    { { H2_HEADERS, EH | ES, 1, P(GET_BLOCK "a\0\x01X\x01y") } },
	    STREAM, H2_PROTOCOL_ERROR },
	{ "8.2.2 Connection",
	    { { H2_HEADERS, EH | ES, 1,
		P(GET_BLOCK "a\0\x0a"
			    "connection\x01y") } },
	    STREAM, H2_PROTOCOL_ERROR },
	{ "8.3.1 no :path", { { H2_HEADERS, EH | ES, 1, P("\x82\x86") } },
	    STREAM, H2_PROTOCOL_ERROR },
};

/* Stream 1 is our request, with a body that has not ended. */
static const struct err_case client_cases[] = {
	{ "a response", { { H2_HEADERS, EH | ES, 1, P("\x88") } }, FINE, 0 },
	{ "interim responses",
	    { { H2_HEADERS, EH, 1,
		  P("\x08\x03"
		    "103") },
		{ H2_HEADERS, EH, 1,
		    P("\x08\x03"
		      "100") },
		{ H2_HEADERS, EH, 1, P("\x88") }, { H2_DATA, ES, 1, P("x") } },
	    FINE, 0 },
	{ "5.1 response on an idle stream",
	    { { H2_HEADERS, EH | ES, 3, P("\x88") } }, CONN,
	    H2_PROTOCOL_ERROR },
	{ "5.1 even idle stream", { { H2_HEADERS, EH | ES, 2, P("\x88") } },
	    CONN, H2_PROTOCOL_ERROR },
	{ "5.1 WINDOW_UPDATE on an idle stream",
	    { { H2_WINDOW_UPDATE, 0, 3, P("\0\0\0\x01") } }, CONN,
	    H2_PROTOCOL_ERROR },
	{ "5.1 DATA on an idle stream", { { H2_DATA, 0, 3, P("x") } }, CONN,
	    H2_PROTOCOL_ERROR },
	{ "5.1 DATA after END_STREAM",
	    { { H2_HEADERS, EH | ES, 1, P("\x88") },
		{ H2_DATA, 0, 1, P("x") } },
	    CONN, H2_STREAM_CLOSED },
	{ "6.6 PUSH_PROMISE, which we forbade",
	    { { H2_PUSH_PROMISE, EH, 1, P("\0\0\0\x02\x82\x86\x84") } }, CONN,
	    H2_PROTOCOL_ERROR },
	{ "6.5.2 ENABLE_PUSH 1",
	    { { H2_SETTINGS, 0, 0, P("\0\x02\0\0\0\x01") } }, CONN,
	    H2_PROTOCOL_ERROR },
	{ "RFC 8441 3: taken back",
	    { { H2_SETTINGS, 0, 0, P("\0\x08\0\0\0\x01") },
		{ H2_SETTINGS, 0, 0, P("\0\x08\0\0\0\0") } },
	    CONN, H2_PROTOCOL_ERROR },
	{ "8.1 DATA before the response", { { H2_DATA, 0, 1, P("x") } }, CONN,
	    H2_PROTOCOL_ERROR },
	{ "8.1 DATA after an interim response",
	    { { H2_HEADERS, EH, 1,
		  P("\x08\x03"
		    "103") },
		{ H2_DATA, 0, 1, P("x") } },
	    STREAM, H2_PROTOCOL_ERROR },
	{ "8.1 END_STREAM on an interim response",
	    { { H2_HEADERS, EH | ES, 1,
		P("\x08\x03"
		  "103") } },
	    STREAM, H2_PROTOCOL_ERROR },
	{ "8.1 a second final response",
	    { { H2_HEADERS, EH, 1, P("\x88") },
		{ H2_HEADERS, EH, 1, P("\x88") } },
	    STREAM, H2_PROTOCOL_ERROR },
	{ "8.1.1 Content-Length and no DATA",
	    { { H2_HEADERS, EH | ES, 1, P("\x88\x0f\x0d\x01\x33") } }, STREAM,
	    H2_PROTOCOL_ERROR },
	{ "8.1.1 DATA of a 204",
	    { { H2_HEADERS, EH, 1, P("\x89") }, { H2_DATA, ES, 1, P("x") } },
	    STREAM, H2_PROTOCOL_ERROR },
	{ "8.1.1 DATA of a 304",
	    { { H2_HEADERS, EH, 1, P("\x8b") }, { H2_DATA, ES, 1, P("x") } },
	    STREAM, H2_PROTOCOL_ERROR },
	{ "8.1.1 a 304 that ends with empty DATA",
	    { { H2_HEADERS, EH, 1, P("\x8b") }, { H2_DATA, ES, 1, P("") } },
	    FINE, 0 },
	{ "8.3.2 no :status", { { H2_HEADERS, EH | ES, 1, P("\0\x01x\x01y") } },
	    STREAM, H2_PROTOCOL_ERROR },
	{ "8.6 101",
	    { { H2_HEADERS, EH, 1,
		P("\x08\x03"
		  "101") } },
	    STREAM, H2_PROTOCOL_ERROR },
};

static uint8_t raw[40000];

static size_t
encode(const struct fr *f)
{
	size_t len = f->len == BIG ? H2_FRAME_MAX + 1 : (size_t)f->len;

	h2_hd_put(raw, (uint32_t)len, f->type, f->flags, f->id);
	memset(raw + 9, 0, len);
	if (f->len > 0)
		memcpy(raw + 9, f->payload, len);
	return 9 + len;
}

/* Reactions in our output. */
static void
reaction(struct pair *p, enum reaction *r, uint32_t *code)
{
	static uint8_t b[65536];
	ssize_t n = h2_sess_output(p->s, b, sizeof(b));

	*r = FINE;
	*code = 0;
	for (ssize_t at = n > 3 && memcmp(b, "PRI", 3) == 0 ? 24 : 0;
	     at + 9 <= n;) {
		struct h2_hd hd = h2_hd_get(b + at);

		if (hd.type == H2_GOAWAY) {
			*r = CONN;
			*code = h2_get32(b + at + 13);
		} else if (hd.type == H2_RST_STREAM && *r == FINE) {
			*r = STREAM;
			*code = h2_get32(b + at + 9);
		}
		at += 9 + hd.len;
	}
}

/* A session past its SETTINGS, without a peer; step: bytes fed at a time. */
static struct pair *
begin(bool server, size_t step)
{
	static const struct fr set = { H2_SETTINGS, 0, 0, "", 0 };
	struct pair *p = pair_new(server, NULL, 0, 65535);
	enum reaction r;
	uint32_t code;

	p->feed_step = step;
	if (server)
		assert_int_equal(pair_feed(p, H2_MAGIC, H2_MAGIC_BYTES), 0);
	assert_int_equal(pair_feed(p, raw, encode(&set)), 0);
	if (!server)
		assert_int_equal(pair_request(p, "/", 10), 1);
	reaction(p, &r, &code);
	assert_int_equal(r, FINE);
	return p;
}

static void
run(const struct err_case *c, bool server, size_t step)
{
	struct pair *p = begin(server, step);
	enum reaction r;
	uint32_t code;

	for (int i = 0; i < FRAMES && (c->f[i].payload || c->f[i].len); i++)
		assert_int_equal(pair_feed(p, raw, encode(&c->f[i])), 0);
	reaction(p, &r, &code);
	if (r != c->r || code != c->code)
		fail_msg("%s: reaction %d with %u", c->name, r, code);
	if (r == CONN)
		assert_true(h2_sess_is_over(p->s));
	else
		assert_false(h2_sess_is_over(p->s));
	/* the connection lives, unless it was the connection's error */
	if (r != CONN) {
		static const struct fr ping = { H2_PING, 0, 0, P("12345678") };

		assert_int_equal(pair_feed(p, raw, encode(&ping)), 0);
		assert_true(h2_sess_output(p->s, raw, sizeof(raw)) >= 17);
	}
	pair_free(&p);
}

static void
h2_recv__frames_of_a_client__reaction(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(server_cases) / sizeof(server_cases[0]);
	     i++)
		for (size_t step = 0; step < 4; step++)
			run(&server_cases[i], true, step);
}

static void
h2_recv__frames_of_a_server__reaction(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(client_cases) / sizeof(client_cases[0]);
	     i++)
		for (size_t step = 0; step < 4; step++)
			run(&client_cases[i], false, step);
}

static void
h2_recv__first_frame_not_settings__is_an_error(void **state)
{
	static const struct fr ping = { H2_PING, 0, 0, P("12345678") };

	(void)state;
	for (int server = 0; server < 2; server++) {
		struct pair *p = pair_new(server, NULL, 0, 65535);
		enum reaction r;
		uint32_t code;

		if (server)
			assert_int_equal(
			    pair_feed(p, H2_MAGIC, H2_MAGIC_BYTES), 0);
		assert_int_equal(pair_feed(p, raw, encode(&ping)), 0);
		reaction(p, &r, &code);
		assert_int_equal(r, CONN);
		assert_int_equal(code, H2_PROTOCOL_ERROR);
		pair_free(&p);
	}
}

static void
h2_recv__no_preface__is_not_h2(void **state)
{
	struct pair *p = pair_new(true, NULL, 0, 65535);

	(void)state;
	assert_int_equal(pair_feed(p, "PRI", 3), 0);
	assert_int_equal(pair_feed(p, "GET / HTTP/1.1", 10), -WSE_PROTO);
	pair_free(&p);
}

struct flood {
	const char *name;
	struct fr f[3];
	int most;    /* rounds it must have ended by */
	int allowed; /* rounds it must bear */
	uint32_t id_step;
};

static const struct flood floods[] = {
	{ "PING", { { H2_PING, 0, 0, P("12345678") } }, 2100, 1000, 0 },
	{ "PING ACK", { { H2_PING, H2_ACK, 0, P("12345678") } }, 4100, 1000,
	    0 },
	{ "SETTINGS", { { H2_SETTINGS, 0, 0, P("") } }, 600, 200, 0 },
	{ "WINDOW_UPDATE", { { H2_WINDOW_UPDATE, 0, 0, P("\0\0\0\x01") } },
	    4100, 1000, 0 },
	{ "PRIORITY", { { H2_PRIORITY, 0, 1, P("\0\0\0\0\0") } }, 4100, 1000,
	    0 },
	{ "unknown", { { 0x77, 0, 0, P("") } }, 4100, 1000, 0 },
	{ "rapid reset", { GET(0), { H2_RST_STREAM, 0, 0, P("\0\0\0\x08") } },
	    1000, 300, 2 },
	{ "made to reset",
	    { POST(0), { H2_WINDOW_UPDATE, 0, 0, P("\x7f\xff\xff\xff") } },
	    1000, 300, 2 },
	{ "malformed", { { H2_HEADERS, EH | ES, 0, P("\x82\x86") } }, 1000, 300,
	    2 },
};

static void
h2_recv__floods__end_with_enhance_your_calm(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(floods) / sizeof(floods[0]); k++) {
		const struct flood *f = &floods[k];
		struct pair *p = begin(true, 0);
		enum reaction r = FINE;
		uint32_t code = 0;
		int i = 0;

		for (; r != CONN && i < 10000; i++) {
			for (int j = 0; j < 3 && f->f[j].payload; j++) {
				struct fr x = f->f[j];

				x.id += f->id_step
				    ? (uint32_t)i * f->id_step + 1
				    : 0;
				assert_int_equal(
				    pair_feed(p, raw, encode(&x)), 0);
			}
			reaction(p, &r, &code);
		}
		if (r != CONN || code != H2_ENHANCE_YOUR_CALM || i > f->most ||
		    i < f->allowed)
			fail_msg(
			    "%s: %d after %d, code %u", f->name, r, i, code);
		pair_free(&p);
	}
}

/* What it does not read must not pile up either. */
static void
h2_recv__made_to_reset_without_reading__is_bounded(void **state)
{
	static const char *block[] = { "\x82\x86", GET_BLOCK "a" };
	struct fr x = { H2_HEADERS, EH | ES, 0, NULL, 0 };

	(void)state;
	for (int k = 0; k < 2; k++) { /* malformed; above the limit */
		struct pair *p = begin(true, 0);
		int i = 0;

		x.payload = block[k];
		x.len = (int)strlen(block[k]);
		for (; !h2_sess_is_going(p->s) && i < 10000; i++) {
			x.id = 2 * (uint32_t)i + 1;
			assert_int_equal(pair_feed(p, raw, encode(&x)), 0);
		}
		assert_in_range(i, 300, 2000);
		pair_free(&p);
	}
}

/* A section whose stream was given up must not be decoded any further. */
static void
h2_recv__reset_within_a_section__is_not_decoded(void **state)
{
	static const struct fr head = { H2_HEADERS, 0, 1,
		P("\x88\0\x01x\x01y") };
	static const struct fr more = { H2_CONTINUATION, EH, 1,
		P("\0\x01x\x01y") };
	struct pair *p = begin(false, 0);
	uint32_t used;

	(void)state;
	assert_int_equal(pair_feed(p, raw, encode(&head)), 0);
	used = p->a.used_bytes;
	assert_true(used > 0);
	h2_sess_reset(p->s, 1, H2_CANCEL);
	assert_int_equal(pair_feed(p, raw, encode(&more)), 0);
	assert_int_equal(p->a.used_bytes, used);
	assert_int_equal(pair_us(p, 1)->heads, 0);
	pair_free(&p);
}

static void
h2_recv__empty_data_and_continuation__are_bounded(void **state)
{
	static const struct fr post = POST(1);
	static const struct fr part = { H2_HEADERS, ES, 1, P(GET_BLOCK) };
	static const struct fr more = { H2_CONTINUATION, 0, 1, P("") };
	static const struct fr none = { H2_DATA, 0, 1, P("") };
	static const struct fr pad = { H2_DATA, H2_PADDED, 1, P("\x01\0") };
	const struct fr *f[][2] = { { &post, &none }, { &post, &pad },
		{ &part, &more } };

	(void)state;
	for (int k = 0; k < 3; k++) {
		struct pair *p = begin(true, 0);
		enum reaction r = FINE;
		uint32_t code = 0;

		assert_int_equal(pair_feed(p, raw, encode(f[k][0])), 0);
		for (int i = 0; r != CONN && i < 2000; i++) {
			assert_int_equal(pair_feed(p, raw, encode(f[k][1])), 0);
			reaction(p, &r, &code);
		}
		assert_int_equal(r, CONN);
		assert_int_equal(code, H2_ENHANCE_YOUR_CALM);
		pair_free(&p);
	}
}

static void
h2_recv__slow_control_frames__are_no_flood(void **state)
{
	static const struct fr ping = { H2_PING, 0, 0, P("12345678") };
	struct pair *p = begin(true, 0);

	(void)state;
	for (int i = 0; i < 100000; i++) {
		enum reaction r;
		uint32_t code;

		p->now_ms += 1000;
		assert_int_equal(pair_feed(p, raw, encode(&ping)), 0);
		reaction(p, &r, &code);
		assert_int_equal(r, FINE);
	}
	pair_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h2_recv__frames_of_a_client__reaction),
		cmocka_unit_test(h2_recv__frames_of_a_server__reaction),
		cmocka_unit_test(
		    h2_recv__first_frame_not_settings__is_an_error),
		cmocka_unit_test(h2_recv__no_preface__is_not_h2),
		cmocka_unit_test(h2_recv__floods__end_with_enhance_your_calm),
		cmocka_unit_test(
		    h2_recv__made_to_reset_without_reading__is_bounded),
		cmocka_unit_test(
		    h2_recv__reset_within_a_section__is_not_decoded),
		cmocka_unit_test(
		    h2_recv__empty_data_and_continuation__are_bounded),
		cmocka_unit_test(h2_recv__slow_control_frames__are_no_flood),
	};

	return cmocka_run_group_tests_name("h2_recv", tests, NULL, NULL);
}
