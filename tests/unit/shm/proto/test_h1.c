/* SPDX-License-Identifier: MIT */
#include "tests/unit/shm/proto/feed.h"

#include <stdio.h>

/* Requests that are refused, and how. */
static const struct {
	uint16_t status;
	const char *text;
} bad_requests[] = {
	/* request line */
	{ 400, "G@T / HTTP/1.1\r\n" H E },
	{ 400, " GET / HTTP/1.1\r\n" H E },
	{ 400, "GET  / HTTP/1.1\r\n" H E },
	{ 400, "GET /  HTTP/1.1\r\n" H E },
	{ 400, "GET\t/ HTTP/1.1\r\n" H E },
	{ 400, "GET /\r\n\r\n" },
	{ 400, "GET / \r\n" H E },
	{ 400, "GET / HTTP/1.1 \r\n" H E },
	{ 400, "GET / http/1.1\r\n" H E },
	{ 400, "GET / HTTP/1.11\r\n" H E },
	{ 400, "GET / HTTP/1.\r\n" H E },
	{ 400, "GET / HTTQ/1.1\r\n" H E },
	{ 505, "GET / HTTP/1.2\r\n" H E },
	{ 505, "GET / HTTP/2.0\r\n" H E },
	{ 505, "GET / HTTP/0.9\r\n" H E },
	{ 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\n" H E },
	{ 400, "GET / HTTP/1.1\r" H E },
	{ 400, "\nGET / HTTP/1.1\r\n" H E },
	{ 400, "\r\rGET / HTTP/1.1\r\n" H E },
	{ 400, "\r\n\r\n\r\nGET / HTTP/1.1\r\n" H E },
	{ 400, "\x16\x03\x01\x02" },
	/* request target */
	{ 400, "GET /a#b HTTP/1.1\r\n" H E },
	{ 400, "GET /\xc3\xa4 HTTP/1.1\r\n" H E },
	{ 400, "GET /\x7f HTTP/1.1\r\n" H E },
	{ 400, "GET /\x01 HTTP/1.1\r\n" H E },
	{ 400, "GET /0123456789abcdef\x01 HTTP/1.1\r\n" H E },
	{ 400, "GET * HTTP/1.1\r\n" H E },
	{ 400, "GET a HTTP/1.1\r\n" H E },
	{ 400, "GET a/b HTTP/1.1\r\n" H E },
	{ 400, "GET http:/a/ HTTP/1.1\r\n" H E },
	{ 400, "GET http:///x HTTP/1.1\r\n" H E },
	{ 400, "GET http://u@a/ HTTP/1.1\r\n" H E },
	{ 400, "GET http://b/ HTTP/1.1\r\n" H E },
	{ 400, "GET http://a:81/ HTTP/1.1\r\n" H E },
	{ 400, "GET https://a:80/ HTTP/1.1\r\n" H E },
	{ 400, "GET h/t://a/ HTTP/1.1\r\n" H E },
	{ 400, "GET http://a HTTP/1.1\r\n\r\n" },
	{ 400, "CONNECT / HTTP/1.1\r\n" H E },
	{ 400, "CONNECT a HTTP/1.1\r\n" H E },
	{ 400, "CONNECT a: HTTP/1.1\r\n" H E },
	{ 400, "CONNECT [::1] HTTP/1.1\r\nHost: [::1]\r\n" E },
	{ 400, "CONNECT b:80 HTTP/1.1\r\n" H E },
	{ 400, "CONNECT a:80 HTTP/1.1\r\n" H CL "3\r\n" E },
	/* Host */
	{ 400, "GET / HTTP/1.1\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" H H E },
	{ 400, "GET / HTTP/1.1\r\n" H "Host: b\r\n" E },
	{ 400, "GET / HTTP/1.0\r\n" H H E },
	{ 400, "GET / HTTP/1.1\r\nHost: a b\r\n" E },
	{ 400, "GET / HTTP/1.1\r\nHost: a/b\r\n" E },
	{ 400, "GET / HTTP/1.1\r\nHost: u@a\r\n" E },
	{ 400, "GET / HTTP/1.1\r\nHost: a:b\r\n" E },
	{ 400, "GET / HTTP/1.1\r\nHost: :80\r\n" E },
	{ 400, "GET / HTTP/1.1\r\nHost: ::1\r\n" E },
	{ 400, "GET / HTTP/1.1\r\nHost: [::1\r\n" E },
	{ 400, "GET / HTTP/1.1\r\nHost: []\r\n" E },
	{ 400, "GET / HTTP/1.1\r\nHost: [::1]x\r\n" E },
	{ 400, "GET / HTTP/1.1\r\nHost: a]\r\n" E },
	/* fields */
	{ 400, G "X : a\r\n" E },
	{ 400, G "X\t: a\r\n" E },
	{ 400, G ": a\r\n" E },
	{ 400, G "X\r\n" E },
	{ 400, G "X@: a\r\n" E },
	{ 400, G "\xc3: a\r\n" E },
	{ 400, G "X: a\r\n b\r\n" E },
	{ 400, G "X: a\r\n\tb\r\n" E },
	{ 400, "GET / HTTP/1.1\r\n X: a\r\n" H E },
	{ 400,
	    G "X: a\x01"
	      "b\r\n" E },
	{ 400, G "X: a\x7f\r\n" E },
	{ 400, G "X: 0123456789abcdef\x0b\r\n" E },
	{ 400, G "X: a\n" E },
	{ 400, G "X: a\rb\r\n" E },
	{ 400, G "X: a\r\r\n" E },
	{ 400, G "X: a\r\n\n" },
	{ 400, G "X: a\r\n\rX" },
	/* lengths */
	{ 400, P CL "\r\n" E },
	{ 400, P CL "-1\r\n" E },
	{ 400, P CL "+1\r\n" E },
	{ 400, P CL "0x10\r\n" E },
	{ 400, P CL "1 2\r\n" E },
	{ 400, P CL "1,\r\n" E },
	{ 400, P CL ",1\r\n" E },
	{ 400, P CL "1,,1\r\n" E },
	{ 400, P CL "1, 2\r\n" E },
	{ 400, P CL "1\r\n" CL "2\r\n" E },
	{ 400, P CL "1\r\nX: y\r\n" CL "1, 2\r\n" E },
	{ 400, P CL "9223372036854775808\r\n" E },
	{ 400, P CL "99999999999999999999\r\n" E },
	{ 400, P CL "3\r\n" TE "chunked\r\n" E },
	{ 400, P TE "chunked\r\n" CL "3\r\n" E },
	{ 400, P TE "chunked\r\n" CL "0\r\n" E },
	{ 400, P TE "\r\n" E },
	{ 400, P TE "chunked,\r\n" E },
	{ 400, P TE "chunked, chunked\r\n" E },
	{ 400, P TE "chunked, gzip\r\n" E },
	{ 400, P TE "chunked\r\n" TE "chunked\r\n" E },
	{ 400, P TE "chunked\r\n" TE "identity\r\n" E },
	{ 501, P TE "gzip, chunked\r\n" E },
	{ 501, P TE "gzip\r\n" E },
	{ 501, P TE "identity\r\n" E },
	{ 501, P TE "xchunked\r\n" E },
	{ 501, P TE "chunked;x=1\r\n" E },
	{ 501, P TE "\"chunked\"\r\n" E },
	{ 400, "POST / HTTP/1.0\r\n" H TE "chunked\r\n" E },
};

static void
h1_parse_request__bad__refused_whole_and_in_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_requests) / sizeof(*bad_requests);
	     i++) {
		const char *text = bad_requests[i].text;
		struct outcome o = feed_whole(REQUEST, 0, text);

		if (o.r != -WSE_SYNTAX || o.f.status != bad_requests[i].status)
			print_error(
			    "%zu: %d %u: %s\n", i, (int)o.r, o.f.status, text);
		assert_int_equal(o.r, -WSE_SYNTAX);
		assert_int_equal(o.f.status, bad_requests[i].status);
		assert_true(o.f.at <= strlen(text));
		assert_non_null(o.f.why);
	}
}

/* A head that ends is judged alike however it comes. */
static void
h1_parse_request__bad_but_complete__in_pieces_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_requests) / sizeof(*bad_requests);
	     i++) {
		const char *text = bad_requests[i].text;

		if (strstr(text, "\r\n\r\n"))
			check_splits(
			    REQUEST, 0, text, feed_whole(REQUEST, 0, text));
	}
}

/* Requests that are taken. */
static const struct {
	const char *text;
	enum http_method method;
	enum http_framing framing;
	uint64_t length;
	const char
	    *flags; /* c k u o e: close keep-alive upgrade other expect */
	uint16_t fields;
} good_requests[] = {
	{ G E, HTTP_GET, HTTP_BODY_NONE, 0, "", 1 },
	{ "\r\n" G E, HTTP_GET, HTTP_BODY_NONE, 0, "", 1 },
	{ "\r\n\r\n" G E, HTTP_GET, HTTP_BODY_NONE, 0, "", 1 },
	{ "GET / HTTP/1.0\r\n\r\n", HTTP_GET, HTTP_BODY_NONE, 0, "", 0 },
	{ "HEAD /x HTTP/1.1\r\n" H E, HTTP_HEAD, HTTP_BODY_NONE, 0, "", 1 },
	{ "FOO /|\"<>\\^`{} HTTP/1.1\r\n" H E, HTTP_OTHER, HTTP_BODY_NONE, 0,
	    "", 1 },
	{ "get / HTTP/1.1\r\n" H E, HTTP_OTHER, HTTP_BODY_NONE, 0, "", 1 },
	{ "OPTIONS * HTTP/1.1\r\n" H E, HTTP_OPTIONS, HTTP_BODY_NONE, 0, "",
	    1 },
	{ "GET http://a/ HTTP/1.1\r\n" H E, HTTP_GET, HTTP_BODY_NONE, 0, "",
	    1 },
	{ "GET HTTP://A:80?x HTTP/1.1\r\n" H E, HTTP_GET, HTTP_BODY_NONE, 0, "",
	    1 },
	{ "GET https://a:443/ HTTP/1.1\r\n" H E, HTTP_GET, HTTP_BODY_NONE, 0,
	    "", 1 },
	{ "GET http://a HTTP/1.0\r\n\r\n", HTTP_GET, HTTP_BODY_NONE, 0, "", 0 },
	{ "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n" E, HTTP_CONNECT,
	    HTTP_BODY_NONE, 0, "", 1 },
	{ "CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]\r\n" E, HTTP_CONNECT,
	    HTTP_BODY_NONE, 0, "", 1 },
	{ "GET / HTTP/1.1\r\nHost:\r\n" E, HTTP_GET, HTTP_BODY_NONE, 0, "", 1 },
	{ "GET / HTTP/1.1\r\nHost: [fe80::1]:8080\r\n" E, HTTP_GET,
	    HTTP_BODY_NONE, 0, "", 1 },
	{ "GET / HTTP/1.1\r\nHost:a_b-c.example:\r\n" E, HTTP_GET,
	    HTTP_BODY_NONE, 0, "", 1 },
	{ G "X:\r\nY: \t \r\nZ:a\tb\xff\r\n" E, HTTP_GET, HTTP_BODY_NONE, 0, "",
	    4 },
	{ G "!#$%&'*+-.^_`|~09azAZ: x\r\n" E, HTTP_GET, HTTP_BODY_NONE, 0, "",
	    2 },
	{ P CL "5\r\n" E, HTTP_POST, HTTP_BODY_LENGTH, 5, "", 2 },
	{ P CL "0\r\n" E, HTTP_POST, HTTP_BODY_NONE, 0, "", 2 },
	{ P CL "005\r\n" E, HTTP_POST, HTTP_BODY_LENGTH, 5, "", 2 },
	{ P CL "5, 5 ,5\r\n" E, HTTP_POST, HTTP_BODY_LENGTH, 5, "", 2 },
	{ P CL "5\r\nX: y\r\n" CL "5\r\n" E, HTTP_POST, HTTP_BODY_LENGTH, 5, "",
	    3 },
	{ P CL "9223372036854775807\r\n" E, HTTP_POST, HTTP_BODY_LENGTH,
	    INT64_MAX, "", 2 },
	{ P TE "chunked\r\n" E, HTTP_POST, HTTP_BODY_CHUNKED, 0, "", 2 },
	{ P TE "\t CHUNKED \t\r\n" E, HTTP_POST, HTTP_BODY_CHUNKED, 0, "", 2 },
	{ G TE "chunked\r\n" E, HTTP_GET, HTTP_BODY_CHUNKED, 0, "", 2 },
	{ G "Connection: close\r\n" E, HTTP_GET, HTTP_BODY_NONE, 0, "c", 2 },
	{ G "connection: Keep-Alive\r\n" E, HTTP_GET, HTTP_BODY_NONE, 0, "k",
	    2 },
	{ G "Connection: Upgrade, keep-alive\r\nUpgrade: x\r\n" E, HTTP_GET,
	    HTTP_BODY_NONE, 0, "ku", 3 },
	{ G "Connection: te\r\nConnection: close\r\nTE: trailers\r\n" E,
	    HTTP_GET, HTTP_BODY_NONE, 0, "co", 4 },
	{ P CL "1\r\nExpect: 100-Continue\r\n" E, HTTP_POST, HTTP_BODY_LENGTH,
	    1, "e", 3 },
	{ "POST / HTTP/1.0\r\n" CL "1\r\nExpect: 100-continue\r\n" E, HTTP_POST,
	    HTTP_BODY_LENGTH, 1, "", 2 },
};

static const char *
flags_of(const struct http_head *h)
{
	static char text[8];
	char *p = text;

	if (h->conn_close)
		*p++ = 'c';
	if (h->conn_keepalive)
		*p++ = 'k';
	if (h->conn_upgrade)
		*p++ = 'u';
	if (h->conn_other)
		*p++ = 'o';
	if (h->expect_continue)
		*p++ = 'e';
	*p = 0;
	return text;
}

static void
h1_parse_request__good__all_found_whole_and_in_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good_requests) / sizeof(*good_requests);
	     i++) {
		const char *text = good_requests[i].text;
		struct outcome o = feed_whole(REQUEST, 0, text);

		if (o.r != (ssize_t)strlen(text))
			print_error("%zu: %d %s: %s\n", i, (int)o.r,
			    o.r < 0 ? o.f.why : "", text);
		assert_int_equal(o.r, strlen(text));
		assert_false(head.is_response);
		assert_int_equal(head.method, good_requests[i].method);
		assert_int_equal(head.framing, good_requests[i].framing);
		assert_int_equal(head.hdr_count, good_requests[i].fields);
		assert_string_equal(flags_of(&head), good_requests[i].flags);
		if (head.framing == HTTP_BODY_LENGTH) {
			assert_true(head.has_length);
			assert_true(
			    head.content_length == good_requests[i].length);
		}
		check_splits(REQUEST, 0, text, o);
	}
}

static void
h1_parse_request__parts__are_views_of_the_input(void **state)
{
	static const char text[] = "PUT /a?b HTTP/1.0\r\nHost: \t x:1 \t\r\n"
				   "Empty:\r\nCookie: a=b;  c\r\n\r\nREST";
	struct h1_scan sc = { 0 };
	struct h1_fault f;

	(void)state;
	assert_int_equal(
	    h1_parse_request(text, sizeof(text) - 1, MAX, &sc, &head, &f),
	    sizeof(text) - 5);
	assert_int_equal(head.minor, 0);
	assert_true(sv_eq(head.method_text, SV("PUT")));
	assert_true(sv_eq(head.target, SV("/a?b")));
	assert_int_equal(head.hdr_count, 3);
	assert_true(sv_eq(head.hdr[0].value, SV("x:1")));
	assert_int_equal(head.hdr[0].id, HID_HOST);
	assert_int_equal(head.hdr[1].value.n, 0);
	assert_non_null(head.hdr[1].value.p);
	assert_true(sv_eq(head.hdr[2].value, SV("a=b;  c")));
	assert_int_equal(head.hdr[2].id, HID_COOKIE);
	assert_ptr_equal(head.target.p, text + 4);
}

/* "5, 5" must not reach a server that reads it in its own way. */
static void
h1_parse_request__equal_lengths__one_number_is_left(void **state)
{
	(void)state;
	static const char text[] = P CL "5 , 5\r\n" CL "5\r\n" E;
	struct h1_scan sc = { 0 };
	struct h1_fault f;

	assert_true(
	    h1_parse_request(text, sizeof(text) - 1, MAX, &sc, &head, &f) > 0);
	assert_int_equal(head.hdr_count, 2);
	assert_true(sv_eq(head.hdr[1].value, SV("5")));
}

static void
h1_parse_request__nul_bytes__refused(void **state)
{
	static const char in_target[] = "GET /\0 HTTP/1.1\r\n" H E;
	static const char in_name[] = G "X\0: a\r\n" E;
	static const char in_value[] = G "X: 0123456789abcdef\0\r\n" E;
	struct h1_fault f;

	(void)state;
	assert_int_equal(h1_parse_request(in_target, sizeof(in_target) - 1, MAX,
			     &(struct h1_scan){ 0 }, &head, &f),
	    -WSE_SYNTAX);
	assert_int_equal(f.at, 5);
	assert_int_equal(h1_parse_request(in_name, sizeof(in_name) - 1, MAX,
			     &(struct h1_scan){ 0 }, &head, &f),
	    -WSE_SYNTAX);
	assert_int_equal(h1_parse_request(in_value, sizeof(in_value) - 1, MAX,
			     &(struct h1_scan){ 0 }, &head, &f),
	    -WSE_SYNTAX);
	assert_int_equal(f.status, 400);
}

/* Also when they come one by one, so that nobody waits for a timeout. */
static void
h1_parse_request__bare_lf_byte_by_byte__refused_at_once(void **state)
{
	static const char *const texts[] = { "GET / HTTP/1.1\n",
		"GET / HTTP/1.1\r\nHost: a\n",
		"GET / HTTP/1.1\r\nHost: a\r\n\n",
		"GET / HTTP/1.1\r\nHost: a\rb", "GET / HTTP/1.1\r\nHost: a\x01",
		"\n", "\r\r" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct outcome o = feed_whole(REQUEST, 0, texts[i]);

		assert_int_equal(o.r, -WSE_SYNTAX);
		check_splits(REQUEST, 0, texts[i], o);
	}
}

static ssize_t
parse_sized(size_t target_bytes, size_t field_bytes, size_t fields, size_t max,
    struct h1_fault *f)
{
	static char text[65536];
	struct h1_scan sc = { 0 };
	size_t n = 0;

	n += (size_t)sprintf(text, "GET /");
	memset(text + n, 'x', target_bytes);
	n += target_bytes;
	n += (size_t)sprintf(text + n, " HTTP/1.1\r\n" H);
	for (size_t i = 0; i < fields; i++) {
		n += (size_t)sprintf(text + n, "f: ");
		memset(text + n, 'y', field_bytes);
		n += field_bytes;
		n += (size_t)sprintf(text + n, "\r\n");
	}
	n += (size_t)sprintf(text + n, "\r\nNEXT");
	return h1_parse_request(text, n, max, &sc, &head, f);
}

static void
h1_parse_request__too_large__414_or_431(void **state)
{
	struct h1_fault f;

	(void)state;
	assert_true(parse_sized(100, 10, 3, MAX, &f) > 0);
	assert_int_equal(parse_sized(9000, 10, 3, MAX, &f), -WSE_TOOBIG);
	assert_int_equal(f.status, 414);
	assert_int_equal(parse_sized(100, 9000, 1, MAX, &f), -WSE_TOOBIG);
	assert_int_equal(f.status, 431);
	assert_true(parse_sized(1, 3, HTTP_HDR_MAX - 1, MAX, &f) > 0);
	assert_int_equal(parse_sized(1, 3, HTTP_HDR_MAX, MAX, &f), -WSE_TOOBIG);
	assert_int_equal(f.status, 431);
	/* exactly as large as allowed, with more behind it */
	assert_int_equal(parse_sized(1, 0, 0, 28, &f), 28);
	assert_int_equal(parse_sized(1, 0, 0, 27, &f), -WSE_TOOBIG);
}

/* 16 KiB one by one: not a pass over all of it for each byte. */
static void
h1_parse_request__long_head_byte_by_byte__linear(void **state)
{
	enum { BIG = 16000 };
	static char text[BIG + 100];
	struct h1_scan sc = { 0 };
	struct h1_fault f;
	size_t n = (size_t)sprintf(text, G "X: ");
	ssize_t r = 0;

	(void)state;
	memset(text + n, 'x', BIG);
	n += BIG;
	n += (size_t)sprintf(text + n, "\r\n\r\n");
	for (int round = 0; round < 20; round++) {
		sc = (struct h1_scan){ 0 };
		for (size_t i = 1; i <= n; i++) {
			r = h1_parse_request(text, i, 32768, &sc, &head, &f);
			assert_true(i == n || r == 0);
		}
		assert_int_equal(r, n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    h1_parse_request__bad__refused_whole_and_in_pieces),
		cmocka_unit_test(
		    h1_parse_request__bad_but_complete__in_pieces_the_same),
		cmocka_unit_test(
		    h1_parse_request__good__all_found_whole_and_in_pieces),
		cmocka_unit_test(
		    h1_parse_request__parts__are_views_of_the_input),
		cmocka_unit_test(
		    h1_parse_request__equal_lengths__one_number_is_left),
		cmocka_unit_test(h1_parse_request__nul_bytes__refused),
		cmocka_unit_test(
		    h1_parse_request__bare_lf_byte_by_byte__refused_at_once),
		cmocka_unit_test(h1_parse_request__too_large__414_or_431),
		cmocka_unit_test(
		    h1_parse_request__long_head_byte_by_byte__linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
