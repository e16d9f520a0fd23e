# SPDX-License-Identifier: MIT

# wsbroker-top
bin_PROGRAMS += wsbroker-top
wsbroker_top_SOURCES =
wsbroker_top_LDADD = libwsb.a $(WSB_LIBS) $(NCURSES_LIBS)
include tools/top.mk

# wsbroker-ctl
bin_PROGRAMS += wsbroker-ctl
wsbroker_ctl_SOURCES = tools/ctl/ask.c tools/ctl/ctl.h tools/ctl/main.c \
	tools/ctl/order.c tools/ctl/run.c tools/ctl/settings.c tools/ctl/state.c

# wsbroker-origin: the demo and test origin, not installed
noinst_PROGRAMS += wsbroker-origin
wsbroker_origin_SOURCES = tools/origin/answer.c tools/origin/answer.h \
	tools/origin/conn.c tools/origin/conn.h tools/origin/h2.c tools/origin/h2.h \
	tools/origin/h2_answer.c tools/origin/h2_bad.c tools/origin/h2_buf.c \
	tools/origin/h2_buf.h tools/origin/h2_int.h tools/origin/h2_stat.c \
	tools/origin/h2_stat.h tools/origin/h2_stream.c tools/origin/main.c \
	tools/origin/option.c tools/origin/option.h tools/origin/page.c \
	tools/origin/page.h tools/origin/plan.c tools/origin/plan.h \
	tools/origin/probe.c tools/origin/probe.h tools/origin/req.c \
	tools/origin/req.h tools/origin/tls.c tools/origin/tls.h \
	tools/origin/tls_cert.c tools/origin/tls_cert.h tools/origin/tls_ctx.c \
	tools/origin/tls_ctx.h tools/origin/tls_stat.c tools/origin/tls_stat.h \
	tools/origin/turn.c tools/origin/turn.h tools/origin/wire.h \
	tools/origin/ws.c tools/origin/ws.h
wsbroker_origin_LDADD = $(LIBEVENT_LIBS) $(OPENSSL_LIBS) $(NGHTTP2_LIBS)
include tools/install.mk
