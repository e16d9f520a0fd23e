# SPDX-License-Identifier: MIT
check_PROGRAMS += tests/unit/shm/ipc/test_chan
tests_unit_shm_ipc_test_chan_SOURCES = tests/unit/shm/ipc/test_chan.c \
	tests/unit/shm/ipc/sample.h
tests_unit_shm_ipc_test_chan_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/ipc/test_ipc
tests_unit_shm_ipc_test_ipc_SOURCES = tests/unit/shm/ipc/test_ipc.c \
	tests/unit/shm/ipc/sample.h
tests_unit_shm_ipc_test_ipc_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
