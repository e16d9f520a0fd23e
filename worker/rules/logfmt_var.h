/* SPDX-License-Identifier: MIT */
/*
 * Variables of log formats; rows of logfmt_tbl name them.
 */
#ifndef WORKER_RULES_LOGFMT_VAR_H
#define WORKER_RULES_LOGFMT_VAR_H

#include "worker/rules/logfmt_out.h"

/* Decimal, or hexadecimal of at least `digits` as the item's flags ask. */
void logfmt_var_number(struct logfmt_out *o, const struct logfmt_item *it,
    long long i, unsigned digits);
/* '+' under option logasap: what is reported before its end is larger. */
void logfmt_var_plus(struct logfmt_out *o);

#define LOGFMT_VAR_DECL(name)   \
	void logfmt_var_##name( \
	    struct logfmt_out *o, const struct logfmt_item *it)

LOGFMT_VAR_DECL(ci);
LOGFMT_VAR_DECL(cp);
LOGFMT_VAR_DECL(fi);
LOGFMT_VAR_DECL(fp);
LOGFMT_VAR_DECL(bi);
LOGFMT_VAR_DECL(bp);
LOGFMT_VAR_DECL(si);
LOGFMT_VAR_DECL(sp);
LOGFMT_VAR_DECL(t);
LOGFMT_VAR_DECL(T);
LOGFMT_VAR_DECL(Tl);
LOGFMT_VAR_DECL(tr);
LOGFMT_VAR_DECL(trg);
LOGFMT_VAR_DECL(trl);
LOGFMT_VAR_DECL(Ts);
LOGFMT_VAR_DECL(ms);
LOGFMT_VAR_DECL(Th);
LOGFMT_VAR_DECL(Ti);
LOGFMT_VAR_DECL(TR);
LOGFMT_VAR_DECL(Tq);
LOGFMT_VAR_DECL(Tw);
LOGFMT_VAR_DECL(Tc);
LOGFMT_VAR_DECL(Tr);
LOGFMT_VAR_DECL(Td);
LOGFMT_VAR_DECL(Ta);
LOGFMT_VAR_DECL(Tt);
LOGFMT_VAR_DECL(Tu);
LOGFMT_VAR_DECL(f);
LOGFMT_VAR_DECL(ft);
LOGFMT_VAR_DECL(b);
LOGFMT_VAR_DECL(s);
LOGFMT_VAR_DECL(B);
LOGFMT_VAR_DECL(U);
LOGFMT_VAR_DECL(ST);
LOGFMT_VAR_DECL(CC);
LOGFMT_VAR_DECL(ts);
LOGFMT_VAR_DECL(tsc);
LOGFMT_VAR_DECL(ac);
LOGFMT_VAR_DECL(fc);
LOGFMT_VAR_DECL(bc);
LOGFMT_VAR_DECL(sc);
LOGFMT_VAR_DECL(rc);
LOGFMT_VAR_DECL(sq);
LOGFMT_VAR_DECL(bq);
LOGFMT_VAR_DECL(hr);
LOGFMT_VAR_DECL(hs);
LOGFMT_VAR_DECL(hrl);
LOGFMT_VAR_DECL(hsl);
LOGFMT_VAR_DECL(r);
LOGFMT_VAR_DECL(HM);
LOGFMT_VAR_DECL(HU);
LOGFMT_VAR_DECL(HV);
LOGFMT_VAR_DECL(HP);
LOGFMT_VAR_DECL(HPO);
LOGFMT_VAR_DECL(HQ);
LOGFMT_VAR_DECL(H);
LOGFMT_VAR_DECL(ID);
LOGFMT_VAR_DECL(pid);
LOGFMT_VAR_DECL(rt);
LOGFMT_VAR_DECL(lc);

#undef LOGFMT_VAR_DECL

#endif
