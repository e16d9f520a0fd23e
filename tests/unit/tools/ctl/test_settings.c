/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/ctl/ctl.h"

static unsigned complaints;

void
ctl_complain(const char *fmt, ...)
{
	(void)fmt;
	complaints++;
}

static struct ctl
read_text(const char *text, bool good)
{
	struct ctl c = { .drain_s = 30 };
	char path[] = "/tmp/wsb-unit.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	settings_instance(&c, NULL);
	strcpy(c.defaults, path);
	complaints = 0;
	assert_int_equal(settings_read(&c), good);
	assert_int_equal(complaints > 0, !good);
	unlink(path);
	return c;
}

static void
settings__lines__are_taken_with_and_without_quotes(void **state)
{
	struct ctl c = read_text("# EXTRAOPTS=\"-n 1\"\n"
				 "EXTRAOPTS=\"-n 5  -f x\" # more\n"
				 "\n"
				 "  CONFIG=/a/b.conf  \n"
				 "OTHER=what\n"
				 "DRAIN_TIME='2m'\n",
	    true);

	(void)state;
	assert_int_equal(c.extra_count, 4);
	assert_string_equal(c.extra[0], "-n");
	assert_string_equal(c.extra[3], "x");
	assert_string_equal(c.config, "/a/b.conf");
	assert_int_equal(c.drain_s, 120);
}

static void
settings__bad_values__are_reported(void **state)
{
	char many[2000] = "EXTRAOPTS=\"";

	(void)state;
	(void)read_text("DRAIN_TIME=soon\n", false);
	for (int i = 0; i <= CTL_EXTRA_MAX; i++)
		strcat(many, "-q ");
	strcat(many, "\"\n");
	(void)read_text(many, false);
}

static void
settings__no_file__is_no_error(void **state)
{
	struct ctl c = { .drain_s = 30 };

	(void)state;
	complaints = 0;
	settings_instance(&c, "edge");
	assert_non_null(strstr(c.config, "/edge.conf"));
	assert_non_null(strstr(c.pidfile, "-edge/wsbroker.pid"));
	assert_non_null(strstr(c.socket, "-edge/master.sock"));
	assert_non_null(strstr(c.defaults, "wsbroker-edge"));
	assert_true(settings_read(&c));
	assert_int_equal(complaints, 0);
}

static void
settings__seconds__have_units_and_bounds(void **state)
{
	static const char *const bad[] = { "", "-1", "1h", "x", "5 s", "1e3",
		"99999999999999999999", "86401", "30000m" };
	unsigned s;

	(void)state;
	assert_true(settings_seconds("0", &s) && s == 0);
	assert_true(settings_seconds("30s", &s) && s == 30);
	assert_true(settings_seconds("2m", &s) && s == 120);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(settings_seconds(bad[i], &s));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    settings__lines__are_taken_with_and_without_quotes),
		cmocka_unit_test(settings__bad_values__are_reported),
		cmocka_unit_test(settings__no_file__is_no_error),
		cmocka_unit_test(settings__seconds__have_units_and_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
