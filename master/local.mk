# SPDX-License-Identifier: MIT
libwsb_a_SOURCES += \
	master/bells.c master/bells.h \
	master/certs.c master/certs.h \
	master/child.c \
	master/daemon.c master/daemon.h \
	master/listener.c master/listener.h \
	master/logs.c master/logs.h \
	master/master.c master/master.h \
	master/options.c master/options.h \
	master/segments.c master/segments.h \
	master/supervise.c \
	master/version.c master/version.h

sbin_PROGRAMS += wsbroker
wsbroker_SOURCES = master/main.c
wsbroker_LDADD = libwsb.a $(WSB_LIBS)
