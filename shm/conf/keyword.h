/* SPDX-License-Identifier: MIT */
/*
 * Rows of the keyword tables.  The parser, the manual page and the tests are
 * made from them; each table stands in the file of its parse functions.
 */
#ifndef SHM_CONF_KEYWORD_H
#define SHM_CONF_KEYWORD_H

#include <stdio.h>

#include "shm/conf/conf.h"
#include "shm/conf/parse.h"

/* Where a keyword may stand; a listen section is frontend and backend. */
enum {
	KW_GLOBAL = 1,
	KW_DEFAULTS = 2,
	KW_FRONTEND = 4,
	KW_BACKEND = 8,
	KW_BIND = 0x10,    /* on a bind line */
	KW_SERVER = 0x20,  /* on a server or default-server line */
	KW_SECTION = 0x40, /* a section of its own */
	KW_NO = 0x100,     /* "no" may stand in front */
	KW_NAMED = 0x200,  /* in defaults: only where they have a name */
	KW_STRICT = 0x400, /* in the wrong kind of proxy: an error */

	KW_PROXY = KW_FRONTEND | KW_BACKEND,
	KW_ALL = KW_DEFAULTS | KW_FRONTEND | KW_BACKEND,
	KW_FE = KW_DEFAULTS | KW_FRONTEND,
	KW_BE = KW_DEFAULTS | KW_BACKEND,
	KW_WHERE = 0xff
};

/*
 * A first word, or two ("option httplog").  parse() finds the whole line in
 * cp->ln, without a leading "no" (cp->negated), and what it is about in
 * cp->px or cp->conf->global.
 */
struct keyword {
	unsigned where; /* KW_* */
	const char *name;
	int (*parse)(struct conf_parse *cp, const struct keyword *kw);
	int arg;            /* for parse(): an offset, an enum value */
	const char *syntax; /* what follows the name */
	const char *doc;    /* one sentence for wsbroker.conf(5) */
};

/* A word of a bind line; parse() finds its name at word i. */
struct bind_keyword {
	const char *name;
	int argc; /* words that follow it: 0 or 1 */
	int (*parse)(struct conf_parse *cp, int i, struct bind *b, int arg);
	int arg;
	const char *syntax;
	const char *doc;
};

/* A word of a server or default-server line. */
struct server_keyword {
	const char *name;
	int argc;
	int (*parse)(struct conf_parse *cp, int i, struct server *s, int arg);
	int arg;
	const char *syntax;
	const char *doc;
};

/* Each ends with a row whose name is NULL. */
extern const struct keyword global_tbl[];              /* global.c */
extern const struct keyword global_life_tbl[];         /* global_life.c */
extern const struct keyword global_tune_tbl[];         /* global_tune.c */
extern const struct keyword proxy_kw_tbl[];            /* proxy_kw.c */
extern const struct keyword stats_tbl[];               /* stats_kw.c */
extern const struct keyword timeout_tbl[];             /* timeout.c */
extern const struct keyword option_tbl[];              /* option.c */
extern const struct keyword check_tbl[];               /* check_kw.c */
extern const struct keyword balance_tbl[];             /* balance.c */
extern const struct keyword logging_tbl[];             /* logging.c */
extern const struct keyword errorfile_tbl[];           /* errorfile.c */
extern const struct keyword retry_tbl[];               /* retry.c */
extern const struct keyword cookie_tbl[];              /* cookie_kw.c */
extern const struct keyword rules_kw_tbl[];            /* rules_kw.c */
extern const struct keyword bind_tbl[];                /* bind.c */
extern const struct keyword server_kw_tbl[];           /* server_kw.c */
extern const struct keyword global_tls_tbl[];          /* tls_global.c */
extern const struct bind_keyword bind_opt_tbl[];       /* bind.c */
extern const struct bind_keyword bind_tls_tbl[];       /* tls_bind_kw.c */
extern const struct server_keyword server_opt_tbl[];   /* server_opt.c */
extern const struct server_keyword server_check_tbl[]; /* check_server_kw.c */
extern const struct server_keyword server_tls_tbl[];   /* tls_server_kw.c */

/* The i-th table, NULL behind the last. */
const struct keyword *keyword_table(int i);
/*
 * Row for the line at hand, or NULL: one that may stand `where` before one
 * that may not, two words before one.
 */
const struct keyword *keyword_find(const struct conf_line *ln, unsigned where);
/* The same for a word of a bind or server line. */
const struct bind_keyword *keyword_find_bind(const char *word);
const struct server_keyword *keyword_find_server(const char *word);
/*
 * Report a first word no table has: known to HAProxy, or a misspelling of
 * something that may stand `where`.
 */
MUST_USE int
keyword_unknown(struct conf_parse *cp, unsigned where, const char *section);
/* The same for word i of a bind or server line. */
MUST_USE int
keyword_unknown_option(struct conf_parse *cp, int i, unsigned where);

/*
 * A keyword of HAProxy that is not supported here: what to do "instead", or
 * NULL. `second` may be NULL or "".
 */
const char *unsupported_find(
    unsigned where, const char *first, const char *second, const char **name_r);

#endif
