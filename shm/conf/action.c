/* SPDX-License-Identifier: MIT */
/*
 * Parsers of the small actions, and of the parts they share.
 */
#include "shm/conf/action.h"

#include <ctype.h>
#include <stdlib.h>

#include "shm/base/mem.h"
#include "shm/conf/acl_pattern.h"
#include "shm/conf/regx.h"
#include "shm/conf/word_err.h"

unsigned
action_when(enum rule_set set)
{
	if (set == RULES_HTTP_RESPONSE || set == RULES_HTTP_AFTER_RESPONSE)
		return FETCH_AT_RESPONSE;
	return FETCH_AT_REQUEST;
}

int
action_check_header(struct conf_parse *cp, int i)
{
	const char *name, *p;

	if (i >= cp->ln->count)
		return conf_error(cp, i, "missing header name");
	name = cp->ln->word[i].s;
	for (p = name; *p; p++) {
		if (!isalnum((unsigned char)*p) &&
		    !strchr("!#$%&'*+-.^_`|~", *p))
			return word_error(cp, i, (size_t)(p - name),
			    "character '%c' is not permitted in header name "
			    "'%s'",
			    *p, name);
	}
	if (p == name)
		return conf_error(cp, i, "empty header name");
	if (strcasecmp(name, "content-length") == 0 ||
	    strcasecmp(name, "transfer-encoding") == 0)
		return conf_error(cp, i,
		    "header '%s' frames the message and cannot be changed by "
		    "rules",
		    name);
	return 0;
}

void
action_args_free(struct action_args **a)
{
	struct action_args *one = *a;

	if (!one)
		return;
	free(one->name);
	logfmt_free(&one->fmt);
	expr_free(&one->expr);
	regx_free(&one->re);
	free(one->reason);
	reply_args_free(&one->reply);
	redirect_args_free(&one->redirect);
	free(one);
	*a = NULL;
}

int
action_parse_none(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r)
{
	(void)cp;
	(void)word;
	(void)set;
	(void)r;
	return 0;
}

int
action_parse_header(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r)
{
	int i = *word;

	if (action_check_header(cp, i) < 0)
		return -WSE_SYNTAX;
	r->args->name = mem_strdup(cp->ln->word[i].s);
	*word = i + 2;
	return logfmt_parse_word(cp, i + 1, LOGFMT_HTTP, action_when(set),
	    "header value", &r->args->fmt);
}

/* A word as a regular expression. */
static int
action_take_regex(struct conf_parse *cp, int i, struct regx **re)
{
	char err[512];

	if (i >= cp->ln->count)
		return conf_error(cp, i, "missing regular expression");
	if (regx_new(cp->ln->word[i].s, false, re, err, sizeof(err)) < 0)
		return conf_error(cp, i, "%s", err);
	return 0;
}

int
action_parse_del_header(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r)
{
	const struct conf_line *ln = cp->ln;
	int i = *word, match = ACL_STR;

	(void)set;
	if (i >= ln->count)
		return conf_error(cp, i, "missing header name");
	r->args->name = mem_strdup(ln->word[i].s);
	*word = i + 1;
	if (i + 1 < ln->count && strcmp(ln->word[i + 1].s, "-m") == 0) {
		*word = i + 3;
		if (i + 2 >= ln->count)
			return conf_error(
			    cp, i + 2, "'-m' needs a match method");
		match = acl_match_parse(ln->word[i + 2].s);
		if (match != ACL_STR && match != ACL_BEG && match != ACL_END &&
		    match != ACL_SUB && match != ACL_REG)
			return conf_error(cp, i + 2,
			    "'%s' is no match method of del-header, expected "
			    "str, beg, end, sub or reg",
			    ln->word[i + 2].s);
	}
	r->args->match = (enum acl_match)match;
	if (match == ACL_REG)
		return action_take_regex(cp, i, &r->args->re);
	return match == ACL_STR ? action_check_header(cp, i) : 0;
}

int
action_parse_replace_header(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r)
{
	int i = *word;

	if (action_check_header(cp, i) < 0)
		return -WSE_SYNTAX;
	r->args->name = mem_strdup(cp->ln->word[i].s);
	*word = i + 1;
	return action_parse_replace(cp, word, set, r);
}

int
action_parse_replace(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r)
{
	int i = *word;

	*word = i + 2;
	if (action_take_regex(cp, i, &r->args->re) < 0)
		return -WSE_SYNTAX;
	return logfmt_parse_word(cp, i + 1, LOGFMT_HTTP, action_when(set),
	    "replacement", &r->args->fmt);
}

int
action_parse_fmt(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r)
{
	return logfmt_parse_word(cp, (*word)++, LOGFMT_HTTP, action_when(set),
	    "value", &r->args->fmt);
}

int
action_parse_status(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r)
{
	const struct conf_line *ln = cp->ln;
	int i = *word;
	uint64_t code;

	(void)set;
	if (i >= ln->count || sv_to_u64(sv_str(ln->word[i].s), &code) < 0 ||
	    code < 100 || code > 999)
		return conf_error(cp, i, "expected a status from 100 to 999");
	r->args->number = (int)code;
	*word = i + 1;
	if (i + 1 >= ln->count || strcmp(ln->word[i + 1].s, "reason") != 0)
		return 0;
	if (i + 2 >= ln->count)
		return conf_error(cp, i + 2, "missing reason");
	if (word_check_text(cp, i + 2, "reason") < 0)
		return -WSE_SYNTAX;
	r->args->reason = mem_strdup(ln->word[i + 2].s);
	*word = i + 3;
	return 0;
}

int
action_parse_log_level(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r)
{
	int i = *word;
	const char *w = i < cp->ln->count ? cp->ln->word[i].s : "";

	(void)set;
	*word = i + 1;
	if (strcmp(w, "silent") == 0) {
		r->args->number = ACT_LOG_SILENT;
		return 0;
	}
	r->args->number = log_level_parse(sv_str(w));
	if (r->args->number >= 0)
		return 0;
	return conf_error(cp, i,
	    "expected a log level: silent, emerg, alert, crit, err, warning, "
	    "notice, info or debug");
}

int
action_parse_service(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r)
{
	int i = (*word)++;

	(void)set;
	(void)r;
	if (i < cp->ln->count &&
	    strcmp(cp->ln->word[i].s, "prometheus-exporter") == 0)
		return 0;
	return conf_error(
	    cp, i, "'use-service': the only service is 'prometheus-exporter'");
}

int
action_parse_expr(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r)
{
	return expr_parse(cp, (*word)++, action_when(set), &r->args->expr);
}

int
action_parse_var(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r)
{
	struct action_args *a = r->args;
	int i = *word - 1; /* "set-var(NAME)" is one word */
	const char *w = cp->ln->word[i].s;
	const char *open = strchr(w, '(');
	size_t n = open ? strcspn(open + 1, "),") : 0;
	unsigned when = action_when(set);

	if (!open || open[1 + n] != ')' || open[2 + n])
		return conf_error(cp, i,
		    "expected a variable in parentheses, such as "
		    "'%.*s(txn.name)'",
		    (int)(open ? open - w : (long)strlen(w)), w);
	a->name = sv_dup(sv_of(open + 1, n));
	if (expr_parse_var(sv_str(a->name), &a->scope, &a->var) < 0)
		return word_error(cp, i, (size_t)(open + 1 - w),
		    "invalid variable name '%s', expected proc., sess., txn., "
		    "req. or res. and a name of letters, digits, '_' and '.'",
		    a->name);
	if (r->act == ACT_UNSET_VAR)
		return 0;
	(*word)++;
	if (strncmp(w, "set-var-fmt", 11) == 0)
		return logfmt_parse_word(
		    cp, i + 1, LOGFMT_VALUE, when, "format", &a->fmt);
	return expr_parse(cp, i + 1, when, &a->expr);
}
