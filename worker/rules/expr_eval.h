/* SPDX-License-Identifier: MIT */
/*
 * Evaluation of expressions; expr_eval() itself is declared in txn.h.
 */
#ifndef WORKER_RULES_EXPR_EVAL_H
#define WORKER_RULES_EXPR_EVAL_H

#include "worker/rules/txn.h"

/* Apply the converters to what the fetch gave. False: no value. */
bool expr_convert(const struct expr *e, struct txn *t, struct sample *io);

#endif
