/* SPDX-License-Identifier: MIT */
/*
 * Every action a rule can name.
 */
#include "shm/conf/action.h"

enum {
	REQ = 1 << RULES_HTTP_REQUEST,
	RES = 1 << RULES_HTTP_RESPONSE,
	AFTER = 1 << RULES_HTTP_AFTER_RESPONSE,
	ALL = REQ | RES | AFTER
};

#define REPLY_SYNTAX                                            \
	"[status CODE] [content-type TYPE] "                    \
	"[default-errorfiles | errorfile FILE | string TEXT | " \
	"lf-string FMT | file FILE | lf-file FILE] [hdr NAME FMT]..."

const struct action_row action_tbl[] = {
	{ "add-header", ACT_ADD_HEADER, ALL, action_parse_header, "NAME FMT",
	    "Append a header field." },
	{ "allow", ACT_ALLOW, ALL, action_parse_none, "",
	    "Stop evaluating the rules of this set, and go on." },
	{ "capture", ACT_CAPTURE, REQ | RES, action_parse_capture,
	    "EXPR len N | id N", "Keep an expression's value for the log." },
	{ "del-header", ACT_DEL_HEADER, ALL, action_parse_del_header,
	    "NAME [-m str|beg|end|sub|reg]",
	    "Remove all header fields of that name." },
	{ "deny", ACT_DENY, REQ | RES, action_parse_reply,
	    "[deny_status CODE] " REPLY_SYNTAX,
	    "Answer 403 (502 to a response) or the given status." },
	{ "redirect", ACT_REDIRECT, REQ | RES, action_parse_redirect,
	    "location|prefix|scheme FMT [code CODE] [drop-query] "
	    "[append-slash] [ignore-empty] [set-cookie NAME[=VALUE]] "
	    "[clear-cookie NAME[=]]",
	    "Answer with a redirection." },
	{ "reject", ACT_REJECT, REQ, action_parse_none, "",
	    "Close the connection without an answer." },
	{ "replace-header", ACT_REPLACE_HEADER, ALL,
	    action_parse_replace_header, "NAME REGEX FMT",
	    "Replace in whole header values, \\1 to \\9 being groups." },
	{ "replace-path", ACT_REPLACE_PATH, REQ, action_parse_replace,
	    "REGEX FMT", "Replace the path where it matches." },
	{ "replace-pathq", ACT_REPLACE_PATHQ, REQ, action_parse_replace,
	    "REGEX FMT", "Replace path and query where they match." },
	{ "replace-uri", ACT_REPLACE_URI, REQ, action_parse_replace,
	    "REGEX FMT", "Replace the request target where it matches." },
	{ "replace-value", ACT_REPLACE_VALUE, ALL, action_parse_replace_header,
	    "NAME REGEX FMT",
	    "Replace in each comma-separated value of a header." },
	{ "return", ACT_RETURN, REQ | RES, action_parse_reply, REPLY_SYNTAX,
	    "Answer without a server." },
	{ "set-dst", ACT_SET_DST, REQ, action_parse_expr, "EXPR",
	    "Change the address servers without one are reached at." },
	{ "set-dst-port", ACT_SET_DST_PORT, REQ, action_parse_expr, "EXPR",
	    "Change the port servers without one are reached at." },
	{ "set-header", ACT_SET_HEADER, ALL, action_parse_header, "NAME FMT",
	    "Replace all header fields of that name by one." },
	{ "set-log-level", ACT_SET_LOG_LEVEL, ALL, action_parse_log_level,
	    "LEVEL|silent", "Change the level of the log line." },
	{ "set-method", ACT_SET_METHOD, REQ, action_parse_fmt, "FMT",
	    "Change the method." },
	{ "set-path", ACT_SET_PATH, REQ, action_parse_fmt, "FMT",
	    "Change the path; the query stays." },
	{ "set-pathq", ACT_SET_PATHQ, REQ, action_parse_fmt, "FMT",
	    "Change path and query." },
	{ "set-query", ACT_SET_QUERY, REQ, action_parse_fmt, "FMT",
	    "Change the query." },
	{ "set-status", ACT_SET_STATUS, RES | AFTER, action_parse_status,
	    "CODE [reason TEXT]", "Change the status of the response." },
	{ "set-uri", ACT_SET_URI, REQ, action_parse_fmt, "FMT",
	    "Change the whole request target." },
	{ "set-var", ACT_SET_VAR, ALL, action_parse_var, "(NAME) EXPR",
	    "Set a variable to the value of an expression." },
	{ "set-var-fmt", ACT_SET_VAR, ALL, action_parse_var, "(NAME) FMT",
	    "Set a variable to a formatted text." },
	{ "use-service", ACT_USE_SERVICE, REQ, action_parse_service,
	    "prometheus-exporter",
	    "Answer with the metrics, as Prometheus reads them." },
	{ "unset-var", ACT_UNSET_VAR, ALL, action_parse_var, "(NAME)",
	    "Forget a variable." },
};

const int action_tbl_count = sizeof(action_tbl) / sizeof(*action_tbl);
