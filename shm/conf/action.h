/* SPDX-License-Identifier: MIT */
/*
 * Parsers of single actions; rows of action_tbl name them.  Each reads its
 * words from *word on, leaves *word at the first it does not know, and fills
 * r->args, which the caller frees whatever comes back.
 */
#ifndef SHM_CONF_ACTION_H
#define SHM_CONF_ACTION_H

#include "shm/conf/rule_args.h"

/* FETCH_AT_* of a rule set. */
unsigned action_when(enum rule_set set);
/* Message unless word i names a header field (RFC 9110 5.6.2 token). */
MUST_USE int action_check_header(struct conf_parse *cp, int i);
void action_args_free(struct action_args **a);

/* No arguments: allow, reject. */
int action_parse_none(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r);
/* set-header NAME FMT, add-header NAME FMT */
int action_parse_header(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r);
/* del-header NAME [-m METHOD] */
int action_parse_del_header(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r);
/* replace-header NAME REGEX FMT, replace-value NAME REGEX FMT */
int action_parse_replace_header(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r);
/* replace-path REGEX FMT, replace-pathq, replace-uri */
int action_parse_replace(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r);
/* set-method FMT, set-path FMT, set-pathq FMT, set-query FMT, set-uri FMT */
int action_parse_fmt(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r);
/* set-status CODE [reason TEXT] */
int action_parse_status(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r);
/* use-service NAME */
int action_parse_service(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r);
/* set-log-level LEVEL */
int action_parse_log_level(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r);
/* set-dst EXPR, set-src EXPR, set-dst-port EXPR, set-src-port EXPR */
int action_parse_expr(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r);
/* set-var(NAME) EXPR, set-var-fmt(NAME) FMT, unset-var(NAME) */
int action_parse_var(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r);
/* capture EXPR len N | id N */
int action_parse_capture(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r);
/* return ..., deny ... */
int action_parse_reply(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r);
/* redirect location|prefix|scheme FMT ... */
int action_parse_redirect(
    struct conf_parse *cp, int *word, enum rule_set set, struct rule *r);
void reply_args_free(struct reply_args **a);
void redirect_args_free(struct redirect_args **a);

#endif
