# SPDX-License-Identifier: MIT
check_PROGRAMS += tests/unit/tools/origin/test_req
tests_unit_tools_origin_test_req_SOURCES = \
	tests/unit/tools/origin/test_req.c tools/origin/req.c
tests_unit_tools_origin_test_req_LDADD = $(CMOCKA_LIBS)
