# SPDX-License-Identifier: MIT
libwsb_a_SOURCES += \
	shm/proto/h1.c shm/proto/h1.h shm/proto/h1_int.h \
	shm/proto/h1_bytes.c \
	shm/proto/h1_chunk.c \
	shm/proto/h1_fields.c \
	shm/proto/h1_write.c \
	shm/proto/http.c shm/proto/http.h
libwsb_a_SOURCES += \
	shm/proto/tls_aead.c shm/proto/tls_aead.h \
	shm/proto/tls_ctx.c shm/proto/tls_ctx.h \
	shm/proto/tls_hs.c shm/proto/tls_hs.h shm/proto/tls_hs_int.h \
	shm/proto/tls_key.c shm/proto/tls_key.h \
	shm/proto/tls_msg.c shm/proto/tls_msg.h \
	shm/proto/tls_open.c \
	shm/proto/tls_rec.c shm/proto/tls_rec.h \
	shm/proto/tls_state.c shm/proto/tls_state.h \
	shm/proto/tls_watch.c \
	shm/proto/tls_wire.h
libwsb_a_SOURCES += \
	shm/proto/ws_frame.c shm/proto/ws_frame.h \
	shm/proto/h2_calm.c shm/proto/h2_calm.h \
	shm/proto/h2_fields.c \
	shm/proto/h2_frame.h \
	shm/proto/h2_head.c shm/proto/h2_head.h \
	shm/proto/h2_idle.c shm/proto/h2_idle.h \
	shm/proto/h2_move.c shm/proto/h2_move.h \
	shm/proto/h2_port.c shm/proto/h2_port.h \
	shm/proto/h2_recv.c \
	shm/proto/h2_send.c \
	shm/proto/h2_sess.c shm/proto/h2_sess.h shm/proto/h2_sess_int.h
