/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/lb.h"
#include "worker/wk.h"

enum { SERVERS = 4 };

static struct proxy be;
static struct server srv[SERVERS];
static struct http_head req;
static struct txn_client cli;
static struct txn t;

static int
set_up(void **state)
{
	struct board_dims d = { 16, 2, SERVERS, 4 };
	int fd;

	(void)state;
	if (board_create(&d, &wk.board, &fd) < 0)
		return -1;
	close(fd);
	wk.proc = 1;
	return 0;
}

/* `n` servers of weight 1, all up, no limit. */
static void
backend(enum lb_algo algo, int n)
{
	memset(&be, 0, sizeof(be));
	memset(&req, 0, sizeof(req));
	memset(srv, 0, sizeof(srv));
	be.lb.algo = algo;
	be.servers = srv;
	be.server_count = n;
	for (int i = 0; i < n; i++) {
		struct board_server *b = &wk.board.server[i];

		srv[i].row = i;
		srv[i].id = i + 1;
		srv[i].next = i + 1 < n ? &srv[i + 1] : NULL;
		atomic_store(&b->op_state, SRV_RUNNING);
		atomic_store(&b->admin_state, 0);
		atomic_store(&b->weight, 1);
		atomic_store(&b->queue_count, 0);
		b->maxconn = 0;
	}
	atomic_store(&wk.board.proxy[0].rr_next, 0);
	t.be = &be;
	t.req = &req;
	t.cli = &cli;
}

static int
next(void)
{
	const struct server *s = lb_choose(&t, NULL);

	return s ? (int)(s - srv) : -1;
}

static void
lb__roundrobin_equal_weights__config_order(void **state)
{
	(void)state;
	backend(LB_ROUNDROBIN, 3);
	for (int i = 0; i < 9; i++)
		assert_int_equal(next(), i % 3);
}

static void
lb__roundrobin_weights__smooth_and_exact(void **state)
{
	int count[3] = { 0 }, last = -1;

	(void)state;
	backend(LB_ROUNDROBIN, 3);
	atomic_store(&wk.board.server[0].weight, 100);
	atomic_store(&wk.board.server[1].weight, 50);
	atomic_store(&wk.board.server[2].weight, 50);
	for (int i = 0; i < 40; i++) {
		int s = next();

		if (s < 0 || s > 2) {
			fail_msg("server %d", s);
			return;
		}
		count[s]++;
		if (s > 0)
			assert_int_not_equal(s, last);
		last = s;
	}
	assert_int_equal(count[0], 20);
	assert_int_equal(count[1], 10);
	assert_int_equal(count[2], 10);
}

static void
lb__a_server_down_or_draining__is_passed_over(void **state)
{
	(void)state;
	backend(LB_ROUNDROBIN, 3);
	atomic_store(&wk.board.server[1].op_state, SRV_STOPPED);
	for (int i = 0; i < 6; i++)
		assert_int_not_equal(next(), 1);
	atomic_store(&wk.board.server[2].admin_state, SRV_FDRAIN);
	for (int i = 0; i < 6; i++)
		assert_int_equal(next(), 0);
	atomic_store(&wk.board.server[0].weight, 0);
	assert_int_equal(next(), -1);
}

static void
lb__backup__only_when_no_other_is_left(void **state)
{
	(void)state;
	backend(LB_ROUNDROBIN, 3);
	srv[1].backup = srv[2].backup = true;
	assert_int_equal(next(), 0);
	atomic_store(&wk.board.server[0].op_state, SRV_STOPPED);
	for (int i = 0; i < 4; i++)
		assert_int_equal(next(), 1);
	atomic_store(&wk.board.server[1].admin_state, SRV_FMAINT);
	assert_int_equal(next(), 2);
}

static void
lb__a_full_server__is_passed_over(void **state)
{
	(void)state;
	backend(LB_ROUNDROBIN, 2);
	wk.board.server[0].maxconn = 1;
	limit_add(&wk.board, LIM_SERVER, 0, 1);
	for (int i = 0; i < 4; i++)
		assert_int_equal(next(), 1);
	limit_drop(&wk.board, LIM_SERVER, 0, 1);
	wk.board.server[0].maxconn = 0;
}

static void
lb__avoid__takes_another_where_there_is_one(void **state)
{
	(void)state;
	for (enum lb_algo a = LB_ROUNDROBIN; a < LB_N; a++) {
		backend(a, 2);
		be.lb.hdr_name = (char *)(uintptr_t) "x";
		for (int i = 0; i < 10; i++)
			assert_ptr_equal(lb_choose(&t, &srv[0]), &srv[1]);
		backend(a, 1);
		be.lb.hdr_name = (char *)(uintptr_t) "x";
		assert_ptr_equal(lb_choose(&t, &srv[0]), &srv[0]);
	}
}

static void
lb__leastconn__takes_the_idlest_for_its_weight(void **state)
{
	(void)state;
	backend(LB_LEASTCONN, 2);
	limit_add(&wk.board, LIM_SERVER, 0, 1);
	limit_add(&wk.board, LIM_SERVER, 0, 2);
	for (int i = 0; i < 4; i++)
		assert_int_equal(next(), 1);
	atomic_store(&wk.board.server[0].weight, 10);
	for (int i = 0; i < 4; i++)
		assert_int_equal(next(), 1); /* idle: whatever the weights */
	limit_add(&wk.board, LIM_SERVER, 1, 1);
	for (int i = 0; i < 4; i++)
		assert_int_equal(next(), 0);
	limit_drop(&wk.board, LIM_SERVER, 0, 1);
	limit_drop(&wk.board, LIM_SERVER, 0, 2);
	limit_drop(&wk.board, LIM_SERVER, 1, 1);
}

static void
lb__first__fills_in_order(void **state)
{
	(void)state;
	backend(LB_FIRST, 3);
	wk.board.server[0].maxconn = 1;
	assert_int_equal(next(), 0);
	limit_add(&wk.board, LIM_SERVER, 0, 1);
	assert_int_equal(next(), 1);
	limit_drop(&wk.board, LIM_SERVER, 0, 1);
	wk.board.server[0].maxconn = 0;
}

static int
uri(const char *target)
{
	req.target = sv_str(target);
	return next();
}

static void
lb__uri__same_path_same_server(void **state)
{
	int seen[SERVERS] = { 0 };
	char path[32];

	(void)state;
	backend(LB_URI, SERVERS);
	for (int i = 0; i < 400; i++) {
		int s;

		snprintf(path, sizeof(path), "/p/%d?q=%d", i, i);
		s = uri(path);
		seen[s]++;
		*strchr(path, '?') = '\0';
		assert_int_equal(uri(path), s);
	}
	for (int i = 0; i < SERVERS; i++)
		assert_in_range(seen[i], 60, 140);
}

static void
lb__consistent__only_the_lost_servers_keys_move(void **state)
{
	int was[400], seen[SERVERS] = { 0 };
	char path[32];

	(void)state;
	backend(LB_URI, SERVERS);
	be.lb.consistent = true;
	atomic_store(&wk.board.server[3].weight, 3);
	for (int i = 0; i < 400; i++) {
		snprintf(path, sizeof(path), "/p/%d", i);
		was[i] = uri(path);
		seen[was[i]]++;
	}
	assert_in_range(seen[3], 150, 250);
	atomic_store(&wk.board.server[1].op_state, SRV_STOPPED);
	for (int i = 0; i < 400; i++) {
		snprintf(path, sizeof(path), "/p/%d", i);
		if (was[i] != 1)
			assert_int_equal(uri(path), was[i]);
		else
			assert_int_not_equal(uri(path), 1);
	}
}

static void
lb__random__uses_all(void **state)
{
	int seen[SERVERS] = { 0 };

	(void)state;
	backend(LB_RANDOM, SERVERS);
	for (int i = 0; i < 400; i++)
		seen[next()]++;
	for (int i = 0; i < SERVERS; i++)
		assert_true(seen[i] > 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lb__roundrobin_equal_weights__config_order),
		cmocka_unit_test(lb__roundrobin_weights__smooth_and_exact),
		cmocka_unit_test(lb__a_server_down_or_draining__is_passed_over),
		cmocka_unit_test(lb__backup__only_when_no_other_is_left),
		cmocka_unit_test(lb__a_full_server__is_passed_over),
		cmocka_unit_test(lb__avoid__takes_another_where_there_is_one),
		cmocka_unit_test(
		    lb__leastconn__takes_the_idlest_for_its_weight),
		cmocka_unit_test(lb__first__fills_in_order),
		cmocka_unit_test(lb__uri__same_path_same_server),
		cmocka_unit_test(
		    lb__consistent__only_the_lost_servers_keys_move),
		cmocka_unit_test(lb__random__uses_all),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
