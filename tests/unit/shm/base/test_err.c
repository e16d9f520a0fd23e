/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "shm/base/err.h"

static void
err_text__every_code__has_its_own_text(void **state)
{
	(void)state;
	for (int a = 0; a < WSE_N; a++) {
		assert_non_null(err_text(a));
		assert_string_equal(err_text(a), err_text(-a));
		for (int b = 0; b < a; b++)
			assert_string_not_equal(err_text(a), err_text(b));
	}
	assert_string_equal(err_text(WSE_N), "unknown error");
	assert_string_equal(err_text(-1000), "unknown error");
}

static void
err_from_errno__known_values__fit(void **state)
{
	(void)state;
	assert_int_equal(err_from_errno(0), WSE_OK);
	assert_int_equal(err_from_errno(EAGAIN), WSE_AGAIN);
	assert_int_equal(err_from_errno(ECONNREFUSED), WSE_REFUSED);
	assert_int_equal(err_from_errno(EMFILE), WSE_NOFD);
	assert_int_equal(err_from_errno(ENOTDIR), WSE_SYS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(err_text__every_code__has_its_own_text),
		cmocka_unit_test(err_from_errno__known_values__fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
