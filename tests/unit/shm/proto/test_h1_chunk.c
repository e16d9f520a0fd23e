/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "shm/proto/h1.h"

/* Decode all of it, `step` bytes visible at a time; payload into out. */
static ssize_t
decode(const char *text, size_t n, size_t step, char *out, size_t *out_n,
    enum h1_chunk_state *state_r)
{
	struct h1_chunk c = { 0 };
	size_t at = 0, seen = 0;

	*out_n = 0;
	while (seen < n && c.state != H1C_TRAILER) {
		seen = seen + step < n ? seen + step : n;
		while (at < seen && c.state != H1C_TRAILER) {
			struct sv data;
			ssize_t r =
			    h1_chunk_decode(&c, text + at, seen - at, &data);

			if (r < 0)
				return r;
			assert_true(r > 0);
			if (data.n) {
				assert_true(data.p >= text + at);
				assert_true(data.p + data.n <= text + at + r);
				memcpy(out + *out_n, data.p, data.n);
				*out_n += data.n;
			}
			at += (size_t)r;
		}
	}
	*state_r = c.state;
	return (ssize_t)at;
}

static void
check(const char *text, ssize_t want, const char *payload)
{
	char *out = malloc(strlen(text) + 1);
	enum h1_chunk_state st;
	size_t out_n;

	for (size_t step = 1; step <= strlen(text); step++) {
		ssize_t r = decode(text, strlen(text), step, out, &out_n, &st);

		if (r != want)
			print_error("step %zu: %d: %s\n", step, (int)r, text);
		assert_int_equal(r, want);
		if (r < 0)
			continue;
		assert_int_equal(out_n, strlen(payload));
		assert_memory_equal(out, payload, out_n);
	}
	free(out);
}

static void
h1_chunk_decode__good__payload_at_any_step(void **state)
{
	(void)state;
	check("0\r\n", 3, "");
	check("0\r\n\r\nGET /", 3, "");
	check("5\r\nhello\r\n0\r\n", 13, "hello");
	check("1\r\na\r\n2\r\nbc\r\n000\r\n\r\n", 18, "abc");
	check("A\r\n0123456789\r\n0\r\n", 18, "0123456789");
	check("a;x=\"y\";z\r\n0123456789\r\n0;e\r\n", 28, "0123456789");
	check("3 \r\nabc\r\n0\t ;x\r\n", 16, "abc");
	check("0000000000000003\r\nabc\r\n0\r\n", 26, "abc");
}

static void
h1_chunk_decode__bad__refused_at_any_step(void **state)
{
	(void)state;
	check("\r\n", -WSE_SYNTAX, "");
	check("g\r\n", -WSE_SYNTAX, "");
	check(" 5\r\nhello\r\n", -WSE_SYNTAX, "");
	check("-5\r\nhello\r\n", -WSE_SYNTAX, "");
	check("+5\r\nhello\r\n", -WSE_SYNTAX, "");
	check("0x5\r\nhello\r\n", -WSE_SYNTAX, "");
	check(";x\r\n", -WSE_SYNTAX, "");
	check("5\nhello\r\n0\r\n", -WSE_SYNTAX, "");
	check("5\rXhello\r\n0\r\n", -WSE_SYNTAX, "");
	check("5\r\rhello\r\n0\r\n", -WSE_SYNTAX, "");
	check("5 6\r\nhello\r\n", -WSE_SYNTAX, "");
	check("5 \nhello\r\n", -WSE_SYNTAX, "");
	check("5;a\nhello\r\n", -WSE_SYNTAX, "");
	check("5;a\x01\r\nhello\r\n", -WSE_SYNTAX, "");
	check("5\r\nhelloX\r\n0\r\n", -WSE_SYNTAX, "");
	check("5\r\nhello\n0\r\n", -WSE_SYNTAX, "");
	check("5\r\nhello\r0\r\n", -WSE_SYNTAX, "");
	check("5\r\nhello0\r\n", -WSE_SYNTAX, "");
	check("00000000000000003\r\nabc\r\n", -WSE_TOOBIG, "");
	check("fffffffffffffffff\r\n", -WSE_TOOBIG, "");
	check("ffffffffffffffff\r\n", -WSE_TOOBIG, "");
	check("8000000000000000\r\n", -WSE_TOOBIG, "");
}

static void
h1_chunk_decode__endless_extension__bounded(void **state)
{
	static char text[5000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "5;", 2);
	check(text, -WSE_TOOBIG, "");
	memset(text, ' ', sizeof(text) - 1);
	text[0] = '5';
	check(text, -WSE_TOOBIG, "");
}

static void
h1_chunk_decode__partial__waits_in_the_right_state(void **state)
{
	struct h1_chunk c = { 0 };
	struct sv d;

	(void)state;
	assert_int_equal(
	    h1_chunk_decode(&c, "7fffffffffffffff\r\nab", 20, &d), 20);
	assert_int_equal(c.state, H1C_DATA);
	assert_true(c.left_bytes == (uint64_t)INT64_MAX - 2);
	assert_true(sv_eq(d, SV("ab")));
	c = (struct h1_chunk){ 0 };
	assert_int_equal(h1_chunk_decode(&c, "1\r\na\r\n1\r\nb\r\n", 12, &d),
	    9); /* one run a call */
	assert_true(sv_eq(d, SV("a")));
	assert_int_equal(h1_chunk_decode(&c, "b\r\n", 3, &d), 3);
	assert_true(sv_eq(d, SV("b")));
	assert_int_equal(h1_chunk_decode(&c, "0\r\n\r\n", 5, &d), 3);
	assert_int_equal(c.state, H1C_TRAILER);
	assert_int_equal(h1_chunk_decode(&c, "\r\n", 2, &d), 0);
	assert_null(d.p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h1_chunk_decode__good__payload_at_any_step),
		cmocka_unit_test(h1_chunk_decode__bad__refused_at_any_step),
		cmocka_unit_test(h1_chunk_decode__endless_extension__bounded),
		cmocka_unit_test(
		    h1_chunk_decode__partial__waits_in_the_right_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
