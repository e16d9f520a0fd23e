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

#include "shm/conf/parse.h"
#include "shm/base/sv.h"

struct txn;    /* worker/rules/txn.h */
struct sample; /* worker/rules/sample.h */

enum sample_type { SMP_BOOL, SMP_SINT, SMP_ADDR, SMP_STR, SMP_BIN, SMP_METH, SMP_TYPE_N };

/* When a fetch has its data, bits. */
enum {
	FETCH_SESS = 1,    /* connection: always */
	FETCH_REQ = 2,     /* once the request head is there */
	FETCH_RES = 4,     /* once the response head is there */
	FETCH_SRV = 8,     /* once a server is chosen */
};

struct fetch_arg {
	bool is_int;
	struct sv s;     /* text, NUL-terminated behind */
	long long i;
};

enum { FETCH_ARGS_MAX = 4 };

struct fetch_row {
	const char *name;        /* "req.hdr" */
	const char *args;        /* "s,i?" : s text, i number, ? optional */
	enum sample_type type;
	unsigned when;           /* FETCH_* needed */
	/* False: no sample. `n` counts iterations for fetches with several values (0 first). */
	bool (*get)(struct txn *t, const struct fetch_arg *a, int argc,
		    unsigned n, struct sample *out);
	const char *match;       /* default ACL match of a derived name: "beg", or NULL */
	const char *doc;         /* one sentence for wsbroker.conf(5) */
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
	char *text;      /* as written */
};

/* Parse word i ("req.hdr(host),lower"); reports errors. 0 or -WSE_SYNTAX. */
MUST_USE int expr_parse(struct conf_parse *cp, int i, unsigned when,
			struct expr **e_r);
void expr_free(struct expr **e);

#endif
