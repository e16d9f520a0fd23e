/* SPDX-License-Identifier: MIT */
/*
 * Regular expressions (PCRE2, as HAProxy's Debian build): compiled by the
 * master, matched in the workers it forks.
 */
#ifndef SHM_CONF_REGX_H
#define SHM_CONF_REGX_H

#include "shm/base/sv.h"

struct regx;

enum { REGX_GROUPS_MAX = 10 };

/* What a match captured: group 0 is the whole. */
struct regx_groups {
	int count;
	struct sv group[REGX_GROUPS_MAX]; /* p is NULL for one not set */
};

/* 0, or -WSE_SYNTAX with a reason in err. */
MUST_USE int regx_new(const char *pattern, bool icase, struct regx **r,
    char *err, size_t err_room);
void regx_free(struct regx **r);
/* g_r may be NULL. Backtracking is bounded; beyond it nothing matches. */
bool
regx_match(const struct regx *r, struct sv subject, struct regx_groups *g_r);
/* The same for the rest of a text: '^' does not match where it begins. */
bool regx_match_rest(
    const struct regx *r, struct sv subject, struct regx_groups *g_r);
/*
 * Write `with`, its \0..\9 replaced by groups, at out. Bytes, or -WSE_TOOBIG.
 */
MUST_USE ssize_t regx_expand(
    struct sv with, const struct regx_groups *g, char *out, size_t room);

#endif
