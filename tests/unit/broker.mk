# SPDX-License-Identifier: MIT
broker_rig = tests/unit/broker/rig.c tests/unit/broker/rig.h
broker_ldadd = libwsb.a $(WSB_LIBS) -lcmocka

check_PROGRAMS += tests/unit/broker/test_lease
tests_unit_broker_test_lease_SOURCES = tests/unit/broker/test_lease.c \
	$(broker_rig)
tests_unit_broker_test_lease_LDADD = $(broker_ldadd)

check_PROGRAMS += tests/unit/broker/test_death
tests_unit_broker_test_death_SOURCES = tests/unit/broker/test_death.c \
	$(broker_rig)
tests_unit_broker_test_death_LDADD = $(broker_ldadd)

check_PROGRAMS += tests/unit/broker/test_cli
tests_unit_broker_test_cli_SOURCES = tests/unit/broker/test_cli.c \
	$(broker_rig)
tests_unit_broker_test_cli_LDADD = $(broker_ldadd)

check_PROGRAMS += tests/unit/broker/test_torture
tests_unit_broker_test_torture_SOURCES = tests/unit/broker/test_torture.c \
	$(broker_rig)
tests_unit_broker_test_torture_LDADD = $(broker_ldadd)

check_PROGRAMS += tests/unit/broker/test_idle
tests_unit_broker_test_idle_SOURCES = tests/unit/broker/test_idle.c \
	$(broker_rig)
tests_unit_broker_test_idle_LDADD = $(broker_ldadd)

check_PROGRAMS += tests/unit/broker/test_rounds
tests_unit_broker_test_rounds_SOURCES = tests/unit/broker/test_rounds.c \
	$(broker_rig)
tests_unit_broker_test_rounds_LDADD = $(broker_ldadd)

check_PROGRAMS += tests/unit/broker/test_tls_pool
tests_unit_broker_test_tls_pool_SOURCES = \
	tests/unit/broker/test_tls_pool.c \
	tests/unit/broker/tls_origin.c tests/unit/broker/tls_origin.h \
	$(broker_rig)
tests_unit_broker_test_tls_pool_LDADD = $(broker_ldadd)

check_PROGRAMS += tests/unit/broker/test_tls_sess
tests_unit_broker_test_tls_sess_SOURCES = tests/unit/broker/test_tls_sess.c
tests_unit_broker_test_tls_sess_LDADD = $(broker_ldadd)

check_PROGRAMS += tests/unit/broker/test_tls_hs_pool
tests_unit_broker_test_tls_hs_pool_SOURCES = \
	tests/unit/broker/test_tls_hs_pool.c \
	tests/unit/broker/tls_origin.c tests/unit/broker/tls_origin.h
tests_unit_broker_test_tls_hs_pool_LDADD = $(broker_ldadd)

broker_h2_world = tests/unit/broker/h2_world.c tests/unit/broker/h2_world.h \
	tests/unit/broker/fake.c tests/unit/broker/fake.h \
	tests/unit/broker/h2_origin.c tests/unit/broker/h2_origin.h \
	tests/unit/broker/tls_origin.c tests/unit/broker/tls_origin.h \
	$(broker_rig)

check_PROGRAMS += tests/unit/broker/test_lease_ride
tests_unit_broker_test_lease_ride_SOURCES = \
	tests/unit/broker/test_lease_ride.c $(broker_h2_world)
tests_unit_broker_test_lease_ride_LDADD = $(broker_ldadd)

check_PROGRAMS += tests/unit/broker/test_h2_pool
tests_unit_broker_test_h2_pool_SOURCES = tests/unit/broker/test_h2_pool.c \
	$(broker_h2_world)
tests_unit_broker_test_h2_pool_LDADD = $(broker_ldadd)

check_PROGRAMS += tests/unit/broker/test_h2_hello
tests_unit_broker_test_h2_hello_SOURCES = tests/unit/broker/test_h2_hello.c \
	$(broker_h2_world)
tests_unit_broker_test_h2_hello_LDADD = $(broker_ldadd)

check_PROGRAMS += tests/unit/broker/test_lease_dial
tests_unit_broker_test_lease_dial_SOURCES = tests/unit/broker/test_lease_dial.c \
	$(broker_h2_world)
tests_unit_broker_test_lease_dial_LDADD = $(broker_ldadd)

check_PROGRAMS += tests/unit/broker/test_h2_torture
tests_unit_broker_test_h2_torture_SOURCES = \
	tests/unit/broker/test_h2_torture.c $(broker_h2_world)
tests_unit_broker_test_h2_torture_LDADD = $(broker_ldadd)

# The worker's side of the pool has one owner with the broker.
check_PROGRAMS += tests/unit/worker/test_pool
tests_unit_worker_test_pool_SOURCES = tests/unit/worker/test_pool.c
tests_unit_worker_test_pool_LDADD = $(broker_ldadd)

check_PROGRAMS += tests/unit/worker/test_pool_h2
tests_unit_worker_test_pool_h2_SOURCES = tests/unit/worker/test_pool_h2.c
tests_unit_worker_test_pool_h2_LDADD = $(broker_ldadd)

check_PROGRAMS += tests/unit/broker/test_check_parts
tests_unit_broker_test_check_parts_SOURCES = \
	tests/unit/broker/test_check_parts.c tests/unit/shm/conf/conf_test.h
tests_unit_broker_test_check_parts_LDADD = $(broker_ldadd)

check_PROGRAMS += tests/unit/broker/test_store_row
tests_unit_broker_test_store_row_SOURCES = tests/unit/broker/test_store_row.c
tests_unit_broker_test_store_row_LDADD = $(broker_ldadd)
