/* SPDX-License-Identifier: MIT */
/*
 * The inside of the worker's pool, for pool*.c alone.
 *
 * Invariants: by_slot[i] is the one bconn of slot i.  A bconn that is not
 * idle is LEASED or TUNNEL of this worker.  An idle one may have been stolen:
 * only a won slot_acquire() says it is ours.  `permits` is what this worker's
 * own cell has to hold; it repairs the cell after a broker's death.
 */
#ifndef WORKER_POOL_PARTS_H
#define WORKER_POOL_PARTS_H

#include "shm/base/chk.h"
#include "shm/base/mem.h"
#include "shm/proto/tls_rec.h"
#include "shm/seg/limit.h"
#include "shm/seg/stat.h"
#include "worker/pool.h"

enum { POOL_WAITING_MAX = 1 << 16 };

/* Own connections of one reuse key of one server. */
struct idle_set {
	struct idle_set *hash_next;
	struct list idle; /* bconn.node, most recently used first */
	struct list open; /* likewise; leased, they take more streams */
	struct slot_key key;
	uint32_t server;
	bool pinned; /* pool_server.plain points here */
};

struct pool_server {
	struct idle_set *plain; /* of the server's own address, no name */
	uint32_t plain_epoch;   /* transport epoch `plain` was made for */
	uint32_t permits;       /* requests counted in the own cell */
	bool permit_back;       /* a permit's RELEASED is owed */
};

struct pool {
	struct event_base *base;
	const struct conf *conf;
	const struct board *board;
	struct vault *vault;
	struct stat_proc *stat;
	uint32_t instance, proc;
	struct chan *chan; /* NULL: no broker now */
	bool open;         /* HOLD_END sent and WELCOME seen */
	bool welcomed, hold_done, draining;
	uint32_t hold_next; /* next slot to look at for HOLD */
	uint32_t credit, outstanding;
	uint64_t last_id;
	struct list sent, local; /* pool_lease.node, by arrival */
	unsigned waiting_count;
	struct bconn **by_slot;      /* cap.slot_count */
	struct pool_server *servers; /* cap.server_count */
	struct idle_set **hash;
	unsigned held_count; /* bconns */
	struct mempool bconns, sets;
	bool *owes;     /* by slot: it is in `owed` */
	uint32_t *owed; /* slots whose notice could not be sent */
	unsigned owed_count, owed_room;
	struct list passes; /* pool_pass.node, unanswered */
	bool passes_unsent; /* one of them waits for room in the channel */
	struct event later;
	struct list warm;  /* bconn.warm, idle TLS, last released first */
	struct event cool; /* gives up what is warm no more */
	struct list parts; /* bconn.warm, LEASED: half a record is there */
	struct event part; /* looks at them again */
	void (*on_welcome)(void *arg);
	void *welcome_arg;
	void (*on_violation)(void *arg, const struct ipc_violation *v);
	void *violation_arg;
	unsigned (*on_shut)(void *arg, uint32_t server, char why);
	void *shut_arg;
	struct ipc_shut shut_done; /* serial 0: nothing to say */
};

/* --- pool_idle.c --- */
void pool_idle_init(struct pool *p);
void pool_idle_fini(struct pool *p);
/* A bconn for a granted slot; takes *fd. Not idle. */
struct bconn *pool_idle_adopt(struct pool *p, uint32_t slot, uint32_t gen,
    uint32_t server, enum slot_tag tag, int *fd);
/*
 * An own idle connection that fits, with a permit: 0; -WSE_NOTFOUND: none;
 * -WSE_FULL: no permit.  has_permit: the caller has it and keeps it.
 */
MUST_USE int pool_idle_take(struct pool *p, const struct pool_want *w,
    bool has_permit, struct bconn **bc_r);
/* A shared one that fits and has room, or NULL. */
struct bconn *pool_idle_open(struct pool *p, const struct pool_want *w);
/* Back to idle, or closed; `permit`: its request is over. */
void pool_idle_put(struct pool *p, struct bconn *bc, bool permit);
/* Granted again while it was in the own list. */
void pool_idle_revive(struct pool *p, struct bconn *bc);
/* Give up the descriptor without ending the connection; frees bc. */
void pool_idle_drop(struct pool *p, struct bconn *bc);
/* Nothing of it is left but the slot's word; frees bc. */
void pool_idle_forget(struct pool *p, struct bconn *bc);
/* shutdown, CLOSING, CLOSE; frees bc. */
void pool_idle_end(struct pool *p, struct bconn *bc, int why, bool permit);
/* Of one that was idle and was acquired for an event: back, or closed. */
void pool_idle_look(struct pool *p, struct bconn *bc);
/* Does the peer still keep quiet? False: EOF, error or bytes (with TLS: other
 * than tickets and the like, which are taken). */
bool pool_idle_is_quiet(struct bconn *bc);

/* --- pool_tls.c --- */
void pool_tls_init(struct pool *p);
void pool_tls_fini(struct pool *p);
/*
 * After vault_take(), for a connection with a state: bc->tls and bc->port from
 * the vault, unless they are there still.
 */
bool pool_tls_load(struct pool *p, struct bconn *bc);
/* Before a release: state and `ready`. False: it must not idle. */
bool pool_tls_save(struct pool *p, struct bconn *bc);
/* Idle from now on: bc->tls and bc->h2 stay for a while. */
void pool_tls_warm(struct pool *p, struct bconn *bc);
/*
 * An idle one, just acquired, has part of a record: it stays LEASED until the
 * rest is there.  False: that has lasted too long.
 */
bool pool_tls_wait(struct pool *p, struct bconn *bc);
/* GOAWAY and close_notify, as far as the socket takes them. */
void pool_tls_bye(struct bconn *bc);
/* Wipe and free bc->tls and bc->h2; the vault is not touched. */
void pool_tls_forget(struct bconn *bc);
/* There is more to it than a descriptor. */
static inline bool
pool_tls_has_state(const struct bconn *bc)
{
	return bc->is_tls || bc->tag != TAG_H1;
}

/* --- pool_lease.c --- */
/* permit_only: there was a shared connection with room. */
MUST_USE int pool_lease_start(struct pool *p, const struct pool_want *w,
    struct bconn *keep, bool permit_only, struct pool_lease *l);
/* Send what credit allows. */
void pool_lease_send(struct pool *p);
/* A new broker: all unanswered ones are to be sent again. */
void pool_lease_unsend(struct pool *p);
/* Serve leases the broker does not have from own connections. */
void pool_lease_serve_local(struct pool *p);
/* Serve those that wait for a dial from shared connections with room. */
void pool_lease_serve_open(struct pool *p);
MUST_USE int pool_lease_granted(struct pool *p, struct ipc_msg *m);
MUST_USE int pool_lease_failed(struct pool *p, const struct ipc_fail *f);
/* A permit in the own cell, or not. */
bool pool_permit_try(struct pool *p, uint32_t server);
void pool_permit_drop(struct pool *p, uint32_t server, bool tell);

/* Counted in the own cell without asking: it was counted elsewhere. */
void pool_permit_add(struct pool *p, uint32_t server);

/* --- pool_pass.c --- */
/* KEEP, MOVED (ours) or REVOKE. False: it is about none of these. */
bool pool_pass_answer(struct pool *p, uint32_t slot, uint32_t gen, bool ours);
/* Say what could not be sent; all: what was, too. */
void pool_pass_again(struct pool *p, bool all);
/* After HOLD_END. */
void pool_pass_new_broker(struct pool *p);

/* --- pool_chan.c --- */
void pool_chan_init(struct pool *p);
/* Tell the broker what the slot's word says now: CLOSE, TUNNEL, RELEASED. */
void pool_chan_tell(struct pool *p, uint32_t slot);
void pool_chan_tell_permit(struct pool *p, uint32_t server);
/* Send what is owed. */
void pool_chan_flush(struct pool *p);
void pool_chan_violation(
    struct pool *p, enum ipc_type type, int err, const char *text);
/* Have leases and notices looked at before the loop sleeps. */
void pool_chan_later(struct pool *p);

#endif
