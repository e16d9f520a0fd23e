/* SPDX-License-Identifier: MIT */
/*
 * Sample expressions: a fetch and its converters, as parsed.
 *
 * The tables of fetches and converters are defined in worker/rules (they
 * evaluate), and declared here, since the parser and the manual page are made
 * from the same rows.
 */
#ifndef SHM_CONF_EXPR_H
#define SHM_CONF_EXPR_H

#include "shm/base/sv.h"
#include "shm/conf/parse.h"

struct regx;   /* shm/conf/regx.h */
struct sample; /* worker/rules/sample.h */
struct txn;    /* worker/rules/txn.h */

enum sample_type {
	SMP_BOOL,
	SMP_SINT,
	SMP_ADDR,
	SMP_STR,
	SMP_BIN,
	SMP_METH,
	SMP_ANY, /* rows only: known when evaluated, or unchanged */
	SMP_TYPE_N
};

/* When a fetch has its data, bits. */
enum {
	FETCH_SESS = 1,      /* connection: always */
	FETCH_REQ = 2,       /* while the request head is there */
	FETCH_RES = 4,       /* while the response head is there */
	FETCH_SRV = 8,       /* once a server is chosen */
	FETCH_REQ_KEPT = 16, /* remembered of the request (FETCH_REQ implies) */
	FETCH_RES_KEPT =
	    32,         /* remembered of the response (FETCH_RES implies) */
	FETCH_END = 64, /* what came of it: in log lines */

	/* What callers of the parsers have, by place. */
	FETCH_AT_REQUEST = FETCH_SESS | FETCH_REQ | FETCH_REQ_KEPT,
	FETCH_AT_RESPONSE = FETCH_SESS | FETCH_SRV | FETCH_REQ_KEPT |
	    FETCH_RES | FETCH_RES_KEPT,
	FETCH_AT_LOG =
	    FETCH_SESS | FETCH_SRV | FETCH_REQ_KEPT | FETCH_RES_KEPT | FETCH_END
};

/* Life of a variable: the word before the dot of its name. */
enum var_scope { VAR_PROC, VAR_SESS, VAR_TXN, VAR_REQ, VAR_RES, VAR_SCOPE_N };

struct fetch_arg {
	bool is_int;
	enum var_scope scope; /* variables: `s` is the name after the dot */
	bool is_var;
	struct sv s; /* text, NUL-terminated behind */
	long long i;
	struct regx *re; /* regular expressions */
};

enum {
	FETCH_ARGS_MAX = 4,
	FETCH_LAST = -1 /* n of a fetch's get(): the last of several values */
};

/*
 * Arguments of a row, comma-separated letters, `?` behind what may be missing:
 * s text, i number, v variable, n number or variable, w text or variable,
 * r regular expression, m kind of WebSocket message (its number in i).
 */
struct fetch_row {
	const char *name; /* "req.hdr" */
	const char *args; /* "s,i?", "" */
	enum sample_type type;
	unsigned when; /* FETCH_* needed */
	/*
	 * False: no sample.  `n` counts the values of a fetch with several
	 * (0 first) until false comes back, or is FETCH_LAST.
	 */
	bool (*get)(struct txn *t, const struct fetch_arg *a, int argc, int n,
	    struct sample *out);
	bool derives;    /* ACLs know NAME_beg, NAME_dir and kin, too */
	const char *doc; /* one sentence for wsbroker.conf(5) */
};

struct conv_row {
	const char *name;
	const char *args;
	enum sample_type in, out;
	bool (*run)(struct txn *t, const struct fetch_arg *a, int argc,
	    struct sample *io);
	const char *doc;
};

extern const struct fetch_row fetch_tbl[];
extern const int fetch_tbl_count;
extern const struct conv_row conv_tbl[];
extern const int conv_tbl_count;

struct expr_conv {
	struct expr_conv *next;
	const struct conv_row *row;
	struct fetch_arg arg[FETCH_ARGS_MAX];
	int argc;
};

struct expr {
	const struct fetch_row *fetch;
	struct fetch_arg arg[FETCH_ARGS_MAX];
	int argc;
	struct expr_conv *convs;
	enum sample_type type; /* after the converters */
	char *text;            /* as written */
};

/* Parse word i ("req.hdr(host),lower"); reports errors. 0 or -WSE_SYNTAX. */
MUST_USE int
expr_parse(struct conf_parse *cp, int i, unsigned when, struct expr **e_r);
void expr_free(struct expr **e);

/*
 * Parse an expression that begins at byte `off` of word i, of which `text` is
 * the whole; *end_r is where it ends.  suffix_r: NULL, or what an ACL word may
 * have ("_beg", "_len" ...): set to the suffix found, or NULL.
 */
MUST_USE int
expr_parse_at(struct conf_parse *cp, int i, const char *text, size_t off,
    unsigned when, struct expr **e_r, size_t *end_r, const char **suffix_r);
/* Whether what `need` asks for is at hand where only `when` is. */
bool expr_is_available(unsigned need, unsigned when);
/* Text for a FETCH_* need that is not met. */
const char *expr_need_text(unsigned need, unsigned when);
/* "txn.name" to scope and name. */
MUST_USE int
expr_parse_var(struct sv text, enum var_scope *scope_r, struct sv *name_r);

#endif
