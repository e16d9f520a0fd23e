/* SPDX-License-Identifier: MIT */
#include "tests/unit/shm/conf/conf_test.h"

#include "shm/conf/condition.h"

static const struct {
	const char *text;
	int expected;
} cases[] = {
	{ "", 0 },
	{ "0", 0 },
	{ "00", 0 },
	{ "1", 1 },
	{ "-1", 1 },
	{ "!0", 1 },
	{ "!!1", 1 },
	{ "( 1 )", 1 },
	{ "!(1 && 0)", 1 },
	{ "1 && 0 || 1", 1 },
	{ "1 || 1 && 0", 1 },
	{ "0||0", 0 },
	{ "1 || 0 && 0", 1 },
	{ "streq(a,a)", 1 },
	{ "streq(a,b)", 0 },
	{ "streq( a , a )", 1 },
	{ "streq(,)", 1 },
	{ "streq(\"a b\",a b)", 1 },
	{ "streq(\"$WSB_C\",yes)", 1 },
	{ "strneq(a,b)", 1 },
	{ "strstr(abc,b)", 1 },
	{ "strstr(abc,x)", 0 },
	{ "defined(WSB_C)", 1 },
	{ "defined(WSB_NONE)", 0 },
	{ "enabled(POLL)", 1 },
	{ "enabled(poll)", 1 },
	{ "enabled(KQUEUE)", 0 },
	{ "feature(EPOLL)", 1 },
	{ "feature(OPENSSL)", 1 },
	{ "feature(NO_SUCH)", 0 },
	{ "!feature(LUA) && feature(EPOLL)", 1 },
	{ "version_atleast(2.8-dev0)", 1 },
	{ "version_atleast(2.6)", 1 },
	{ "version_atleast(2.4.1)", 1 },
	{ "version_atleast(3.0-dev13)", 1 },
	{ "version_atleast(3.0)", 1 },
	{ "version_atleast(3.1-dev0)", 0 },
	{ "version_before(3.1-dev0)", 1 },
	{ "version_before(2.6)", 0 },
	{ "openssl_version_atleast(1.1.1)", 1 },
	{ "ssllib_name_startswith(OpenSSL)", 1 },
	{ "1 &&", -1 },
	{ "&& 1", -1 },
	{ "(1", -1 },
	{ "1)", -1 },
	{ "1 2", -1 },
	{ "0x", -1 },
	{ "foo", -1 },
	{ "foo(1)", -1 },
	{ "streq(a)", -1 },
	{ "streq(a,b,c)", -1 },
	{ "streq(a,b,c,d,e)", -1 },
	{ "streq(a,b", -1 },
	{ "version_atleast(x)", -1 },
	{ "!", -1 },
	{ "\"", -1 },
};

static void
condition__expressions__have_their_value(void **state)
{
	(void)state;
	setenv("WSB_C", "yes", 1);
	unsetenv("WSB_NONE");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char err[256] = "";
		int r = conf_condition(cases[i].text, err, sizeof(err));

		if ((r < 0 ? -1 : r) != cases[i].expected)
			fail_msg("'%s': got %d (%s)", cases[i].text, r, err);
		if (r < 0)
			assert_true(*err);
	}
}

static void
condition__deep_nesting__is_refused(void **state)
{
	char text[4096], err[256];

	(void)state;
	memset(text, '(', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_true(condition_eval(text, err, sizeof(err)) < 0);
	memset(text, '!', sizeof(text) - 1);
	assert_true(condition_eval(text, err, sizeof(err)) < 0);
}

static void
condition__misspelt_predicate__is_guessed(void **state)
{
	char err[256];

	(void)state;
	assert_true(conf_condition("featur(X)", err, sizeof(err)) < 0);
	assert_non_null(strstr(err, "did you mean 'feature(...)'?"));
}

static void
condition__versions__are_ordered(void **state)
{
	static const char *const up[] = { "1.9", "2.0-dev0", "2.0-dev10", "2.0",
		"2.0.1", "2.1-rc1", "2.1.0", "2.10", "3" };
	int cmp;

	(void)state;
	for (int i = 0; i + 1 < 9; i++) {
		assert_int_equal(
		    condition_version_cmp(up[i], up[i + 1], &cmp), 0);
		assert_int_equal(cmp, -1);
		assert_int_equal(
		    condition_version_cmp(up[i + 1], up[i], &cmp), 0);
		assert_int_equal(cmp, 1);
		assert_int_equal(condition_version_cmp(up[i], up[i], &cmp), 0);
		assert_int_equal(cmp, 0);
	}
}

static void
condition__features__are_sorted_and_marked(void **state)
{
	(void)state;
	for (int i = 0; i < conf_feature_count; i++) {
		assert_true(
		    *conf_features[i] == '+' || *conf_features[i] == '-');
		if (i)
			assert_true(strcmp(conf_features[i - 1] + 1,
					conf_features[i] + 1) < 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(condition__expressions__have_their_value),
		cmocka_unit_test(condition__deep_nesting__is_refused),
		cmocka_unit_test(condition__misspelt_predicate__is_guessed),
		cmocka_unit_test(condition__versions__are_ordered),
		cmocka_unit_test(condition__features__are_sorted_and_marked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
