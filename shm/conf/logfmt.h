/* SPDX-License-Identifier: MIT */
/*
 * Log formats, as parsed: text, %variables and %[expressions].  The same
 * language writes log lines and the values of headers, paths and bodies.
 *
 * The table of variables is defined in worker/rules, which writes them.
 */
#ifndef SHM_CONF_LOGFMT_H
#define SHM_CONF_LOGFMT_H

#include "shm/conf/rule.h"

struct logfmt_out; /* worker/rules/logfmt_out.h */
struct logfmt_item;

struct logfmt_row {
	const char *name; /* behind the '%' */
	void (*put)(struct logfmt_out *o, const struct logfmt_item *it);
	unsigned when; /* FETCH_* needed */
	const char *doc;
	bool is_late; /* known at the end only */
};

extern const struct logfmt_row logfmt_tbl[];
extern const int logfmt_tbl_count;

/* Flags of %{...}, bits. */
enum { LOGFMT_QUOTE = 1, LOGFMT_ESCAPE = 2, LOGFMT_HEX = 4 };

enum logfmt_kind { LOGFMT_TEXT, LOGFMT_BLANK, LOGFMT_VAR, LOGFMT_EXPR };

struct logfmt_item {
	enum logfmt_kind kind;
	unsigned flags;               /* LOGFMT_QUOTE ... */
	struct sv text;               /* LOGFMT_TEXT */
	const struct logfmt_row *row; /* LOGFMT_VAR */
	struct expr *expr;            /* LOGFMT_EXPR */
};

enum logfmt_use {
	LOGFMT_LOG,  /* runs of blanks are one, "-" for what is missing */
	LOGFMT_HTTP, /* header values, targets: control bytes as %XX */
	LOGFMT_BODY, /* the same, but the text itself may hold any byte */
	LOGFMT_VALUE /* values of variables, names: as they are */
};

struct logfmt {
	enum logfmt_use use;
	bool constant; /* no item but one text, or none */
	int count;
	struct logfmt_item *item;
	char *text; /* as written */
};

MUST_USE int logfmt_parse_use(struct conf_parse *cp, int word, const char *text,
    enum logfmt_use use, unsigned when, struct logfmt **f_r);
/* Word i of the line, which must be there; `what` names it in the message. */
MUST_USE int logfmt_parse_word(struct conf_parse *cp, int i,
    enum logfmt_use use, unsigned when, const char *what, struct logfmt **f_r);

#endif
