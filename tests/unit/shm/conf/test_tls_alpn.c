/* SPDX-License-Identifier: MIT */
#include "tests/unit/shm/conf/conf_test.h"

static void
tls_alpn__list__goes_to_wire_form(void **state)
{
	static const char wire[] = "\x02h2\x08http/1.1";
	struct tls_alpn a;

	(void)state;
	assert_int_equal(tls_alpn_parse("h2,http/1.1", &a), 0);
	assert_int_equal(a.n, sizeof(wire) - 1);
	assert_memory_equal(a.wire, wire, a.n);
	assert_int_equal(tls_alpn_parse("h2", &a), 0);
	assert_int_equal(a.n, 3);
}

/* "http/1.0,h2" holds no http/1.1, whatever a search for text would say. */
static void
tls_alpn__has__compares_whole_tokens(void **state)
{
	struct tls_alpn a, none = { .n = 0 };

	(void)state;
	assert_int_equal(tls_alpn_parse("http/1.0,h2c,h22", &a), 0);
	assert_true(tls_alpn_has(&a, SV("http/1.0")));
	assert_true(tls_alpn_has(&a, SV("h2c")));
	assert_false(tls_alpn_has(&a, SV("h2")));
	assert_false(tls_alpn_has(&a, SV("http/1.1")));
	assert_false(tls_alpn_has(&a, SV("http/1")));
	assert_false(tls_alpn_has(&a, SV("")));
	assert_false(tls_alpn_has(&none, SV("h2")));
}

static void
tls_alpn__bad_list__is_refused_and_leaves_the_result(void **state)
{
	const char *const bad[] = { "", ",", "h2,", ",h2", "h2,,http/1.1" };
	struct tls_alpn a = { .n = 7 };
	char text[300];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(tls_alpn_parse(bad[i], &a), -WSE_SYNTAX);
	memset(text, 'x', sizeof(text));
	text[TLS_ALPN_MAX] = '\0';
	assert_int_equal(tls_alpn_parse(text, &a), -WSE_TOOBIG);
	text[TLS_ALPN_MAX] = 'x';
	text[256] = '\0';
	assert_int_equal(tls_alpn_parse(text, &a), -WSE_SYNTAX);
	assert_int_equal(a.n, 7);
	text[TLS_ALPN_MAX - 1] = '\0';
	assert_int_equal(tls_alpn_parse(text, &a), 0);
	assert_int_equal(a.n, TLS_ALPN_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tls_alpn__list__goes_to_wire_form),
		cmocka_unit_test(tls_alpn__has__compares_whole_tokens),
		cmocka_unit_test(
		    tls_alpn__bad_list__is_refused_and_leaves_the_result),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
