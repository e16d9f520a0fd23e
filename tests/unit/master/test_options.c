/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "master/options.h"

enum { WORDS_MAX = 80 };

/* Parse a line of words after the program's name. */
static int
parse(const char *line, struct options *o)
{
	static char text[2048];
	char *argv[WORDS_MAX + 1], *save = NULL;
	int argc = 0;

	argv[argc++] = "wsbroker";
	assert_true(strlen(line) < sizeof(text));
	strcpy(text, line);
	for (char *w = strtok_r(text, " ", &save); w && argc < WORDS_MAX;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	return options_parse(argc, argv, o);
}

static void
options__nothing__runs_the_default_file(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(parse("", &o), 0);
	assert_int_equal(o.action, OPTS_RUN);
	assert_int_equal(o.file_count, 1);
	assert_non_null(strstr(o.files[0], "wsbroker.conf"));
	assert_false(o.daemon || o.foreground || o.worker_mode || o.quiet);
}

static void
options__an_init_scripts_line__is_understood(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(parse("-Ws -f /a.cfg -f /b.d -p /run/p -q -dW -L x "
			       "-m 200 -dM -dI -n 77",
			     &o),
	    0);
	assert_true(o.worker_mode && o.notify && o.quiet && o.warnings_fatal);
	assert_int_equal(o.file_count, 2);
	assert_string_equal(o.files[0], "/a.cfg");
	assert_string_equal(o.files[1], "/b.d");
	assert_string_equal(o.pidfile, "/run/p");
	assert_int_equal(o.maxconn, 77);
}

static void
options__actions__are_told_apart(void **state)
{
	static const struct {
		const char *line;
		enum options_action action;
	} rows[] = {
		{ "-c -f x", OPTS_CHECK },
		{ "-cc 1", OPTS_CONDITION },
		{ "-v", OPTS_VERSION },
		{ "-vv", OPTS_VERSION_LONG },
		{ "-h", OPTS_HELP },
		{ "--help", OPTS_HELP },
		{ "--dump-keywords", OPTS_DUMP_KEYWORDS },
		{ "-db -f x", OPTS_RUN },
		{ "-D -f x", OPTS_RUN },
	};
	struct options o;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse(rows[i].line, &o), 0);
		assert_int_equal(o.action, rows[i].action);
	}
}

static void
options__words__are_whole(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(parse("-db -f x", &o), 0);
	assert_true(o.foreground);
	assert_int_equal(parse("-dMno-merge -f x", &o), 0);
	assert_false(o.foreground);
	assert_int_equal(parse("-dx", &o), -WSE_SYNTAX);
	assert_int_equal(parse("-cx", &o), -WSE_SYNTAX);
}

static void
options__bad_lines__are_refused(void **state)
{
	static const char *const rows[] = {
		"-f",
		"-p",
		"-cc",
		"-n",
		"-n 0",
		"-n -3",
		"-n 5x",
		"-sf 12",
		"-st 12",
		"-x sock",
		"-S",
		"file.cfg",
		"--unknown",
		"-",
		"-C /no/such/directory",
	};
	struct options o;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (parse(rows[i], &o) != -WSE_SYNTAX)
			fail_msg("'%s' was taken", rows[i]);
}

static void
options__after_two_dashes__only_files_follow(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(parse("-db -- a b -c", &o), 0);
	assert_int_equal(o.file_count, 3);
	assert_string_equal(o.files[2], "-c");
	assert_int_equal(o.action, OPTS_RUN);
}

static void
options__too_many_files__are_refused(void **state)
{
	char line[2048] = "--";
	struct options o;

	(void)state;
	for (int i = 0; i <= OPTIONS_FILES_MAX; i++)
		strcat(line, " f");
	assert_int_equal(parse(line, &o), -WSE_SYNTAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options__nothing__runs_the_default_file),
		cmocka_unit_test(options__an_init_scripts_line__is_understood),
		cmocka_unit_test(options__actions__are_told_apart),
		cmocka_unit_test(options__words__are_whole),
		cmocka_unit_test(options__bad_lines__are_refused),
		cmocka_unit_test(options__after_two_dashes__only_files_follow),
		cmocka_unit_test(options__too_many_files__are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
