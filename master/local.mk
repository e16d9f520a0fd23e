# SPDX-License-Identifier: MIT
if HAVE_WSBROKER
sbin_PROGRAMS += wsbroker
endif
wsbroker_SOURCES = master/main.c
wsbroker_LDADD = libwsb.a $(WSB_LIBS)
