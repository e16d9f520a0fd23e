# SPDX-License-Identifier: MIT
libwsb_a_SOURCES += \
	broker/adopt.c broker/adopt.h \
	broker/broker.c broker/broker.h \
	broker/cert.c broker/cert.h \
	broker/check.c broker/check.h broker/check_parts.h \
	broker/check_agent.c \
	broker/check_conn.c \
	broker/check_h2.c \
	broker/check_health.c \
	broker/check_http.c \
	broker/check_run.c \
	broker/cli.c broker/cli.h \
	broker/cli_tbl.c broker/cli_parts.h \
	broker/cli_cert.c \
	broker/cli_csv.c broker/cli_csv.h \
	broker/cli_payload.c \
	broker/cli_place.c \
	broker/cli_save.c \
	broker/cli_set.c \
	broker/cli_show.c \
	broker/cli_stat.c \
	broker/dial.c broker/dial.h \
	broker/h2_hello.c broker/h2_hello.h \
	broker/idle.c broker/idle.h \
	broker/keep.c broker/keep.h \
	broker/lease.c broker/lease.h broker/lease_parts.h \
	broker/lease_dial.c \
	broker/lease_ride.c \
	broker/lmdb.c broker/lmdb.h \
	broker/move.c broker/move.h \
	broker/observe.c broker/observe.h \
	broker/offer.c broker/offer.h \
	broker/peer.c broker/peer.h \
	broker/privs.c broker/privs.h \
	broker/purge.c \
	broker/shut.c broker/shut.h \
	broker/srv.c broker/srv.h \
	broker/srv_admin.c broker/srv_admin.h \
	broker/state.c broker/state.h \
	broker/store.c broker/store.h \
	broker/store_disk.c broker/store_disk.h \
	broker/store_row.c broker/store_row.h \
	broker/target.c broker/target.h \
	broker/tls_check.c \
	broker/tls_dial.c broker/tls_dial.h \
	broker/tls_hs_pool.c broker/tls_job.h \
	broker/tls_hs_run.c \
	broker/tls_sess.c broker/tls_sess.h \
	broker/wire.c broker/wire.h
