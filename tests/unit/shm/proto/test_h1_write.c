/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "shm/proto/h1.h"

static struct http_head head;
static char out[1024];

static void
parse(const char *text)
{
	struct h1_scan sc = { 0 };
	struct h1_fault f;

	assert_true(
	    h1_parse_request(text, strlen(text), 4096, &sc, &head, &f) > 0);
}

static void
expect(const char *want)
{
	size_t n = strlen(want);

	assert_int_equal(h1_write_head(&head, out, sizeof(out)), n);
	assert_memory_equal(out, want, n);
	for (size_t room = 0; room < n; room++)
		assert_int_equal(h1_write_head(&head, out, room), -WSE_TOOBIG);
	assert_int_equal(h1_write_head(&head, out, n), n);
}

static void
h1_write_head__request__fields_in_runs_and_alone(void **state)
{
	(void)state;
	parse("GET /a HTTP/1.0\r\nHost: h\r\nA:b\r\nC:   d  \r\nE: f\r\n"
	      "G:\r\nI: \r\nJ: k\r\n\r\n");
	expect("GET /a HTTP/1.1\r\nHost: h\r\nA: b\r\nC: d\r\nE: f\r\n"
	       "G: \r\nI: \r\nJ: k\r\n\r\n");
	http_del(&head, 3);
	head.hdr[0].value = SV("other");
	assert_int_equal(http_add(&head, SV("X"), SV("y")), 0);
	expect("GET /a HTTP/1.1\r\nHost: other\r\nA: b\r\nC: d\r\nG: \r\n"
	       "I: \r\nJ: k\r\nX: y\r\n\r\n");
	head.hdr_count = 0;
	head.target = SV("/new");
	expect("GET /new HTTP/1.1\r\n\r\n");
}

static void
h1_write_head__same_text_as_read__one_run(void **state)
{
	static const char text[] = "POST /x?y HTTP/1.1\r\nHost: h\r\n"
				   "Accept: */*\r\nContent-Length: 3\r\n\r\n";

	(void)state;
	parse(text);
	expect(text);
}

static void
h1_write_head__response__status_and_reason(void **state)
{
	(void)state;
	memset(&head, 0, sizeof(head));
	head.is_response = true;
	head.status = 404;
	head.reason = SV("Not Found");
	assert_int_equal(http_add(&head, SV("content-length"), SV("0")), 0);
	expect("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
	head.reason = SV_NULL;
	head.hdr_count = 0;
	expect("HTTP/1.1 404 \r\n\r\n");
}

static void
check_size(uint64_t n, const char *want)
{
	char text[20];
	size_t len = h1_write_chunk_size(text, n);

	assert_int_equal(len, strlen(want));
	assert_memory_equal(text, want, len);
}

static void
h1_write_chunk_size__any__shortest_hex(void **state)
{
	(void)state;
	check_size(0, "0\r\n");
	check_size(1, "1\r\n");
	check_size(15, "f\r\n");
	check_size(16, "10\r\n");
	check_size(65536, "10000\r\n");
	check_size(0xabcdef, "abcdef\r\n");
	check_size(UINT64_MAX, "ffffffffffffffff\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    h1_write_head__request__fields_in_runs_and_alone),
		cmocka_unit_test(h1_write_head__same_text_as_read__one_run),
		cmocka_unit_test(h1_write_head__response__status_and_reason),
		cmocka_unit_test(h1_write_chunk_size__any__shortest_hex),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
