/* SPDX-License-Identifier: MIT */
/*
 * Parser of redirect.
 */
#include <stdlib.h>

#include "shm/base/mem.h"
#include "shm/conf/action.h"
#include "shm/conf/word_err.h"

static int
redirect_take_code(struct conf_parse *cp, int i, struct redirect_args *a)
{
	uint64_t code = 0;

	if (i < cp->ln->count &&
	    sv_to_u64(sv_str(cp->ln->word[i].s), &code) == 0 &&
	    ((code >= 301 && code <= 303) || code == 307 || code == 308)) {
		a->code = (uint16_t)code;
		return 0;
	}
	return conf_error(cp, i, "expected a code: 301, 302, 303, 307 or 308");
}

static int
redirect_take_cookie(
    struct conf_parse *cp, int i, bool set, struct redirect_args *a)
{
	const char *w;
	struct sv name;

	if (i >= cp->ln->count)
		return conf_error(cp, i, "missing cookie name");
	if (word_check_text(cp, i, "cookie") < 0)
		return -WSE_SYNTAX;
	w = cp->ln->word[i].s;
	name = sv_of(w, strcspn(w, "="));
	if (name.n == 0 || strchr(w, ';'))
		return conf_error(cp, i, "invalid cookie '%s'", w);
	free(a->cookie);
	if (set)
		a->cookie = mem_printf("%s; path=/;", w);
	else
		a->cookie = mem_printf(
		    "%s%s; path=/; Max-Age=0;", w, w[name.n] ? "" : "=");
	return 0;
}

/* One option at word *i; 1: none. */
static int
redirect_take_option(struct conf_parse *cp, int *i, struct redirect_args *a)
{
	const char *w = cp->ln->word[*i].s;
	int at = (*i)++;

	if (strcmp(w, "drop-query") == 0) {
		a->drop_query = true;
	} else if (strcmp(w, "append-slash") == 0) {
		a->append_slash = true;
	} else if (strcmp(w, "ignore-empty") == 0) {
		a->ignore_empty = true;
	} else if (strcmp(w, "code") == 0) {
		return redirect_take_code(cp, (*i)++, a);
	} else if (strcmp(w, "set-cookie") == 0) {
		return redirect_take_cookie(cp, (*i)++, true, a);
	} else if (strcmp(w, "clear-cookie") == 0) {
		return redirect_take_cookie(cp, (*i)++, false, a);
	} else {
		*i = at;
		return 1;
	}
	return 0;
}

/* "location", "to", "prefix" or "scheme" at word i, its value behind. */
static int
redirect_take_target(
    struct conf_parse *cp, int i, enum rule_set set, struct redirect_args *a)
{
	const char *w = i < cp->ln->count ? cp->ln->word[i].s : "";

	if (strcmp(w, "location") == 0)
		a->kind = REDIRECT_LOCATION;
	else if (strcmp(w, "prefix") == 0)
		a->kind = REDIRECT_PREFIX;
	else if (strcmp(w, "scheme") == 0)
		a->kind = REDIRECT_SCHEME;
	else
		return conf_error(cp, i,
		    "expected 'location', 'prefix' or 'scheme' and a value");
	return logfmt_parse_word(
	    cp, i + 1, LOGFMT_HTTP, action_when(set), "target", &a->to);
}

static bool
redirect_is_target(const char *w)
{
	return strcmp(w, "location") == 0 || strcmp(w, "prefix") == 0 ||
	    strcmp(w, "scheme") == 0;
}

int
action_parse_redirect(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r)
{
	struct redirect_args *a = mem_alloc(sizeof(*a));
	int rc = 0;

	r->args->redirect = a;
	a->code = 302;
	while (*word < cp->ln->count && rc == 0) {
		rc = redirect_take_option(cp, word, a);
		if (rc == 1 && !a->to &&
		    redirect_is_target(cp->ln->word[*word].s)) {
			rc = redirect_take_target(cp, *word, set, a);
			*word += 2;
		}
	}
	if (rc < 0)
		return rc;
	return a->to ? 0 : redirect_take_target(cp, *word, set, a);
}

void
redirect_args_free(struct redirect_args **a)
{
	if (!*a)
		return;
	logfmt_free(&(*a)->to);
	free((*a)->cookie);
	free(*a);
	*a = NULL;
}
