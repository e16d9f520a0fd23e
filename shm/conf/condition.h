/* SPDX-License-Identifier: MIT */
/*
 * The conditions of .if, .elif and -cc.
 *
 *   or:   and { "||" and }
 *   and:  term { "&&" term }
 *   term: "!" term | "(" or ")" | integer | predicate "(" arguments ")" | ""
 */
#ifndef SHM_CONF_CONDITION_H
#define SHM_CONF_CONDITION_H

#include <stddef.h>

#include "shm/base/err.h"

/*
 * Evaluate text whose quotes and variables were resolved already: 1, 0, or
 * -WSE_SYNTAX with a message.
 */
MUST_USE int condition_eval(const char *text, char *err, size_t err_room);
/* -1, 0, 1: HAProxy version `a` is older than, the same as, newer than `b`. */
MUST_USE int condition_version_cmp(const char *a, const char *b, int *cmp_r);

#endif
