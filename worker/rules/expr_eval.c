/* SPDX-License-Identifier: MIT */
/*
 * Evaluation of expressions.
 */
#include "worker/rules/expr_eval.h"

bool
expr_convert(const struct expr *e, struct txn *t, struct sample *io)
{
	const struct expr_conv *c;

	for (c = e->convs; c; c = c->next) {
		if (!sample_cast(t, io, c->row->in))
			return false;
		if (!c->row->run(t, c->arg, c->argc, io))
			return false;
	}
	return true;
}

bool
expr_eval(const struct expr *e, struct txn *t, struct sample *out)
{
	return e->fetch->get(t, e->arg, e->argc, FETCH_LAST, out) &&
	    expr_convert(e, t, out);
}
