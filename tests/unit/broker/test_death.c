/* SPDX-License-Identifier: MIT */
/*
 * Deaths of workers and of the broker, with connections in every state.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka wants those first */
#include <cmocka.h>

#include <sys/wait.h>

#include "shm/base/clock.h"
#include "shm/seg/limit.h"
#include "tests/unit/broker/rig.h"

static struct rig rig;

static void
death__worker__idle_connections_stay(void **state)
{
	struct rig_req q[8], x;
	int i;

	(void)state;
	rig_init(&rig);
	rig_start(&rig, 2);
	for (i = 0; i < 8; i++)
		rig_ask(&rig, 0, 0, LEASE_ANY, &q[i]);
	for (i = 0; i < 8; i++)
		rig_await(&rig, &q[i]);
	for (i = 0; i < 5; i++)
		pool_release(q[i].w->pool, &q[i].bc);
	rig_worker_die(&rig, 0);
	rig_until(&rig, rig.dead_done == 1, 1000);
	assert_int_equal(rig.kept, 5);
	assert_int_equal(rig.lost, 3);
	rig_until(&rig, rig.o[0].open == 5, 500);
	assert_int_equal(limit_sum(&rig.board, LIM_SERVER, 0), 0);
	for (i = 0; i < 20; i++)
		rig_roundtrip(&rig, 1, 0, &x);
	assert_int_equal(rig.o[0].accepted, 8);
	/* a successor on the same row */
	rig_worker_start(&rig, 0);
	rig_roundtrip(&rig, 0, 0, &x);
	assert_int_equal(rig.o[0].accepted, 8);
	rig_check_rest(&rig);
	rig_stop(&rig);
}

static void
death__worker_with_permits__queue_goes_on(void **state)
{
	struct rig_req q[2], x[4];
	int i;

	(void)state;
	rig_init(&rig);
	rig.srv[0].maxconn = 2;
	rig_start(&rig, 2);
	for (i = 0; i < 2; i++)
		rig_ask(&rig, 0, 0, LEASE_ANY, &q[i]);
	for (i = 0; i < 2; i++)
		rig_await(&rig, &q[i]);
	for (i = 0; i < 4; i++)
		rig_ask(&rig, 1, 0, LEASE_ANY, &x[i]);
	rig_run(&rig, 50);
	assert_true(x[0].waiting);
	rig_worker_die(&rig, 0);
	for (i = 0; i < 4; i++) {
		rig_await(&rig, &x[i]);
		rig_send(&x[i]);
		rig_await_done(&rig, &x[i]);
	}
	rig_check_rest(&rig);
	rig_stop(&rig);
}

static void
death__worker_with_waiters__they_are_forgotten(void **state)
{
	struct rig_req q, x[4];
	int i;

	(void)state;
	rig_init(&rig);
	rig.srv[0].maxconn = 1;
	rig_start(&rig, 2);
	rig_ask(&rig, 0, 0, LEASE_ANY, &q);
	rig_await(&rig, &q);
	for (i = 0; i < 4; i++)
		rig_ask(&rig, 1, 0, LEASE_ANY, &x[i]);
	rig_run(&rig, 20);
	assert_int_equal(rig.board.server[0].queue_count, 4);
	rig_worker_die(&rig, 1);
	rig_until(&rig, rig.dead_done == 1, 1000);
	assert_int_equal(rig.board.server[0].queue_count, 0);
	pool_release(q.w->pool, &q.bc);
	rig_check_rest(&rig);
	rig_stop(&rig);
}

static void
death__worker_between_release_and_message__waiter_gets_it(void **state)
{
	struct rig_req q, x;
	struct slot_view v;
	uint32_t slot, gen;

	(void)state;
	rig_init(&rig);
	rig.slot_count = 1; /* so that the waiter cannot dial */
	rig_start(&rig, 2);
	rig_ask(&rig, 0, 0, LEASE_ANY, &q);
	rig_await(&rig, &q);
	rig_ask(&rig, 1, 0, LEASE_ANY, &x);
	rig_run(&rig, 20);
	assert_true(x.waiting);
	slot = q.bc->slot;
	gen = q.bc->gen;
	/* what a worker does that is killed before it looks at attention */
	vault_put(&rig.w[0].vault, slot, gen, 0, NULL, 0);
	assert_int_equal(slot_release(&rig.board, slot, gen, rig.w[0].instance,
			     TAG_H1, clock_us()),
	    0);
	rig_worker_die(&rig, 0);
	rig_await(&rig, &x);
	assert_false(x.failed);
	assert_false(x.dialed);
	v = slot_get(&rig.board, slot);
	assert_int_equal(v.gen, gen);
	pool_release(x.w->pool, &x.bc);
	rig_check_rest(&rig);
	rig_stop(&rig);
}

static void
death__worker_before_ready__slot_is_closed(void **state)
{
	struct rig_req q;

	(void)state;
	rig_init(&rig);
	rig_start(&rig, 1);
	rig_ask(&rig, 0, 0, LEASE_ANY, &q);
	rig_await(&rig, &q);
	/* IDLE without state: only a fault can do that */
	assert_int_equal(slot_release(&rig.board, q.bc->slot, q.bc->gen,
			     rig.w[0].instance, TAG_H1, clock_us()),
	    0);
	rig_worker_die(&rig, 0);
	rig_until(&rig, rig.dead_done == 1, 1000);
	assert_int_equal(rig.kept, 0);
	rig_until(&rig, rig.o[0].open == 0, 500);
	rig_check_rest(&rig);
	rig_stop(&rig);
}

static void
death__broker__held_connections_go_on(void **state)
{
	struct rig_req q[6], x;
	int i;

	(void)state;
	rig_init(&rig);
	rig_start(&rig, 2);
	for (i = 0; i < 6; i++)
		rig_ask(&rig, (unsigned)i % 2, 0, LEASE_ANY, &q[i]);
	for (i = 0; i < 6; i++)
		rig_await(&rig, &q[i]);
	for (i = 0; i < 4; i++)
		pool_release(q[i].w->pool, &q[i].bc);
	rig_broker_kill(&rig);
	/* own idle ones serve, without a broker */
	for (i = 0; i < 10; i++)
		rig_roundtrip(&rig, (unsigned)i % 2, 0, &x);
	rig_ask(&rig, 0, 1, LEASE_ANY, &x); /* needs a dial: waits */
	rig_run(&rig, 50);
	assert_true(x.waiting);
	rig_broker_again(&rig);
	rig_await(&rig, &x);
	assert_false(x.failed);
	pool_release(x.w->pool, &x.bc);
	/* the two in use come back to one pool, none was dialled anew */
	rig_send(&q[4]);
	rig_await_done(&rig, &q[4]);
	rig_send(&q[5]);
	rig_await_done(&rig, &q[5]);
	for (i = 0; i < 20; i++)
		rig_roundtrip(&rig, (unsigned)i % 2, 0, &x);
	assert_int_equal(rig.o[0].accepted, 6);
	assert_int_equal(rig_count(&rig, SLOT_IDLE), 7);
	rig_check_rest(&rig);
	rig_stop(&rig);
}

static void
death__broker_with_a_queue__order_and_permits_survive(void **state)
{
	struct rig_req q[12];
	int i, k, served;

	(void)state;
	rig_init(&rig);
	rig.srv[0].maxconn = 2;
	rig_start(&rig, 3);
	for (i = 0; i < 12; i++) {
		rig_ask(&rig, (unsigned)i % 3, 0, LEASE_ANY, &q[i]);
		rig_run(&rig, 4);
	}
	assert_int_equal(rig.board.server[0].queue_count, 10);
	rig_broker_kill(&rig);
	rig_run(&rig, 5);
	rig_broker_again(&rig);
	rig_run(&rig, 50);
	assert_int_equal(limit_sum(&rig.board, LIM_SERVER, 0), 2);
	for (k = 0, served = 0; served < 12 && k < 2000; k++) {
		for (i = 0; i < 12; i++)
			if (q[i].bc && !q[i].bc->on_read)
				rig_send(&q[i]);
		rig_run(&rig, 1);
		for (i = 0, served = 0; i < 12; i++)
			served += q[i].done;
	}
	assert_int_equal(served, 12);
	/* two are served at a time, by different workers */
	for (i = 2; i < 12; i++)
		assert_true(q[i].got_us >= q[i - 2].got_us);
	assert_true(rig.o[0].busy_peak <= 2);
	assert_true(rig.o[0].accepted <= 2);
	rig_check_rest(&rig);
	rig_stop(&rig);
}

static void
death__broker_with_closings_and_tunnels__slots_come_back(void **state)
{
	struct rig_req q[4];
	int i;

	(void)state;
	rig_init(&rig);
	rig_start(&rig, 1);
	for (i = 0; i < 4; i++)
		rig_ask(&rig, 0, 0, LEASE_ANY, &q[i]);
	for (i = 0; i < 4; i++)
		rig_await(&rig, &q[i]);
	pool_tunnel(rig.w[0].pool, q[0].bc);
	rig_run(&rig, 10);
	rig_broker_kill(&rig);
	pool_tunnel(rig.w[0].pool, q[1].bc);
	pool_close(rig.w[0].pool, &q[2].bc, 0);
	pool_close(rig.w[0].pool, &q[1].bc, 0);
	assert_int_equal(rig_count(&rig, SLOT_CLOSING), 2);
	rig_broker_again(&rig);
	rig_until(&rig, rig_count(&rig, SLOT_CLOSING) == 0, 500);
	assert_int_equal(rig_count(&rig, SLOT_TUNNEL), 1);
	assert_int_equal(rig_count(&rig, SLOT_LEASED), 1);
	pool_close(rig.w[0].pool, &q[0].bc, 0);
	pool_release(rig.w[0].pool, &q[3].bc);
	rig_check_rest(&rig);
	assert_int_equal(rig.o[0].open, 1);
	rig_stop(&rig);
}

static void
death__broker_then_worker__nothing_leaks(void **state)
{
	struct rig_req q[6], x;
	int i;

	(void)state;
	rig_init(&rig);
	rig_start(&rig, 2);
	for (i = 0; i < 6; i++)
		rig_ask(&rig, (unsigned)i % 2, 0, LEASE_ANY, &q[i]);
	for (i = 0; i < 6; i++)
		rig_await(&rig, &q[i]);
	for (i = 0; i < 4; i++)
		pool_release(q[i].w->pool, &q[i].bc);
	rig_broker_kill(&rig);
	rig_worker_die(&rig, 0);
	rig_broker_again(&rig);
	rig_run(&rig, 100);
	/* worker 1: two idle, one leased; all of worker 0 is gone */
	assert_int_equal(rig_count(&rig, SLOT_IDLE), 2);
	assert_int_equal(rig_count(&rig, SLOT_LEASED), 1);
	pool_close(q[5].w->pool, &q[5].bc, 0);
	rig_roundtrip(&rig, 1, 0, &x);
	assert_int_equal(rig.o[0].accepted, 6);
	rig_until(&rig, rig.o[0].open == 2, 500);
	rig_check_rest(&rig);
	rig_stop(&rig);
}

static void
death__worker_drains__broker_gets_its_idle_ones(void **state)
{
	struct rig_req q[4], x;
	int i;

	(void)state;
	rig_init(&rig);
	rig_start(&rig, 2);
	for (i = 0; i < 4; i++)
		rig_ask(&rig, 0, 0, LEASE_ANY, &q[i]);
	for (i = 0; i < 4; i++)
		rig_await(&rig, &q[i]);
	for (i = 0; i < 3; i++)
		pool_release(q[i].w->pool, &q[i].bc);
	pool_drain(rig.w[0].pool);
	rig_until(&rig, pool_held(rig.w[0].pool) == 1, 500);
	pool_release(rig.w[0].pool, &q[3].bc);
	rig_until(&rig, pool_held(rig.w[0].pool) == 0, 500);
	assert_int_equal(rig_count(&rig, SLOT_IDLE), 4);
	for (i = 0; i < 4; i++)
		rig_roundtrip(&rig, 1, 0, &x);
	assert_int_equal(rig.o[0].accepted, 4);
	/* and the broker watches them */
	rig_origin_hang_up(&rig.o[0]);
	rig_until(&rig, rig_count(&rig, SLOT_FREE) == rig.slot_count, 500);
	rig_check_rest(&rig);
	rig_stop(&rig);
}

static void
death__master__broker_ends_with_the_last_worker(void **state)
{
	struct rig_req q;
	unsigned i;

	(void)state;
	rig_init(&rig);
	rig_start(&rig, 2);
	rig_roundtrip(&rig, 0, 0, &q);
	chan_free(&rig.to_broker);
	rig_run(&rig, 50);
	for (i = 0; i < 10; i++) /* it serves on */
		rig_roundtrip(&rig, i % 2, 0, &q);
	assert_int_equal(rig.o[0].accepted, 1);
	assert_int_equal(waitpid(rig.broker_pid, NULL, WNOHANG), 0);
	for (i = 0; i < 2; i++)
		rig_worker_die(&rig, i);
	for (i = 0; i < 2000; i++) {
		if (waitpid(rig.broker_pid, NULL, WNOHANG) == rig.broker_pid)
			break;
		rig_run(&rig, 1);
	}
	assert_true(i < 2000);
	rig.broker_pid = 0;
	rig_stop(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(death__worker__idle_connections_stay),
		cmocka_unit_test(death__worker_with_permits__queue_goes_on),
		cmocka_unit_test(
		    death__worker_with_waiters__they_are_forgotten),
		cmocka_unit_test(
		    death__worker_between_release_and_message__waiter_gets_it),
		cmocka_unit_test(death__worker_before_ready__slot_is_closed),
		cmocka_unit_test(death__broker__held_connections_go_on),
		cmocka_unit_test(
		    death__broker_with_a_queue__order_and_permits_survive),
		cmocka_unit_test(
		    death__broker_with_closings_and_tunnels__slots_come_back),
		cmocka_unit_test(death__broker_then_worker__nothing_leaks),
		cmocka_unit_test(
		    death__worker_drains__broker_gets_its_idle_ones),
		cmocka_unit_test(
		    death__master__broker_ends_with_the_last_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
