/* SPDX-License-Identifier: MIT */
/*
 * A value a fetch gave and converters change.
 */
#ifndef WORKER_RULES_SAMPLE_H
#define WORKER_RULES_SAMPLE_H

#include "shm/conf/conf.h"
#include "shm/conf/expr.h"

struct sample {
	enum sample_type type;
	long long i;        /* SMP_BOOL, SMP_SINT */
	struct sv s;        /* SMP_STR, SMP_BIN, SMP_METH; in the head or the arena */
	struct addr addr;   /* SMP_ADDR */
};

/* Text form (for headers, logs, string matches), in the txn's arena. False: no memory. */
bool sample_to_str(struct txn *t, struct sample *s);
bool sample_to_int(struct sample *s);

#endif
