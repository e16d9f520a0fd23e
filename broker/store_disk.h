/* SPDX-License-Identifier: MIT */
/*
 * The thread that writes the state directory, so that no disk ever holds the
 * broker's loop.  Saves that come while it writes are written together.
 */
#ifndef BROKER_STORE_DISK_H
#define BROKER_STORE_DISK_H

#include <event2/event.h>

#include "broker/lmdb.h"

struct store_save {
	struct list node;
	struct list writes; /* struct lmdb_write */
	int err;            /* result */
	char why[LMDB_WHY_MAX];
	/* the file was made or opened anew: what was in it may be gone */
	bool anew;
	void *arg; /* the loop's; NULL: nobody waits */
	uint64_t until_us;
};

struct store_save *store_save_new(void);
void store_save_add(struct store_save *s, enum lmdb_table t, const char *key,
    const char *value);
void store_save_free(struct store_save **s);

/*
 * Open the file (why as lmdb_open()), and start the thread.  Without a file
 * each save tries to open it, at most once a second.
 */
MUST_USE int store_disk_start(struct event_base *base, const char *dir,
    void (*done)(struct store_save *s), char *why);
/* For reading, before the first save; NULL: it could not be opened. */
struct lmdb *store_disk_file(void);
/* Comes back by done(), in the loop, which then owns it. */
void store_disk_put(struct store_save **s);
/* All that was put is written, or has failed; ends the thread. */
void store_disk_stop(void);

#endif
