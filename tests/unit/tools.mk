# SPDX-License-Identifier: MIT
check_PROGRAMS += tests/unit/tools/origin/test_req
tests_unit_tools_origin_test_req_SOURCES = \
	tests/unit/tools/origin/test_req.c tools/origin/req.c
tests_unit_tools_origin_test_req_LDADD = $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/tools/origin/test_tls
tests_unit_tools_origin_test_tls_SOURCES = \
	tests/unit/tools/origin/test_tls.c tools/origin/tls.c \
	tools/origin/tls_cert.c tools/origin/tls_ctx.c tools/origin/tls_stat.c
tests_unit_tools_origin_test_tls_LDADD = $(OPENSSL_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/tools/origin/test_tls_cert
tests_unit_tools_origin_test_tls_cert_SOURCES = \
	tests/unit/tools/origin/test_tls_cert.c tools/origin/tls_cert.c
tests_unit_tools_origin_test_tls_cert_LDADD = $(OPENSSL_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/tools/origin/test_tls_stat
tests_unit_tools_origin_test_tls_stat_SOURCES = \
	tests/unit/tools/origin/test_tls_stat.c tools/origin/tls_stat.c
tests_unit_tools_origin_test_tls_stat_LDADD = $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/tools/origin/test_h2_buf
tests_unit_tools_origin_test_h2_buf_SOURCES = \
	tests/unit/tools/origin/test_h2_buf.c tools/origin/h2_buf.c
tests_unit_tools_origin_test_h2_buf_LDADD = $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/tools/origin/test_h2_stat
tests_unit_tools_origin_test_h2_stat_SOURCES = \
	tests/unit/tools/origin/test_h2_stat.c tools/origin/h2_stat.c
tests_unit_tools_origin_test_h2_stat_LDADD = $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/tools/origin/test_plan
tests_unit_tools_origin_test_plan_SOURCES = \
	tests/unit/tools/origin/test_plan.c tools/origin/plan.c \
	tools/origin/req.c
tests_unit_tools_origin_test_plan_LDADD = $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/tools/origin/test_ws
tests_unit_tools_origin_test_ws_SOURCES = \
	tests/unit/tools/origin/test_ws.c tools/origin/ws.c
tests_unit_tools_origin_test_ws_LDADD = $(OPENSSL_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/tools/ctl/test_settings
tests_unit_tools_ctl_test_settings_SOURCES = \
	tests/unit/tools/ctl/test_settings.c tools/ctl/settings.c
tests_unit_tools_ctl_test_settings_LDADD = $(CMOCKA_LIBS)
