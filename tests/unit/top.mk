# SPDX-License-Identifier: MIT
check_PROGRAMS += tests/unit/tools/top/test_check
tests_unit_tools_top_test_check_SOURCES = tests/unit/tools/top/test_check.c \
	tests/unit/tools/top/board.h tools/top/check.c tools/top/snap.c
tests_unit_tools_top_test_check_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/tools/top/test_find
tests_unit_tools_top_test_find_SOURCES = tests/unit/tools/top/test_find.c \
	tests/unit/tools/top/board.h tools/top/find.c
tests_unit_tools_top_test_find_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/tools/top/test_save
tests_unit_tools_top_test_save_SOURCES = tests/unit/tools/top/test_save.c \
	tests/unit/tools/top/board.h tools/top/save.c
tests_unit_tools_top_test_save_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/tools/top/test_view
tests_unit_tools_top_test_view_SOURCES = tests/unit/tools/top/test_view.c \
	tests/unit/tools/top/board.h $(top_view_files)
tests_unit_tools_top_test_view_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/tools/top/test_json
tests_unit_tools_top_test_json_SOURCES = tests/unit/tools/top/test_json.c \
	tests/unit/tools/top/board.h tools/top/json.c \
	tools/top/screen.c tools/top/snap.c tools/top/text.c
tests_unit_tools_top_test_json_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
