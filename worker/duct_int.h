/* SPDX-License-Identifier: MIT */
/*
 * The inside of a duct: duct.c (bytes), duct_life.c (begin, end, timers).
 */
#ifndef WORKER_DUCT_INT_H
#define WORKER_DUCT_INT_H

#include "worker/duct.h"
#include "worker/wk.h"
#include "worker/ws_bye.h"
#include "worker/ws_ping.h"
#include "worker/xprt.h"

/* Each the direction of what it says, too. */
enum duct_side { CLIENT = WS_IN, SERVER = WS_OUT, SIDES };

struct duct_tls {
	struct tls_rec rec;
	struct xtls xt;
};

struct duct_end {
	struct buf *pend;     /* bytes for it that it did not take; or NULL */
	struct duct_tls *tls; /* NULL: plain */
	int fd;
	uint8_t mask;    /* EPOLL* it is watched for; 0: it is not */
	bool in_done;    /* its end was read */
	bool shut;       /* the other one's end was passed on to it */
	bool write_dead; /* it takes no more */
};

/* About 300 bytes, and the log line. */
struct duct {
	struct list node; /* all of them; or the dead of this turn */
	struct duct_end end[SIDES];
	struct wheel_timer timer;
	const struct bind *bind;
	const struct server *srv;
	struct logfmt_frozen *line; /* NULL: none is wanted */
	struct pool_tunnel slot;
	uint64_t heard_ms[SIDES]; /* when it last read or took something */
	uint32_t head_bytes[2];   /* WS_IN, WS_OUT: before the tunnel */
	char term[2];             /* as in struct txn_log */
	char cookie[2];           /* letters of struct txn_cookie */
	uint8_t level;            /* enum log_level of its line */
	uint8_t retries;          /* for dontlog-normal; stops at the top */
	bool counted : 1;         /* in LIM_BACKEND */
	bool dead : 1;            /* events of this turn are not for it */
	bool stays : 1;           /* no other worker can take it */
	bool frozen : 1;          /* it is to move: out of loop and list */
	struct ws_watch watch;
};

static inline struct xprt
duct_xprt(const struct duct *d, enum duct_side side)
{
	const struct duct_end *e = &d->end[side];

	return (struct xprt){ e->fd, e->tls ? &e->tls->xt : NULL, NULL };
}

static inline const struct proxy *
duct_fe(const struct duct *d)
{
	return d->bind->px;
}

/* --- duct.c --- */
/* Pass n bytes on to one side, or keep them for it. May end d. */
void duct_send(struct duct *d, enum duct_side to, const char *p, size_t n);
/* From one side, for the other: count and send. May end d. */
void duct_pass(struct duct *d, enum duct_side from, struct sv v);
/* Everything for this side has left. */
bool duct_is_flushed(const struct duct *d, enum duct_side to);
/* Read what is here already, then settle. May end d. */
void duct_resume(struct duct *d);
/* Give back what waits to be sent. */
void duct_drop_bytes(struct duct *d);
void duct_drop_side(struct duct *d, enum duct_side to);
/* Watch both sides for what d waits for, and set its timer. */
void duct_settle(struct duct *d);

/* Bytes for one side that wait. 0 or -WSE_NOMEM. */
MUST_USE int
duct_pend_add(struct duct *d, enum duct_side to, const char *p, size_t n);
/* Neither events nor its timer come any more, until duct_settle(). */
void duct_freeze(struct duct *d);

/* --- duct_bye.c, ws_bye_has_begun(): may end d --- */
/* Bytes from one side. */
void duct_bye_came(struct duct *d, enum duct_side from, struct sv in);
/* No more comes from there; broken: nothing can be said to it, either. */
void duct_bye_ended(struct duct *d, enum duct_side from, bool broken);
/* After whatever happened. */
void duct_bye_step(struct duct *d);
/* The moment has come, or the next one. */
void duct_bye_timer(struct duct *d);

/* --- duct_life.c --- */
/* All that live, but those that are to move. */
extern struct list duct_list;
/* An empty one, with or without TLS at its ends; NULL: no memory. */
struct duct *duct_alloc(bool client_tls, bool server_tls);
/* Give back all it has but descriptors, slot and counts; it may be dead. */
void duct_free(struct duct *d);
void duct_term(struct duct *d, char who, char where);
/* Write its log line, close both ends; d is dead, and freed later. */
void duct_finish(struct duct *d);
/* The client takes no more: the same. */
void duct_client_gone(struct duct *d);
/* Set its timer. */
void duct_arm(struct duct *d);
/* Free the dead ones: no event of this turn is left. */
void duct_bury(void);

#endif
