/* SPDX-License-Identifier: MIT */
/*
 * Terminal: keys to the view, the canvas to curses.
 */
#include "tools/top/tui.h"

#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/top/view.h"

static uint64_t
clock_of(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* Blue, yellow, orange: told apart by all eyes, and never the only sign. */
static void
inks(void)
{
	bool many;

	if (!has_colors())
		return;
	start_color();
	use_default_colors();
	many = COLORS >= 256;
	init_pair(INK_GOOD, (short)(many ? 39 : COLOR_CYAN), -1);
	init_pair(INK_WARN, (short)(many ? 220 : COLOR_YELLOW), -1);
	init_pair(INK_BAD, (short)(many ? 208 : COLOR_YELLOW), -1);
}

static attr_t
attributes(enum ink ink)
{
	switch (ink) {
	case INK_BAR:
		return A_REVERSE;
	case INK_KEY:
		return A_BOLD;
	case INK_GOOD:
		return (attr_t)COLOR_PAIR(INK_GOOD);
	case INK_WARN:
		return (attr_t)COLOR_PAIR(INK_WARN);
	case INK_BAD:
		return (attr_t)COLOR_PAIR(INK_BAD) | A_BOLD;
	case INK_PLAIN:
	case INK_N:
		break;
	}
	return A_NORMAL;
}

static void
show(const struct canvas *c)
{
	int row, col, n;

	for (row = 0; row < c->rows; row++) {
		const size_t at = (size_t)row * (size_t)c->cols;

		for (col = 0; col < c->cols; col += n) {
			for (n = 1; col + n < c->cols &&
			     c->ink[at + (size_t)(col + n)] ==
				 c->ink[at + (size_t)col];
			     n++)
				;
			attrset((int)attributes(
			    (enum ink)c->ink[at + (size_t)col]));
			mvaddnwstr(row, col, c->ch + at + col, n);
		}
	}
	refresh();
}

static int
key_of(int ch)
{
	switch (ch) {
	case KEY_UP:
		return KEY_VIEW_UP;
	case KEY_DOWN:
		return KEY_VIEW_DOWN;
	case KEY_PPAGE:
		return KEY_VIEW_PAGE_UP;
	case KEY_NPAGE:
		return KEY_VIEW_PAGE_DOWN;
	case KEY_HOME:
		return KEY_VIEW_HOME;
	case KEY_END:
		return KEY_VIEW_END;
	case KEY_ENTER:
		return KEY_VIEW_ENTER;
	case KEY_BACKSPACE:
	case 127:
	case 8:
		return KEY_VIEW_BACK;
	case 27:
		return KEY_VIEW_ESC;
	default:
		break;
	}
	if (ch >= KEY_F(1) && ch <= KEY_F(4))
		return KEY_VIEW_F1 + (ch - KEY_F(1));
	return ch > 0 && ch < 0x100 ? ch : 0;
}

static void
draw(struct view *v)
{
	struct canvas *c = canvas_new(LINES, COLS);

	view_draw(v, c);
	show(c);
	canvas_free(&c);
}

static void
loop(const struct board *b, struct view *v, double delay_s, uint64_t saved_us)
{
	uint64_t next = 0, now;
	int ch;

	while (!v->quit) {
		now = clock_of(CLOCK_MONOTONIC);
		if (now >= next) {
			if (!v->now || (!v->paused && !saved_us))
				view_feed(v, snap_new_at(b, saved_us),
				    clock_of(CLOCK_REALTIME));
			next = now + (uint64_t)(delay_s * 1e6);
		}
		draw(v);
		timeout((int)((next - now) / 1000) + 1);
		ch = getch();
		if (ch != ERR && ch != KEY_RESIZE)
			view_key(v, key_of(ch));
	}
}

int
tui_run(const struct board *b, double delay_s, uint64_t saved_us)
{
	struct view *v = calloc(1, sizeof(*v));

	if (!v)
		return -1;
	setlocale(LC_CTYPE, "");
	v->ascii = strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
	v->is_saved = saved_us != 0;
	if (!initscr()) {
		free(v);
		return -1;
	}
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	inks();
	loop(b, v, delay_s < 0.1 ? 0.1 : delay_s, saved_us);
	endwin();
	view_end(v);
	free(v);
	return 0;
}
