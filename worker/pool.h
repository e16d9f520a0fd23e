/* SPDX-License-Identifier: MIT */
/*
 * The worker's side of the shared pool: backend connections this worker
 * holds, its own idle lists, and its talk with the broker.
 *
 * A stream asks with pool_get().  An own idle connection is taken without
 * message or system call; else a LEASE goes to the broker and the callback
 * comes later.  The request's maxconn permit is part of what is asked for.
 */
#ifndef WORKER_POOL_H
#define WORKER_POOL_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "shm/base/list.h"
#include "shm/conf/conf.h"
#include "shm/ipc/chan.h"
#include "shm/proto/h2_port.h"
#include "shm/seg/vault.h"

struct pool;
struct h2_back;
struct idle_set;
struct tls_rec;

/* A backend connection held by this worker (LEASED, IDLE or TUNNEL). */
struct bconn {
	struct event rev; /* persistent EV_READ, added once; never changelist */
	int fd;
	uint32_t slot, gen, server;
	enum slot_tag tag;
	uint32_t uses; /* requests carried, the present one included */
	bool fresh;    /* carried no request when it was got */
	bool idle;     /* in an own idle list; the word may say otherwise */
	bool asked;    /* RELEASED sent, KEEP awaited: not for own reuse */
	bool tunnel;
	bool bound; /* authenticated for one session: never shared again */
	bool lost;  /* the CAS was lost: event_del'd, REVOKE or GRANT follows */
	struct idle_set *set; /* the one it is listed in */
	struct list node;     /* set->idle, or set->open, or none */
	bool is_tls;
	struct tls_rec *tls; /* leased: the records' state; NULL: plain */
	struct sv alpn;      /* what its handshake agreed on; mostly empty */
	uint64_t warm_ms;    /* idle since, while it is in pool.warm */
	struct list warm;    /* in pool.warm or pool.parts */
	uint8_t waits;       /* times a record was there in part */
	bool unseen; /* HTTP/2: its end may be there to be read already */
	struct h2_back *h2; /* its session: leased, and a while after */
	uint8_t port[H2_PORT_IDLE_BYTES]; /* HTTP/2: when it last was at rest */
	/* Owner's read callback while leased; set by the stream after
	 * pool_get(). */
	void (*on_read)(struct bconn *bc, void *arg);
	void *arg;
	struct pool *pool;
};

/* What a stream wants. Copied by pool_get(). */
struct pool_want {
	const struct server *srv;
	enum lease_reuse reuse;
	bool fresh_only_private; /* http-reuse never: dial, do not share */
	uint8_t tags;            /* TAG_BIT()s */
	struct addr dst;         /* len 0: the server's own */
	struct sv name;          /* pool-conn-name value, may be empty */
	struct sv sni;           /* of a TLS server, may be empty */
	struct sv proxy_hdr;     /* bytes to send first, may be empty */
};

enum pool_fail {
	PFAIL_CONNECT,
	PFAIL_TIMEOUT,
	PFAIL_QUEUE_FULL,
	PFAIL_DOWN,
	PFAIL_INTERNAL,
	PFAIL_TLS,   /* the handshake with the server failed: l->why */
	PFAIL_CERT,  /* the server's certificate was refused: l->why */
	PFAIL_UNFIT, /* the server speaks nothing that was wanted: l->why */
	PFAIL_N
};

struct pool_lease;
/* bc (LEASED, permit counted) or NULL with why/errnum. Never called from within
 * pool_get(). */
typedef void pool_lease_fn(
    struct pool_lease *l, struct bconn *bc, enum pool_fail why, int errnum);

/* Embedded in the stream; zeroed = not waiting. */
struct pool_lease {
	struct list node;
	uint64_t id; /* 0: not waiting */
	uint64_t arrival_us;
	pool_lease_fn *fn;
	void *arg;
	struct pool_want
	    want;           /* pointers inside must stay valid while waiting */
	struct bconn *keep; /* has its connection, waits for a permit */
	bool permit_only;   /* ... or saw a shared one with room */
	bool sent;          /* the broker has it; else it waits for credit */
	uint64_t sent_us;
	/* Filled in for the log: */
	uint32_t queue_pos;
	uint32_t dial_us;
	uint64_t queue_left_us; /* clock_us() when it left the queue */
	bool was_dialed;
	const char *why; /* while fn runs without bc: in words, or "" */
};

/* `instance` and `proc` are this worker's. The vault and board are attached by
 * the caller. */
struct pool *pool_new(struct event_base *base, const struct conf *conf,
    const struct board *board, struct vault *vault, uint32_t instance,
    uint32_t proc);
void pool_free(struct pool **p);
/* Talk to the broker on this channel (takes *fd); again after a broker's death:
 * HOLDs follow. */
void pool_broker(struct pool *p, int *fd);
/* Called when the broker says it speaks to us (WELCOME) the first time. */
void pool_on_welcome(struct pool *p, void (*fn)(void *arg), void *arg);
/* Called for a violation by the broker (to be reported to the master). */
void pool_on_violation(struct pool *p,
    void (*fn)(void *arg, const struct ipc_violation *v), void *arg);

/* Called for SHUT: ends what goes through the server; how many that were. */
void pool_on_shut(struct pool *p,
    unsigned (*fn)(void *arg, uint32_t server, char why), void *arg);

/*
 * 0: *bc_r is yours (own idle, or `keep`); -WSE_AGAIN: l->fn comes later;
 * -WSE_FULL: too many waiting; -WSE_DENIED: draining.
 * keep: a connection the session already holds (private); only a permit is
 * needed then; may be NULL.
 */
MUST_USE int pool_get(struct pool *p, const struct pool_want *w,
    struct bconn *keep, struct pool_lease *l, struct bconn **bc_r);
/* Stop waiting. The lease may be reused or freed at once. */
void pool_cancel(struct pool *p, struct pool_lease *l);
/* In order and reusable: back to idle (or closed, where pool-max-conn says so);
 * gives the permit back; *bc becomes NULL. */
void pool_release(struct pool *p, struct bconn **bc);
/* End it: shutdown, close; gives the permit back; *bc becomes NULL. */
void pool_close(struct pool *p, struct bconn **bc, int why);
/* Keep the connection for this client session but give the permit back
 * (http-reuse never, private). */
void pool_unpermit(struct pool *p, struct bconn *bc);
/* A kept (unpermitted) connection ends: like pool_close without a permit. */
void pool_drop_kept(struct pool *p, struct bconn **bc);
/*
 * A leased HTTP/2 connection takes one more stream, or none for now:
 * pool_get() gives it to others, with a permit for each.
 */
void pool_share(struct pool *p, struct bconn *bc, bool has_room);
/*
 * No stream is on it, and bc->port is up to date: like pool_release(); permit:
 * that of the last one is not given back yet.
 */
void pool_rest(struct pool *p, struct bconn **bc, bool permit);
/* It became a tunnel: never pooled again; the permit stays counted until
 * pool_close(). */
void pool_tunnel(struct pool *p, struct bconn *bc);
/*
 * The same, and the connection is the caller's: *fd_r, and *tls_r (NULL:
 * plain), which is to be wiped and freed.  *bc becomes NULL; what is left
 * here is a slot and its generation, for pool_tunnel_end().
 */
struct pool_tunnel {
	uint32_t slot, gen;
};
struct pool_tunnel pool_tunnel_take(
    struct pool *p, struct bconn **bc, int *fd_r, struct tls_rec **tls_r);
/* It has ended: takes *fd; gives the permit back. */
void pool_tunnel_end(
    struct pool *p, struct pool_tunnel t, const struct server *srv, int *fd);
/*
 * A slot that is a tunnel (or leased) passes to another worker with its
 * connection, or comes from one.  Not touched by the caller in between.
 */
enum pool_pass_what {
	PASS_GIVE, /* `peer` may take it */
	PASS_BACK, /* nobody may any more: fn tells whose it is */
	PASS_TAKE  /* from `peer`, who gives it: fn */
};
struct pool_pass {
	struct list node;
	uint32_t slot, gen, peer; /* instance */
	enum pool_pass_what what;
	bool sent;
	void (*fn)(struct pool_pass *s, bool ours); /* may free s */
};
/* False: try again later; there is no broker, or it has not heard of it all. */
bool pool_pass_may_begin(const struct pool *p, uint32_t slot);
/* slot, gen, peer, fn are set. */
void pool_pass_give(struct pool *p, struct pool_pass *s);
void pool_pass_back(struct pool *p, struct pool_pass *s);
void pool_pass_take(struct pool *p, struct pool_pass *s);
/* The end: it is another's, with its permit; */
void pool_pass_given(struct pool *p, struct pool_pass *s, uint32_t server);
/* ours still; */
void pool_pass_kept(struct pool_pass *s);
/* ours from now on. */
void pool_pass_taken(struct pool *p, struct pool_pass *s, uint32_t server);
/* Give all idle connections to the broker; afterwards pool_get() still works
 * for streams in flight. */
void pool_drain(struct pool *p);
/* Connections held, leases waiting: for exit decisions and show. */
unsigned pool_held(const struct pool *p);
unsigned pool_waiting(const struct pool *p);

#endif
