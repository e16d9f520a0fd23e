/* SPDX-License-Identifier: MIT */
/*
 * Variables of rules: set-var(txn.name).
 */
#ifndef WORKER_RULES_VAR_H
#define WORKER_RULES_VAR_H

#include "worker/rules/txn.h"

enum { VAR_BYTES_MAX = 16384, VARS_MAX = 64 };

/* Name and value are copied. False: full, or out of memory. */
bool var_set(struct txn *t, enum var_scope scope, struct sv name,
    const struct sample *v);
/* Valid until the variable is set again. */
bool var_get(const struct txn *t, enum var_scope scope, struct sv name,
    struct sample *out);
void var_unset(struct txn *t, enum var_scope scope, struct sv name);

#endif
