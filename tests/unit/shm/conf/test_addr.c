/* SPDX-License-Identifier: MIT */
#include "tests/unit/shm/conf/conf_test.h"

#include "shm/conf/addr.h"

static const struct {
	const char *s;
	const char *text; /* as addr_text() writes it, NULL: refused */
	bool has_port;
} cases[] = {
	{ "127.0.0.1:80", "127.0.0.1:80", true },
	{ "127.0.0.1", "127.0.0.1:0", false },
	{ "127.0.0.1:", "127.0.0.1:0", false },
	{ "127.0.0.1:0", "127.0.0.1:0", true },
	{ "*:80", "0.0.0.0:80", true },
	{ ":80", "0.0.0.0:80", true },
	{ "[::1]:80", "[::1]:80", true },
	{ "[::]:80", "[::]:80", true },
	{ "[::1]", "[::1]:0", false },
	{ "::1:80", "[::1]:80", true },
	{ ":::80", "[::]:80", true },
	{ "ipv4@:80", "0.0.0.0:80", true },
	{ "ipv6@:80", "[::]:80", true },
	{ "ipv6@*:80", "[::]:80", true },
	{ "ipv4@1.2.3.4:80", "1.2.3.4:80", true },
	{ "/run/x.sock", "unix@/run/x.sock", false },
	{ "unix@/run/x.sock", "unix@/run/x.sock", false },
	{ "unix@x.sock", "unix@x.sock", false },
	{ "abns@name", "abns@name", false },
	{ "fd@7", "fd@7", false },
	{ "fd@${WSB_FD}", "fd@9", false },
	{ "$WSB_IP:80", "10.0.0.1:80", true },
	{ "", NULL, false },
	{ "fd@", NULL, false },
	{ "fd@x", NULL, false },
	{ "fd@-1", NULL, false },
	{ "fd@${WSB_NONE}", NULL, false },
	{ "unix@", NULL, false },
	{ "abns@", NULL, false },
	{ "1.2.3.4:65536", NULL, false },
	{ "1.2.3.4:http", NULL, false },
	{ "1.2.3.4:80-90", NULL, false },
	{ "1.2.3.4:+1", NULL, false },
	{ "1.2.3:80", NULL, false },
	{ "localhost:80", NULL, false },
	{ "a b:80", NULL, false },
	{ "[::1", NULL, false },
	{ "[::1]80", NULL, false },
	{ "[::g]:80", NULL, false },
	{ "ipv4@::1:80", NULL, false },
	{ "ipv6@1.2.3.4:80", NULL, false },
	{ "quic4@:443", NULL, false },
};

static void
addr__forms__parse_and_print(void **state)
{
	(void)state;
	setenv("WSB_FD", "9", 1);
	setenv("WSB_IP", "10.0.0.1", 1);
	unsetenv("WSB_NONE");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct addr a;
		char err[256] = "", text[256];
		int r = addr_parse(cases[i].s, &a, err, sizeof(err));

		if (!cases[i].text) {
			if (r == 0)
				fail_msg("'%s' was taken", cases[i].s);
			assert_true(*err);
			continue;
		}
		if (r)
			fail_msg("'%s': %s", cases[i].s, err);
		assert_string_equal(
		    addr_text(&a, text, sizeof(text)), cases[i].text);
		assert_int_equal(a.has_port, cases[i].has_port);
	}
}

static void
addr__unix_path__has_a_limit(void **state)
{
	char path[200], err[256];
	struct addr a;

	(void)state;
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[107] = '\0';
	assert_int_equal(addr_parse(path, &a, err, sizeof(err)), 0);
	path[107] = 'x';
	path[108] = '\0';
	assert_int_equal(addr_parse(path, &a, err, sizeof(err)), -WSE_SYNTAX);
}

static void
addr__port_range__gives_both_ends(void **state)
{
	struct addr a;
	char err[256];
	int last;

	(void)state;
	assert_int_equal(addr_parse_ext("*:80-90", ADDR_F_RANGE, &a, &last, err,
			     sizeof(err)),
	    0);
	assert_int_equal(addr_port(&a), 80);
	assert_int_equal(last, 90);
	assert_int_equal(addr_parse_ext("*:90-80", ADDR_F_RANGE, &a, &last, err,
			     sizeof(err)),
	    -WSE_SYNTAX);
	assert_int_equal(
	    addr_parse_ext("*:1-", ADDR_F_RANGE, &a, &last, err, sizeof(err)),
	    -WSE_SYNTAX);
}

static void
addr__host_name__is_resolved_where_allowed(void **state)
{
	struct addr a;
	char err[256];
	int last;

	(void)state;
	assert_int_equal(addr_parse_ext("localhost:80", ADDR_F_RESOLVE, &a,
			     &last, err, sizeof(err)),
	    0);
	assert_int_equal(addr_port(&a), 80);
	assert_int_equal(
	    addr_parse_ext("localhost:80", ADDR_F_RESOLVE | ADDR_F_OFFLINE, &a,
		&last, err, sizeof(err)),
	    -WSE_NOTFOUND);
	assert_non_null(strstr(err, "localhost"));
}

static void
addr__networks__have_bits(void **state)
{
	struct addr a;
	uint8_t bits = 0;

	(void)state;
	assert_int_equal(addr_parse_net("10.0.0.0/8", &a, &bits), 0);
	assert_int_equal(bits, 8);
	assert_int_equal(addr_parse_net("10.0.0.1", &a, &bits), 0);
	assert_int_equal(bits, 32);
	assert_int_equal(addr_parse_net("::1", &a, &bits), 0);
	assert_int_equal(bits, 128);
	assert_int_equal(addr_parse_net("10.0.0.0/33", &a, &bits), -WSE_SYNTAX);
	assert_int_equal(addr_parse_net("10.0.0.0/", &a, &bits), -WSE_SYNTAX);
	assert_int_equal(addr_parse_net("x", &a, &bits), -WSE_SYNTAX);
	assert_int_equal(addr_parse_net("", &a, &bits), -WSE_SYNTAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addr__forms__parse_and_print),
		cmocka_unit_test(addr__unix_path__has_a_limit),
		cmocka_unit_test(addr__port_range__gives_both_ends),
		cmocka_unit_test(addr__host_name__is_resolved_where_allowed),
		cmocka_unit_test(addr__networks__have_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
