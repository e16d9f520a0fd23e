# SPDX-License-Identifier: MIT
wsbroker_top_SOURCES += tools/top/main.c \
	tools/top/check.c tools/top/check.h \
	tools/top/find.c tools/top/find.h \
	tools/top/json.c tools/top/json.h \
	tools/top/screen.c tools/top/screen.h \
	tools/top/snap.c tools/top/snap.h
