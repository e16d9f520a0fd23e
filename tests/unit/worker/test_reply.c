/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/reply.h"

static void
reply__known_status__its_page(void **state)
{
	static const unsigned known[] = { 400, 403, 404, 408, 413, 414, 431,
		500, 501, 502, 503, 504, 505 };

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_int_equal(reply_page(known[i])->status, known[i]);
	assert_string_equal(reply_page(503)->reason, "Service Unavailable");
}

static void
reply__unknown_status__some_page(void **state)
{
	(void)state;
	assert_int_equal(reply_page(599)->status, 500);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reply__known_status__its_page),
		cmocka_unit_test(reply__unknown_status__some_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
