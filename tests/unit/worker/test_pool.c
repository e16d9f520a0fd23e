/* SPDX-License-Identifier: MIT */
/*
 * The worker's pool against a broker played by the test: what crosses on the
 * channel, what is refused, what comes in a bad order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka wants those first */
#include <cmocka.h>

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shm/base/clock.h"
#include "shm/seg/limit.h"
#include "worker/pool.h"

enum { SLOTS = 16, ME = 7, ROW = 2, SEEN_MAX = 64 };

static struct event_base *base;
static struct conf conf;
static struct proxy px;
static struct server srv;
static struct board board;
static struct vault vault;
static struct pool *pool;
static struct chan *broker;
static int board_fd, vault_fd;
static struct ipc_msg seen[SEEN_MAX];
static unsigned seen_count, violations;

static int
on_worker(struct chan *c, struct ipc_msg *m, void *arg)
{
	(void)arg;
	if (m->type == IPC_HELLO)
		chan_phase(c, PHASE_HOLDING);
	if (m->type == IPC_HOLD_END)
		chan_phase(c, PHASE_OPEN);
	if (seen_count < SEEN_MAX)
		seen[seen_count++] = *m;
	return 0;
}

static void
on_worker_end(struct chan *c, int err, const char *why, void *arg)
{
	(void)c;
	(void)err;
	(void)why;
	(void)arg;
}

static void
on_violation(void *arg, const struct ipc_violation *v)
{
	(void)arg;
	(void)v;
	violations++;
}

static void
run(void)
{
	int i;

	for (i = 0; i < 20; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	clock_update();
}

/* The first message of this type after `from`, or -1. */
static int
find(enum ipc_type type, unsigned from)
{
	unsigned i;

	for (i = from; i < seen_count; i++)
		if (seen[i].type == type)
			return (int)i;
	return -1;
}

static void
say(struct ipc_msg *m)
{
	assert_int_equal(chan_send(broker, m), 0);
	run();
}

static void
welcome(uint32_t credit)
{
	struct ipc_msg m = { .type = IPC_WELCOME };

	m.u.welcome.broker_instance = 1;
	m.u.welcome.credit = credit;
	say(&m);
}

static void
connect_broker(uint32_t credit)
{
	int pair[2];

	assert_int_equal(chan_pair(pair), 0);
	broker = chan_new(base, &pair[0], ROLE_BROKER, ROLE_WORKER, on_worker,
	    on_worker_end, NULL);
	seen_count = 0;
	pool_broker(pool, &pair[1]);
	run();
	assert_int_equal(seen[0].type, IPC_HELLO);
	assert_true(find(IPC_HOLD_END, 0) > 0);
	welcome(credit);
}

static int
setup(void **state)
{
	struct board_dims d = { SLOTS, 2, 2, 4 };
	struct board_server *row;

	(void)state;
	clock_update();
	base = event_base_new();
	px.servers = &srv;
	srv.px = &px;
	assert_int_equal(board_create(&d, &board, &board_fd), 0);
	assert_int_equal(vault_create(SLOTS, &vault_fd), 0);
	assert_int_equal(vault_attach(vault_fd, SLOTS, &vault), 0);
	row = &board.server[0];
	row->transport.addr_len = sizeof(struct sockaddr_in);
	row->pool.max_conn = -1;
	row->pool.purge_delay_ms = 5000;
	atomic_store(&row->epoch, 1);
	atomic_store(&row->op_state, SRV_RUNNING);
	atomic_store(&row->row_state, 1);
	pool = pool_new(base, &conf, &board, &vault, ME, ROW);
	pool_on_violation(pool, on_violation, NULL);
	violations = 0;
	connect_broker(2);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pool_free(&pool);
	chan_free(&broker);
	vault_detach(&vault);
	board_detach(&board);
	close(board_fd);
	close(vault_fd);
	event_base_free(base);
	return 0;
}

struct req {
	struct pool_lease l;
	struct bconn *bc;
	bool called;
	enum pool_fail why;
};

static void
on_lease(struct pool_lease *l, struct bconn *bc, enum pool_fail why, int errnum)
{
	struct req *q = l->arg;

	(void)errnum;
	q->called = true;
	q->bc = bc;
	q->why = why;
}

static int
get(struct req *q)
{
	struct pool_want w = {
		.srv = &srv, .reuse = LEASE_ANY, .tags = TAG_BIT(TAG_H1)
	};
	int r;

	memset(q, 0, sizeof(*q));
	q->l.fn = on_lease;
	q->l.arg = q;
	r = pool_get(pool, &w, NULL, &q->l, &q->bc);
	run();
	return r;
}

/* Of the server's own address. */
static struct slot_key
own_key(void)
{
	const struct board_transport *t = &board.server[0].transport;
	struct slot_key k;

	slot_key_make(&k, NULL, 0, t->addr, t->addr_len, NULL, 0, NULL, 0);
	return k;
}

/* What a broker does to grant a dialled connection. Returns the far end. */
static int
grant(uint64_t lease, uint32_t slot, uint32_t *gen_r)
{
	struct ipc_msg m = { .type = IPC_GRANT, .fd_count = 1 };
	struct slot_key key = own_key();
	int pair[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	assert_int_equal(
	    slot_dial(&board, slot, 0, 1, &key, clock_us(), gen_r), 0);
	assert_int_equal(slot_dial_lease(&board, slot, *gen_r, TAG_H1, ME), 0);
	limit_add(&board, LIM_SERVER, 0, ROW);
	m.u.grant.lease = lease;
	m.u.grant.slot = slot;
	m.u.grant.gen = *gen_r;
	m.u.grant.tag = TAG_H1;
	m.u.grant.flags = GRANT_F_FRESH | GRANT_F_DIALED;
	m.fd[0] = pair[0];
	say(&m);
	close(pair[0]);
	return pair[1];
}

static uint64_t
lease_id(unsigned nth)
{
	unsigned i;

	for (i = 0; i < seen_count; i++)
		if (seen[i].type == IPC_LEASE && nth-- == 0)
			return seen[i].u.lease.lease;
	fail_msg("no such LEASE");
	return 0;
}

static void
pool__credit_used_up__leases_wait_here_in_order(void **state)
{
	struct req q[4];
	uint32_t gen;
	int i, far;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_int_equal(get(&q[i]), -WSE_AGAIN);
	assert_true(q[0].l.sent && q[1].l.sent);
	assert_false(q[2].l.sent || q[3].l.sent);
	far = grant(q[1].l.id, 0, &gen);
	assert_non_null(q[1].bc);
	assert_true(q[2].l.sent);
	assert_false(q[3].l.sent);
	pool_cancel(pool, &q[0].l);
	run();
	assert_true(find(IPC_CANCEL, 0) > 0);
	assert_true(q[3].l.sent);
	close(far);
}

static void
pool__grant_crosses_cancel__is_released(void **state)
{
	struct req q;
	uint64_t id;
	uint32_t gen;
	int far;

	(void)state;
	assert_int_equal(get(&q), -WSE_AGAIN);
	id = q.l.id;
	pool_cancel(pool, &q.l);
	far = grant(id, 3, &gen);
	assert_false(q.called);
	assert_int_equal(slot_get(&board, 3).state, SLOT_IDLE);
	assert_int_equal(limit_sum(&board, LIM_SERVER, 0), 0);
	assert_int_equal(get(&q), 0); /* and can be had */
	assert_true(q.bc->fresh);
	close(far);
}

static void
pool__attention_set__release_is_reported_and_kept_off(void **state)
{
	struct ipc_msg m = { .type = IPC_KEEP };
	struct req q, x;
	uint32_t gen;
	int far, at;

	(void)state;
	assert_int_equal(get(&q), -WSE_AGAIN);
	far = grant(q.l.id, 0, &gen);
	atomic_store(&board.server[0].attention, ATT_QUEUE);
	pool_release(pool, &q.bc);
	run();
	at = find(IPC_RELEASED, 0);
	assert_true(at > 0);
	assert_int_equal(seen[at].u.slot.slot, 0);
	assert_int_equal(seen[at].u.slot.gen, gen);
	/* no own reuse, neither while attention is set nor until KEEP */
	assert_int_equal(get(&x), -WSE_AGAIN);
	pool_cancel(pool, &x.l);
	atomic_store(&board.server[0].attention, 0);
	assert_int_equal(get(&x), -WSE_AGAIN);
	pool_cancel(pool, &x.l);
	m.u.slot.slot = 0;
	m.u.slot.gen = gen;
	say(&m);
	assert_int_equal(get(&x), 0);
	close(far);
}

static void
pool__revoke_and_sweep__drop_without_ending(void **state)
{
	struct ipc_msg m = { .type = IPC_REVOKE }, sw = { .type = IPC_SWEEP };
	struct req q[2];
	uint32_t gen[2];
	int i, far[2];
	char c;

	(void)state;
	for (i = 0; i < 2; i++)
		assert_int_equal(get(&q[i]), -WSE_AGAIN);
	for (i = 0; i < 2; i++)
		far[i] = grant(lease_id((unsigned)i), (uint32_t)i, &gen[i]);
	for (i = 0; i < 2; i++)
		pool_release(pool, &q[i].bc);
	assert_int_equal(slot_steal(&board, 0, gen[0], ME, 9), 0);
	assert_int_equal(slot_steal(&board, 1, gen[1], ME, 9), 0);
	/* an event on a lost one: it lets go at once, and waits */
	assert_int_equal(send(far[0], "x", 1, 0), 1);
	run();
	assert_int_equal(pool_held(pool), 2);
	m.u.slot.slot = 0;
	m.u.slot.gen = gen[0];
	say(&m);
	assert_int_equal(pool_held(pool), 1);
	say(&sw);
	assert_int_equal(pool_held(pool), 0);
	assert_int_equal(find(IPC_CLOSE, 0), -1);
	/* ours was the last copy here: closing it is seen, no shutdown was */
	assert_true(recv(far[0], &c, 1, MSG_DONTWAIT) <= 0);
	close(far[0]);
	close(far[1]);
}

static void
pool__sweep_before_a_grant_of_our_own__keeps_it(void **state)
{
	struct ipc_msg g = { .type = IPC_GRANT }, sw = { .type = IPC_SWEEP };
	struct req q, x;
	uint32_t gen;
	int far;

	(void)state;
	assert_int_equal(get(&q), -WSE_AGAIN);
	far = grant(q.l.id, 0, &gen);
	pool_release(pool, &q.bc);
	atomic_store(&board.server[0].attention, ATT_QUEUE);
	assert_int_equal(get(&x), -WSE_AGAIN);
	assert_int_equal(slot_steal(&board, 0, gen, ME, ME), 0);
	assert_true(vault_take(&vault, 0, gen));
	limit_add(&board, LIM_SERVER, 0, ROW);
	say(&sw);
	assert_int_equal(pool_held(pool), 1);
	g.u.grant.lease = x.l.id;
	g.u.grant.slot = 0;
	g.u.grant.gen = gen;
	g.u.grant.tag = TAG_H1;
	g.u.grant.flags = GRANT_F_HELD;
	say(&g);
	assert_non_null(x.bc);
	assert_int_equal(violations, 0);
	close(far);
}

static void
pool__grant_without_room_for_the_descriptor__is_closed(void **state)
{
	struct rlimit old, none;
	struct req q;
	uint32_t gen;
	int far, probe;

	(void)state;
	assert_int_equal(get(&q), -WSE_AGAIN);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	/* room for the test's pair, which then is closed: none for one more */
	none = old;
	{
		struct ipc_msg m = { .type = IPC_GRANT, .fd_count = 1 };
		struct slot_key key = own_key();
		int pair[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		far = pair[1];
		assert_int_equal(
		    slot_dial(&board, 5, 0, 1, &key, clock_us(), &gen), 0);
		assert_int_equal(
		    slot_dial_lease(&board, 5, gen, TAG_H1, ME), 0);
		limit_add(&board, LIM_SERVER, 0, ROW);
		m.u.grant.lease = q.l.id;
		m.u.grant.slot = 5;
		m.u.grant.gen = gen;
		m.u.grant.tag = TAG_H1;
		m.u.grant.flags = GRANT_F_FRESH | GRANT_F_DIALED;
		m.fd[0] = pair[0];
		assert_int_equal(chan_send(broker, &m), 0);
		probe = dup(0);
		none.rlim_cur = (rlim_t)probe;
		close(probe);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
		run();
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
		close(pair[0]);
	}
	assert_true(q.called);
	assert_null(q.bc);
	assert_int_equal(q.why, PFAIL_INTERNAL);
	run();
	assert_true(find(IPC_CLOSE, 0) > 0);
	assert_int_equal(slot_get(&board, 5).state, SLOT_CLOSING);
	assert_int_equal(limit_sum(&board, LIM_SERVER, 0), 0);
	close(far);
}

static void
pool__stale_epoch__is_asked_again(void **state)
{
	struct ipc_msg f = { .type = IPC_FAIL };
	struct req q;
	uint64_t arrival;
	int at;

	(void)state;
	assert_int_equal(get(&q), -WSE_AGAIN);
	arrival = q.l.arrival_us;
	f.u.fail.lease = q.l.id;
	f.u.fail.why = LFAIL_EPOCH;
	at = (int)seen_count;
	atomic_store(&board.server[0].epoch, 2);
	say(&f);
	assert_false(q.called);
	at = find(IPC_LEASE, (unsigned)at);
	assert_true(at > 0);
	assert_int_equal(seen[at].u.lease.epoch, 2);
	assert_int_equal(seen[at].u.lease.arrival_us, arrival);
	f.u.fail.lease = q.l.id;
	f.u.fail.why = LFAIL_TIMEOUT;
	say(&f);
	assert_true(q.called);
	assert_int_equal(q.why, PFAIL_TIMEOUT);
}

static void
pool__broker_gone__own_connections_serve_waiters(void **state)
{
	struct req q, x;
	uint32_t gen;
	int far, i;

	(void)state;
	assert_int_equal(get(&q), -WSE_AGAIN);
	far = grant(q.l.id, 0, &gen);
	chan_free(&broker);
	run();
	/* it left attention behind, which nobody can answer now */
	atomic_store(&board.server[0].attention, ATT_QUEUE);
	assert_int_equal(get(&x), -WSE_AGAIN);
	pool_release(pool, &q.bc);
	run();
	assert_non_null(x.bc);
	connect_broker(2);
	i = find(IPC_HOLD, 0);
	assert_true(i > 0);
	assert_int_equal(seen[i].u.slot.slot, 0);
	assert_int_equal(seen[i].fd_count, 1);
	assert_int_equal(find(IPC_LEASE, 0), -1);
	close(far);
}

static void
pool__revoke_of_what_is_in_use__is_a_violation(void **state)
{
	struct ipc_msg m = { .type = IPC_REVOKE };
	struct req q;
	uint32_t gen;
	int far;

	(void)state;
	assert_int_equal(get(&q), -WSE_AGAIN);
	far = grant(q.l.id, 0, &gen);
	m.u.slot.slot = 0;
	m.u.slot.gen = gen;
	say(&m);
	assert_int_equal(violations, 1);
	assert_int_equal(pool_held(pool), 1);
	close(far);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(pool__credit_used_up__leases_wait_here_in_order),
		T(pool__grant_crosses_cancel__is_released),
		T(pool__attention_set__release_is_reported_and_kept_off),
		T(pool__revoke_and_sweep__drop_without_ending),
		T(pool__sweep_before_a_grant_of_our_own__keeps_it),
		T(pool__grant_without_room_for_the_descriptor__is_closed),
		T(pool__stale_epoch__is_asked_again),
		T(pool__broker_gone__own_connections_serve_waiters),
		T(pool__revoke_of_what_is_in_use__is_a_violation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
