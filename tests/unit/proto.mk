# SPDX-License-Identifier: MIT
check_PROGRAMS += tests/unit/shm/proto/test_h1
tests_unit_shm_proto_test_h1_SOURCES = tests/unit/shm/proto/test_h1.c \
	tests/unit/shm/proto/feed.h
tests_unit_shm_proto_test_h1_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/proto/test_h1_chunk
tests_unit_shm_proto_test_h1_chunk_SOURCES = tests/unit/shm/proto/test_h1_chunk.c
tests_unit_shm_proto_test_h1_chunk_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/proto/test_h1_response
tests_unit_shm_proto_test_h1_response_SOURCES = tests/unit/shm/proto/test_h1_response.c \
	tests/unit/shm/proto/feed.h
tests_unit_shm_proto_test_h1_response_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/proto/test_h1_write
tests_unit_shm_proto_test_h1_write_SOURCES = tests/unit/shm/proto/test_h1_write.c
tests_unit_shm_proto_test_h1_write_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/proto/test_http
tests_unit_shm_proto_test_http_SOURCES = tests/unit/shm/proto/test_http.c
tests_unit_shm_proto_test_http_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/proto/test_tls_hs
tests_unit_shm_proto_test_tls_hs_SOURCES = tests/unit/shm/proto/test_tls_hs.c \
	tests/unit/shm/proto/tls_pair.c tests/unit/shm/proto/tls_pair.h
tests_unit_shm_proto_test_tls_hs_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/proto/test_tls_aead
tests_unit_shm_proto_test_tls_aead_SOURCES = tests/unit/shm/proto/test_tls_aead.c \
	tests/unit/shm/proto/tls_pair.c tests/unit/shm/proto/tls_pair.h
tests_unit_shm_proto_test_tls_aead_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/proto/test_tls_ctx
tests_unit_shm_proto_test_tls_ctx_SOURCES = tests/unit/shm/proto/test_tls_ctx.c \
	tests/unit/shm/proto/tls_pair.c tests/unit/shm/proto/tls_pair.h
tests_unit_shm_proto_test_tls_ctx_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/proto/test_tls_key
tests_unit_shm_proto_test_tls_key_SOURCES = tests/unit/shm/proto/test_tls_key.c \
	tests/unit/shm/proto/tls_pair.c tests/unit/shm/proto/tls_pair.h
tests_unit_shm_proto_test_tls_key_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/proto/test_tls_msg
tests_unit_shm_proto_test_tls_msg_SOURCES = tests/unit/shm/proto/test_tls_msg.c \
	tests/unit/shm/proto/tls_pair.c tests/unit/shm/proto/tls_pair.h
tests_unit_shm_proto_test_tls_msg_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/proto/test_tls_rec
tests_unit_shm_proto_test_tls_rec_SOURCES = tests/unit/shm/proto/test_tls_rec.c \
	tests/unit/shm/proto/tls_pair.c tests/unit/shm/proto/tls_pair.h
tests_unit_shm_proto_test_tls_rec_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/proto/test_tls_state
tests_unit_shm_proto_test_tls_state_SOURCES = tests/unit/shm/proto/test_tls_state.c \
	tests/unit/shm/proto/tls_pair.c tests/unit/shm/proto/tls_pair.h
tests_unit_shm_proto_test_tls_state_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/proto/test_h2_move
tests_unit_shm_proto_test_h2_move_SOURCES = tests/unit/shm/proto/test_h2_move.c \
	tests/unit/shm/proto/h2_pair.c tests/unit/shm/proto/h2_pair.h
tests_unit_shm_proto_test_h2_move_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/proto/test_h2_head
tests_unit_shm_proto_test_h2_head_SOURCES = tests/unit/shm/proto/test_h2_head.c
tests_unit_shm_proto_test_h2_head_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/proto/test_h2_idle
tests_unit_shm_proto_test_h2_idle_SOURCES = tests/unit/shm/proto/test_h2_idle.c \
	tests/unit/shm/proto/h2_pair.c tests/unit/shm/proto/h2_pair.h
tests_unit_shm_proto_test_h2_idle_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/proto/test_h2_port
tests_unit_shm_proto_test_h2_port_SOURCES = tests/unit/shm/proto/test_h2_port.c \
	tests/unit/shm/proto/h2_pair.c tests/unit/shm/proto/h2_pair.h
tests_unit_shm_proto_test_h2_port_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/proto/test_h2_recv
tests_unit_shm_proto_test_h2_recv_SOURCES = tests/unit/shm/proto/test_h2_recv.c \
	tests/unit/shm/proto/h2_pair.c tests/unit/shm/proto/h2_pair.h
tests_unit_shm_proto_test_h2_recv_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/proto/test_h2_sess
tests_unit_shm_proto_test_h2_sess_SOURCES = tests/unit/shm/proto/test_h2_sess.c \
	tests/unit/shm/proto/h2_pair.c tests/unit/shm/proto/h2_pair.h
tests_unit_shm_proto_test_h2_sess_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shm/proto/test_ws_frame
tests_unit_shm_proto_test_ws_frame_SOURCES = tests/unit/shm/proto/test_ws_frame.c
tests_unit_shm_proto_test_ws_frame_LDADD = libwsb.a $(WSB_LIBS) $(CMOCKA_LIBS)
