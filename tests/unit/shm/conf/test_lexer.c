/* SPDX-License-Identifier: MIT */
#include "tests/unit/shm/conf/conf_test.h"

#include "shm/conf/lexer.h"

static int
split(struct lexer *lx, const char *s, int *col)
{
	char err[128] = "";

	lx->ln.file = "f.cfg";
	lx->ln.line = 7;
	return lexer_split(lx, s, strlen(s), col, err, sizeof(err));
}

/* Words of the line, joined with '|'. */
static void
check(const char *s, const char *expected)
{
	struct lexer lx = { .section = "backend" };
	char got[1024] = "";
	int col = 0;

	assert_int_equal(split(&lx, s, &col), 0);
	for (int i = 0; i < lx.ln.count; i++) {
		strcat(got, i ? "|" : "");
		strcat(got, lx.ln.word[i].s);
	}
	assert_string_equal(got, expected);
	lexer_done(&lx);
}

static void
check_bad(const char *s, int expected_col)
{
	struct lexer lx = { .section = NULL };
	int col = 0;

	assert_int_equal(split(&lx, s, &col), -WSE_SYNTAX);
	assert_int_equal(col, expected_col);
	assert_int_equal(lx.ln.count, 0);
	lexer_done(&lx);
}

static void
lexer__blanks_and_comments__split_words(void **state)
{
	(void)state;
	check("", "");
	check(" \t ", "");
	check("# all comment", "");
	check("a b\tc", "a|b|c");
	check("  a  b # c", "a|b");
	check("a b#c", "a|b");
	check("a b\\#c", "a|b#c");
	check("a '#' \"#\"", "a|#|#");
}

static void
lexer__quotes__join_and_protect(void **state)
{
	(void)state;
	check("'a b' \"c d\"", "a b|c d");
	check("a'b c'd\"e f\"", "ab cde f");
	check("'$HOME \\n'", "$HOME \\n");
	check("\"'\" '\"'", "'|\"");
	check("\"\" ''", "|");
	check("\"a\\\"b\"", "a\"b");
}

static void
lexer__escapes__are_resolved(void **state)
{
	(void)state;
	check("a\\ b", "a b");
	check("a\\\\b", "a\\b");
	check("\\t\\n\\r", "\t\n\r");
	check("\\x41\\x2f\\xfF", "A/\xff");
	check("^/a\\.b\\d+$", "^/a\\.b\\d+$");
	check("a\\", "a\\");
	check_bad("a \\x4", 3);
	check_bad("a \\xzz", 3);
	check_bad("a \\x00", 3);
}

static void
lexer__variables__only_in_double_quotes(void **state)
{
	(void)state;
	setenv("WSB_A", "va lue", 1);
	unsetenv("WSB_NONE");
	check("\"$WSB_A\"", "va lue");
	check("\"${WSB_A}x\"", "va luex");
	check("\"$WSB_A/x\"", "va lue/x");
	check("$WSB_A ${WSB_A}", "$WSB_A|${WSB_A}");
	check("\"${WSB_NONE}\"", "");
	check("\"${WSB_NONE-5s}\"", "5s");
	check("\"${WSB_NONE-}\"", "");
	check("\"${WSB_A-5s}\"", "va lue");
	check("\"\\$WSB_A\"", "$WSB_A");
	check("\"${.FILE}:${.LINE}:${.SECTION}\"", "f.cfg:7:backend");
	check_bad("x \"${WSB_A\"", 4);
	check_bad("x \"$\"", 4);
	check_bad("x \"$1\"", 4);
	check_bad("x \"${}\"", 4);
}

static void
lexer__open_quote__is_refused_at_its_place(void **state)
{
	(void)state;
	check_bad("server \"s1", 8);
	check_bad("a 'b' 'c", 7);
}

static void
lexer__columns__are_those_of_the_file(void **state)
{
	struct lexer lx = { .section = NULL };
	int col = 0;

	(void)state;
	assert_int_equal(split(&lx, "\tab  'c d'e  f  # x", &col), 0);
	assert_int_equal(lx.ln.count, 3);
	assert_int_equal(lx.ln.word[0].col, 2);
	assert_int_equal(lx.ln.word[1].col, 6);
	assert_int_equal(lx.ln.word[2].col, 14);
	assert_false(lx.ln.word[0].quoted);
	assert_true(lx.ln.word[1].quoted);
	assert_int_equal(lx.ln.end_col, 15);
	lexer_done(&lx);
}

static void
lexer__nul_byte__is_refused(void **state)
{
	struct lexer lx = { .section = NULL };
	char err[128];
	int col = 0;

	(void)state;
	assert_int_equal(
	    lexer_split(&lx, "a b\0c", 5, &col, err, sizeof(err)), -WSE_SYNTAX);
	assert_int_equal(col, 4);
	lexer_done(&lx);
}

static void
lexer__long_line__is_whole(void **state)
{
	struct lexer lx = { .section = NULL };
	size_t n = 100000;
	char *s = malloc(n + 4);
	int col = 0;

	(void)state;
	memset(s, 'x', n);
	strcpy(s + n, " yz");
	assert_int_equal(split(&lx, s, &col), 0);
	assert_int_equal(lx.ln.count, 2);
	assert_int_equal(strlen(lx.ln.word[0].s), n);
	assert_string_equal(lx.ln.word[1].s, "yz");
	lexer_done(&lx);
	free(s);
}

static void
lexer__too_many_words__is_refused(void **state)
{
	struct lexer lx = { .section = NULL };
	char s[2 * CONF_WORDS_MAX + 8] = "";
	int col = 0;

	(void)state;
	for (int i = 0; i < CONF_WORDS_MAX; i++)
		strcat(s, "a ");
	assert_int_equal(split(&lx, s, &col), 0);
	assert_int_equal(lx.ln.count, CONF_WORDS_MAX);
	strcat(s, "b");
	assert_int_equal(split(&lx, s, &col), -WSE_SYNTAX);
	assert_int_equal(col, 2 * CONF_WORDS_MAX + 1);
	lexer_done(&lx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lexer__blanks_and_comments__split_words),
		cmocka_unit_test(lexer__quotes__join_and_protect),
		cmocka_unit_test(lexer__escapes__are_resolved),
		cmocka_unit_test(lexer__variables__only_in_double_quotes),
		cmocka_unit_test(lexer__open_quote__is_refused_at_its_place),
		cmocka_unit_test(lexer__columns__are_those_of_the_file),
		cmocka_unit_test(lexer__nul_byte__is_refused),
		cmocka_unit_test(lexer__long_line__is_whole),
		cmocka_unit_test(lexer__too_many_words__is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
