# SPDX-License-Identifier: MIT
libwsb_a_SOURCES += \
	shm/proto/h1.c shm/proto/h1.h shm/proto/h1_int.h \
	shm/proto/h1_bytes.c \
	shm/proto/h1_chunk.c \
	shm/proto/h1_fields.c \
	shm/proto/h1_write.c \
	shm/proto/http.c shm/proto/http.h
