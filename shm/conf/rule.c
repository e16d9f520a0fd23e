/* SPDX-License-Identifier: MIT */
/*
 * Parser of rules: an action with its arguments and a condition.
 */
#include "shm/conf/rule.h"

#include <stdlib.h>

#include "shm/base/mem.h"
#include "shm/conf/action.h"

enum { RULE_NAMES_MAX = 64 };

/* Known to HAProxy, not to us. */
static const char *const rule_unsupported[] = { "add-acl", "auth",
	"cache-store", "cache-use", "del-acl", "del-map", "disable-l7-retry",
	"do-resolve", "early-hint", "normalize-uri", "return-status",
	"sc-add-gpc", "sc-inc-gpc", "sc-inc-gpc0", "sc-inc-gpc1", "sc-set-gpt",
	"sc-set-gpt0", "send-spoe-group", "set-map", "set-mark", "set-nice",
	"set-priority-class", "set-priority-offset", "set-src", "set-src-port",
	"set-timeout", "set-tos", "silent-drop", "strict-mode", "tarpit",
	"track-sc0", "track-sc1", "track-sc2", "wait-for-body",
	"wait-for-handshake", NULL };

/* "lua.x", "set-var(x)" are found by what comes before '.' and '('. */
static const struct action_row *
rule_find_action(struct sv name, enum rule_set set)
{
	int k;

	for (k = 0; k < action_tbl_count; k++) {
		if (sv_eq(name, sv_str(action_tbl[k].name)) &&
		    (action_tbl[k].sets & (1u << set)))
			return &action_tbl[k];
	}
	return NULL;
}

static int
rule_unknown_action(struct conf_parse *cp, int i, enum rule_set set)
{
	const char *names[RULE_NAMES_MAX], *near, *w = cp->ln->word[i].s;
	int n = 0, k;

	for (k = 0; rule_unsupported[k]; k++) {
		if (strcmp(w, rule_unsupported[k]) == 0)
			return conf_error(cp, i,
			    "action '%s' is not supported; instead of "
			    "holding or marking clients use 'deny', 'reject' "
			    "or 'set-var'",
			    w);
	}
	for (k = 0; k < action_tbl_count && n < RULE_NAMES_MAX; k++) {
		if (action_tbl[k].sets & (1u << set))
			names[n++] = action_tbl[k].name;
	}
	near = conf_nearest(w, names, n);
	if (near)
		return conf_error(cp, i,
		    "unknown action '%s'; did you mean '%s' maybe?", w, near);
	return conf_error(cp, i, "unknown action '%s'", w);
}

static void
rule_free(struct rule **r)
{
	if (!*r)
		return;
	action_args_free(&(*r)->args);
	cond_free(&(*r)->cond);
	free(*r);
	*r = NULL;
}

void
rule_list_free(struct rule_list *l)
{
	struct rule *r;

	while ((r = l->head)) {
		l->head = r->next;
		rule_free(&r);
	}
	l->tail = NULL;
}

static void
rule_append(struct rule_list *l, struct rule *r)
{
	if (!l->head || !l->tail)
		l->tail = &l->head;
	*l->tail = r;
	l->tail = &r->next;
}

/* use_backend NAME|FMT, use-server NAME|FMT */
static int
rule_parse_target(struct conf_parse *cp, int *i, struct rule *r)
{
	int at = (*i)++;

	if (at >= cp->ln->count)
		return conf_error(cp, at, "missing name");
	r->args->name = mem_strdup(cp->ln->word[at].s);
	if (!strchr(r->args->name, '%'))
		return 0;
	return logfmt_parse_word(
	    cp, at, LOGFMT_VALUE, FETCH_AT_REQUEST, "name", &r->args->fmt);
}

static int
rule_parse_action(
    struct conf_parse *cp, int *i, enum rule_set set, struct rule *r)
{
	const struct action_row *row;
	const char *w;

	if (set == RULES_USE_BACKEND || set == RULES_USE_SERVER) {
		r->act =
		    set == RULES_USE_BACKEND ? ACT_USE_BACKEND : ACT_USE_SERVER;
		return rule_parse_target(cp, i, r);
	}
	if (*i >= cp->ln->count)
		return conf_error(cp, *i, "missing action");
	w = cp->ln->word[*i].s;
	row = rule_find_action(sv_of(w, strcspn(w, "(")), set);
	if (!row)
		return rule_unknown_action(cp, *i, set);
	r->act = row->act;
	(*i)++;
	return row->parse(cp, i, set, r);
}

int
rule_parse(struct conf_parse *cp, enum rule_set set)
{
	const struct conf_line *ln = cp->ln;
	struct rule *r = mem_alloc(sizeof(*r));
	int i = strcmp(ln->word[0].s, "redirect") == 0 ? 0 : 1, rc;

	r->args = mem_alloc(sizeof(*r->args));
	r->file = ln->file;
	r->line = ln->line;
	rc = rule_parse_action(cp, &i, set, r);
	if (rc == 0)
		rc = cond_parse(cp, i, action_when(set), &r->cond);
	if (rc < 0) {
		rule_free(&r);
		return -WSE_SYNTAX;
	}
	rule_append(&cp->px->rules[set], r);
	return 0;
}

/* Name of a backend or server of a rule to the thing itself. */
static int
rule_resolve(struct conf_parse *cp, struct proxy *px, struct rule *r)
{
	struct action_args *a = r->args;

	if (r->act == ACT_USE_BACKEND && !a->fmt) {
		a->be = conf_find_proxy(cp->conf, a->name, PX_BACKEND);
		if (!a->be)
			return conf_error_at(cp, r->file, r->line,
			    "proxy '%s': unable to find backend '%s'", px->name,
			    a->name);
	}
	if (r->act == ACT_USE_SERVER && !a->fmt) {
		a->srv = conf_find_server(px, a->name);
		if (!a->srv)
			return conf_error_at(cp, r->file, r->line,
			    "backend '%s': unable to find server '%s'",
			    px->name, a->name);
	}
	return 0;
}

int
rule_finish(struct conf_parse *cp, struct proxy *px)
{
	struct rule *r;
	int set, rc = 0;

	for (set = 0; set < RULES_N; set++) {
		for (r = px->rules[set].head; r; r = r->next)
			rc |= rule_resolve(cp, px, r);
	}
	return rc ? -WSE_SYNTAX : 0;
}
