/* SPDX-License-Identifier: MIT */
/*
 * Connections of HTTP/2 in the worker's pool, the broker played by the test:
 * who may share one, with which permit, and what goes to the vault.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka wants those first */
#include <cmocka.h>

#include <unistd.h>

#include "shm/base/clock.h"
#include "shm/seg/limit.h"
#include "worker/pool.h"

enum { SLOTS = 8, ME = 7, ROW = 2, SEEN_MAX = 64 };

static struct event_base *base;
static struct conf conf;
static struct proxy px;
static struct server srv;
static struct board board;
static struct vault vault;
static struct pool *pool;
static struct chan *broker;
static int board_fd, vault_fd, far[SLOTS];
static struct ipc_msg seen[SEEN_MAX];
static unsigned seen_count, violations;

struct req {
	struct pool_lease l;
	struct bconn *bc;
};

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
	for (int i = 0; i < 20; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	clock_update();
}

/* The last message of this type, or NULL. */
static const struct ipc_msg *
last(enum ipc_type type)
{
	for (unsigned i = seen_count; i-- > 0;)
		if (seen[i].type == type)
			return &seen[i];
	return NULL;
}

static void
say(struct ipc_msg *m)
{
	assert_int_equal(chan_send(broker, m), 0);
	run();
}

static int
setup(void **state)
{
	struct board_dims d = { SLOTS, 2, 2, 4 };
	struct ipc_msg m = { .type = IPC_WELCOME };
	struct board_server *row;
	int pair[2];

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
	violations = seen_count = 0;
	assert_int_equal(chan_pair(pair), 0);
	broker = chan_new(base, &pair[0], ROLE_BROKER, ROLE_WORKER, on_worker,
	    on_worker_end, NULL);
	pool_broker(pool, &pair[1]);
	run();
	m.u.welcome.broker_instance = 1;
	m.u.welcome.credit = 8;
	say(&m);
	memset(far, -1, sizeof(far));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	assert_int_equal(violations, 0);
	pool_free(&pool);
	chan_free(&broker);
	vault_detach(&vault);
	board_detach(&board);
	close(board_fd);
	close(vault_fd);
	for (int i = 0; i < SLOTS; i++)
		if (far[i] >= 0)
			close(far[i]);
	event_base_free(base);
	return 0;
}

static void
on_lease(struct pool_lease *l, struct bconn *bc, enum pool_fail why, int errnum)
{
	struct req *q = l->arg;

	(void)why;
	(void)errnum;
	q->bc = bc;
}

static int
get_tags(struct req *q, uint8_t tags, bool is_private)
{
	struct pool_want w = { .srv = &srv,
		.reuse = LEASE_ANY,
		.tags = tags,
		.fresh_only_private = is_private };
	int r;

	memset(q, 0, sizeof(*q));
	q->l.fn = on_lease;
	q->l.arg = q;
	r = pool_get(pool, &w, NULL, &q->l, &q->bc);
	run();
	return r;
}

static int
get(struct req *q)
{
	return get_tags(q, TAG_BIT(TAG_H2) | TAG_BIT(TAG_H2WS), false);
}

/* A dialled connection of HTTP/2 for q, its port in the vault. */
static void
grant(struct req *q, uint32_t slot, bool sound)
{
	static struct h2_port port;
	const struct board_transport *t = &board.server[0].transport;
	struct ipc_msg m = { .type = IPC_GRANT, .fd_count = 1 };
	uint8_t b[H2_PORT_IDLE_BYTES];
	struct slot_key key;
	uint32_t gen;
	int pair[2];

	h2_port_begin(&port, 65535, 1 << 20);
	port.peer.ready = sound;
	assert_int_equal(h2_port_pack(&port, b, sizeof(b)), sizeof(b));
	slot_key_make(&key, NULL, 0, t->addr, t->addr_len, NULL, 0, NULL, 0);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	assert_int_equal(
	    slot_dial(&board, slot, 0, 1, &key, clock_us(), &gen), 0);
	assert_int_equal(slot_dial_lease(&board, slot, gen, TAG_H2, ME), 0);
	vault_put(&vault, slot, gen, VAULT_H2, b, sizeof(b));
	limit_add(&board, LIM_SERVER, 0, ROW);
	m.u.grant.lease = q->l.id;
	m.u.grant.slot = slot;
	m.u.grant.gen = gen;
	m.u.grant.tag = TAG_H2;
	m.u.grant.flags = GRANT_F_FRESH | GRANT_F_DIALED | GRANT_F_H2;
	m.fd[0] = pair[0];
	say(&m);
	close(pair[0]);
	far[slot] = pair[1];
}

static void
grant_permit(struct req *q)
{
	struct ipc_msg m = { .type = IPC_GRANT };

	limit_add(&board, LIM_SERVER, 0, ROW);
	m.u.grant.lease = q->l.id;
	m.u.grant.slot = UINT32_MAX;
	m.u.grant.tag = TAG_NONE;
	say(&m);
}

static void
pool_share__room__others_get_it_with_a_permit_each(void **state)
{
	struct req a, b, c;

	(void)state;
	assert_int_equal(get(&a), -WSE_AGAIN);
	grant(&a, 0, true);
	assert_non_null(a.bc);
	assert_true(a.bc->fresh);
	pool_share(pool, a.bc, true);
	assert_int_equal(get(&b), 0);
	assert_ptr_equal(b.bc, a.bc);
	assert_false(b.bc->fresh);
	assert_int_equal(limit_sum(&board, LIM_SERVER, 0), 2);
	/* neither who wants HTTP/1 nor who wants it for himself */
	assert_int_equal(get_tags(&c, TAG_BIT(TAG_H1), false), -WSE_AGAIN);
	pool_cancel(pool, &c.l);
	assert_int_equal(get_tags(&c, TAG_BIT(TAG_H2), true), -WSE_AGAIN);
	pool_cancel(pool, &c.l);
	assert_int_equal(get_tags(&c, TAG_BIT(TAG_H2WS), false), -WSE_AGAIN);
	pool_cancel(pool, &c.l);
	pool_share(pool, a.bc, false);
	assert_int_equal(get(&c), -WSE_AGAIN);
}

static void
pool_share__no_permit__one_is_asked_for_alone(void **state)
{
	struct req a, b;

	(void)state;
	board.server[0].maxconn = 1;
	assert_int_equal(get(&a), -WSE_AGAIN);
	grant(&a, 0, true);
	pool_share(pool, a.bc, true);
	assert_int_equal(get(&b), -WSE_AGAIN);
	assert_int_equal(last(IPC_LEASE)->u.lease.flags, LEASE_F_PERMIT_ONLY);
	pool_unpermit(pool, a.bc);
	grant_permit(&b);
	assert_ptr_equal(b.bc, a.bc);
	assert_int_equal(limit_sum(&board, LIM_SERVER, 0), 1);
}

static void
pool_share__gone_when_the_permit_comes__asked_anew_in_its_place(void **state)
{
	struct ipc_lease first;
	struct req a, b;

	(void)state;
	board.server[0].maxconn = 1;
	assert_int_equal(get(&a), -WSE_AGAIN);
	grant(&a, 0, true);
	pool_share(pool, a.bc, true);
	assert_int_equal(get(&b), -WSE_AGAIN);
	first = last(IPC_LEASE)->u.lease;
	pool_close(pool, &a.bc, 0);
	grant_permit(&b);
	assert_null(b.bc);
	assert_int_equal(limit_sum(&board, LIM_SERVER, 0), 0);
	assert_int_equal(last(IPC_LEASE)->u.lease.flags, 0);
	assert_int_not_equal(last(IPC_LEASE)->u.lease.lease, first.lease);
	assert_int_equal(last(IPC_LEASE)->u.lease.arrival_us, first.arrival_us);
	grant(&b, 1, true);
	assert_non_null(b.bc);
}

static void
pool_share__others_wait_for_a_dial__they_come_along(void **state)
{
	struct req a, b, c;

	(void)state;
	assert_int_equal(get(&a), -WSE_AGAIN);
	assert_int_equal(get(&b), -WSE_AGAIN);
	assert_int_equal(get_tags(&c, TAG_BIT(TAG_H1), false), -WSE_AGAIN);
	grant(&a, 0, true);
	atomic_store(&board.server[0].attention, ATT_QUEUE);
	pool_share(pool, a.bc, true);
	run();
	assert_null(b.bc); /* there is a queue to keep */
	atomic_store(&board.server[0].attention, 0);
	pool_share(pool, a.bc, false);
	pool_share(pool, a.bc, true);
	run();
	assert_ptr_equal(b.bc, a.bc);
	assert_null(c.bc);
	assert_non_null(last(IPC_CANCEL));
	assert_int_equal(limit_sum(&board, LIM_SERVER, 0), 2);
}

static void
pool_rest__port_goes_to_the_vault_and_the_tag_rises(void **state)
{
	uint8_t b[VAULT_STATE_MAX];
	struct bconn *bc;
	uint32_t kind, gen;
	struct req a, x;

	(void)state;
	assert_int_equal(get(&a), -WSE_AGAIN);
	grant(&a, 0, true);
	bc = a.bc;
	gen = bc->gen;
	pool_share(pool, bc, true);
	bc->tag = TAG_H2WS;
	pool_rest(pool, &a.bc, true);
	assert_int_equal(limit_sum(&board, LIM_SERVER, 0), 0);
	assert_int_equal(slot_get(&board, 0).state, SLOT_IDLE);
	assert_int_equal(slot_get(&board, 0).tag, TAG_H2WS);
	assert_int_equal(atomic_load(&vault.entry[0].ready), gen);
	assert_int_equal(
	    vault_copy(&vault, 0, &kind, b, sizeof(b)), H2_PORT_IDLE_BYTES);
	assert_int_equal(kind, VAULT_H2);
	assert_memory_equal(b, bc->port, H2_PORT_IDLE_BYTES);
	/* and is had again without a message */
	assert_int_equal(get_tags(&x, TAG_BIT(TAG_H2WS), false), 0);
	assert_ptr_equal(x.bc, bc);
	assert_int_equal(atomic_load(&vault.entry[0].ready), 0);
}

static void
pool__granted_state_is_unsound__closed_and_asked_anew(void **state)
{
	struct req a;

	(void)state;
	assert_int_equal(get(&a), -WSE_AGAIN);
	grant(&a, 0, false);
	assert_null(a.bc);
	assert_non_null(last(IPC_CLOSE));
	assert_int_equal(limit_sum(&board, LIM_SERVER, 0), 0);
	grant(&a, 1, true);
	assert_non_null(a.bc);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(pool_share__room__others_get_it_with_a_permit_each),
		T(pool_share__no_permit__one_is_asked_for_alone),
		T(pool_share__gone_when_the_permit_comes__asked_anew_in_its_place),
		T(pool_share__others_wait_for_a_dial__they_come_along),
		T(pool_rest__port_goes_to_the_vault_and_the_tag_rises),
		T(pool__granted_state_is_unsound__closed_and_asked_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
