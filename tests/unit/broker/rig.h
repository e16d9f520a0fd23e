/* SPDX-License-Identifier: MIT */
/*
 * A small world for tests of broker and pool: a forked broker, workers' pools
 * in this process, and origins on 127.0.0.1, all in one loop.  The rig plays
 * the master.  An origin answers each byte with a byte, at once or when told.
 */
#ifndef TESTS_UNIT_BROKER_RIG_H
#define TESTS_UNIT_BROKER_RIG_H

#include <event2/event.h>

#include "broker/broker.h"
#include "worker/pool.h"

enum { RIG_WORKERS = 4, RIG_SERVERS = 4, RIG_CONNS = 256 };

struct rig_conn {
	int fd;
	bool busy; /* a request came, its answer has not gone */
	struct rig_origin *o;
	struct event ev;
};

struct rig_origin {
	struct rig *rig;
	int fd; /* -1: closed, dials are refused */
	int port;
	struct event ev;
	bool hold; /* answer when rig_answer() says so */
	unsigned accepted, open, busy, busy_peak, open_peak;
	struct rig_conn conns[RIG_CONNS];
};

struct rig_worker {
	struct rig *rig;
	struct pool *pool;
	struct vault vault;
	int vault_fd;
	uint32_t instance, proc;
	bool is_grave;       /* DEAD was not said yet */
	unsigned violations; /* of the broker, as this worker says */
};

struct rig {
	struct event_base *base;
	struct conf conf;
	struct proxy px;
	struct server srv[RIG_SERVERS];
	struct board board;
	int board_fd, ro_fd;
	struct chan *to_broker;
	pid_t broker_pid;
	uint32_t broker_proc, last_instance;
	unsigned slot_count;
	bool ready;
	unsigned dead_done, kept, lost, violations;
	struct rig_worker w[RIG_WORKERS];
	struct rig_origin o[RIG_SERVERS];
};

/* One request of a stream. */
struct rig_req {
	struct pool_lease l;
	struct rig_worker *w;
	struct bconn *bc;
	bool waiting, failed, done;
	enum pool_fail why;
	int errnum;
	bool fresh, dialed;
	uint64_t got_us;
};

/* Before rig_start(): change r->srv[], r->slot_count. */
void rig_init(struct rig *r);
void rig_start(struct rig *r, unsigned workers);
void rig_stop(struct rig *r);
void rig_broker_start(struct rig *r, bool adopt);
/* kill -9, and wait. */
void rig_broker_kill(struct rig *r);
/* A new broker, introduced to the living workers. */
void rig_broker_again(struct rig *r);
void rig_worker_start(struct rig *r, unsigned i);
/* As if killed: descriptors close, nothing is said; then DEAD. */
void rig_worker_die(struct rig *r, unsigned i);
void rig_origin_open(struct rig *r, unsigned i);
void rig_origin_close(struct rig *r, unsigned i);
/* Answer up to n held requests. */
void rig_answer(struct rig_origin *o, unsigned n);
/* The origin closes its connections that wait for a request. */
void rig_origin_hang_up(struct rig_origin *o);
/* Run the loop for so long. */
void rig_run(struct rig *r, unsigned ms);

/* Ask for a connection; q->bc, q->failed or q->waiting afterwards. */
void rig_ask(struct rig *r, unsigned worker, unsigned server,
    enum lease_reuse reuse, struct rig_req *q);
/* Run until it was answered. */
void rig_await(struct rig *r, struct rig_req *q);
/* Send a request byte on q->bc; released when the answer is there. */
void rig_send(struct rig_req *q);
void rig_await_done(struct rig *r, struct rig_req *q);
/* ask, await, send, await_done; fails the test on any failure. */
void rig_roundtrip(
    struct rig *r, unsigned worker, unsigned server, struct rig_req *q);
/* Slots in this state. */
unsigned rig_count(const struct rig *r, enum slot_state st);
/* No slot but idle ones, no permit counted, no attention. */
void rig_check_rest(struct rig *r);

/* Up to some times `ms`: the machine may be busy. */
#define rig_until(r, cond, ms)                    \
	do {                                      \
		unsigned rig_left = 5 * (ms);     \
		while (!(cond) && rig_left-- > 0) \
			rig_run(r, 1);            \
		assert_true(cond);                \
	} while (0)

#endif
