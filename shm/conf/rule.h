/* SPDX-License-Identifier: MIT */
/*
 * ACLs, conditions, and rules (http-request and its kin), as parsed.
 */
#ifndef SHM_CONF_RULE_H
#define SHM_CONF_RULE_H

#include <regex.h>

#include "shm/conf/conf.h"
#include "shm/conf/expr.h"

enum acl_match { ACL_FOUND, ACL_BOOL, ACL_INT, ACL_IP, ACL_STR, ACL_BEG, ACL_END, ACL_SUB, ACL_DIR, ACL_DOM, ACL_REG, ACL_LEN, ACL_METH, ACL_MATCH_N };

struct acl_pattern; /* shm/conf/acl.c and worker/rules/acl_eval.c */

/* One `acl` line (several of a name are alternatives) or one { ... }. */
struct acl {
	struct acl *next;
	char *name;              /* NULL: anonymous */
	struct expr *expr;
	enum acl_match match;
	bool icase;
	bool always;             /* no pattern given: matches when bool/found */
	struct acl_pattern *patterns;
};

/* A disjunction of conjunctions. */
struct cond_term {
	struct cond_term *next;  /* AND */
	bool negated;
	const struct acl **acls; /* alternatives under one name */
	int acl_count;
	char *name;
};

struct cond {
	bool unless;
	struct cond_term **or_terms;
	int or_count;
	unsigned when;           /* FETCH_* all its ACLs need */
};

enum action_kind {
	ACT_ALLOW, ACT_DENY, ACT_REJECT, ACT_TARPIT, ACT_RETURN, ACT_REDIRECT,
	ACT_SET_HEADER, ACT_ADD_HEADER, ACT_DEL_HEADER, ACT_SET_METHOD,
	ACT_SET_PATH, ACT_SET_PATHQ, ACT_SET_QUERY, ACT_SET_URI, ACT_SET_STATUS,
	ACT_SET_VAR, ACT_UNSET_VAR, ACT_SET_DST_PORT, ACT_SET_DST, ACT_CAPTURE,
	ACT_SET_LOG_LEVEL, ACT_USE_BACKEND, ACT_USE_SERVER, ACT_N
};

struct action_args; /* by kind; shm/conf/rule_args.h of the rules' owner */

struct rule {
	struct rule *next;
	enum action_kind act;
	struct action_args *args;
	struct cond *cond;       /* NULL: always */
	const char *file;
	int line;
};

/* A `mask` bit per rule_set in which an action may stand; docs for the manual. */
struct action_row {
	const char *name;
	enum action_kind act;
	unsigned sets;           /* 1 << enum rule_set */
	int (*parse)(struct conf_parse *cp, int *word, struct rule *r);
	const char *syntax;
	const char *doc;
};

extern const struct action_row action_tbl[];
extern const int action_tbl_count;

/* "acl NAME EXPR [flags] [--] PATTERN..." : the whole line at hand. */
MUST_USE int acl_parse(struct conf_parse *cp);
/* From word i: nothing, or "if ..." / "unless ...". *c_r NULL for nothing. */
MUST_USE int cond_parse(struct conf_parse *cp, int i, unsigned when,
			struct cond **c_r);
/* "http-request ACTION ...", "use_backend NAME [if ...]", "use-server ..." */
MUST_USE int rule_parse(struct conf_parse *cp, enum rule_set set);
/* "capture request header NAME len N". */
MUST_USE int capture_parse(struct conf_parse *cp);
/* "log-format FMT" or a built-in: httplog | tcplog | default. */
MUST_USE int logfmt_parse(struct conf_parse *cp, int word, const char *text,
			  unsigned when, struct logfmt **f_r);
extern const char *const logfmt_httplog; /* HAProxy's as a format string */
extern const char *const logfmt_tcplog;
/* Resolve names (use_backend, use-server, ACLs) of one proxy. */
MUST_USE int rule_finish(struct conf_parse *cp, struct proxy *px);

void rule_list_free(struct rule_list *l);
void acl_list_free(struct acl **a);
void logfmt_free(struct logfmt **f);
/* Rows of fetches, converters and actions for conf_dump_keywords(). */
void rule_dump_keywords(FILE *out);

#endif
