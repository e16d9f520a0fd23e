/* SPDX-License-Identifier: MIT */
/*
 * Leases: who waits for which connection, and what they get.
 *
 * A stream passes two gates.  First the permit (`maxconn` of the server): one
 * queue per server over all workers.  Then the connection: whichever comes
 * first, an idle one or a dial; the list of its pool (server, key).
 */
#ifndef BROKER_LEASE_H
#define BROKER_LEASE_H

#include "broker/state.h"

enum waiter_state { W_QUEUE, W_CONN, W_UNSENT };

/* One unanswered LEASE. */
struct waiter {
	struct list node;      /* bserver.queue, bpool.waiters, peer.unsent */
	struct list peer_node; /* peer.leases */
	struct peer *peer;
	struct bpool *pool;
	enum waiter_state state;
	bool failed;         /* UNSENT: `fail` is the answer */
	bool rides, shares;  /* CONN: no dial is for it; nor needs to be */
	uint8_t tags, reuse; /* as in struct ipc_lease */
	uint32_t server;
	uint32_t queue_pos; /* how many were before it in the queue */
	uint64_t lease;
	uint64_t arrival_us; /* the worker's word for it, never the future */
	uint64_t start_us;   /* when it got its permit */
	struct ipc_grant grant;
	struct ipc_fail fail;
};

/* A worker's LEASE; -WSE_* calls it a violation. */
MUST_USE int lease_ask(struct peer *p, const struct ipc_lease *l);
void lease_cancel(struct peer *p, uint64_t id);
/* Hand out permits of this server now. */
void lease_run(uint32_t server);
/* The same at the end of this loop turn: for callers deep in a list. */
void lease_run_later(uint32_t server);
void lease_run_all_later(void);
/* What lease_run_later() put off, and the pools that wait for a slot. */
void lease_run_pending(void);
/* RELEASED(slot): it may be idle now; serve a waiter with it. */
void lease_offer(uint32_t slot);
/*
 * A dial of `slot` succeeded (word DIALING, not counted any more). True: it
 * was given away.  A waiter it was for and whom its protocol does not suit
 * fails, unless there is another dial for him.
 */
MUST_USE bool lease_dialled(uint32_t slot, enum slot_tag tag);
/* One for waiters of tags `want` failed: one of them does, unless ... */
void lease_dial_failed(struct bpool *pool, uint8_t want, enum lease_fail why,
    int errnum, const char *text);
/* After either: whoever counted on it gets another, at the end of the turn. */
void lease_dial_over(struct bpool *pool);
/* All waiters of a server fail. */
void lease_fail_all(uint32_t server, enum lease_fail why);
/* Forget a dead worker's. */
void lease_drop_peer(struct peer *p);
/* Send an answer kept back; -WSE_FULL: still not. Frees w otherwise. */
MUST_USE int lease_send(struct waiter *w);

#endif
