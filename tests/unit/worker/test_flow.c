/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/flow.h"

enum { OUT_MAX = 1 << 17 };

/* What a sink took. */
struct sink {
	char data[OUT_MAX];
	size_t n;
};

/* Take at most `most` bytes of what the flow offers; false: nothing. */
static bool
take(struct flow *f, struct sink *o, size_t most)
{
	struct iovec iov[FLOW_IOV_MAX];
	int n = flow_iov(f, iov);
	size_t sum = 0;

	for (int i = 0; i < n && sum < most; i++) {
		size_t k =
		    iov[i].iov_len < most - sum ? iov[i].iov_len : most - sum;

		memcpy(o->data + o->n + sum, iov[i].iov_base, k);
		sum += k;
	}
	o->n += sum;
	flow_sent(f, sum);
	return sum > 0;
}

static void
give(struct flow *f, struct buf *b, const char *text, size_t n)
{
	assert_true(n <= flow_room(f));
	memcpy(buf_wp(b), text, n);
	b->w += (uint32_t)n;
}

/* A whole body in steps of `in` bytes, taken in steps of `out` bytes. */
static void
run(struct flow *f, struct buf *b, const char *text, size_t in, size_t out,
    struct sink *o)
{
	size_t n = strlen(text), at = 0;

	while (at < n) {
		size_t k = n - at < in ? n - at : in;

		give(f, b, text + at, k);
		assert_int_equal(flow_decode(f), 0);
		at += k;
		while (take(f, o, out))
			;
	}
}

static void
flow__length_in_any_steps__same_bytes(void **state)
{
	static const char text[] = "0123456789abcdef";
	static struct sink o;

	(void)state;
	for (size_t in = 1; in < sizeof(text); in++)
		for (size_t out = 1; out < sizeof(text); out++) {
			struct buf b = { 0 };
			struct flow f;

			o.n = 0;
			assert_int_equal(buf_get(&b, BUF_SMALL), 0);
			flow_start(
			    &f, &b, HTTP_BODY_LENGTH, 16, HTTP_BODY_LENGTH);
			run(&f, &b, text, in, out, &o);
			assert_true(f.in_done);
			assert_true(flow_is_done(&f));
			assert_int_equal(o.n, 16);
			assert_memory_equal(o.data, text, 16);
			flow_end(&f);
			buf_put(&b);
		}
}

static void
flow__chunks_in_any_steps__same_payload(void **state)
{
	static const char text[] = "3;x=y\r\nabc\r\n5\r\ndefgh\r\n0\r\n\r\n";
	static struct sink o, p;

	(void)state;
	for (size_t in = 1; in < sizeof(text); in++)
		for (size_t out = 1; out < sizeof(text); out++) {
			struct buf b = { 0 }, c = { 0 };
			struct flow f, g;

			o.n = p.n = 0;
			assert_int_equal(buf_get(&b, BUF_SMALL), 0);
			assert_int_equal(buf_get(&c, BUF_SMALL), 0);
			flow_start(
			    &f, &b, HTTP_BODY_CHUNKED, 0, HTTP_BODY_CHUNKED);
			run(&f, &b, text, in, out, &o);
			assert_true(flow_is_done(&f));
			/* decode what came out */
			o.data[o.n] = '\0';
			flow_start(&g, &c, HTTP_BODY_CHUNKED, 0, HTTP_BODY_EOF);
			run(&g, &c, o.data, in, out, &p);
			assert_true(flow_is_done(&g));
			assert_int_equal(p.n, 8);
			assert_memory_equal(p.data, "abcdefgh", 8);
			flow_end(&f);
			flow_end(&g);
			buf_put(&b);
			buf_put(&c);
		}
}

static void
flow__trailers__pass_behind_the_last_chunk(void **state)
{
	struct buf b = { 0 };
	struct sink *o = calloc(1, sizeof(*o));
	struct flow f;

	(void)state;
	assert_non_null(o);
	assert_int_equal(buf_get(&b, BUF_SMALL), 0);
	flow_start(&f, &b, HTTP_BODY_CHUNKED, 0, HTTP_BODY_CHUNKED);
	run(&f, &b, "2\r\nhi\r\n0\r\nX-Sum: 7\r\nContent-Length: 1\r\n\r\n", 5,
	    1000, o);
	assert_true(flow_is_done(&f));
	o->data[o->n] = '\0';
	assert_non_null(strstr(o->data, "hi\r\n0\r\nX-Sum: 7\r\n\r\n"));
	assert_null(strstr(o->data, "Content-Length"));
	flow_end(&f);
	buf_put(&b);
	free(o);
}

static void
flow__bytes_behind_the_body__stay(void **state)
{
	struct buf b = { 0 };
	struct flow f;

	(void)state;
	assert_int_equal(buf_get(&b, BUF_SMALL), 0);
	memcpy(b.data, "headbodyGET /next", 17);
	b.r = 4;
	b.w = 17;
	flow_start(&f, &b, HTTP_BODY_LENGTH, 4, HTTP_BODY_LENGTH);
	f.keep = true;
	assert_int_equal(flow_decode(&f), 0);
	assert_true(f.in_done);
	assert_int_equal(flow_payload(&f), 4);
	assert_int_equal(f.raw_r, 8);
	flow_sent(&f, 4);
	assert_true(flow_is_done(&f));
	assert_int_equal(b.w - f.raw_r, 9);
	buf_put(&b);
}

static void
flow__kept__can_be_sent_again(void **state)
{
	static const char head[] = "HEAD";
	struct buf b = { 0 };
	struct sink *o = calloc(1, sizeof(*o));
	struct flow f;
	size_t first;

	(void)state;
	assert_non_null(o);
	assert_int_equal(buf_get(&b, BUF_SMALL), 0);
	memcpy(b.data, head, 4);
	b.r = b.w = 4;
	flow_start(&f, &b, HTTP_BODY_CHUNKED, 0, HTTP_BODY_CHUNKED);
	f.keep = true;
	run(&f, &b, "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", 4, 3, o);
	assert_true(flow_is_done(&f));
	first = o->n;
	flow_rewind(&f);
	while (take(&f, o, 1000))
		;
	assert_true(flow_is_done(&f));
	assert_memory_equal(o->data + first, "3\r\nabc\r\n0\r\n\r\n", 13);
	assert_memory_equal(b.data, head, 4);
	buf_put(&b);
	free(o);
}

static void
flow__moved__goes_on_in_the_new_buffer(void **state)
{
	struct buf b = { 0 }, c = { 0 };
	struct sink *o = calloc(1, sizeof(*o));
	struct flow f;

	(void)state;
	assert_non_null(o);
	assert_int_equal(buf_get(&b, BUF_SMALL), 0);
	assert_int_equal(buf_get(&c, BUF_LARGE), 0);
	flow_start(&f, &b, HTTP_BODY_CHUNKED, 0, HTTP_BODY_CHUNKED);
	/* half a trailer is left undecoded */
	run(&f, &b, "1\r\na\r\n0\r\nX: ", 100, 100, o);
	assert_false(f.in_done);
	assert_int_equal(flow_move(&f, &c), 0);
	run(&f, &c, "1\r\n\r\n", 1, 100, o);
	assert_true(flow_is_done(&f));
	o->data[o->n] = '\0';
	assert_string_equal(o->data, "1\r\na\r\n0\r\nX: 1\r\n\r\n");
	flow_end(&f);
	buf_put(&b);
	buf_put(&c);
	free(o);
}

static void
flow__too_early_an_end__is_told(void **state)
{
	struct buf b = { 0 };
	struct flow f;

	(void)state;
	assert_int_equal(buf_get(&b, BUF_SMALL), 0);
	flow_start(&f, &b, HTTP_BODY_LENGTH, 5, HTTP_BODY_LENGTH);
	assert_int_equal(flow_eof(&f), -WSE_EOF);
	flow_start(&f, &b, HTTP_BODY_EOF, 0, HTTP_BODY_EOF);
	assert_int_equal(flow_eof(&f), 0);
	assert_true(flow_is_done(&f));
	buf_put(&b);
}

static void
flow__bad_chunk_size__is_refused(void **state)
{
	struct buf b = { 0 };
	struct flow f;

	(void)state;
	assert_int_equal(buf_get(&b, BUF_SMALL), 0);
	flow_start(&f, &b, HTTP_BODY_CHUNKED, 0, HTTP_BODY_CHUNKED);
	give(&f, &b, "0x3\r\nabc\r\n", 10);
	assert_true(flow_decode(&f) < 0);
	buf_put(&b);
}

static void
flow__of_a_tunnel__is_cut_and_added_to(void **state)
{
	static char bulk[BUF_SMALL];
	static struct sink o;
	struct buf b = { 0 };
	struct flow f;

	(void)state;
	o.n = 0;
	assert_int_equal(buf_get(&b, BUF_SMALL), 0);
	flow_start(&f, &b, HTTP_BODY_EOF, 0, HTTP_BODY_EOF);
	give(&f, &b, "abcdef", 6);
	assert_int_equal(flow_decode(&f), 0);
	flow_cut(&f, 2);
	assert_int_equal(flow_add(&f, "XY", 2), 0);
	while (take(&f, &o, 100))
		;
	assert_int_equal(o.n, 6);
	assert_memory_equal(o.data, "abcdXY", 6);
	flow_detach(&f);
	assert_int_equal(flow_add(&f, "Z", 1), 0); /* without a buffer */
	give(&f, &b, bulk, BUF_SMALL - 1);
	assert_int_equal(flow_decode(&f), 0);
	assert_int_equal(flow_add(&f, "full", 4), 0); /* in a larger one */
	while (take(&f, &o, 1000))
		;
	assert_int_equal(o.n, 6 + BUF_SMALL + 4);
	assert_memory_equal(o.data + o.n - 4, "full", 4);
	assert_int_equal(flow_eof(&f), 0);
	assert_true(flow_add(&f, "late", 4) < 0);
	buf_put(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flow__length_in_any_steps__same_bytes),
		cmocka_unit_test(flow__chunks_in_any_steps__same_payload),
		cmocka_unit_test(flow__trailers__pass_behind_the_last_chunk),
		cmocka_unit_test(flow__bytes_behind_the_body__stay),
		cmocka_unit_test(flow__kept__can_be_sent_again),
		cmocka_unit_test(flow__moved__goes_on_in_the_new_buffer),
		cmocka_unit_test(flow__too_early_an_end__is_told),
		cmocka_unit_test(flow__bad_chunk_size__is_refused),
		cmocka_unit_test(flow__of_a_tunnel__is_cut_and_added_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
