/* SPDX-License-Identifier: MIT */
/*
 * Keywords whose line is a rule, an ACL or a capture: handed on whole.
 */
#include "shm/conf/keyword.h"
#include "shm/conf/rule.h"

static int
parse_rule(struct conf_parse *cp, const struct keyword *kw)
{
	return rule_parse(cp, (enum rule_set)kw->arg);
}

static int
parse_acl(struct conf_parse *cp, const struct keyword *kw)
{
	(void)kw;
	return acl_parse(cp);
}

static int
parse_capture(struct conf_parse *cp, const struct keyword *kw)
{
	(void)kw;
	return capture_parse(cp);
}

static int
parse_declare(struct conf_parse *cp, const struct keyword *kw)
{
	(void)kw;
	return capture_parse_declare(cp);
}

const struct keyword rules_kw_tbl[] = {
	{ KW_ALL | KW_NAMED, "acl", parse_acl, 0,
	    "<name> <fetch>[,<converter>...] [<flags>] [--] [<pattern>...]",
	    "Names a test; several lines of one name are alternatives." },
	{ KW_ALL | KW_NAMED, "http-request", parse_rule, RULES_HTTP_REQUEST,
	    "<action> [if|unless <condition>]", "A rule for requests." },
	{ KW_ALL | KW_NAMED, "http-response", parse_rule, RULES_HTTP_RESPONSE,
	    "<action> [if|unless <condition>]", "A rule for responses." },
	{ KW_ALL | KW_NAMED, "http-after-response", parse_rule,
	    RULES_HTTP_AFTER_RESPONSE, "<action> [if|unless <condition>]",
	    "A rule for all responses, also the proxy's own." },
	{ KW_FRONTEND, "use_backend", parse_rule, RULES_USE_BACKEND,
	    "<backend> [if|unless <condition>]", "Where requests go." },
	{ KW_BACKEND, "use-server", parse_rule, RULES_USE_SERVER,
	    "<server> [if|unless <condition>]",
	    "Which server requests go to, whatever balance says." },
	{ KW_FRONTEND, "capture", parse_capture, 0,
	    "request|response header <name> len <bytes>",
	    "Keeps a header for the log and for capture.req.hdr." },
	{ KW_FRONTEND, "declare", parse_declare, 0,
	    "capture request|response len <bytes>",
	    "Makes a place for http-request capture ... id." },
	{ KW_ALL, "redirect", parse_rule, RULES_HTTP_REQUEST,
	    "location|prefix|scheme <to> [<option>...] [if|unless <condition>]",
	    "As http-request redirect." },
	{ 0, NULL, NULL, 0, NULL, NULL },
};
