/* SPDX-License-Identifier: MIT */
#include "tests/unit/shm/proto/feed.h"

#define R(status) "HTTP/1.1 " status "\r\n"

static const struct {
	const char *text;
	enum http_method method;
	uint16_t status;
	enum http_framing framing;
} good_responses[] = {
	{ R("200 OK") CL "5\r\n" E, HTTP_GET, 200, HTTP_BODY_LENGTH },
	{ R("200 OK") CL "0\r\n" E, HTTP_GET, 200, HTTP_BODY_NONE },
	{ R("200 OK") CL "5\r\n" E, HTTP_HEAD, 200, HTTP_BODY_NONE },
	{ R("200 OK") TE "chunked\r\n" E, HTTP_GET, 200, HTTP_BODY_CHUNKED },
	{ R("200 OK") TE "chunked\r\n" E, HTTP_HEAD, 200, HTTP_BODY_NONE },
	{ R("200 OK") E, HTTP_GET, 200, HTTP_BODY_EOF },
	{ R("200") E, HTTP_GET, 200, HTTP_BODY_EOF },
	{ R("200 ") E, HTTP_GET, 200, HTTP_BODY_EOF },
	{ R("299 \xc3\xa4 \t b") E, HTTP_GET, 299, HTTP_BODY_EOF },
	{ "HTTP/1.0 200 OK\r\n" E, HTTP_GET, 200, HTTP_BODY_EOF },
	{ "HTTP/1.0 200 OK\r\n" CL "7\r\n" E, HTTP_GET, 200, HTTP_BODY_LENGTH },
	{ R("204 No Content") E, HTTP_GET, 204, HTTP_BODY_NONE },
	{ R("204 No Content") CL "9\r\n" E, HTTP_GET, 204, HTTP_BODY_NONE },
	{ R("304 Not Modified") CL "9\r\n" E, HTTP_GET, 304, HTTP_BODY_NONE },
	{ R("100 Continue") E, HTTP_POST, 100, HTTP_BODY_NONE },
	{ R("103 Early Hints") "Link: x\r\n" E, HTTP_GET, 103, HTTP_BODY_NONE },
	{ R("101 Switching Protocols") "Connection: upgrade\r\n" E, HTTP_GET,
	    101, HTTP_BODY_NONE },
	{ R("200 OK") E, HTTP_CONNECT, 200, HTTP_BODY_NONE },
	{ R("403 No") CL "3\r\n" E, HTTP_CONNECT, 403, HTTP_BODY_LENGTH },
	{ R("999 x") CL "3, 3\r\n" CL "3\r\n" E, HTTP_GET, 999,
	    HTTP_BODY_LENGTH },
};

static const struct {
	const char *text;
	enum http_method method;
} bad_responses[] = {
	{ R("099 x") E, HTTP_GET },
	{ R("20 x") E, HTTP_GET },
	{ R("2000 x") E, HTTP_GET },
	{ R("20x x") E, HTTP_GET },
	{ R(" 200 x") E, HTTP_GET },
	{ R("200 a\x01") E, HTTP_GET },
	{ "HTTP/1.1 200 OK\n\n\n\n", HTTP_GET },
	{ "HTTP/1.1 200 OK\rX\r\n\r\n", HTTP_GET },
	{ "\r\nHTTP/1.1 200 OK\r\n\r\n", HTTP_GET },
	{ "HTTP/1.2 200 OK\r\n\r\n", HTTP_GET },
	{ "HTTP/2.0 200 OK\r\n\r\n", HTTP_GET },
	{ "HTTX/1.1 200 OK\r\n\r\n", HTTP_GET },
	{ "http/1.1 200 OK\r\n\r\n", HTTP_GET },
	{ "SSH-2.0-OpenSSH\r\n\r\n", HTTP_GET },
	{ R("200 OK") CL "5\r\n" TE "chunked\r\n" E, HTTP_GET },
	{ R("200 OK") CL "5\r\n" CL "6\r\n" E, HTTP_GET },
	{ R("200 OK") CL "5, 6\r\n" E, HTTP_GET },
	{ R("200 OK") CL "x\r\n" E, HTTP_GET },
	{ R("200 OK") TE "gzip, chunked\r\n" E, HTTP_GET },
	{ R("200 OK") TE "gzip\r\n" E, HTTP_GET },
	{ R("200 OK") TE "chunked\r\n" TE "chunked\r\n" E, HTTP_GET },
	{ "HTTP/1.0 200 OK\r\n" TE "chunked\r\n" E, HTTP_GET },
	{ R("200 OK") "X : y\r\n" E, HTTP_GET },
	{ R("200 OK") "X: y\r\n z\r\n" E, HTTP_GET },
	{ R("200 OK") " X: y\r\n" E, HTTP_GET },
	{ R("200 OK") "X: y\n" E, HTTP_GET },
};

static void
h1_parse_response__good__framing_of_rfc_9112_6_3(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good_responses) / sizeof(*good_responses);
	     i++) {
		const char *text = good_responses[i].text;
		enum http_method m = good_responses[i].method;
		struct outcome o = feed_whole(RESPONSE, m, text);

		if (o.r != (ssize_t)strlen(text))
			print_error("%zu: %d %s: %s\n", i, (int)o.r,
			    o.r < 0 ? o.f.why : "", text);
		assert_int_equal(o.r, strlen(text));
		assert_true(head.is_response);
		assert_int_equal(head.status, good_responses[i].status);
		assert_int_equal(head.framing, good_responses[i].framing);
		assert_int_equal(head.method, m);
		check_splits(RESPONSE, m, text, o);
	}
}

static void
h1_parse_response__bad__is_a_502(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_responses) / sizeof(*bad_responses);
	     i++) {
		const char *text = bad_responses[i].text;
		enum http_method m = bad_responses[i].method;
		struct outcome o = feed_whole(RESPONSE, m, text);

		if (o.r != -WSE_SYNTAX)
			print_error("%zu: %d: %s\n", i, (int)o.r, text);
		assert_int_equal(o.r, -WSE_SYNTAX);
		assert_int_equal(o.f.status, 502);
		check_splits(RESPONSE, m, text, o);
	}
}

static void
h1_parse_trailer__fields__only_harmless_ones_stay(void **state)
{
	static const char *const text =
	    "X-Sum: 1\r\nHost: b\r\nContent-Length: 4\r\n"
	    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"
	    "authorization: x\r\nCookie: y\r\nETag: z\r\n\r\n";
	struct outcome o = feed_whole(TRAILER, 0, text);

	(void)state;
	assert_int_equal(o.r, strlen(text));
	check_splits(TRAILER, 0, text, o);
	assert_int_equal(h1_parse_trailer(text, strlen(text), MAX,
			     &(struct h1_scan){ 0 }, &head, &o.f),
	    strlen(text));
	assert_int_equal(head.hdr_count, 2);
	assert_true(sv_eq(head.hdr[0].name, SV("X-Sum")));
	assert_true(sv_eq(head.hdr[1].name, SV("ETag")));
	o = feed_whole(TRAILER, 0, "\r\n");
	assert_int_equal(o.r, 2);
	check_splits(TRAILER, 0, "\r\n", o);
	o = feed_whole(TRAILER, 0, "\r\nGET / HTTP/1.1\r\n");
	assert_int_equal(o.r, 2);
	check_splits(
	    TRAILER, 0, "X: y\r\n\r\n", feed_whole(TRAILER, 0, "X: y\r\n\r\n"));
	assert_int_equal(feed_whole(TRAILER, 0, "X: y\r\n").r, 0);
	assert_int_equal(
	    feed_whole(TRAILER, 0, "X : y\r\n\r\n").r, -WSE_SYNTAX);
	assert_int_equal(
	    feed_whole(TRAILER, 0, " X: y\r\n\r\n").r, -WSE_SYNTAX);
	assert_int_equal(feed_whole(TRAILER, 0, "X: y\n\n").r, -WSE_SYNTAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    h1_parse_response__good__framing_of_rfc_9112_6_3),
		cmocka_unit_test(h1_parse_response__bad__is_a_502),
		cmocka_unit_test(
		    h1_parse_trailer__fields__only_harmless_ones_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
