/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "shm/base/buf.h"

static void
put(struct buf *b, const char *text)
{
	memcpy(buf_wp(b), text, strlen(text));
	b->w += (uint32_t)strlen(text);
}

static void
buf__freelist__storage_is_reused(void **state)
{
	struct buf b = { 0 };
	char *first;

	(void)state;
	assert_int_equal(buf_get(&b, BUF_SMALL), 0);
	assert_int_equal(buf_room(&b), BUF_SMALL);
	assert_true(buf_attached_bytes() == BUF_SMALL);
	first = b.data;
	buf_put(&b);
	buf_put(&b);
	assert_null(b.data);
	assert_true(buf_attached_bytes() == 0);
	assert_true(buf_free_bytes() == BUF_SMALL);
	assert_int_equal(buf_get(&b, BUF_SMALL), 0);
	assert_ptr_equal(b.data, first);
	buf_put(&b);
	buf_trim(0);
	assert_true(buf_free_bytes() == 0);
}

static void
buf__compact_and_grow__bytes_stay(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(buf_get(&b, BUF_SMALL), 0);
	put(&b, "0123456789");
	buf_eat(&b, 4);
	assert_int_equal(buf_len(&b), 6);
	buf_compact(&b);
	assert_int_equal(b.r, 0);
	assert_memory_equal(buf_rp(&b), "456789", 6);
	buf_eat(&b, 1);
	assert_int_equal(buf_grow(&b), 0);
	assert_int_equal(b.size, BUF_LARGE);
	assert_int_equal(buf_len(&b), 5);
	assert_memory_equal(buf_rp(&b), "56789", 5);
	buf_put_empty(&b);
	assert_non_null(b.data);
	buf_eat(&b, 5);
	assert_int_equal(b.w, 0);
	buf_put_empty(&b);
	assert_null(b.data);
	buf_trim(0);
}

static void
buf__limit__is_kept(void **state)
{
	struct buf a = { 0 }, b = { 0 };

	(void)state;
	buf_limit(BUF_SMALL + BUF_LARGE);
	assert_int_equal(buf_get(&a, BUF_SMALL), 0);
	assert_int_equal(buf_get(&b, BUF_LARGE), 0);
	assert_int_equal(buf_grow(&a), -WSE_NOMEM);
	assert_int_equal(a.size, BUF_SMALL);
	buf_put(&a);
	assert_int_equal(buf_get(&a, BUF_LARGE), -WSE_NOMEM);
	assert_null(a.data);
	buf_limit(0);
	assert_int_equal(buf_get(&a, BUF_LARGE), 0);
	buf_put(&a);
	buf_put(&b);
	buf_trim(BUF_LARGE);
	assert_true(buf_free_bytes() <= BUF_LARGE);
	buf_trim(0);
}

/* What was in use between two calls stays, the rest goes. */
static void
buf__shrink__frees_what_nobody_used(void **state)
{
	struct buf b[5] = { { 0 } };

	(void)state;
	buf_trim(0);
	(void)buf_shrink();
	for (int i = 0; i < 5; i++)
		assert_int_equal(
		    buf_get(&b[i], i < 3 ? BUF_SMALL : BUF_LARGE), 0);
	for (int i = 0; i < 5; i++)
		buf_put(&b[i]);
	assert_int_equal(buf_shrink(), 0);
	assert_int_equal(buf_get(&b[0], BUF_SMALL), 0);
	assert_int_equal(buf_get(&b[1], BUF_SMALL), 0);
	buf_put(&b[0]);
	buf_put(&b[1]);
	assert_int_equal(buf_shrink(), BUF_SMALL + 2 * BUF_LARGE);
	assert_int_equal(buf_free_bytes(), 2 * BUF_SMALL);
	assert_int_equal(buf_shrink(), 2 * BUF_SMALL);
	assert_int_equal(buf_shrink(), 0);
	assert_int_equal(buf_free_bytes(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buf__freelist__storage_is_reused),
		cmocka_unit_test(buf__compact_and_grow__bytes_stay),
		cmocka_unit_test(buf__shrink__frees_what_nobody_used),
		cmocka_unit_test(buf__limit__is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
