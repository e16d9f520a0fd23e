/* SPDX-License-Identifier: MIT */
#include "tests/unit/shm/conf/conf_test.h"

#include "shm/conf/keyword.h"

static void
keyword__rows__are_documented_and_unique(void **state)
{
	(void)state;
	for (int i = 0; keyword_table(i); i++) {
		const struct keyword *kw = keyword_table(i);

		for (; kw->name; kw++) {
			assert_non_null(kw->parse);
			assert_non_null(kw->syntax);
			assert_true(strlen(kw->doc) > 5);
			assert_int_equal(kw->doc[strlen(kw->doc) - 1], '.');
			assert_null(strpbrk(kw->doc, "\t\n"));
			for (const struct keyword *o = keyword_table(i); o < kw;
			     o++)
				assert_string_not_equal(o->name, kw->name);
		}
	}
}

static void
keyword__option_rows__are_sorted_out(void **state)
{
	(void)state;
	for (const struct bind_keyword *b = bind_opt_tbl; b->name; b++) {
		assert_int_equal(b->argc, *b->syntax != '\0');
		assert_int_equal(b->doc[strlen(b->doc) - 1], '.');
	}
	for (const struct server_keyword *s = server_opt_tbl; s->name; s++) {
		assert_int_equal(s->argc, *s->syntax != '\0');
		assert_int_equal(s->doc[strlen(s->doc) - 1], '.');
	}
	for (const struct server_keyword *s = server_check_tbl; s->name; s++) {
		assert_int_equal(s->argc, *s->syntax != '\0');
		assert_int_equal(s->doc[strlen(s->doc) - 1], '.');
	}
}

/* What is supported must not be called unsupported. */
static void
keyword__supported_words__are_not_in_the_other_table(void **state)
{
	const char *name;

	(void)state;
	for (int i = 0; keyword_table(i); i++) {
		const struct keyword *kw = keyword_table(i);

		for (; kw->name; kw++)
			if (unsupported_find(
				kw->where & KW_WHERE, kw->name, NULL, &name))
				fail_msg("%s", kw->name);
	}
	for (const struct bind_keyword *b = bind_opt_tbl; b->name; b++)
		if (unsupported_find(KW_BIND, b->name, NULL, &name))
			fail_msg("%s", b->name);
	for (const struct server_keyword *s = server_opt_tbl; s->name; s++)
		if (unsupported_find(KW_SERVER, s->name, NULL, &name))
			fail_msg("%s", s->name);
	for (const struct server_keyword *s = server_check_tbl; s->name; s++)
		if (unsupported_find(KW_SERVER, s->name, NULL, &name))
			fail_msg("%s", s->name);
}

static void
keyword__two_words__go_before_one(void **state)
{
	const char *name;

	(void)state;
	assert_non_null(
	    unsupported_find(KW_BACKEND, "option", "tcp-check", &name));
	assert_string_equal(name, "option tcp-check");
	assert_null(unsupported_find(KW_BACKEND, "option", "httplog", &name));
	assert_null(unsupported_find(KW_BACKEND, "", "", &name));
	assert_null(unsupported_find(KW_BACKEND, "|", "", &name));
	assert_null(unsupported_find(KW_BACKEND, "appsession|", "", &name));
	assert_non_null(unsupported_find(KW_BACKEND, "appsession", "x", &name));
	assert_string_equal(name, "appsession");
}

static void
keyword__dump__has_four_fields_a_line(void **state)
{
	char *text = NULL, *line, *rest;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	int lines = 0;

	(void)state;
	conf_dump_keywords(out);
	fclose(out);
	assert_non_null(strstr(text, "\nbind\taccept-proxy\t"));
	assert_non_null(strstr(text, "\nserver\tweight\t"));
	assert_non_null(strstr(text, "\ndefaults,frontend\ttimeout client\t"));
	rest = text;
	while ((line = strsep(&rest, "\n")) != NULL && rest) {
		int tabs = 0;

		for (const char *p = line; *p; p++)
			tabs += *p == '\t';
		if (tabs != 3)
			fail_msg("%s", line);
		lines++;
	}
	assert_true(lines > 100);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keyword__rows__are_documented_and_unique),
		cmocka_unit_test(keyword__option_rows__are_sorted_out),
		cmocka_unit_test(
		    keyword__supported_words__are_not_in_the_other_table),
		cmocka_unit_test(keyword__two_words__go_before_one),
		cmocka_unit_test(keyword__dump__has_four_fields_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
