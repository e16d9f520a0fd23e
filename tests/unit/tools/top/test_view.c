/* SPDX-License-Identifier: MIT */
#include "tools/top/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "shm/seg/hist.h"
#include "tests/unit/tools/top/board.h"

static struct board board;
static int board_fd;
static struct view *v;
static char text[200 * 50 * 4];

static int
setup(void **state)
{
	(void)state;
	board_fd = board_make(&board);
	v = calloc(1, sizeof(*v));
	v->ascii = true;
	return board_fd < 0 || !v;
}

static int
teardown(void **state)
{
	(void)state;
	view_end(v);
	free(v);
	board_detach(&board);
	close(board_fd);
	return 0;
}

static void
feed(void)
{
	view_feed(v, snap_new(&board), 1700000000000000ull);
}

/* Draws; `text` holds the rows, each ended by a newline. */
static void
draw(int rows, int cols)
{
	struct canvas *c = canvas_new(rows, cols);
	char *p = text;
	int i, k;

	view_draw(v, c);
	for (i = 0; i < rows; i++) {
		for (k = 0; k < cols; k++)
			*p++ = (char)c->ch[i * cols + k];
		*p++ = '\n';
	}
	*p = '\0';
	canvas_free(&c);
}

static void
has(const char *what)
{
	if (!strstr(text, what))
		fail_msg("not on the screen: %s\n%s", what, text);
}

static void
hasnt(const char *what)
{
	if (strstr(text, what))
		fail_msg("on the screen: %s\n%s", what, text);
}

static void
view__overview__has_its_figures_at_both_sizes(void **state)
{
	const int sizes[2][2] = { { 24, 80 }, { 50, 200 } };
	int i;

	(void)state;
	for (i = 0; i < 20; i++) /* 10 in 20 us, 10 in 500 us */
		hist_add(stat_proc(&board, 2)->lease_hist, i < 10 ? 15 : 300,
		    HIST_LEASE_UNIT_US);
	feed();
	for (i = 0; i < 2; i++) {
		draw(sizes[i][0], sizes[i][1]);
		has("wsbroker-top lb1 v0.1.0 gen 1 | up ");
		has("Clients   0/1000");
		has("Pool      idle 2  leased 1  dial 0");
		has("lease p50 20us p99 0.5ms");
		has("WORKER");
		has("broker");
		has("ALERTS  none");
		has("F1 overview 2 pools 3 workers 4 server | s sort / filter "
		    "p pause u units q quit");
	}
}

static void
view__keys__choose_screens(void **state)
{
	(void)state;
	feed();
	view_key(v, '2');
	draw(24, 80);
	has("POOLS idle 2 leased 1");
	has(">2 pools");
	has("be/s1               UP    h1      1     1");
	has("h2ws");
	has("holders w1 2 broker 1");
	view_key(v, '\n');
	draw(24, 80);
	has(">4 server");
	has("CONNECTIONS 3");
	has("leased     h1    w1");
	has("idle       h2ws  broker");
	view_key(v, KEY_VIEW_F1 + 2);
	draw(24, 80);
	has(">3 workers");
	view_key(v, KEY_VIEW_ESC);
	assert_int_equal(v->screen, SCR_OVER);
	view_key(v, 'p');
	draw(24, 80);
	has("PAUSED");
	view_key(v, 'q');
	assert_true(v->quit);
}

static void
view__filter__leaves_what_matches(void **state)
{
	const char *p;

	(void)state;
	board.hdr->used_servers = 2;
	board.server[1] = board.server[0];
	strcpy(board.server[1].name, "other");
	feed();
	view_key(v, '2');
	view_key(v, '/');
	for (p = "othx"; *p; p++)
		view_key(v, *p);
	view_key(v, KEY_VIEW_BACK);
	draw(24, 80);
	has("filter oth_");
	has("be/other ");
	hasnt("be/s1 ");
	view_key(v, '\n');
	draw(24, 80);
	has("filter oth ");
	view_key(v, '/');
	view_key(v, KEY_VIEW_ESC);
	draw(24, 80);
	has("be/s1 ");
}

static void
view__sort__by_column_and_back(void **state)
{
	(void)state;
	board.hdr->used_servers = 2;
	board.server[1] = board.server[0];
	strcpy(board.server[1].name, "zz");
	board.server[1].queue_count = 7;
	feed();
	view_key(v, '2');
	draw(24, 80);
	assert_true(strstr(text, "be/s1 ") < strstr(text, "be/zz "));
	while (v->list[SCR_POOLS].sort != 6) /* QUE */
		view_key(v, 's');
	draw(24, 80);
	assert_true(strstr(text, "be/zz ") < strstr(text, "be/s1 "));
	view_key(v, 'S');
	draw(24, 80);
	assert_true(strstr(text, "be/s1 ") < strstr(text, "be/zz "));
}

/* More rows than the screen has: the selection stays in sight. */
static void
view__long_list__scrolls(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 64; i++)
		board_set(&board, i, SLOT_IDLE, TAG_H1, WORKER);
	feed();
	view_key(v, '2');
	draw(24, 80);
	view_key(v, '4');
	view_key(v, KEY_VIEW_END);
	draw(24, 80);
	has("     63 ");
	view_key(v, KEY_VIEW_HOME);
	draw(24, 80);
	has("      0 ");
	hasnt("     63 ");
}

static void
view__changes__are_alerts(void **state)
{
	(void)state;
	feed();
	board.server[0].op_state = SRV_STOPPED;
	strcpy(board.server[0].check.text, "L6 timeout");
	board.proc[2].instance = 9;
	board.hdr->generation = 2;
	feed();
	draw(24, 80);
	has("be/s1 DOWN (L6 timeout), 0 tunnels kept");
	has("worker 1 (pid ");
	has("reload: generation 2");
}

static void
view__hostile_board__is_drawn_in_bounds(void **state)
{
	uint32_t i;
	int k;

	(void)state;
	memset(board.server[0].name, 'A', BOARD_NAME_MAX);
	strcpy(board.proxy[1].name, "\x1b[2J");
	board.hdr->used_servers = UINT32_MAX;
	board.server[0].proxy = UINT32_MAX;
	for (i = 0; i < board.cap.slot_count; i++) {
		board.slot[i].server = i * 0x1234567;
		atomic_store(&board.slot[i].word, i * 0x123456789abcdefull);
	}
	for (i = 0; i < board.cap.proc_count; i++) {
		board.proc[i].role = 200;
		atomic_store(&board.proc[i].state, 77);
	}
	feed();
	feed();
	for (k = '1'; k <= '4'; k++) {
		view_key(v, k);
		draw(24, 80);
		hasnt("\x1b");
		draw(50, 200);
	}
}

static void
view__small_terminal__is_told(void **state)
{
	(void)state;
	feed();
	draw(10, 40);
	has("40x10 is too small: 80x24");
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(view__overview__has_its_figures_at_both_sizes),
		T(view__keys__choose_screens),
		T(view__filter__leaves_what_matches),
		T(view__sort__by_column_and_back),
		T(view__long_list__scrolls),
		T(view__changes__are_alerts),
		T(view__hostile_board__is_drawn_in_bounds),
		T(view__small_terminal__is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
