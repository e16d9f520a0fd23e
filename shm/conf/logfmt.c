/* SPDX-License-Identifier: MIT */
/*
 * Parser of log formats.
 */
#include "shm/conf/logfmt.h"

#include <ctype.h>
#include <stdlib.h>

#include "shm/base/mem.h"
#include "shm/conf/word_err.h"

const char *const logfmt_httplog =
    "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc "
    "%ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r";
const char *const logfmt_clf =
    "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s %TR %Tw "
    "%Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl";
const char *const logfmt_tcplog =
    "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq";
const char *const logfmt_default = "Connect from %ci:%cp to %fi:%fp (%f/HTTP)";

enum { LOGFMT_NAMES_MAX = 128 };

struct logfmt_cur {
	struct conf_parse *cp;
	int word;
	const char *text;
	size_t at;
	unsigned when;
	unsigned flags; /* set by %{...}o */
	struct logfmt *f;
	struct sv pending; /* literal text not yet made an item */
};

static struct logfmt_item *
logfmt_add(struct logfmt_cur *c, enum logfmt_kind kind)
{
	struct logfmt *f = c->f;
	struct logfmt_item *it;

	f->item =
	    mem_realloc(f->item, ((size_t)f->count + 1) * sizeof(*f->item));
	it = &f->item[f->count++];
	*it = (struct logfmt_item){ .kind = kind };
	return it;
}

static void
logfmt_flush(struct logfmt_cur *c)
{
	struct logfmt_item *it;

	if (c->pending.n) {
		it = logfmt_add(c, LOGFMT_TEXT);
		it->text = sv_of(sv_dup(c->pending), c->pending.n);
	}
	c->pending = SV_NULL;
}

/* "{+Q,-X}" at the cursor. */
static int
logfmt_take_flags(struct logfmt_cur *c, unsigned *flags)
{
	bool on = true;

	if (c->text[c->at] != '{')
		return 0;
	for (c->at++; c->text[c->at] != '}'; c->at++) {
		unsigned bit = 0;

		switch (c->text[c->at]) {
		case '+':
			on = true;
			continue;
		case '-':
			on = false;
			continue;
		case ',':
		case ' ':
			continue;
		case 'Q':
			bit = LOGFMT_QUOTE;
			break;
		case 'E':
			bit = LOGFMT_ESCAPE;
			break;
		case 'X':
			bit = LOGFMT_HEX;
			break;
		case '\0':
			return word_error(c->cp, c->word, c->at,
			    "missing '}' in the log format");
		default:
			return word_error(c->cp, c->word, c->at,
			    "unknown flag '%c' in the log format, expected "
			    "Q, E or X",
			    c->text[c->at]);
		}
		*flags = on ? *flags | bit : *flags & ~bit;
	}
	c->at++;
	return 0;
}

static int
logfmt_take_expr(struct logfmt_cur *c, unsigned flags)
{
	struct logfmt_item *it;
	struct expr *e;
	size_t end;

	if (expr_parse_at(c->cp, c->word, c->text, c->at + 1, c->when, &e, &end,
		NULL) < 0)
		return -WSE_SYNTAX;
	if (c->text[end] != ']') {
		expr_free(&e);
		return word_error(
		    c->cp, c->word, end, "expected ']' after the expression");
	}
	c->at = end + 1;
	it = logfmt_add(c, LOGFMT_EXPR);
	it->expr = e;
	it->flags = flags;
	return 0;
}

static int
logfmt_unknown(struct logfmt_cur *c, size_t at, struct sv name)
{
	const char *names[LOGFMT_NAMES_MAX], *near;
	char *word = sv_dup(name);
	int k;

	for (k = 0; k < logfmt_tbl_count && k < LOGFMT_NAMES_MAX; k++)
		names[k] = logfmt_tbl[k].name;
	near = conf_nearest(word, names, k);
	if (near)
		word_error(c->cp, c->word, at,
		    "unknown log format variable '%%%s'; did you mean "
		    "'%%%s' maybe?",
		    word, near);
	else
		word_error(c->cp, c->word, at,
		    "unknown log format variable '%%%s'", word);
	free(word);
	return -WSE_SYNTAX;
}

static int
logfmt_take_var(struct logfmt_cur *c, size_t at, unsigned flags)
{
	size_t from = c->at;
	struct sv name;
	int k;

	while (isalpha((unsigned char)c->text[c->at]))
		c->at++;
	name = sv_of(c->text + from, c->at - from);
	if (name.n == 0)
		return word_error(c->cp, c->word, at,
		    "'%%' stands alone in the log format; write '%%%%'");
	if (sv_eq(name, SV("o"))) {
		c->flags = flags;
		return 0;
	}
	for (k = 0; k < logfmt_tbl_count; k++) {
		struct logfmt_item *it;

		if (!sv_eq(name, sv_str(logfmt_tbl[k].name)))
			continue;
		if (!expr_is_available(logfmt_tbl[k].when, c->when))
			return word_error(c->cp, c->word, at,
			    "'%%%s' needs %s, which is not available here",
			    logfmt_tbl[k].name,
			    expr_need_text(logfmt_tbl[k].when, c->when));
		it = logfmt_add(c, LOGFMT_VAR);
		it->row = &logfmt_tbl[k];
		it->flags = flags;
		return 0;
	}
	return logfmt_unknown(c, at, name);
}

/* What stands behind a '%' that is no "%%". */
static int
logfmt_take_percent(struct logfmt_cur *c)
{
	unsigned flags = c->flags;
	size_t at = c->at++;
	int rc;

	rc = logfmt_take_flags(c, &flags);
	if (rc < 0)
		return rc;
	if (c->text[c->at] == '[')
		return logfmt_take_expr(c, flags);
	return logfmt_take_var(c, at, flags);
}

static void
logfmt_literal(struct logfmt_cur *c)
{
	if (c->pending.n == 0)
		c->pending.p = c->text + c->at;
	c->pending.n++;
	c->at++;
}

static int
logfmt_parse_text(struct logfmt_cur *c)
{
	int rc;

	while (c->text[c->at]) {
		const char *p = c->text + c->at;

		if (p[0] == '%' && p[1] == '%') {
			logfmt_flush(c);
			c->at++;
			logfmt_literal(c);
			logfmt_flush(c);
		} else if (p[0] == '%') {
			logfmt_flush(c);
			rc = logfmt_take_percent(c);
			if (rc < 0)
				return rc;
		} else if (p[0] == ' ' && c->f->use == LOGFMT_LOG) {
			logfmt_flush(c);
			while (c->text[c->at] == ' ')
				c->at++;
			logfmt_add(c, LOGFMT_BLANK);
		} else if (c->f->use == LOGFMT_HTTP && word_is_control(*p)) {
			return word_error(c->cp, c->word, c->at,
			    "control characters cannot be part of a header "
			    "or target");
		} else {
			logfmt_literal(c);
		}
	}
	logfmt_flush(c);
	return 0;
}

int
logfmt_parse_use(struct conf_parse *cp, int word, const char *text,
    enum logfmt_use use, unsigned when, struct logfmt **f_r)
{
	struct logfmt_cur c = { .cp = cp, .word = word, .text = text };
	struct logfmt *f = mem_alloc(sizeof(*f));

	*f_r = NULL;
	f->use = use;
	f->text = mem_strdup(text);
	c.when = when;
	c.f = f;
	if (logfmt_parse_text(&c) < 0) {
		logfmt_free(&f);
		return -WSE_SYNTAX;
	}
	f->constant =
	    f->count == 0 || (f->count == 1 && f->item[0].kind == LOGFMT_TEXT);
	*f_r = f;
	return 0;
}

int
logfmt_parse(struct conf_parse *cp, int word, const char *text, unsigned when,
    struct logfmt **f_r)
{
	return logfmt_parse_use(cp, word, text, LOGFMT_LOG, when, f_r);
}

int
logfmt_parse_word(struct conf_parse *cp, int i, enum logfmt_use use,
    unsigned when, const char *what, struct logfmt **f_r)
{
	*f_r = NULL;
	if (i >= cp->ln->count)
		return conf_error(cp, i, "missing %s", what);
	return logfmt_parse_use(cp, i, cp->ln->word[i].s, use, when, f_r);
}

void
logfmt_free(struct logfmt **f)
{
	int k;

	if (!*f)
		return;
	for (k = 0; k < (*f)->count; k++) {
		free((char *)(uintptr_t)(*f)->item[k].text.p);
		expr_free(&(*f)->item[k].expr);
	}
	free((*f)->item);
	free((*f)->text);
	free(*f);
	*f = NULL;
}
