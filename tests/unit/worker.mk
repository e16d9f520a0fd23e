# SPDX-License-Identifier: MIT
worker_ldadd = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/shm/proto/test_proxy_hdr
tests_unit_shm_proto_test_proxy_hdr_SOURCES = tests/unit/shm/proto/test_proxy_hdr.c
tests_unit_shm_proto_test_proxy_hdr_LDADD = $(worker_ldadd)

check_PROGRAMS += tests/unit/worker/test_even
tests_unit_worker_test_even_SOURCES = tests/unit/worker/test_even.c
tests_unit_worker_test_even_LDADD = $(worker_ldadd)

check_PROGRAMS += tests/unit/worker/test_flow
tests_unit_worker_test_flow_SOURCES = tests/unit/worker/test_flow.c
tests_unit_worker_test_flow_LDADD = $(worker_ldadd)

check_PROGRAMS += tests/unit/worker/test_hop
tests_unit_worker_test_hop_SOURCES = tests/unit/worker/test_hop.c
tests_unit_worker_test_hop_LDADD = $(worker_ldadd)

check_PROGRAMS += tests/unit/worker/test_lb
tests_unit_worker_test_lb_SOURCES = tests/unit/worker/test_lb.c
tests_unit_worker_test_lb_LDADD = $(worker_ldadd)

check_PROGRAMS += tests/unit/worker/test_metrics
tests_unit_worker_test_metrics_SOURCES = tests/unit/worker/test_metrics.c \
	tests/unit/tools/top/board.h
tests_unit_worker_test_metrics_LDADD = $(worker_ldadd)

check_PROGRAMS += tests/unit/worker/test_reply
tests_unit_worker_test_reply_SOURCES = tests/unit/worker/test_reply.c
tests_unit_worker_test_reply_LDADD = $(worker_ldadd)

check_PROGRAMS += tests/unit/worker/test_sandbox
tests_unit_worker_test_sandbox_SOURCES = tests/unit/worker/test_sandbox.c
tests_unit_worker_test_sandbox_LDADD = $(worker_ldadd)

check_PROGRAMS += tests/unit/worker/test_xprt_tls
tests_unit_worker_test_xprt_tls_SOURCES = tests/unit/worker/test_xprt_tls.c \
	tests/unit/worker/xprt_tls_rig.h \
	tests/unit/shm/proto/tls_pair.c tests/unit/shm/proto/tls_pair.h
tests_unit_worker_test_xprt_tls_LDADD = $(worker_ldadd)

check_PROGRAMS += tests/unit/worker/test_xprt_tls_ends
tests_unit_worker_test_xprt_tls_ends_SOURCES = tests/unit/worker/test_xprt_tls_ends.c \
	tests/unit/worker/xprt_tls_rig.h \
	tests/unit/shm/proto/tls_pair.c tests/unit/shm/proto/tls_pair.h
tests_unit_worker_test_xprt_tls_ends_LDADD = $(worker_ldadd)

check_PROGRAMS += tests/unit/worker/test_cookie
tests_unit_worker_test_cookie_SOURCES = tests/unit/worker/test_cookie.c
tests_unit_worker_test_cookie_LDADD = $(worker_ldadd)

check_PROGRAMS += tests/unit/worker/test_ws_bye
tests_unit_worker_test_ws_bye_SOURCES = tests/unit/worker/test_ws_bye.c
tests_unit_worker_test_ws_bye_LDADD = $(worker_ldadd)

check_PROGRAMS += tests/unit/worker/test_ws_inject
tests_unit_worker_test_ws_inject_SOURCES = tests/unit/worker/test_ws_inject.c
tests_unit_worker_test_ws_inject_LDADD = $(worker_ldadd)

check_PROGRAMS += tests/unit/worker/test_ws_key
tests_unit_worker_test_ws_key_SOURCES = tests/unit/worker/test_ws_key.c
tests_unit_worker_test_ws_key_LDADD = $(worker_ldadd)

check_PROGRAMS += tests/unit/worker/test_h2_front
tests_unit_worker_test_h2_front_SOURCES = tests/unit/worker/test_h2_front.c
tests_unit_worker_test_h2_front_LDADD = $(worker_ldadd)

check_PROGRAMS += tests/unit/worker/test_ev_mem
tests_unit_worker_test_ev_mem_SOURCES = tests/unit/worker/test_ev_mem.c
tests_unit_worker_test_ev_mem_LDADD = $(worker_ldadd)

check_PROGRAMS += tests/unit/worker/test_ws_ping
tests_unit_worker_test_ws_ping_SOURCES = tests/unit/worker/test_ws_ping.c
tests_unit_worker_test_ws_ping_LDADD = $(worker_ldadd)

check_PROGRAMS += tests/unit/worker/test_handover_msg
tests_unit_worker_test_handover_msg_SOURCES = tests/unit/worker/test_handover_msg.c
tests_unit_worker_test_handover_msg_LDADD = $(worker_ldadd)
