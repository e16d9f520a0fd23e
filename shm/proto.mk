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
