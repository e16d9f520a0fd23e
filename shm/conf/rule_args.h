/* SPDX-License-Identifier: MIT */
/*
 * Arguments of actions, as parsed.
 */
#ifndef SHM_CONF_RULE_ARGS_H
#define SHM_CONF_RULE_ARGS_H

#include "shm/conf/logfmt.h"

struct regx;

/* hdr NAME FMT of `return` and `deny`. */
struct reply_hdr {
	struct reply_hdr *next;
	char *name;
	struct logfmt *fmt;
};

enum reply_kind {
	REPLY_EMPTY, /* status and headers alone */
	REPLY_PAGE,  /* default-errorfiles: the proxy's errorfile or our page */
	REPLY_BYTES, /* string, file */
	REPLY_FMT,   /* lf-string, lf-file */
	REPLY_FILE,  /* errorfile: a whole response */
	REPLY_N
};

/* http-request return and deny. */
struct reply_args {
	enum reply_kind kind;
	uint16_t status;
	char *content_type;
	struct sv body;        /* REPLY_BYTES, owned */
	struct logfmt *fmt;    /* REPLY_FMT */
	struct errorfile file; /* REPLY_FILE; bytes owned */
	struct reply_hdr *hdrs;
};

enum redirect_kind { REDIRECT_LOCATION, REDIRECT_PREFIX, REDIRECT_SCHEME };

struct redirect_args {
	enum redirect_kind kind;
	struct logfmt *to;
	uint16_t code;
	bool drop_query, append_slash, ignore_empty;
	char *cookie; /* value of Set-Cookie, or NULL */
};

/* Which fields are set depends on the action. */
struct action_args {
	char *name;           /* header, backend or server */
	struct logfmt *fmt;   /* the value */
	struct expr *expr;    /* set-var, set-dst, capture, ... */
	struct regx *re;      /* replace-*, del-header -m reg */
	enum acl_match match; /* del-header: ACL_STR, _BEG, _END, _SUB, _REG */
	enum var_scope scope;
	struct sv var;      /* name behind the scope; points into name */
	int number;         /* status, log level, capture's index */
	unsigned len_bytes; /* capture: length to cut at */
	char *reason;       /* set-status */
	struct reply_args *reply;
	struct redirect_args *redirect;
	struct proxy *be;   /* use_backend, resolved */
	struct server *srv; /* use-server, resolved */
};

enum { ACT_LOG_SILENT = -1 };

#endif
