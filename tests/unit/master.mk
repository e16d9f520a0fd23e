# SPDX-License-Identifier: MIT
check_PROGRAMS += tests/unit/master/test_options
tests_unit_master_test_options_SOURCES = tests/unit/master/test_options.c
tests_unit_master_test_options_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/master/test_daemon
tests_unit_master_test_daemon_SOURCES = tests/unit/master/test_daemon.c
tests_unit_master_test_daemon_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/master/test_hang
tests_unit_master_test_hang_SOURCES = tests/unit/master/test_hang.c
tests_unit_master_test_hang_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/master/test_listener
tests_unit_master_test_listener_SOURCES = tests/unit/master/test_listener.c
tests_unit_master_test_listener_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/master/test_cli_addr
tests_unit_master_test_cli_addr_SOURCES = tests/unit/master/test_cli_addr.c
tests_unit_master_test_cli_addr_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
