# SPDX-License-Identifier: MIT
libwsb_a_SOURCES += \
	master/bells.c master/bells.h \
	master/certs.c master/certs.h \
	master/child.c \
	master/cli_addr.c master/cli_addr.h \
	master/cli_client.c master/cli_client.h \
	master/hang.c master/hang.h \
	master/cli_order.c master/cli_parts.h \
	master/cli_proc.c \
	master/cli_relay.c \
	master/daemon.c master/daemon.h \
	master/listener.c master/listener.h \
	master/logs.c master/logs.h \
	master/master.c master/master.h \
	master/pairs.c master/pairs.h \
	master/options.c master/options.h \
	master/segments.c master/segments.h \
	master/supervise.c \
	master/version.c master/version.h

sbin_PROGRAMS += wsbroker
wsbroker_SOURCES = master/main.c
wsbroker_LDADD = libwsb.a $(WSB_LIBS)
