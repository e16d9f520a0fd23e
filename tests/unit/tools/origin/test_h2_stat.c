/* SPDX-License-Identifier: MIT */
#include "tools/origin/h2_stat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
h2_stat__largest_numbers__fit(void **state)
{
	char json[H2_STAT_JSON_LEN];
	char reason[1000];

	(void)state;
	memset(&h2_stat, 0xff, offsetof(struct h2_stat, error));
	memset(reason, 'x', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	h2_stat_error(reason);
	h2_stat.errors = UINT64_MAX;
	assert_true(h2_stat_write(json) < sizeof(json));
	assert_int_equal(strlen(json), h2_stat_write(json));
	assert_memory_equal(
	    json, "{\"connections\": 18446744073709551615, ", 38);
	assert_non_null(strstr(json, "\"last_error\": \"xxx"));
}

static void
h2_stat__reset__keeps_what_is_open(void **state)
{
	(void)state;
	memset(&h2_stat, 0, sizeof(h2_stat));
	h2_stat.connections = h2_stat.peak_open = 9;
	h2_stat.open = 3;
	h2_stat.streams = h2_stat.peak_streams = 8;
	h2_stat.open_streams = 2;
	h2_stat_error("a \"quoted\" \\ word\n");
	assert_string_equal(h2_stat.error, "a ?quoted? ? word?");
	h2_stat_reset();
	assert_int_equal(h2_stat.connections + h2_stat.streams, 0);
	assert_int_equal(h2_stat.open, 3);
	assert_int_equal(h2_stat.peak_open, 3);
	assert_int_equal(h2_stat.open_streams, 2);
	assert_int_equal(h2_stat.peak_streams, 2);
	assert_int_equal(h2_stat.errors, 0);
	assert_string_equal(h2_stat.error, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h2_stat__largest_numbers__fit),
		cmocka_unit_test(h2_stat__reset__keeps_what_is_open),
	};

	return cmocka_run_group_tests_name("h2_stat", tests, NULL, NULL);
}
