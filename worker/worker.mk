# SPDX-License-Identifier: MIT
libwsb_a_SOURCES += \
	shm/proto/proxy_hdr.c shm/proto/proxy_hdr.h \
	worker/accept.c worker/accept.h \
	worker/access_log.c \
	worker/back.c \
	worker/certs.c worker/certs.h \
	worker/cookie.c worker/cookie.h \
	worker/ev_mem.c worker/ev_mem.h \
	worker/even.c worker/even.h \
	worker/drain.c worker/drain.h \
	worker/duct.c worker/duct.h worker/duct_int.h \
	worker/duct_bye.c worker/duct_life.c \
	worker/fconn.c worker/fconn.h \
	worker/fconn_tls.c worker/fconn_tls.h \
	worker/flow.c worker/flow.h \
	worker/h1_head.c \
	worker/handover.c worker/handover.h worker/handover_int.h \
	worker/handover_duct.c \
	worker/handover_msg.c worker/handover_msg.h \
	worker/h2_front.c worker/h2_front.h worker/h2_front_int.h \
	worker/h2_front_rest.c worker/h2_front_stream.c \
	worker/hop.c worker/hop.h \
	worker/observe.h \
	worker/lb.c worker/lb.h worker/lb_parts.h \
	worker/lb_hash.c \
	worker/lb_rr.c \
	worker/push.c \
	worker/reply.c worker/reply.h \
	worker/retry.c \
	worker/sandbox.c worker/sandbox.h \
	worker/shut.c worker/shut.h \
	worker/stream.c worker/stream.h worker/stream_parts.h \
	worker/stream_req.c \
	worker/stream_res.c \
	worker/stats_page.c worker/stats_page.h \
	worker/svc.c worker/svc.h \
	worker/metrics.c worker/metrics.h worker/metrics_tbl.c \
	worker/tunnel.c \
	worker/wk.h \
	worker/tunnel_bye.c worker/tunnel_bye.h \
	worker/ws_bye.c worker/ws_bye.h \
	worker/ws_inject.c worker/ws_inject.h \
	worker/ws_key.c worker/ws_key.h \
	worker/ws_ping.c worker/ws_ping.h \
	worker/ws_watch.c worker/ws_watch.h \
	worker/worker.c worker/worker.h \
	worker/xmux.c worker/xmux.h \
	worker/xprt.h \
	worker/xprt_tls.c worker/xprt_tls.h

# The status page as a C string.
nodist_libwsb_a_SOURCES = worker/stats_html.c
CLEANFILES += worker/stats_html.c
EXTRA_DIST += worker/stats.html
worker/stats_html.c: worker/stats.html
	$(AM_V_GEN)$(MKDIR_P) worker && { \
	echo '#include "worker/stats_page.h"'; \
	echo 'const char stats_html[] ='; \
	$(SED) -e 's/[\\"]/\\&/g' -e 's/.*/"&\\n"/' \
	    $(top_srcdir)/worker/stats.html; \
	echo ';'; } >$@.tmp && mv $@.tmp $@
