# SPDX-License-Identifier: MIT
libwsb_a_SOURCES += \
	worker/rule_hooks.c worker/rule_hooks.h \
	worker/rules/acl_eval.c \
	worker/rules/act.h \
	worker/rules/act_hdr.c \
	worker/rules/act_reply.c \
	worker/rules/act_uri.c \
	worker/rules/conv.h \
	worker/rules/conv_code.c \
	worker/rules/conv_hash.c \
	worker/rules/conv_int.c \
	worker/rules/conv_str.c \
	worker/rules/conv_tbl.c \
	worker/rules/expr_eval.c worker/rules/expr_eval.h \
	worker/rules/fetch.h \
	worker/rules/fetch_conn.c \
	worker/rules/fetch_const.c \
	worker/rules/fetch_cook.c \
	worker/rules/fetch_hdr.c \
	worker/rules/fetch_msg.c \
	worker/rules/fetch_tbl.c \
	worker/rules/fetch_url.c \
	worker/rules/fetch_ws.c \
	worker/rules/log_time.c worker/rules/log_time.h \
	worker/rules/logfmt_addr.c \
	worker/rules/logfmt_freeze.c \
	worker/rules/logfmt_line.c \
	worker/rules/logfmt_misc.c \
	worker/rules/logfmt_out.c worker/rules/logfmt_out.h \
	worker/rules/logfmt_tbl.c \
	worker/rules/logfmt_time.c worker/rules/logfmt_var.h \
	worker/rules/rules_run.c worker/rules/txn.h \
	worker/rules/sample.c worker/rules/sample.h \
	worker/rules/var.c worker/rules/var.h
