# SPDX-License-Identifier: MIT
# All but main() and what needs a terminal: unit tests take these, too.
top_view_files = tools/top/alerts.c \
	tools/top/canvas.c tools/top/canvas.h \
	tools/top/draw_over.c tools/top/draw_pools.c \
	tools/top/draw_server.c tools/top/draw_workers.c \
	tools/top/snap.c tools/top/snap.h \
	tools/top/table.c tools/top/table.h \
	tools/top/text.c tools/top/text.h \
	tools/top/view.c tools/top/view.h

wsbroker_top_SOURCES += tools/top/main.c $(top_view_files) \
	tools/top/check.c tools/top/check.h \
	tools/top/find.c tools/top/find.h \
	tools/top/json.c tools/top/json.h \
	tools/top/save.c tools/top/save.h \
	tools/top/screen.c tools/top/screen.h \
	tools/top/tui.c tools/top/tui.h
wsbroker_top_CPPFLAGS = $(AM_CPPFLAGS) $(NCURSES_CFLAGS)
