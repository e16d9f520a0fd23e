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
	long long i; /* SMP_BOOL, SMP_SINT */
	struct sv s; /* SMP_STR, SMP_BIN, SMP_METH; in the head or the arena */
	struct addr addr; /* SMP_ADDR */
};

/*
 * Convert to another type, as HAProxy's casts do.  Text goes to the txn's
 * arena.  False: no such conversion, or no memory.
 */
bool sample_cast(struct txn *t, struct sample *s, enum sample_type to);
/* Text form (for headers, logs, string matches), in the txn's arena. False: no
 * memory. */
bool sample_to_str(struct txn *t, struct sample *s);
bool sample_to_int(struct sample *s);

/* n bytes of the txn's arena, or NULL. */
char *sample_mem(struct txn *t, size_t n);
/* A copy in the txn's arena. False: no memory. */
bool sample_dup(struct txn *t, struct sv s, struct sv *copy_r);

/* Shorthands of fetches; all return true. */
bool sample_set_str(struct sample *s, struct sv text);
bool sample_set_int(struct sample *s, long long i);
bool sample_set_bool(struct sample *s, bool b);

/* Bytes an integer takes as text, at most. */
enum { SAMPLE_INT_BYTES = 24 };
/* Decimal text at out (SAMPLE_INT_BYTES); its length. */
size_t sample_put_int(char *out, long long i);

#endif
