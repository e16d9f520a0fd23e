/* SPDX-License-Identifier: MIT */
/*
 * What single actions do; rules_run() calls them.
 */
#ifndef WORKER_RULES_ACT_H
#define WORKER_RULES_ACT_H

#include "shm/conf/rule_args.h"
#include "worker/rules/txn.h"

/* All: false when the arena or the head is full, or memory is out. */

/* act_hdr.c; h: the head the rule set works on */
bool
act_hdr_set(const struct action_args *a, struct txn *t, struct http_head *h);
bool
act_hdr_add(const struct action_args *a, struct txn *t, struct http_head *h);
bool act_hdr_del(const struct action_args *a, struct http_head *h);
bool act_hdr_replace(const struct action_args *a, struct txn *t,
    struct http_head *h, bool each_value);

/* act_uri.c */
bool act_uri_method(const struct action_args *a, struct txn *t);
bool act_uri_path(const struct action_args *a, struct txn *t);
bool act_uri_pathq(const struct action_args *a, struct txn *t);
bool act_uri_query(const struct action_args *a, struct txn *t);
bool act_uri_whole(const struct action_args *a, struct txn *t);
bool act_uri_replace(const struct rule *r, struct txn *t);

/* act_reply.c */
bool act_reply_make(const struct reply_args *a, struct txn *t, bool is_deny,
    struct rule_reply *reply);
/* *none_r: redirect location with ignore-empty came out empty. */
bool act_reply_redirect(const struct redirect_args *a, struct txn *t,
    struct rule_reply *reply, bool *none_r);

#endif
