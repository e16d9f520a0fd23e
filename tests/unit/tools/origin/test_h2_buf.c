/* SPDX-License-Identifier: MIT */
#include "tools/origin/h2_buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
h2_buf__random_walk__keeps_bytes_in_order(void **state)
{
	struct h2_buf b = { .data = NULL };
	char piece[5000];
	unsigned char in = 0, out = 0;
	size_t have = 0;

	(void)state;
	srand(7);
	for (int i = 0; i < 20000; i++) {
		size_t n = (size_t)rand() % (i % 50 ? 300 : sizeof(piece));

		if (rand() % 2) {
			for (size_t k = 0; k < n; k++)
				piece[k] = (char)in++;
			h2_buf_put(&b, piece, n);
			have += n;
		} else {
			size_t want = n < have ? n : have;

			assert_int_equal(h2_buf_take(&b, piece, n), want);
			for (size_t k = 0; k < want; k++)
				assert_int_equal((unsigned char)piece[k],
				    (unsigned char)(out + k));
			out = (unsigned char)(out + want);
			have -= want;
		}
		assert_int_equal(h2_buf_len(&b), have);
	}
	h2_buf_clear(&b);
	assert_int_equal(h2_buf_len(&b), 0);
	assert_int_equal(b.size, 0);
}

static void
h2_buf__emptied__starts_at_the_front_again(void **state)
{
	struct h2_buf b = { .data = NULL };
	char to[600];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		h2_buf_put(&b, "0123456789", 10);
		assert_int_equal(h2_buf_take(&b, to, sizeof(to)), 10);
		assert_int_equal(b.end, 0);
	}
	assert_int_equal(b.size, 512);
	h2_buf_reserve(&b, 513);
	assert_int_equal(b.size, 1024);
	assert_int_equal(h2_buf_take(&b, to, sizeof(to)), 0);
	h2_buf_clear(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h2_buf__random_walk__keeps_bytes_in_order),
		cmocka_unit_test(h2_buf__emptied__starts_at_the_front_again),
	};

	return cmocka_run_group_tests_name("h2_buf", tests, NULL, NULL);
}
