/* SPDX-License-Identifier: MIT */
/*
 * Services: answers the worker makes of the board, however long, piece by
 * piece: one buffer in a turn of the loop, so that nobody waits for them.
 */
#ifndef WORKER_SVC_H
#define WORKER_SVC_H

#include "shm/base/sv.h"
#include "shm/conf/rule_args.h"
#include "shm/proto/http.h"
#include "shm/seg/board.h"

struct stream;
struct svc;

/* Text under construction; n > room: it did not fit, nothing is lost. */
struct svc_out {
	char *p;
	size_t n, room;
};

void svc_put(struct svc_out *o, const char *fmt, ...) PRINTF_LIKE(2, 3);
void svc_put_sv(struct svc_out *o, struct sv s);
void svc_put_u64(struct svc_out *o, uint64_t v);

struct svc_kind {
	const char *content_type;
	const char *policy; /* Content-Security-Policy, or NULL */
	/*
	 * Write the item at svc->at and step on; true: that was the last.  An
	 * item that does not fit is asked for again with more room, svc->at as
	 * it was; it may write nothing, and takes some microseconds at most.
	 */
	bool (*next)(struct svc *v, struct svc_out *o);
};

enum { SVC_ITEM_MAX = 12288, SVC_TURN_US = 300 };

/* Where it is; what the numbers mean is the kind's. */
struct svc_at {
	uint32_t part, row, sub, n;
};

struct svc {
	const struct svc_kind *kind;
	const struct board *b;
	const struct proxy *px; /* whose `stats` it is, or NULL */
	struct svc_at at;
	void *mem; /* the kind's, malloc'ed, or NULL */
	bool done;
};

/* Fill as many items as fit into room bytes; returns the bytes. */
size_t svc_fill(struct svc *v, char *p, size_t room);
struct svc *svc_new(
    const struct svc_kind *k, const struct board *b, const struct proxy *px);
void svc_free(struct svc **v);

/* The kinds. */
extern const struct svc_kind svc_metrics; /* metrics.c */

#endif
