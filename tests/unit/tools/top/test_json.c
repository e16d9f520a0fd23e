/* SPDX-License-Identifier: MIT */
#include "tools/top/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "shm/seg/stat_tbl.h"
#include "tests/unit/tools/top/board.h"
#include "tools/top/screen.h"

static struct board board;
static int board_fd;
static char *text;

static int
setup(void **state)
{
	(void)state;
	board_fd = board_make(&board);
	return board_fd < 0;
}

static int
teardown(void **state)
{
	(void)state;
	free(text);
	text = NULL;
	board_detach(&board);
	close(board_fd);
	return 0;
}

enum kind { JSON, SCREEN, SLOTS };

static void
print(enum kind kind)
{
	struct snap *s = snap_new(&board);
	size_t n;
	FILE *f;

	free(text);
	f = open_memstream(&text, &n);
	if (kind == JSON)
		json_print(f, s);
	else if (kind == SCREEN)
		screen_print(f, s, NULL);
	else
		screen_slots(f, s);
	fclose(f);
	snap_free(&s);
}

static void
has(const char *what)
{
	if (!strstr(text, what))
		fail_msg("no %s in %s", what, text);
}

static void
json__board__holds_slots_servers_and_totals(void **state)
{
	(void)state;
	stat_add(&stat_proc(&board, 2)->requests, 41);
	stat_add(&stat_server(&board, 2, 0)->status[2], 40);
	print(JSON);
	has("\"by_state\":{\"free\":61,\"dialing\":0,\"leased\":1,\"idle\":2");
	has("\"by_tag\":{\"h1\":{\"leased\":1,\"idle\":1},\"h2\":{},"
	    "\"h2ws\":{\"idle\":1}}");
	has("\"holders\":{\"w3\":2,\"broker\":1}");
	has("\"backend\":\"be\",\"name\":\"s1\"");
	has("\"status_2xx\":40");
	has("\"totals\":{");
	has("\"requests\":41");
	assert_int_equal(text[strlen(text) - 1], '\n');
}

/* Every bracket closed in order, no comma before a bracket. */
static void
json__board__is_well_formed(void **state)
{
	char stack[64], *p;
	bool quoted = false;
	int depth = 0;

	(void)state;
	strcpy(board.server[0].name, "a\"b\\c\n\x1b[2J");
	print(JSON);
	has("a\\\"b\\\\c??[2J");
	for (p = text; *p && *p != '\n'; p++) {
		assert_true(*p >= ' ' && *p < 127);
		if (quoted && *p == '\\') {
			p++;
		} else if (*p == '"') {
			quoted = !quoted;
		} else if (!quoted && (*p == '{' || *p == '[')) {
			assert_true(depth < 60);
			stack[depth++] = *p;
			assert_int_not_equal(p[1], ',');
		} else if (!quoted && (*p == '}' || *p == ']')) {
			assert_true(depth > 0);
			assert_int_equal(stack[--depth], *p == '}' ? '{' : '[');
			assert_int_not_equal(p[-1], ',');
		}
	}
	assert_int_equal(depth, 0);
	assert_false(quoted);
}

static void
screen__board__fits_and_names_all(void **state)
{
	(void)state;
	strcpy(board.hdr->node, "x\x1b]0;evil\x07");
	print(SCREEN);
	has("Pool      idle 2  leased 1");
	has("be/s1");
	has("h2ws");
	has("x?]0;evil?");
	assert_null(strchr(text, '\x1b'));
	print(SLOTS);
	has("leased");
	has("be/s1");
}

/* The rows are the counters of the struct, in order, each once. */
static void
rows_are(const struct stat_row *r, size_t bytes)
{
	unsigned n;

	for (n = 0; r[n].name; n++) {
		assert_int_equal(r[n].offset, n * sizeof(stat_t));
		assert_non_null(r[n].doc);
	}
	assert_int_equal(n, bytes / sizeof(stat_t));
}

static void
tables__counters__are_complete(void **state)
{
	(void)state;
	rows_are(stat_tbl_proc, offsetof(struct stat_proc, lease_hist));
	rows_are(stat_tbl_proxy, offsetof(struct stat_proxy, request_hist));
	rows_are(stat_tbl_server, offsetof(struct stat_server, response_hist));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(json__board__holds_slots_servers_and_totals),
		T(json__board__is_well_formed),
		T(screen__board__fits_and_names_all),
		T(tables__counters__are_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
