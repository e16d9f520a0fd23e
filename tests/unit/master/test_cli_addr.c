/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "master/cli_addr.h"

static struct stats_socket s;
static char err[256];

static int
parse(const char *text)
{
	free(s.text);
	return cli_addr_parse(text, &s, err, sizeof(err));
}

static void
cli_addr__path__is_for_its_owner_and_admin(void **state)
{
	(void)state;
	assert_int_equal(parse("/run/m.sock"), 0);
	assert_int_equal(s.addr.kind, ADDR_UNIX);
	assert_string_equal(s.addr.u.un.sun_path, "/run/m.sock");
	assert_int_equal(s.mode, 0600);
	assert_int_equal(s.level, 2);
	assert_int_equal(s.uid, -1);
	assert_int_equal(s.fd, -1);
}

static void
cli_addr__options__are_taken(void **state)
{
	(void)state;
	assert_int_equal(
	    parse("/m,mode,660,user,root,gid,7,level,operator"), 0);
	assert_int_equal(s.mode, 0660);
	assert_int_equal(s.uid, 0);
	assert_int_equal(s.gid, 7);
	assert_int_equal(s.level, 1);
	assert_string_equal(s.text, "/m");
}

static void
cli_addr__descriptor_in_a_variable__is_found(void **state)
{
	(void)state;
	setenv("MASTER_FD", "17", 1);
	assert_int_equal(parse("fd@${MASTER_FD}"), 0);
	assert_int_equal(s.addr.kind, ADDR_FD);
	assert_int_equal(s.addr.fd, 17);
	assert_int_equal(parse("fd@9"), 0);
	assert_int_equal(s.addr.fd, 9);
	s.text = (free(s.text), NULL);
	assert_int_not_equal(parse("fd@${NO_SUCH_VARIABLE}"), 0);
}

static void
cli_addr__nonsense__is_refused_and_named(void **state)
{
	static const char *const bad[][2] = {
		{ "/m,mode", "mode" },
		{ "/m,mode,888", "888" },
		{ "/m,mode,-1", "-1" },
		{ "/m,colour,red", "colour" },
		{ "/m,level,god", "god" },
		{ "/m,user,no-such-user", "no-such-user" },
		{ "127.0.0.1", "port" },
		{ "/m,uid,99999999999", "99999999999" },
		{ "/m,", "value" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s.text = NULL;
		err[0] = '\0';
		assert_int_equal(parse(bad[i][0]), -WSE_SYNTAX);
		assert_non_null(strstr(err, bad[i][1]));
	}
}

static void
cli_addr__long_words__are_refused(void **state)
{
	char text[2000];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[0] = '/';
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(parse(text), -WSE_SYNTAX);
	text[2] = ',';
	assert_int_equal(parse(text), -WSE_SYNTAX);
	s.text = NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cli_addr__path__is_for_its_owner_and_admin),
		cmocka_unit_test(cli_addr__options__are_taken),
		cmocka_unit_test(cli_addr__descriptor_in_a_variable__is_found),
		cmocka_unit_test(cli_addr__nonsense__is_refused_and_named),
		cmocka_unit_test(cli_addr__long_words__are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
