/* SPDX-License-Identifier: MIT */
/*
 * What the broker knows by itself: its own copy of every descriptor, whom it
 * granted each slot to, the pools (server, key) that slots belong to, and the
 * workers it talks to.  Nothing here is read from the board: the board's
 * words are compared with it and never believed.
 *
 * Invariants: a slot with state FREE is on no list but the free list; any
 * other slot but CLAIM and TUNNEL is in its pool's list; `peer` is set exactly
 * while the slot is HELD or TUNNEL.  The broker's event loop is the only user.
 */
#ifndef BROKER_STATE_H
#define BROKER_STATE_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "broker/broker.h"
#include "shm/base/list.h"
#include "shm/seg/limit.h"
#include "shm/seg/slot.h"
#include "shm/seg/vault.h"

enum {
	BROKER_CREDIT = 512, /* LEASEs a worker may have outstanding */
	VICTIMS_MAX = 32,
	CLASS_N = 1 << (TAG_N - 1) /* sets of tags, see state_class() */
};

enum bslot_state {
	BS_FREE,
	BS_DIALING,
	BS_OWN,        /* word IDLE(broker), watched here */
	BS_HELD,       /* word LEASED, IDLE or CLOSING of `peer` */
	BS_TUNNEL,     /* word TUNNEL of `peer`; no descriptor here */
	BS_CLAIM,      /* adopted: `holder` lives and has not said HOLD yet */
	BS_QUARANTINE, /* until its last holder is dead */
	BS_N
};

struct kept; /* keep.h */

/* The private half of a slot. */
struct bslot {
	struct list node; /* pool->slots or broker.free_slots */
	struct bpool *pool;
	struct peer *peer;
	/* DIALING: write + timeout; OWN: read; NULL: nobody waits for it */
	struct event *ev;
	enum bslot_state state;
	int fd;              /* -1: none */
	uint32_t gen, epoch; /* of the word, as the broker wrote it */
	uint32_t holder;     /* CLAIM, QUARANTINE: instance, 0 broker */
	uint64_t start_us;   /* DIALING: when the dial began */
	uint32_t dial_us;    /* how long the dial took */
	uint8_t offer;       /* tags of the waiters it was dialled for */
	bool is_tls, is_h2;
	uint8_t waits;             /* OWN: times a record was there in part */
	uint32_t give_to, take_by; /* instances or 0; move.h */
	struct kept *kept;         /* its state, while in hand */
};

/* All connections with one reuse key of one server. */
struct bpool {
	struct bpool *hash_next;
	struct list node;    /* bserver.pools */
	struct list slots;   /* bslot.node; any state but FREE */
	struct list waiters; /* waiter.node, by arrival; permit in hand */
	struct list
	    full_node; /* broker.full_pools or .late_pools: no dial yet */
	uint32_t server;
	struct slot_key key;
	unsigned slot_count, waiter_count;
	unsigned dials; /* slots in DIALING */
	/* the same by tags; of dials, those of the waiters they are for */
	unsigned class_waiters[CLASS_N], class_dials[CLASS_N];
	unsigned pins;      /* unanswered leases, callers: not to be freed */
	unsigned riders;    /* waiters that wait for another's dial */
	unsigned ride_room; /* streams the server took at a time; 0: unknown */
	bool dialing;       /* dials are being started just now */
	bool has_dst;       /* dst, proxy and sni are filled in */
	uint8_t proxy_bytes, sni_bytes;
	socklen_t dst_len;
	struct sockaddr_storage dst;
	uint8_t proxy[IPC_PROXY_HDR_MAX];
	char sni[IPC_TEXT_MAX];
};

/* The private half of a server row. */
struct bserver {
	struct list queue;    /* waiters without a permit, by arrival */
	struct list run_node; /* broker.run_list: look at the queue again */
	struct list pools;
	unsigned queue_count;  /* in `queue` */
	unsigned conn_waiters; /* in the waiter lists of its pools */
	unsigned slot_count, dials;
	unsigned used_peak; /* most slots in use since the last purge */
	uint32_t attention; /* as last written */
	bool usable;        /* as last acted upon */
	int idle_drift;     /* idle_count's error at the last recount */
	uint64_t purge_us;  /* when idle ones are next thinned out */
	struct warm {
		uint64_t from_us; /* not before; backs off when refused */
		unsigned fails;
	} warm, warm_ws; /* dials of pool-prewarm, of pool-prewarm-ws */
	bool warm_soon;  /* one was taken */
	const struct server *conf; /* of srv_conf(); NULL: not looked up */
	uint64_t complain_us;      /* no line about dials before */
};

/* A worker, as the broker sees it. */
struct peer {
	struct list node;  /* broker.peers */
	struct chan *chan; /* NULL after EOF */
	struct vault vault;
	uint32_t instance, proc, pid, worker_index;
	bool opened;       /* HELLO and HOLD_END are done */
	bool ended;        /* its channel saw EOF or a violation */
	uint32_t cert_due; /* the certificate change it has not confirmed, 0 */
	/* broker/shut.h: numbers before it came; sent; done */
	uint32_t shut_from, shut_sent, shut_done;
	bool sweep;         /* a REVOKE or KEEP found the channel full */
	struct list leases; /* waiter.peer_node: all unanswered ones */
	unsigned lease_count;
	struct list unsent; /* waiter.node: answers the channel refused */
	unsigned drivers[CLASS_N], riders[CLASS_N]; /* lease_ride.c's scratch */
};

struct victim {
	uint32_t slot, gen;
	uint64_t idle_us;
};

struct broker {
	struct event_base *base;
	const struct conf *conf;
	const struct broker_heritage *heritage;
	struct board board;
	struct chan *master;
	struct bslot *slots;     /* cap.slot_count */
	struct bserver *servers; /* cap.server_count */
	struct list free_slots;
	uint32_t slots_touched; /* slots never used yet start here */
	struct list peers;
	unsigned peer_count;
	unsigned slot_fds;  /* descriptors in `slots` */
	unsigned fixed_fds; /* the others, without the workers' channels */
	uint64_t fd_max;    /* RLIMIT_NOFILE */
	unsigned claims;    /* adopted: living workers that owe HOLD_END */
	uint64_t claims_until_us; /* 0: adoption is over */
	bool run_all;             /* it was over just now: look at all queues */
	struct bpool **hash;
	unsigned hash_mask, pool_count;
	/* pools whose dials wait for a slot; those to be looked at later */
	struct list full_pools, late_pools, run_list;
	bool full; /* ATT_FULL is set on every server */
	bool draining, master_gone;
	struct victim victims[VICTIMS_MAX];
	unsigned victim_count;
	struct event tick, later, retry, soon, term;
};

extern struct broker broker;

/* Set up tables over the attached board; also closes nothing. */
void state_init(void);
/* A free slot's index, or UINT32_MAX. It stays on the free list. */
uint32_t state_free_slot(void);
/* Leaves the free list or its pool and joins `pool` (NULL: none). */
void state_join(uint32_t slot, struct bpool *pool);
/* FREE again; closes nothing; a pool that became empty is freed. */
void state_forget(uint32_t slot);
/* The pool of (server, key), made if `create`. */
struct bpool *
state_pool(uint32_t server, const struct slot_key *key, bool create);
/* Free it when neither slot nor waiter is left. */
void state_pool_put(struct bpool *p);
struct peer *state_peer(uint32_t instance);
/* A row in use: below both the capacity and the used count. */
bool state_has_server(uint32_t row);
/* Recompute the server's attention word; seq_cst when it changes. */
void state_attention(uint32_t server);
/* Have answers kept back and queues looked at before the loop sleeps. */
void state_later(void);
/* Workers may still say what they hold and who waits: nothing is dialled. */
bool state_is_adopting(void);
/* shutdown (if asked for) and close the broker's copy. */
void state_close_fd(struct bslot *s, bool shut);
/* s->ev, deleted, to be assigned and added. */
struct event *state_watch(struct bslot *s);
/* It is waited for no more (harmless if it was not); s->ev is NULL. */
void state_unwatch(struct bslot *s);
/* Report a worker's fault to the master; logged there. */
void state_violation(uint32_t instance, uint32_t type, int err, const char *fmt,
    ...) PRINTF_LIKE(4, 5);
/* The word contradicts what is known: take the slot out of use. */
void state_quarantine(uint32_t slot, const char *why);

static inline struct bserver *
state_server(uint32_t row)
{
	return &broker.servers[row];
}

/* Waiters of the same tags are a class. */
static inline unsigned
state_class(uint8_t tags)
{
	return tags >> 1 & (CLASS_N - 1);
}

static inline uint32_t
state_index(const struct bslot *s)
{
	return (uint32_t)(s - broker.slots);
}

#endif
