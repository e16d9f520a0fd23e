/* SPDX-License-Identifier: MIT */
/*
 * Parser of sample expressions: fetch(args),converter(args),...
 */
#include "shm/conf/expr.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "shm/base/mem.h"
#include "shm/conf/regx.h"
#include "shm/conf/word_err.h"
#include "shm/conf/ws.h"

enum { EXPR_ARG_BYTES_MAX = 4096, EXPR_NAMES_MAX = 256 };

/* A cursor over word i. */
struct expr_cur {
	struct conf_parse *cp;
	int word;
	const char *text;
	size_t at;
	unsigned when;
};

static bool
expr_is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-';
}

static struct sv
expr_take_name(struct expr_cur *c)
{
	size_t from = c->at;

	while (expr_is_name_char(c->text[c->at]))
		c->at++;
	return sv_of(c->text + from, c->at - from);
}

bool
expr_is_available(unsigned need, unsigned when)
{
	if (when & FETCH_REQ)
		when |= FETCH_REQ_KEPT;
	if (when & FETCH_RES)
		when |= FETCH_RES_KEPT;
	return (need & ~when) == 0;
}

const char *
expr_need_text(unsigned need, unsigned when)
{
	unsigned miss = need & ~when;

	if (miss & FETCH_REQ)
		return "HTTP request headers";
	if (miss & FETCH_RES)
		return "HTTP response headers";
	if (miss & FETCH_RES_KEPT)
		return "the response's status";
	if (miss & FETCH_SRV)
		return "a server";
	if (miss & FETCH_END)
		return "the end of the stream";
	return "the HTTP request";
}

static const char *const scope_names[VAR_SCOPE_N] = {
	[VAR_PROC] = "proc",
	[VAR_SESS] = "sess",
	[VAR_TXN] = "txn",
	[VAR_REQ] = "req",
	[VAR_RES] = "res",
};

int
expr_parse_var(struct sv text, enum var_scope *scope_r, struct sv *name_r)
{
	ssize_t dot = sv_find_char(text, '.', 0);
	size_t i;
	int k;

	if (dot <= 0 || (size_t)dot + 1 >= text.n)
		return -WSE_SYNTAX;
	for (i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (!isalnum((unsigned char)c) && c != '_' && c != '.')
			return -WSE_SYNTAX;
	}
	for (k = 0; k < VAR_SCOPE_N; k++) {
		if (!sv_eq(sv_of(text.p, (size_t)dot), sv_str(scope_names[k])))
			continue;
		*scope_r = (enum var_scope)k;
		*name_r = sv_from(text, (size_t)dot + 1);
		return 0;
	}
	return -WSE_SYNTAX;
}

/* What a backslash and the byte behind it stand for; others are kept. */
static char
expr_take_escape(struct expr_cur *c)
{
	char next = c->text[c->at + 1];

	if (next == '\0' || !strchr("\\\"' nrt", next))
		return '\\';
	c->at++;
	if (next == 'n')
		return '\n';
	if (next == 'r')
		return '\r';
	return next == 't' ? '\t' : next;
}

/*
 * One argument up to its comma or parenthesis, quotes and escapes resolved.
 * Bytes written, or -WSE_*.
 */
static ssize_t
expr_take_text(struct expr_cur *c, char *out, size_t room)
{
	char quote = 0;
	size_t n = 0;

	for (;; c->at++) {
		char ch = c->text[c->at];

		if (ch == '\0')
			return quote ? -WSE_SYNTAX : (ssize_t)n;
		if (!quote && (ch == ',' || ch == ')'))
			return (ssize_t)n;
		if ((ch == '"' || ch == '\'') && (!quote || quote == ch)) {
			quote = quote ? 0 : ch;
			continue;
		}
		if (ch == '\\' && quote != '\'')
			ch = expr_take_escape(c);
		if (n == room)
			return -WSE_TOOBIG;
		out[n++] = ch;
	}
}

static int
expr_arg_int(const char *s, long long *i_r)
{
	char *end;

	if (!*s)
		return -WSE_SYNTAX;
	errno = 0;
	*i_r = strtoll(s, &end, 0);
	return *end || errno ? -WSE_SYNTAX : 0;
}

/* Give the text its meaning; frees nothing on failure. */
static int
expr_arg_check(struct expr_cur *c, size_t at, const char *row, char kind,
    struct fetch_arg *a)
{
	switch (kind) {
	case 'i':
		a->is_int = expr_arg_int(a->s.p, &a->i) == 0;
		if (!a->is_int)
			return word_error(c->cp, c->word, at,
			    "'%s': '%s' is not an integer", row, a->s.p);
		return 0;
	case 'n':
		a->is_int = expr_arg_int(a->s.p, &a->i) == 0;
		if (a->is_int)
			return 0;
		/* FALLTHROUGH */
	case 'v':
		if (expr_parse_var(a->s, &a->scope, &a->s) < 0)
			return word_error(c->cp, c->word, at,
			    "'%s': invalid variable name '%s', expected "
			    "proc., sess., txn., req. or res. and a name of "
			    "letters, digits, '_' and '.'",
			    row, a->s.p);
		a->is_var = true;
		return 0;
	case 'm':
		a->i = ws_msg_kind(a->s.p);
		a->is_int = a->i >= 0;
		if (!a->is_int)
			return word_error(c->cp, c->word, at,
			    "'%s': unknown kind of message '%s', expected "
			    "text, binary, ping, pong or close",
			    row, a->s.p);
		return 0;
	case 'w':
		a->is_var = expr_parse_var(a->s, &a->scope, &a->s) == 0;
		return 0;
	default:
		return 0;
	}
}

/* "r" comes first, its flags ("i") third. */
static int
expr_arg_regex(struct expr_cur *c, size_t at, const char *row,
    struct fetch_arg *arg, int argc)
{
	bool icase = argc > 2 && sv_find_char(arg[2].s, 'i', 0) >= 0;
	char err[256];

	if (argc == 0)
		return 0;
	if (regx_new(arg[0].s.p, icase, &arg[0].re, err, sizeof(err)) < 0)
		return word_error(c->cp, c->word, at, "'%s': %s", row, err);
	return 0;
}

/* "(a,b)" for a row whose args are `spec`; none is fine if all are optional. */
static int
expr_take_args(struct expr_cur *c, const char *row, const char *spec,
    struct fetch_arg *arg, int *argc_r)
{
	char text[EXPR_ARG_BYTES_MAX];
	bool open = c->text[c->at] == '(', is_regex = *spec == 'r';
	size_t from = c->at;

	*argc_r = 0;
	if (open)
		c->at++;
	while (open && c->text[c->at] != ')') {
		struct fetch_arg *a = &arg[*argc_r];
		size_t at = c->at;
		ssize_t n = expr_take_text(c, text, sizeof(text) - 1);

		if (n < 0 || !c->text[c->at])
			return word_error(c->cp, c->word, at,
			    "'%s': missing closing parenthesis or quote", row);
		if (!*spec || *argc_r == FETCH_ARGS_MAX)
			return word_error(c->cp, c->word, at,
			    "'%s': too many arguments", row);
		text[n] = '\0';
		a->s = sv_of(mem_strdup(text), (size_t)n);
		(*argc_r)++;
		/* An optional argument may be empty. */
		if (n > 0 || spec[1] != '?') {
			if (expr_arg_check(c, at, row, *spec, a) < 0)
				return -WSE_SYNTAX;
		}
		spec++;
		spec += *spec == '?';
		spec += *spec == ',';
		if (c->text[c->at] == ',')
			c->at++;
	}
	if (open)
		c->at++;
	if (*spec && spec[1] != '?')
		return word_error(c->cp, c->word, c->at,
		    "'%s': missing argument number %d", row, *argc_r + 1);
	return is_regex ? expr_arg_regex(c, from, row, arg, *argc_r) : 0;
}

static void
expr_free_args(struct fetch_arg *arg, int argc)
{
	int k;

	for (k = 0; k < argc; k++) {
		/* A variable's name stands behind "scope." */
		char *p = (char *)(uintptr_t)arg[k].s.p;

		if (arg[k].is_var)
			p -= strlen(scope_names[arg[k].scope]) + 1;
		free(p);
		regx_free(&arg[k].re);
	}
}

static const struct fetch_row *
expr_find_fetch(struct sv name)
{
	int k;

	for (k = 0; k < fetch_tbl_count; k++) {
		if (sv_eq(name, sv_str(fetch_tbl[k].name)))
			return &fetch_tbl[k];
	}
	return NULL;
}

static const char *const expr_suffixes[] = { "_beg", "_dir", "_dom", "_end",
	"_ip", "_len", "_reg", "_sub", NULL };

/* "path_beg" is the fetch path with an ACL's match method. */
static const struct fetch_row *
expr_find_derived(struct sv name, const char **suffix_r)
{
	const struct fetch_row *row;
	int k;

	for (k = 0; expr_suffixes[k]; k++) {
		struct sv suffix = sv_str(expr_suffixes[k]);

		if (!sv_ends(name, suffix))
			continue;
		row = expr_find_fetch(sv_of(name.p, name.n - suffix.n));
		if (!row || !row->derives)
			continue;
		*suffix_r = expr_suffixes[k];
		return row;
	}
	return NULL;
}

static int
expr_unknown(
    struct expr_cur *c, size_t at, const char *what, struct sv name, bool conv)
{
	const char *names[EXPR_NAMES_MAX], *near;
	int total = conv ? conv_tbl_count : fetch_tbl_count, k;
	char *word = sv_dup(name);

	if (total > EXPR_NAMES_MAX)
		total = EXPR_NAMES_MAX;
	for (k = 0; k < total; k++)
		names[k] = conv ? conv_tbl[k].name : fetch_tbl[k].name;
	near = conf_nearest(word, names, total);
	if (near)
		word_error(c->cp, c->word, at,
		    "unknown %s '%s'; did you mean '%s' maybe?", what, word,
		    near);
	else
		word_error(c->cp, c->word, at, "unknown %s '%s'", what, word);
	free(word);
	return -WSE_SYNTAX;
}

/* What sample_cast() in worker/rules can do. */
static bool
expr_can_cast(enum sample_type from, enum sample_type to)
{
	static const bool can[SMP_TYPE_N][SMP_TYPE_N] = {
		[SMP_BOOL] = { 1, 1, 0, 1, 0, 0, 1 },
		[SMP_SINT] = { 1, 1, 0, 1, 1, 0, 1 },
		[SMP_ADDR] = { 0, 1, 1, 1, 1, 0, 1 },
		[SMP_STR] = { 1, 1, 1, 1, 1, 1, 1 },
		[SMP_BIN] = { 0, 1, 0, 1, 1, 0, 1 },
		[SMP_METH] = { 0, 0, 0, 1, 1, 1, 1 },
		[SMP_ANY] = { 1, 1, 1, 1, 1, 1, 1 },
	};

	return can[from][to];
}

static int
expr_take_conv(struct expr_cur *c, struct expr *e, struct expr_conv ***tail)
{
	size_t at = c->at;
	struct sv name = expr_take_name(c);
	struct expr_conv *conv;
	int k;

	if (name.n == 0)
		return word_error(
		    c->cp, c->word, at, "expected a converter after ','");
	for (k = 0; k < conv_tbl_count; k++) {
		if (sv_eq(name, sv_str(conv_tbl[k].name)))
			break;
	}
	if (k == conv_tbl_count)
		return expr_unknown(c, at, "converter", name, true);
	if (!expr_can_cast(e->type, conv_tbl[k].in))
		return word_error(c->cp, c->word, at,
		    "converter '%s' cannot be applied here", conv_tbl[k].name);
	conv = mem_alloc(sizeof(*conv));
	conv->row = &conv_tbl[k];
	**tail = conv;
	*tail = &conv->next;
	if (conv->row->out != SMP_ANY)
		e->type = conv->row->out;
	return expr_take_args(
	    c, conv->row->name, conv->row->args, conv->arg, &conv->argc);
}

static int
expr_take_fetch(struct expr_cur *c, struct expr *e, const char **suffix_r)
{
	size_t at = c->at;
	struct sv name = expr_take_name(c);

	if (name.n == 0)
		return word_error(
		    c->cp, c->word, at, "expected a sample fetch");
	e->fetch = expr_find_fetch(name);
	if (!e->fetch && suffix_r)
		e->fetch = expr_find_derived(name, suffix_r);
	if (!e->fetch)
		return expr_unknown(c, at, "sample fetch", name, false);
	e->type = e->fetch->type;
	if (!suffix_r && !expr_is_available(e->fetch->when, c->when))
		return word_error(c->cp, c->word, at,
		    "sample fetch '%s' needs %s, which is not available here",
		    e->fetch->name, expr_need_text(e->fetch->when, c->when));
	return expr_take_args(
	    c, e->fetch->name, e->fetch->args, e->arg, &e->argc);
}

int
expr_parse_at(struct conf_parse *cp, int i, const char *text, size_t off,
    unsigned when, struct expr **e_r, size_t *end_r, const char **suffix_r)
{
	struct expr_cur c = { cp, i, text, off, when };
	struct expr *e = mem_alloc(sizeof(*e));
	struct expr_conv **tail = &e->convs;
	int rc;

	*e_r = NULL;
	if (suffix_r)
		*suffix_r = NULL;
	rc = expr_take_fetch(&c, e, suffix_r);
	while (rc == 0 && c.text[c.at] == ',') {
		c.at++;
		rc = expr_take_conv(&c, e, &tail);
	}
	*end_r = c.at;
	if (rc < 0) {
		expr_free(&e);
		return rc;
	}
	e->text = sv_dup(sv_of(text + off, c.at - off));
	*e_r = e;
	return 0;
}

int
expr_parse(struct conf_parse *cp, int i, unsigned when, struct expr **e_r)
{
	const char *text;
	size_t end;

	*e_r = NULL;
	if (i >= cp->ln->count)
		return conf_error(cp, i, "expected a sample expression");
	text = cp->ln->word[i].s;
	if (expr_parse_at(cp, i, text, 0, when, e_r, &end, NULL) < 0)
		return -WSE_SYNTAX;
	if (!text[end])
		return 0;
	expr_free(e_r);
	return word_error(
	    cp, i, end, "unexpected '%s' after the expression", text + end);
}

void
expr_free(struct expr **e)
{
	struct expr_conv *conv;

	if (!*e)
		return;
	expr_free_args((*e)->arg, (*e)->argc);
	while ((conv = (*e)->convs)) {
		(*e)->convs = conv->next;
		expr_free_args(conv->arg, conv->argc);
		free(conv);
	}
	free((*e)->text);
	free(*e);
	*e = NULL;
}
