/* SPDX-License-Identifier: MIT */
/*
 * Idle connections: expiry, limits, prewarming, shortage, distrust.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka wants those first */
#include <cmocka.h>

#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/base/clock.h"
#include "shm/seg/limit.h"
#include "tests/unit/broker/rig.h"

static struct rig rig;

static void
fill_idle(unsigned server, int n)
{
	struct rig_req q[32];
	int i;

	for (i = 0; i < n; i++)
		rig_ask(&rig, (unsigned)i % 2, server, LEASE_ANY, &q[i]);
	for (i = 0; i < n; i++)
		rig_await(&rig, &q[i]);
	for (i = 0; i < n; i++)
		pool_release(q[i].w->pool, &q[i].bc);
}

static void
idle__purge_delay__halves_down_to_low_conn(void **state)
{
	(void)state;
	rig_init(&rig);
	rig.srv[0].pool.purge_delay_ms = 300;
	rig.srv[0].pool.low_conn = 2;
	rig_start(&rig, 2);
	fill_idle(0, 16);
	assert_int_equal(rig_count(&rig, SLOT_IDLE), 16);
	rig_until(&rig, rig_count(&rig, SLOT_IDLE) <= 10, 1500);
	assert_true(rig_count(&rig, SLOT_IDLE) > 2);
	rig_until(&rig, rig_count(&rig, SLOT_IDLE) == 2, 4000);
	rig_run(&rig, 800);
	assert_int_equal(rig_count(&rig, SLOT_IDLE), 2);
	assert_int_equal(rig.o[0].open, 2);
	assert_int_equal(
	    pool_held(rig.w[0].pool) + pool_held(rig.w[1].pool), 2);
	rig_check_rest(&rig);
	rig_stop(&rig);
}

static void
idle__max_conn__closes_what_is_returned(void **state)
{
	(void)state;
	rig_init(&rig);
	rig.srv[0].pool.max_conn = 3;
	rig.srv[1].pool.max_conn = 0;
	rig_start(&rig, 2);
	fill_idle(0, 10);
	rig_run(&rig, 20);
	assert_int_equal(rig_count(&rig, SLOT_IDLE), 3);
	assert_int_equal(rig.board.server[0].idle_count, 3);
	fill_idle(1, 4);
	rig_run(&rig, 20);
	assert_int_equal(rig_count(&rig, SLOT_IDLE), 3);
	assert_int_equal(rig.o[1].open, 0);
	rig_check_rest(&rig);
	rig_stop(&rig);
}

static void
idle__prewarm__keeps_ready_ones(void **state)
{
	struct rig_req q;

	(void)state;
	rig_init(&rig);
	rig.srv[0].pool.prewarm = 3;
	rig.srv[0].pool.purge_delay_ms = 200;
	rig_start(&rig, 1);
	rig_until(&rig, rig_count(&rig, SLOT_IDLE) == 3, 1000);
	rig_ask(&rig, 0, 0, LEASE_FRESH_ONLY, &q);
	rig_await(&rig, &q);
	assert_true(q.fresh);
	assert_false(q.dialed);
	rig_until(&rig, rig.o[0].accepted == 4, 1000);
	rig_send(&q);
	rig_await_done(&rig, &q);
	/* the ready ones are not purged, the used one is */
	rig_until(&rig, rig.o[0].open == 3, 2000);
	rig_run(&rig, 600);
	assert_int_equal(rig_count(&rig, SLOT_IDLE), 3);
	assert_int_equal(rig.o[0].accepted, 4);
	/* refused: backs off instead of hammering */
	rig_origin_close(&rig, 0);
	rig_run(&rig, 2000);
	assert_true(rig.board.server[0].dial_errors >= 1);
	assert_true(rig.board.server[0].dial_errors <= 5);
	rig_origin_open(&rig, 0);
	rig_until(&rig, rig_count(&rig, SLOT_IDLE) == 3, 8000);
	rig_check_rest(&rig);
	rig_stop(&rig);
}

static void
idle__granted_dead_connection__is_replaced(void **state)
{
	struct rig_req q;
	uint64_t arrival;

	(void)state;
	rig_init(&rig);
	rig_start(&rig, 2);
	rig_roundtrip(&rig, 0, 0, &q);
	/* the server closes while the GRANT is on its way */
	rig_ask(&rig, 1, 0, LEASE_ANY, &q);
	arrival = q.l.arrival_us;
	usleep(20000); /* the broker answers, nobody here reads */
	rig_origin_hang_up(&rig.o[0]);
	rig_await(&rig, &q);
	assert_false(q.failed);
	assert_true(q.dialed);
	assert_int_equal(q.l.arrival_us, arrival);
	rig_send(&q);
	rig_await_done(&rig, &q);
	assert_true(q.done);
	rig_check_rest(&rig);
	rig_stop(&rig);
}

static void
idle__unasked_bytes__close_it(void **state)
{
	struct rig_req q;
	unsigned k;

	(void)state;
	rig_init(&rig);
	rig_start(&rig, 1);
	rig_roundtrip(&rig, 0, 0, &q);
	for (k = 0; k < RIG_CONNS; k++)
		if (rig.o[0].conns[k].o && rig.o[0].conns[k].fd >= 0)
			assert_int_equal(
			    send(rig.o[0].conns[k].fd, "x", 1, 0), 1);
	rig_until(&rig, rig.o[0].open == 0, 500);
	rig_check_rest(&rig);
	assert_int_equal(pool_held(rig.w[0].pool), 0);
	rig_stop(&rig);
}

static void
idle__no_descriptors__fails_or_makes_room(void **state)
{
	struct rlimit rl = { 26, 26 }, old;
	struct rig_req q[40];
	unsigned got = 0, failed = 0;
	int i;

	(void)state;
	rig_init(&rig);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	rig_start(&rig, 2);
	assert_int_equal(prlimit(rig.broker_pid, RLIMIT_NOFILE, &rl, NULL), 0);
	fill_idle(1, 8);
	for (i = 0; i < 40; i++)
		rig_ask(&rig, (unsigned)i % 2, 0, LEASE_ANY, &q[i]);
	for (i = 0; i < 40; i++) {
		rig_await(&rig, &q[i]);
		got += q[i].bc != NULL;
		failed += q[i].failed;
		if (q[i].failed)
			assert_int_equal(q[i].errnum, EMFILE);
	}
	assert_true(got >= 8 && failed > 0);
	assert_int_equal(got + failed, 40);
	/* the idle ones of the other server made room */
	assert_int_equal(rig_count(&rig, SLOT_IDLE), 0);
	for (i = 0; i < 40; i++)
		if (q[i].bc)
			pool_close(q[i].w->pool, &q[i].bc, 0);
	rig_check_rest(&rig);
	for (i = 0; i < 20; i++)
		rig_roundtrip(&rig, (unsigned)i % 2, 0, &q[0]);
	rig_check_rest(&rig);
	rig_stop(&rig);
}

static void
idle__scribbled_word__is_quarantined_and_named(void **state)
{
	struct rig_req q, x;
	struct slot_view v;
	uint32_t slot;

	(void)state;
	rig_init(&rig);
	rig_start(&rig, 3);
	rig_roundtrip(&rig, 0, 0, &q);
	for (slot = 0; slot_get(&rig.board, slot).state != SLOT_IDLE; slot++)
		;
	v = slot_get(&rig.board, slot);
	v.holder = rig.w[2].instance; /* never granted to it */
	atomic_store(&rig.board.slot[slot].word, slot_pack(v));
	rig_ask(&rig, 1, 0, LEASE_ANY, &x);
	rig_await(&rig, &x);
	assert_false(x.failed);
	assert_true(x.dialed);
	rig_run(&rig, 50);
	assert_int_equal(rig.violations, 1);
	assert_int_equal(slot_get(&rig.board, slot).state, SLOT_QUARANTINE);
	rig_send(&x);
	rig_await_done(&rig, &x);
	/* the named one dies: the slot comes back */
	rig_worker_die(&rig, 0);
	rig_until(&rig, rig.dead_done == 1, 1000);
	assert_int_equal(slot_get(&rig.board, slot).state, SLOT_FREE);
	rig.violations = 0;
	rig_roundtrip(&rig, 1, 0, &x);
	rig_stop(&rig);
}

static void
idle__lies_in_messages__are_reported(void **state)
{
	struct ipc_msg m = { .type = IPC_HELLO };
	struct rig_req q;
	struct board_proc *row;
	struct vault vault;
	struct ipc_msg c = { .type = IPC_CHILD, .fd_count = 2 };
	int pair[2], vfd;

	(void)state;
	rig_init(&rig);
	rig_start(&rig, 1);
	rig_ask(&rig, 0, 0, LEASE_ANY, &q);
	rig_await(&rig, &q);
	/* another worker says CLOSE for what it does not hold */
	assert_int_equal(chan_pair(pair), 0);
	assert_int_equal(vault_create(rig.slot_count, &vfd), 0);
	assert_int_equal(vault_attach(vfd, rig.slot_count, &vault), 0);
	row = &rig.board.proc[6];
	row->role = ROLE_WORKER;
	atomic_store(&row->state, PROC_RUNNING);
	atomic_store(&row->instance, 99);
	c.fd[0] = pair[0];
	c.fd[1] = vfd;
	c.u.child.instance = 99;
	c.u.child.proc = 6;
	c.u.child.pid = 1;
	assert_int_equal(chan_send(rig.to_broker, &c), 0);
	m.u.hello.instance = 99;
	m.u.hello.abi = BOARD_ABI;
	{
		uint8_t wire[IPC_WIRE_MAX];
		ssize_t n = ipc_encode(&m, wire, sizeof(wire));

		assert_int_equal(send(pair[1], wire, (size_t)n, 0), n);
		m.type = IPC_HOLD_END;
		n = ipc_encode(&m, wire, sizeof(wire));
		assert_int_equal(send(pair[1], wire, (size_t)n, 0), n);
		m.type = IPC_CLOSE;
		memset(&m.u, 0, sizeof(m.u));
		m.u.slot.slot = q.bc->slot;
		m.u.slot.gen = q.bc->gen;
		n = ipc_encode(&m, wire, sizeof(wire));
		assert_int_equal(send(pair[1], wire, (size_t)n, 0), n);
	}
	rig_until(&rig, rig.violations == 1, 1000);
	rig.violations = 0;
	/* the victim goes on */
	rig_send(&q);
	rig_await_done(&rig, &q);
	assert_true(q.done);
	close(pair[0]);
	close(pair[1]);
	close(vfd);
	vault_detach(&vault);
	rig_check_rest(&rig);
	rig_stop(&rig);
}

static void
idle__check__takes_down_and_up(void **state)
{
	struct rig_req q[3];
	int i;

	(void)state;
	rig_init(&rig);
	rig.srv[0].check.enabled = true;
	rig.srv[0].check.inter_ms = 60;
	rig.srv[0].check.rise = 2;
	rig.srv[0].check.fall = 3;
	rig.srv[0].maxconn = 1;
	rig_start(&rig, 1);
	rig_run(&rig, 100);
	for (i = 0; i < 3; i++)
		rig_ask(&rig, 0, 0, LEASE_ANY, &q[i]);
	rig_await(&rig, &q[0]);
	assert_int_equal(rig.board.server[0].op_state, SRV_RUNNING);
	rig_origin_close(&rig, 0);
	rig_until(&rig, rig.board.server[0].op_state == SRV_STOPPED, 2000);
	for (i = 1; i < 3; i++) {
		rig_await(&rig, &q[i]);
		assert_true(q[i].failed);
		assert_int_equal(q[i].why, PFAIL_DOWN);
	}
	pool_close(q[0].w->pool, &q[0].bc, 0);
	rig_origin_open(&rig, 0);
	rig_until(&rig, rig.board.server[0].op_state == SRV_RUNNING, 2000);
	rig_roundtrip(&rig, 0, 0, &q[0]);
	rig_stop(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle__purge_delay__halves_down_to_low_conn),
		cmocka_unit_test(idle__max_conn__closes_what_is_returned),
		cmocka_unit_test(idle__prewarm__keeps_ready_ones),
		cmocka_unit_test(idle__granted_dead_connection__is_replaced),
		cmocka_unit_test(idle__unasked_bytes__close_it),
		cmocka_unit_test(idle__no_descriptors__fails_or_makes_room),
		cmocka_unit_test(
		    idle__scribbled_word__is_quarantined_and_named),
		cmocka_unit_test(idle__lies_in_messages__are_reported),
		cmocka_unit_test(idle__check__takes_down_and_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
