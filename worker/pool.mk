# SPDX-License-Identifier: MIT
libwsb_a_SOURCES += \
	worker/pool.c worker/pool.h \
	worker/pool_chan.c \
	worker/pool_idle.c \
	worker/pool_lease.c \
	worker/pool_pass.c \
	worker/pool_tls.c \
	worker/h2_back.c worker/h2_back.h worker/h2_back_int.h \
	worker/h2_back_stream.c \
	worker/pool_parts.h
