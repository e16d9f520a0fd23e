/* SPDX-License-Identifier: MIT */
/*
 * Leases end to end: a real broker process, pools of several workers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka wants those first */
#include <cmocka.h>

#include <errno.h>

#include "shm/base/clock.h"
#include "shm/seg/limit.h"
#include "tests/unit/broker/rig.h"

static struct rig rig;

static void
lease__first_request__is_dialled(void **state)
{
	struct rig_req q;

	(void)state;
	rig_init(&rig);
	rig_start(&rig, 1);
	rig_ask(&rig, 0, 0, LEASE_ANY, &q);
	assert_true(q.waiting);
	rig_await(&rig, &q);
	assert_false(q.failed);
	assert_true(q.fresh && q.dialed);
	assert_int_equal(limit_sum(&rig.board, LIM_SERVER, 0), 1);
	rig_send(&q);
	rig_await_done(&rig, &q);
	assert_true(q.done);
	assert_int_equal(rig.o[0].accepted, 1);
	rig_check_rest(&rig);
	rig_stop(&rig);
}

static void
lease__own_idle__is_reused_without_a_message(void **state)
{
	struct rig_req q;
	int i;

	(void)state;
	rig_init(&rig);
	rig_start(&rig, 1);
	rig_roundtrip(&rig, 0, 0, &q);
	for (i = 0; i < 50; i++) {
		rig_ask(&rig, 0, 0, LEASE_ANY, &q);
		assert_false(q.waiting);
		assert_false(q.fresh);
		rig_send(&q);
		rig_await_done(&rig, &q);
	}
	assert_int_equal(rig.o[0].accepted, 1);
	rig_check_rest(&rig);
	rig_stop(&rig);
}

static void
lease__idle_of_another_worker__is_stolen(void **state)
{
	struct rig_req q;
	int i;

	(void)state;
	rig_init(&rig);
	rig_start(&rig, 3);
	for (i = 0; i < 60; i++)
		rig_roundtrip(&rig, (unsigned)i % 3, 0, &q);
	assert_int_equal(rig.o[0].accepted, 1);
	rig_check_rest(&rig);
	rig_stop(&rig);
}

static void
lease__bursts_over_workers__connections_stay_within_the_peak(void **state)
{
	struct rig_req q[16];
	int round, i;

	(void)state;
	rig_init(&rig);
	rig_start(&rig, 4);
	for (round = 0; round < 40; round++) {
		for (i = 0; i < 16; i++)
			rig_ask(
			    &rig, (unsigned)rand() % 4, 0, LEASE_ANY, &q[i]);
		for (i = 0; i < 16; i++) {
			rig_await(&rig, &q[i]);
			assert_false(q[i].failed);
			rig_send(&q[i]);
		}
		for (i = 0; i < 16; i++)
			rig_await_done(&rig, &q[i]);
	}
	assert_true(rig.o[0].accepted <= 16);
	rig_check_rest(&rig);
	rig_stop(&rig);
}

static void
lease__reuse_classes__are_kept_apart(void **state)
{
	struct rig_req q;

	(void)state;
	rig_init(&rig);
	rig_start(&rig, 2);
	rig_roundtrip(&rig, 0, 0, &q);
	/* carried one request: not for a first request, nor for aggressive */
	rig_ask(&rig, 1, 0, LEASE_PROVEN, &q);
	rig_await(&rig, &q);
	assert_true(q.dialed);
	rig_send(&q);
	rig_await_done(&rig, &q);
	assert_int_equal(rig.o[0].accepted, 2);
	rig_roundtrip(&rig, 0, 0, &q); /* the first one: two requests now */
	rig_ask(&rig, 1, 0, LEASE_PROVEN, &q);
	rig_await(&rig, &q);
	assert_false(q.dialed);
	rig_send(&q);
	rig_await_done(&rig, &q);
	rig_ask(&rig, 1, 0, LEASE_FRESH_ONLY, &q);
	rig_await(&rig, &q);
	assert_true(q.dialed);
	rig_send(&q);
	rig_await_done(&rig, &q);
	assert_int_equal(rig.o[0].accepted, 3);
	rig_check_rest(&rig);
	rig_stop(&rig);
}

static void
lease__refused__fails_each_waiter_once(void **state)
{
	struct rig_req q[5];
	int i;

	(void)state;
	rig_init(&rig);
	rig_start(&rig, 1);
	rig_origin_close(&rig, 0);
	for (i = 0; i < 5; i++)
		rig_ask(&rig, 0, 0, LEASE_ANY, &q[i]);
	for (i = 0; i < 5; i++) {
		rig_await(&rig, &q[i]);
		assert_true(q[i].failed);
		assert_int_equal(q[i].why, PFAIL_CONNECT);
		assert_int_equal(q[i].errnum, ECONNREFUSED);
	}
	assert_int_equal(rig.board.server[0].dials, 5);
	assert_int_equal(rig.board.server[0].dial_errors, 5);
	rig_check_rest(&rig);
	rig_origin_open(&rig, 0);
	rig_roundtrip(&rig, 0, 0, &q[0]);
	rig_stop(&rig);
}

static void
lease__maxconn__is_never_passed_and_in_order(void **state)
{
	struct rig_req q[40];
	int i, k, served = 0;

	(void)state;
	rig_init(&rig);
	rig.srv[0].maxconn = 3;
	rig_start(&rig, 4);
	rig.o[0].hold = true;
	for (i = 0; i < 40; i++) {
		rig_ask(&rig, (unsigned)i % 4, 0, LEASE_ANY, &q[i]);
		rig_run(&rig, 3);
	}
	assert_int_equal(rig.board.server[0].queue_count, 37);
	for (k = 0; served < 40 && k < 4000; k++) {
		for (i = 0; i < 40; i++) {
			if (!q[i].bc || q[i].bc->on_read)
				continue;
			/* nobody who came later was served before */
			assert_true(i <= served + 3);
			rig_send(&q[i]);
		}
		rig_answer(&rig.o[0], 1);
		rig_run(&rig, 1);
		for (served = 0, i = 0; i < 40; i++)
			served += q[i].done;
		assert_true(limit_sum(&rig.board, LIM_SERVER, 0) <= 3);
	}
	assert_int_equal(served, 40);
	assert_true(rig.o[0].busy_peak <= 3);
	assert_true(rig.o[0].accepted <= 3);
	assert_true(q[39].l.queue_pos > 30);
	rig_check_rest(&rig);
	rig_stop(&rig);
}

static void
lease__cancelled__leaves_no_trace(void **state)
{
	struct rig_req q[20];
	int round, i;

	(void)state;
	rig_init(&rig);
	rig.srv[0].maxconn = 2;
	rig_start(&rig, 2);
	for (round = 0; round < 50; round++) {
		for (i = 0; i < 20; i++)
			rig_ask(&rig, (unsigned)i % 2, 0, LEASE_ANY, &q[i]);
		if (round % 3)
			rig_run(&rig, (unsigned)round % 3);
		for (i = 0; i < 20; i++) {
			if (q[i].waiting)
				pool_cancel(q[i].w->pool, &q[i].l);
			else if (q[i].bc && i % 2)
				pool_release(q[i].w->pool, &q[i].bc);
			else if (q[i].bc)
				pool_close(q[i].w->pool, &q[i].bc, 0);
		}
	}
	rig_check_rest(&rig);
	rig_roundtrip(&rig, 0, 0, &q[0]);
	rig_stop(&rig);
}

static void
lease__idle_closed_by_the_server__is_noticed(void **state)
{
	struct rig_req q;

	(void)state;
	rig_init(&rig);
	rig_start(&rig, 2);
	rig_roundtrip(&rig, 0, 0, &q);
	assert_int_equal(rig_count(&rig, SLOT_IDLE), 1);
	rig_origin_hang_up(&rig.o[0]);
	rig_until(&rig, rig_count(&rig, SLOT_FREE) == rig.slot_count, 500);
	rig_roundtrip(&rig, 1, 0, &q);
	assert_int_equal(rig.o[0].accepted, 2);
	rig_check_rest(&rig);
	rig_stop(&rig);
}

static void
lease__slot_table_full__evicts_or_waits(void **state)
{
	struct rig_req q[12], x;
	int i;

	(void)state;
	rig_init(&rig);
	rig.slot_count = 8;
	rig_start(&rig, 2);
	/* idle ones of another server make room */
	for (i = 0; i < 8; i++)
		rig_ask(&rig, 0, 1, LEASE_ANY, &q[i]);
	for (i = 0; i < 8; i++)
		rig_await(&rig, &q[i]);
	for (i = 0; i < 8; i++)
		pool_release(q[i].w->pool, &q[i].bc);
	assert_int_equal(rig_count(&rig, SLOT_IDLE), 8);
	rig_roundtrip(&rig, 1, 0, &x);
	/* all in use: wait, and be served when one of any server is released */
	for (i = 0; i < 8; i++)
		rig_ask(&rig, 0, 1, LEASE_ANY, &q[i]);
	for (i = 0; i < 8; i++)
		rig_await(&rig, &q[i]);
	rig_ask(&rig, 1, 2, LEASE_ANY, &x);
	rig_run(&rig, 100);
	assert_true(x.waiting);
	pool_release(q[0].w->pool, &q[0].bc);
	rig_await(&rig, &x);
	assert_false(x.failed);
	pool_close(x.w->pool, &x.bc, 0);
	for (i = 1; i < 8; i++)
		pool_release(q[i].w->pool, &q[i].bc);
	rig_check_rest(&rig);
	rig_stop(&rig);
}

static void
lease__server_in_maintenance__sends_waiters_elsewhere(void **state)
{
	struct rig_req q[6];
	int i;

	(void)state;
	rig_init(&rig);
	rig.srv[0].maxconn = 1;
	rig_start(&rig, 2);
	rig_roundtrip(&rig, 0, 0, &q[0]);
	for (i = 0; i < 6; i++)
		rig_ask(&rig, (unsigned)i % 2, 0, LEASE_ANY, &q[i]);
	rig_await(&rig, &q[0]);
	rig_run(&rig, 10);
	atomic_store(&rig.board.server[0].admin_state, SRV_FMAINT);
	for (i = 1; i < 6; i++) {
		rig_await(&rig, &q[i]);
		assert_true(q[i].failed);
		assert_int_equal(q[i].why, PFAIL_DOWN);
	}
	pool_release(q[0].w->pool, &q[0].bc);
	rig_until(&rig, rig_count(&rig, SLOT_FREE) == rig.slot_count, 500);
	atomic_store(&rig.board.server[0].admin_state, 0);
	rig_run(&rig, 250);
	rig_roundtrip(&rig, 1, 0, &q[0]);
	rig_check_rest(&rig);
	rig_stop(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lease__first_request__is_dialled),
		cmocka_unit_test(lease__own_idle__is_reused_without_a_message),
		cmocka_unit_test(lease__idle_of_another_worker__is_stolen),
		cmocka_unit_test(
		    lease__bursts_over_workers__connections_stay_within_the_peak),
		cmocka_unit_test(lease__reuse_classes__are_kept_apart),
		cmocka_unit_test(lease__refused__fails_each_waiter_once),
		cmocka_unit_test(lease__maxconn__is_never_passed_and_in_order),
		cmocka_unit_test(lease__cancelled__leaves_no_trace),
		cmocka_unit_test(lease__idle_closed_by_the_server__is_noticed),
		cmocka_unit_test(lease__slot_table_full__evicts_or_waits),
		cmocka_unit_test(
		    lease__server_in_maintenance__sends_waiters_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
