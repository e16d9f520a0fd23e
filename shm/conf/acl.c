/* SPDX-License-Identifier: MIT */
/*
 * Parser of ACLs: expression, flags, patterns.
 */
#include "shm/conf/acl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "shm/base/mem.h"
#include "shm/conf/acl_pattern.h"
#include "shm/conf/word_err.h"

/* What parsing one ACL collects. */
struct acl_parse_state {
	struct conf_parse *cp;
	struct acl *acl;
	struct acl_pattern **tail;
	char op[3];     /* operator of integer methods at hand */
	bool has_match; /* the word (path_beg) or -m says how to match */
	bool dashes;    /* "--": patterns only, and none is fine */
};

static int
acl_add_pattern(struct acl_parse_state *st, int i, const char *text,
    const char *file, int line)
{
	struct acl_pattern *p;
	char err[512];

	if (acl_pattern_new(text, st->acl->match, st->acl->icase, st->op, &p,
		err, sizeof(err)) < 0) {
		if (file)
			return conf_error(
			    st->cp, i, "%s:%d: %s", file, line, err);
		return conf_error(st->cp, i, "%s", err);
	}
	if (p) {
		*st->tail = p;
		st->tail = &p->next;
	}
	return 0;
}

/* -f FILE: a pattern a line, blanks around and lines with # left out. */
static int
acl_read_file(struct acl_parse_state *st, int i)
{
	const char *path = st->cp->ln->word[i].s;
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	int number = 0, rc = 0;

	if (!f)
		return conf_error(
		    st->cp, i, "cannot open '%s': %s", path, strerror(errno));
	while ((n = getline(&line, &room, f)) >= 0) {
		struct sv s;
		char *text;

		number++;
		while (n > 0 && strchr("\r\n", line[n - 1]))
			n--;
		s = sv_trim(sv_of(line, (size_t)n));
		if (s.n == 0 || s.p[0] == '#')
			continue;
		text = sv_dup(s);
		rc |= acl_add_pattern(st, i, text, path, number);
		free(text);
	}
	free(line);
	fclose(f);
	return rc ? -WSE_SYNTAX : 0;
}

static const enum acl_match match_of_type[SMP_TYPE_N] = {
	[SMP_BOOL] = ACL_BOOL,
	[SMP_SINT] = ACL_INT,
	[SMP_ADDR] = ACL_IP,
	[SMP_STR] = ACL_STR,
	[SMP_BIN] = ACL_STR,
	[SMP_METH] = ACL_METH,
	[SMP_ANY] = ACL_STR,
};

/* The first word: "path_beg,lower" and what follows from it. */
static int
acl_parse_expr(struct acl_parse_state *st, int i)
{
	struct acl *a = st->acl;
	const char *suffix = NULL;
	const char *text;
	size_t end;
	int match;

	if (i >= st->cp->ln->count)
		return conf_error(st->cp, i, "expected a sample expression");
	text = st->cp->ln->word[i].s;
	if (expr_parse_at(st->cp, i, text, 0, 0, &a->expr, &end, &suffix) < 0)
		return -WSE_SYNTAX;
	if (text[end])
		return word_error(st->cp, i, end,
		    "unexpected '%s' after the expression", text + end);
	a->match = match_of_type[a->expr->type];
	if (suffix && !a->expr->convs) {
		match = acl_match_parse(suffix + 1);
		a->match = (enum acl_match)match;
		st->has_match = true;
	}
	return 0;
}

/* A flag at word *i; *i moves on. 1: no flag. */
static int
acl_parse_flag(struct acl_parse_state *st, int *i)
{
	const struct conf_line *ln = st->cp->ln;
	const char *w = ln->word[*i].s;
	int match;

	if (strcmp(w, "-i") == 0) {
		st->acl->icase = true;
	} else if (strcmp(w, "-n") == 0) {
		/* Patterns are never resolved by name. */
	} else if (strcmp(w, "-u") == 0) {
		(*i)++;
	} else if (strcmp(w, "-m") == 0) {
		if (++(*i) >= ln->count)
			return conf_error(
			    st->cp, *i, "'-m' needs a match method");
		match = acl_match_parse(ln->word[*i].s);
		if (match < 0)
			return conf_error(st->cp, *i,
			    "unknown match method '%s', expected found, bool, "
			    "int, ip, str, bin, beg, end, sub, dir, dom, reg "
			    "or len",
			    ln->word[*i].s);
		st->acl->match = (enum acl_match)match;
		st->has_match = true;
	} else if (strcmp(w, "--") == 0) {
		st->dashes = true;
	} else if (w[0] == '-' && w[1] && !w[2] && strchr("Mf", w[1])) {
		return w[1] == 'f' ? 1
				   : conf_error(st->cp, *i,
					 "'-M' (maps) is not supported; "
					 "instead use -f with one file per "
					 "value");
	} else if (w[0] == '-' && (w[1] < '0' || w[1] > '9') && w[1]) {
		return conf_error(st->cp, *i,
		    "unknown ACL flag '%s', expected -f, -i, -m, -n or --", w);
	} else {
		return 1;
	}
	(*i)++;
	return 0;
}

/* Flags, files and patterns up to the end; *end_r as acl_parse_body(). */
static int
acl_parse_words(struct acl_parse_state *st, int i, bool anonymous, int *end_r)
{
	const struct conf_line *ln = st->cp->ln;
	bool has_file = false, patterns = false;
	int rc = 0;

	for (; i < ln->count; i++) {
		const char *w = ln->word[i].s;
		int flag;

		if (anonymous && !ln->word[i].quoted && strcmp(w, "}") == 0)
			break;
		if (!patterns && !st->dashes) {
			flag = acl_parse_flag(st, &i);
			if (flag < 0)
				return flag;
			if (flag == 0) {
				i--;
				continue;
			}
			if (strcmp(w, "-f") == 0) {
				has_file = true;
				if (++i >= ln->count)
					return conf_error(
					    st->cp, i, "'-f' needs a file");
				rc |= acl_read_file(st, i);
				continue;
			}
		}
		patterns = true;
		rc |= acl_add_pattern(st, i, w, NULL, 0);
	}
	*end_r = i;
	if (rc)
		return -WSE_SYNTAX;
	if (!st->acl->patterns && !has_file && !st->dashes &&
	    st->acl->match != ACL_BOOL && st->acl->match != ACL_FOUND)
		conf_warn(st->cp, i - 1,
		    "no pattern to match against was given, so this ACL will "
		    "never match; use '-m found' to test for existence, or "
		    "'--' if this is meant");
	return 0;
}

int
acl_parse_body(
    struct conf_parse *cp, int i, bool anonymous, struct acl **a_r, int *end_r)
{
	struct acl_parse_state st = { .cp = cp, .op = "eq" };
	struct acl *a = mem_alloc(sizeof(*a));

	*a_r = NULL;
	st.acl = a;
	st.tail = &a->patterns;
	if (acl_parse_expr(&st, i) < 0 ||
	    acl_parse_words(&st, i + 1, anonymous, end_r) < 0) {
		acl_free(&a);
		return -WSE_SYNTAX;
	}
	if (a->expr->type == SMP_BIN && !st.has_match && a->patterns)
		conf_warn(cp, i,
		    "'%s' gives binary data; say how to match with -m",
		    a->expr->text);
	acl_set_build(a);
	*a_r = a;
	return 0;
}

int
acl_parse(struct conf_parse *cp)
{
	const struct conf_line *ln = cp->ln;
	struct acl *a, *same, **tail;
	const char *bad;
	int end;

	if (ln->count < 3)
		return conf_error(cp, ln->count,
		    "'acl' expects a name, a sample expression and patterns");
	bad = ln->word[1].s +
	    strspn(ln->word[1].s,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789_.:-");
	if (*bad)
		return conf_error(cp, 1,
		    "character '%c' is not permitted in ACL name '%s'", *bad,
		    ln->word[1].s);
	if (strcmp(ln->word[1].s, "or") == 0 ||
	    strcmp(ln->word[1].s, "OR") == 0)
		return conf_error(cp, 1,
		    "'or' and '||' join conditions and cannot name an ACL");
	if (acl_parse_body(cp, 2, false, &a, &end) < 0)
		return -WSE_SYNTAX;
	a->name = mem_strdup(ln->word[1].s);
	for (tail = &cp->px->acls; *tail; tail = &(*tail)->next)
		;
	*tail = a;
	for (same = cp->px->acls; same != a; same = same->next) {
		if (strcmp(same->name, a->name) == 0 && !same->alt) {
			same->alt = a;
			break;
		}
	}
	return 0;
}

void
acl_free(struct acl **a)
{
	if (!*a)
		return;
	free((*a)->name);
	expr_free(&(*a)->expr);
	acl_pattern_list_free(&(*a)->patterns);
	if ((*a)->set) {
		free((void *)(uintptr_t)(*a)->set->slot);
		free((*a)->set);
	}
	free(*a);
	*a = NULL;
}

void
acl_list_free(struct acl **a)
{
	struct acl *one;

	while ((one = *a)) {
		*a = one->next;
		acl_free(&one);
	}
}
