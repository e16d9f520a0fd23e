/* SPDX-License-Identifier: MIT */
#include "tools/origin/req.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static ssize_t
parse(const char *text, struct req *req)
{
	return req_parse(text, strlen(text), req);
}

static void
req__whole_head__fields_are_read(void **state)
{
	const char *text = "GET /ws?a=1&b HTTP/1.1\r\nHost: x\r\n"
			   "Connection: keep-alive, Upgrade\r\n"
			   "Upgrade: h2c, WebSocket\r\n"
			   "Sec-WebSocket-Key: abc==\r\n\r\nrest";
	struct req req;

	(void)state;
	assert_int_equal(parse(text, &req), strlen(text) - 4);
	assert_true(req_path_is(&req, "/ws"));
	assert_int_equal(req.query_len, 5);
	assert_memory_equal(req.query, "a=1&b", 5);
	assert_true(req.keep && req.upgrade && req.ws_token);
	assert_string_equal(req.key, "abc==");
	assert_int_equal(req.body, REQ_BODY_NONE);
}

static void
req__every_prefix_of_a_head__needs_more(void **state)
{
	const char *text = "POST http://h/x HTTP/1.0\r\nContent-Length: 7\r\n"
			   "Connection: keep-alive\r\n\r\n";
	size_t len = strlen(text);
	struct req req;

	(void)state;
	for (size_t n = 0; n < len; n++)
		assert_int_equal(req_parse(text, n, &req), 0);
	assert_int_equal(req_parse(text, len, &req), len);
	assert_true(req_path_is(&req, "/x"));
	assert_true(req.http10 && req.keep);
	assert_int_equal(req.body, REQ_BODY_LENGTH);
	assert_int_equal(req.length, 7);
}

static void
req__ambiguous_or_malformed__is_refused(void **state)
{
	static const char *const heads[] = {
		"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2"
		"\r\n\r\n",
		"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
		"Content-Length: 1\r\n\r\n",
		"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
		"GET / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
		"GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
		"GET / HTTP/1.1\r\nContent-Length: \r\n\r\n",
		"GET / HTTP/1.1\r\nContent-Length: 9999999999999999999\r\n\r\n",
		"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
		"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
		"GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",
		"GET / HTTP/1.1\nA: b\r\n\r\n",
		"GET / HTTP/1.1\r\n: b\r\n\r\n",
		"GET  / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.2\r\n\r\n",
		"GET x HTTP/1.1\r\n\r\n",
		"/ HTTP/1.1\r\n\r\n",
		"\r\n\r\n",
	};
	struct req req;

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		assert_int_equal(parse(heads[i], &req), -1);
}

/* Decodes text in steps of at most `step` bytes; -1 if it is refused. */
static ssize_t
decode(const char *text, size_t step, char *body_r)
{
	struct req req = { .body = REQ_BODY_CHUNKED };
	struct req_decoder dec;
	size_t at = 0, end = 0, total = strlen(text), body = 0;

	req_decoder_init(&dec, &req);
	while (dec.state != DEC_DONE) {
		const char *data = NULL;
		size_t len;
		ssize_t n;

		n = req_decode(&dec, text + at, end - at, &data, &len);
		if (n < 0)
			return -1;
		if (len)
			memcpy(body_r + body, data, len);
		body += len;
		at += (size_t)n;
		if (n == 0 && end == total)
			return -2;
		if (n == 0)
			end = end + step < total ? end + step : total;
	}
	body_r[body] = '\0';
	return (ssize_t)at;
}

static void
req__chunks_at_every_split__give_the_body(void **state)
{
	const char *text = "3\r\nabc\r\n0a;x=1\r\n0123456789\r\n"
			   "0\r\nT: 1\r\n\r\n";
	char body[64];

	(void)state;
	for (size_t step = 1; step <= strlen(text); step++) {
		assert_int_equal(decode(text, step, body), strlen(text));
		assert_string_equal(body, "abc0123456789");
	}
}

static void
req__bad_chunks__are_refused(void **state)
{
	static const char *const bodies[] = {
		"\r\n",
		"x\r\n",
		"3 \r\nabc\r\n",
		"3\nabc\r\n",
		"3\r\nabcd\r\n",
		"-1\r\n",
		"0x3\r\nabc\r\n",
		"1111111111111111\r\n",
		"0\r\nbare\n\r\n",
	};
	char body[64];

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		assert_int_equal(decode(bodies[i], 1, body), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(req__whole_head__fields_are_read),
		cmocka_unit_test(req__every_prefix_of_a_head__needs_more),
		cmocka_unit_test(req__ambiguous_or_malformed__is_refused),
		cmocka_unit_test(req__chunks_at_every_split__give_the_body),
		cmocka_unit_test(req__bad_chunks__are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
