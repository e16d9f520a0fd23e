/* SPDX-License-Identifier: MIT */
/*
 * Patterns of ACLs from text.
 */
#ifndef SHM_CONF_ACL_PATTERN_H
#define SHM_CONF_ACL_PATTERN_H

#include "shm/conf/acl.h"

/* The match method -m names, or -1. */
int acl_match_parse(const char *name);

/*
 * One pattern. *op is the operator of integer methods ("eq" at first), which a
 * word such as "ge" changes (then *p_r stays NULL).  0 or -WSE_SYNTAX with a
 * reason in err.
 */
MUST_USE int acl_pattern_new(const char *text, enum acl_match match, bool icase,
    char op[3], struct acl_pattern **p_r, char *err, size_t err_room);
void acl_pattern_list_free(struct acl_pattern **p);

#endif
