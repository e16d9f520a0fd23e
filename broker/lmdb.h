/* SPDX-License-Identifier: MIT */
/*
 * The file of the state directory: LMDB, with tables of text keys and values.
 * Nothing here knows what they mean.
 *
 * What is on the disk may be cut, foreign or scribbled on, and LMDB trusts
 * what it maps: lmdb_open() has a child process read all of it first.
 */
#ifndef BROKER_LMDB_H
#define BROKER_LMDB_H

#include "shm/base/list.h"
#include "shm/base/sv.h"

enum {
	LMDB_KEY_MAX = 400, /* bytes */
	LMDB_VALUE_MAX = 1024,
	LMDB_WHY_MAX = 160,
};

enum lmdb_table {
	LMDB_META,
	LMDB_ADMIN, /* what operators changed, by "backend/server" */
	LMDB_SEEN,  /* what was learned and counted, by the same */
	LMDB_LOG,   /* changes, by number in 16 hexadecimal digits */
	LMDB_TABLE_N
};

struct lmdb;

/* A row to be written, or taken out if `value` is NULL. */
struct lmdb_write {
	struct list node;
	enum lmdb_table table;
	char *key, *value; /* malloc'ed */
};

struct lmdb_write *
lmdb_write_new(enum lmdb_table t, const char *key, const char *value);
void lmdb_write_free(struct lmdb_write **w);

/*
 * Open the file in `dir`, made if it is missing.  What is no state of ours, or
 * is damaged, is put aside under another name and said in why, with 0.
 * `read_only`: nothing is made or put aside.
 * -WSE_SYS, -WSE_CORRUPT, -WSE_NOMEM, with the reason (LMDB_WHY_MAX bytes).
 */
MUST_USE int
lmdb_open(const char *dir, bool read_only, struct lmdb **l_r, char *why);
void lmdb_close(struct lmdb **l);
/* Opened for reading alone, since the file cannot be written. */
bool lmdb_is_read_only(const struct lmdb *l);
/* Every row of a table in the order of keys; nonzero from fn ends it. */
MUST_USE int lmdb_each(struct lmdb *l, enum lmdb_table t,
    int (*fn)(struct sv key, struct sv value, void *arg), void *arg);
/* One row's value, NUL-terminated (LMDB_VALUE_MAX + 1 bytes). -WSE_NOTFOUND,
 * and as lmdb_each(). */
MUST_USE int
lmdb_get(struct lmdb *l, enum lmdb_table t, const char *key, char *value_r);
/*
 * All of the list or nothing, on the disk when it returns 0.  The map grows
 * when it is full.  May block for as long as the disk does.
 */
MUST_USE int lmdb_commit(struct lmdb *l, const struct list *writes, char *why);

#endif
