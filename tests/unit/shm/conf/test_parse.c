/* SPDX-License-Identifier: MIT */
#include "tests/unit/shm/conf/conf_test.h"

static void
parse__times__know_their_units(void **state)
{
	static const struct {
		const char *s;
		int r;
		unsigned ms;
	} t[] = {
		{ "0", 0, 0 },
		{ "250", 0, 250 },
		{ "10s", 0, 10000 },
		{ "500ms", 0, 500 },
		{ "1m", 0, 60000 },
		{ "2h", 0, 7200000 },
		{ "1d", 0, 86400000 },
		{ "10us", 0, 1 },
		{ "2500us", 0, 3 },
		{ "0us", 0, 0 },
		{ "2147483647", 0, 2147483647u },
		{ "2147483648", -WSE_RANGE, 0 },
		{ "99999999999999999999", -WSE_RANGE, 0 },
		{ "9999999999999999d", -WSE_RANGE, 0 },
		{ "", -WSE_SYNTAX, 0 },
		{ "s", -WSE_SYNTAX, 0 },
		{ "-1", -WSE_SYNTAX, 0 },
		{ "1.5s", -WSE_SYNTAX, 0 },
		{ "1x", -WSE_SYNTAX, 0 },
		{ "1 s", -WSE_SYNTAX, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		unsigned ms = 0;

		assert_int_equal(conf_time_ms(t[i].s, 1, &ms), t[i].r);
		assert_int_equal(ms, t[i].ms);
	}
}

static void
parse__plain_time__is_in_the_unit_given(void **state)
{
	unsigned ms = 0;

	(void)state;
	assert_int_equal(conf_time_ms("3", 1000, &ms), 0);
	assert_int_equal(ms, 3000);
	assert_int_equal(conf_time_ms("3ms", 1000, &ms), 0);
	assert_int_equal(ms, 3);
}

static void
parse__sizes__know_their_units(void **state)
{
	unsigned long long n = 0;

	(void)state;
	assert_int_equal(conf_size("17", &n), 0);
	assert_int_equal(n, 17);
	assert_int_equal(conf_size("64k", &n), 0);
	assert_int_equal(n, 65536);
	assert_int_equal(conf_size("2M", &n), 0);
	assert_int_equal(n, 2097152);
	assert_int_equal(conf_size("1g", &n), 0);
	assert_int_equal(n, 1073741824);
	assert_int_equal(conf_size("99999999999999g", &n), -WSE_RANGE);
	assert_int_equal(conf_size("1kb", &n), -WSE_SYNTAX);
	assert_int_equal(conf_size("k", &n), -WSE_SYNTAX);
	assert_int_equal(conf_size("1t", &n), -WSE_SYNTAX);
}

static void
parse__nearest__wants_few_edits(void **state)
{
	static const char *const names[] = { "server", "balance", "option" };

	(void)state;
	assert_string_equal(conf_nearest("sever", names, 3), "server");
	assert_string_equal(conf_nearest("serevr", names, 3), "server");
	assert_string_equal(conf_nearest("optoin", names, 3), "option");
	assert_string_equal(conf_nearest("server", names, 3), "server");
	assert_null(conf_nearest("cookie", names, 3));
	assert_null(conf_nearest("", names, 3));
	assert_null(conf_nearest("x", names, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse__times__know_their_units),
		cmocka_unit_test(parse__plain_time__is_in_the_unit_given),
		cmocka_unit_test(parse__sizes__know_their_units),
		cmocka_unit_test(parse__nearest__wants_few_edits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
