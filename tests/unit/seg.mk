# SPDX-License-Identifier: MIT
check_PROGRAMS += tests/unit/shm/seg/test_able
tests_unit_shm_seg_test_able_SOURCES = tests/unit/shm/seg/test_able.c
tests_unit_shm_seg_test_able_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/seg/test_board
tests_unit_shm_seg_test_board_SOURCES = tests/unit/shm/seg/test_board.c
tests_unit_shm_seg_test_board_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/seg/test_hist
tests_unit_shm_seg_test_hist_SOURCES = tests/unit/shm/seg/test_hist.c
tests_unit_shm_seg_test_hist_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/seg/test_limit
tests_unit_shm_seg_test_limit_SOURCES = tests/unit/shm/seg/test_limit.c
tests_unit_shm_seg_test_limit_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/seg/test_rate
tests_unit_shm_seg_test_rate_SOURCES = tests/unit/shm/seg/test_rate.c
tests_unit_shm_seg_test_rate_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/seg/test_slot
tests_unit_shm_seg_test_slot_SOURCES = tests/unit/shm/seg/test_slot.c
tests_unit_shm_seg_test_slot_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/seg/test_stat
tests_unit_shm_seg_test_stat_SOURCES = tests/unit/shm/seg/test_stat.c
tests_unit_shm_seg_test_stat_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/seg/test_vault
tests_unit_shm_seg_test_vault_SOURCES = tests/unit/shm/seg/test_vault.c
tests_unit_shm_seg_test_vault_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)

# Stress of the segments by threads and by processes; tests/run repeats the
# threads under ThreadSanitizer.
check_PROGRAMS += tests/stress/test_stress_pool
tests_stress_test_stress_pool_SOURCES = tests/stress/test_stress_pool.c \
	tests/stress/sim.c tests/stress/sim.h
tests_stress_test_stress_pool_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/stress/test_stress_kill
tests_stress_test_stress_kill_SOURCES = tests/stress/test_stress_kill.c \
	tests/stress/sim.c tests/stress/sim.h
tests_stress_test_stress_kill_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
