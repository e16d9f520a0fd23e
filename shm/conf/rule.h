/* SPDX-License-Identifier: MIT */
/*
 * ACLs, conditions, and rules (http-request and its kin), as parsed.
 */
#ifndef SHM_CONF_RULE_H
#define SHM_CONF_RULE_H

#include <stdio.h>

#include "shm/conf/conf.h"
#include "shm/conf/expr.h"

enum acl_match {
	ACL_FOUND,
	ACL_BOOL,
	ACL_INT,
	ACL_IP,
	ACL_STR,
	ACL_BEG,
	ACL_END,
	ACL_SUB,
	ACL_DIR,
	ACL_DOM,
	ACL_REG,
	ACL_LEN,
	ACL_METH,
	ACL_MATCH_N
};

struct acl_pattern; /* shm/conf/acl.h */
struct acl_set;     /* shm/conf/acl.h */

/* One `acl` line (several of a name are alternatives) or one { ... }. */
struct acl {
	struct acl *next; /* in the proxy */
	struct acl *alt;  /* next of the same name */
	char *name;       /* NULL: anonymous */
	struct expr *expr;
	enum acl_match match;
	bool icase;
	struct acl_pattern *patterns;
	struct acl_set *set; /* exact strings, hashed; NULL: none */
};

/* Conjunction; under one name alternatives. */
struct cond_term {
	struct cond_term *next; /* AND */
	bool negated;
	bool anonymous;  /* owns acl */
	struct acl *acl; /* first alternative; the others: ->alt */
};

/* A disjunction of conjunctions. */
struct cond {
	bool unless;
	struct cond_term **or_terms;
	int or_count;
	unsigned when; /* FETCH_* all its ACLs need */
};

enum action_kind {
	ACT_ALLOW,
	ACT_DENY,
	ACT_REJECT,
	ACT_TARPIT,
	ACT_RETURN,
	ACT_REDIRECT,
	ACT_SET_HEADER,
	ACT_ADD_HEADER,
	ACT_DEL_HEADER,
	ACT_SET_METHOD,
	ACT_SET_PATH,
	ACT_SET_PATHQ,
	ACT_SET_QUERY,
	ACT_SET_URI,
	ACT_SET_STATUS,
	ACT_SET_VAR,
	ACT_UNSET_VAR,
	ACT_SET_DST_PORT,
	ACT_SET_DST,
	ACT_CAPTURE,
	ACT_SET_LOG_LEVEL,
	ACT_USE_BACKEND,
	ACT_USE_SERVER,
	ACT_REPLACE_HEADER,
	ACT_REPLACE_VALUE,
	ACT_REPLACE_PATH,
	ACT_REPLACE_PATHQ,
	ACT_REPLACE_URI,
	ACT_USE_SERVICE,
	ACT_N
};

struct action_args; /* by kind; shm/conf/rule_args.h */

struct rule {
	struct rule *next;
	enum action_kind act;
	struct action_args *args;
	struct cond *cond; /* NULL: always */
	const char *file;
	int line;
};

/* A `mask` bit per rule_set in which an action may stand; docs for the manual.
 */
struct action_row {
	const char *name;
	enum action_kind act;
	unsigned sets; /* 1 << enum rule_set */
	/* *word: first word after the action's name; set to the first left. */
	int (*parse)(struct conf_parse *cp, int *word, enum rule_set set,
	    struct rule *r);
	const char *syntax;
	const char *doc;
};

extern const struct action_row action_tbl[];
extern const int action_tbl_count;

/* "acl NAME EXPR [flags] [--] PATTERN..." : the whole line at hand. */
MUST_USE int acl_parse(struct conf_parse *cp);
/*
 * From word i: nothing, or "if ..." / "unless ..." up to the end of the line.
 * *c_r NULL for nothing.  `when`: FETCH_AT_*; what an ACL cannot have there is
 * a warning.  The caller owns *c_r: cond_free().
 */
MUST_USE int
cond_parse(struct conf_parse *cp, int i, unsigned when, struct cond **c_r);
void cond_free(struct cond **c);
/*
 * "http-request ACTION ...", "http-response ...", "http-after-response ...",
 * "redirect ...", "use_backend NAME [if ...]", "use-server ..." into
 * cp->px->rules[set].
 */
MUST_USE int rule_parse(struct conf_parse *cp, enum rule_set set);
/* "capture request|response header NAME len N". */
MUST_USE int capture_parse(struct conf_parse *cp);
/* "declare capture request|response len N". */
MUST_USE int capture_parse_declare(struct conf_parse *cp);
void capture_list_free(struct capture **c);
/*
 * A log format (with quoting, "-" for what is missing): word tells errors the
 * column; text is the format, the word's or a built-in.  when: FETCH_AT_LOG.
 */
MUST_USE int logfmt_parse(struct conf_parse *cp, int word, const char *text,
    unsigned when, struct logfmt **f_r);
extern const char *const logfmt_httplog; /* HAProxy's as a format string */
extern const char *const logfmt_clf;     /* option httplog clf */
extern const char *const logfmt_tcplog;
extern const char *const logfmt_default; /* "Connect from ..." */
/* Resolve names (use_backend, use-server) of one proxy. */
MUST_USE int rule_finish(struct conf_parse *cp, struct proxy *px);

void rule_list_free(struct rule_list *l);
void acl_list_free(struct acl **a);
void logfmt_free(struct logfmt **f);
/*
 * Rows of fetches, converters and actions for conf_dump_keywords(), as
 * "section\tkeyword\tsyntax\tdoc".
 */
void rule_dump_keywords(FILE *out);

#endif
