/* SPDX-License-Identifier: MIT */
/*
 * Parser of conditions: if|unless, implicit AND, or, ||, !, { ... }.
 */
#include <stdlib.h>

#include "shm/base/mem.h"
#include "shm/conf/acl.h"
#include "shm/conf/word_err.h"

enum { COND_OR_MAX = 128, COND_NAMES_MAX = 256 };

static bool
cond_is_or(const struct conf_word *w)
{
	return !w->quoted &&
	    (strcmp(w->s, "or") == 0 || strcmp(w->s, "OR") == 0 ||
		strcmp(w->s, "||") == 0);
}

static int
cond_unknown(struct conf_parse *cp, int i, size_t off, const char *name)
{
	const char *names[COND_NAMES_MAX], *near;
	int n = acl_names(cp->px, names, COND_NAMES_MAX);

	near = conf_nearest(name, names, n);
	if (near)
		return word_error(cp, i, off,
		    "no such ACL: '%s'; did you mean '%s' maybe?", name, near);
	return word_error(cp, i, off, "no such ACL: '%s'", name);
}

/* What an alternative cannot have here will never match. */
static void
cond_check(struct conf_parse *cp, int i, const struct acl *a, unsigned when,
    unsigned *need_r)
{
	for (; a; a = a->alt) {
		unsigned need = a->expr->fetch->when;

		*need_r |= need;
		if (!expr_is_available(need, when))
			conf_warn(cp, i,
			    "ACL '%s' will never match here, because '%s' "
			    "needs %s",
			    a->name ? a->name : "{ ... }", a->expr->fetch->name,
			    expr_need_text(need, when));
	}
}

/* One [!]NAME or [!] { ... } at word *i. */
static int
cond_term_parse(struct conf_parse *cp, int *i, unsigned when,
    struct cond_term **t_r, unsigned *need_r)
{
	const struct conf_line *ln = cp->ln;
	struct cond_term *t = mem_alloc(sizeof(*t));
	const char *w = ln->word[*i].s;
	int first = *i;

	*t_r = t; /* in the list even if wrong, to be freed with it */
	while (*w == '!') {
		t->negated = !t->negated;
		if (*++w == '\0' && ++*i < ln->count)
			w = ln->word[*i].s;
	}
	if (*i >= ln->count)
		return conf_error(cp, *i, "expected an ACL after '!'");
	if (strcmp(w, "{") == 0) {
		int end;

		t->anonymous = true;
		if (acl_parse_body(cp, *i + 1, true, &t->acl, &end) < 0)
			return -WSE_SYNTAX;
		if (end >= ln->count)
			return conf_error(
			    cp, *i, "missing closing '}' of this '{'");
		*i = end + 1;
	} else {
		if (cond_is_or(&ln->word[*i]))
			return conf_error(cp, *i, "expected an ACL");
		t->acl = acl_find(cp->px, w);
		if (!t->acl)
			return cond_unknown(
			    cp, *i, (size_t)(w - ln->word[*i].s), w);
		(*i)++;
	}
	cond_check(cp, first, t->acl, when, need_r);
	return 0;
}

static int
cond_parse_terms(struct conf_parse *cp, int i, unsigned when, struct cond *c)
{
	const struct conf_line *ln = cp->ln;
	struct cond_term **tail = &c->or_terms[0];
	int rc;

	c->or_count = 1;
	while (i < ln->count) {
		if (cond_is_or(&ln->word[i])) {
			if (!c->or_terms[c->or_count - 1])
				return conf_error(cp, i, "expected an ACL");
			if (c->or_count == COND_OR_MAX)
				return conf_error(cp, i,
				    "more than %d alternatives", COND_OR_MAX);
			tail = &c->or_terms[c->or_count++];
			i++;
			continue;
		}
		rc = cond_term_parse(cp, &i, when, tail, &c->when);
		if (rc < 0)
			return rc;
		tail = &(*tail)->next;
	}
	if (!c->or_terms[c->or_count - 1])
		return conf_error(cp, ln->count, "expected an ACL");
	return 0;
}

int
cond_parse(struct conf_parse *cp, int i, unsigned when, struct cond **c_r)
{
	const struct conf_line *ln = cp->ln;
	struct cond *c;

	*c_r = NULL;
	if (i >= ln->count)
		return 0;
	if (strcmp(ln->word[i].s, "if") != 0 &&
	    strcmp(ln->word[i].s, "unless") != 0)
		return conf_error(cp, i,
		    "unexpected '%s', expected 'if' or 'unless' and a "
		    "condition",
		    ln->word[i].s);
	c = mem_alloc(sizeof(*c));
	c->unless = ln->word[i].s[0] == 'u';
	c->or_terms = mem_alloc(COND_OR_MAX * sizeof(*c->or_terms));
	if (cond_parse_terms(cp, i + 1, when, c) < 0) {
		cond_free(&c);
		return -WSE_SYNTAX;
	}
	*c_r = c;
	return 0;
}

void
cond_free(struct cond **c)
{
	struct cond_term *t;
	int k;

	if (!*c)
		return;
	for (k = 0; k < (*c)->or_count; k++) {
		while ((t = (*c)->or_terms[k])) {
			(*c)->or_terms[k] = t->next;
			if (t->anonymous)
				acl_free(&t->acl);
			free(t);
		}
	}
	free((*c)->or_terms);
	free(*c);
	*c = NULL;
}
