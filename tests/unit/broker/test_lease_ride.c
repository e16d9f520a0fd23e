/* SPDX-License-Identifier: MIT */
/*
 * Waiters that ride along with another's dial.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka wants those first */
#include <cmocka.h>

#include "tests/unit/broker/h2_world.h"

enum { N = 10 };

static struct fake_lease *l[WORKERS][N];

static void
ask(unsigned workers, uint8_t tags)
{
	unsigned w, i;

	for (w = 0; w < workers; w++) {
		fake[w].may_share = true;
		for (i = 0; i < N; i++)
			l[w][i] = fake_ask(&fake[w], 0, tags);
	}
}

static void
await(unsigned workers)
{
	unsigned w, i;

	for (w = 0; w < workers; w++)
		for (i = 0; i < N; i++)
			fake_await(&fake[w], l[w][i]);
}

static void
ride__waiters_of_h2__one_dial_for_each_worker(void **state)
{
	static const uint8_t tags[] = { WS, H2, H1 | WS };
	unsigned v, w;

	(void)state;
	for (v = 0; v < 3; v++) {
		world_set_up("h2,http/1.1", H2O_CONNECTS, 0);
		rig.srv[0].ws = WS_PREFER_H2;
		world_go(3);
		ask(3, tags[v]);
		await(3);
		assert_int_equal(origin.accepted, 3);
		for (w = 0; w < 3; w++) {
			assert_int_equal(fake[w].shares, N - 1);
			fake[w].shares = 0;
			fake_open(&fake[w], l[w][0]);
			fake_close(&fake[w], l[w][0]);
		}
		world_tear_down();
	}
}

/* Those that any protocol suits do not wait for what it may be. */
static void
ride__waiters_of_anything__a_dial_each(void **state)
{
	unsigned i;

	(void)state;
	world_set_up("h2,http/1.1", H2O_CONNECTS, 0);
	world_go(1);
	ask(1, ANY);
	await(1);
	assert_int_equal(origin.accepted, N);
	for (i = 0; i < N; i++) {
		fake_open(&fake[0], l[0][i]);
		fake_close(&fake[0], l[0][i]);
	}
	world_tear_down();
}

static void
ride__it_is_http1__each_gets_his_own(void **state)
{
	unsigned i;

	(void)state;
	world_set_up("h2,http/1.1", H2O_CONNECTS, 0);
	origin.alpn = "http/1.1";
	rig.srv[0].ws = WS_PREFER_H2;
	world_go(1);
	ask(1, H1 | WS);
	await(1);
	assert_int_equal(origin.accepted, N);
	assert_int_equal(fake[0].shares, 0);
	for (i = 0; i < N; i++) {
		fake_open(&fake[0], l[0][i]);
		assert_int_equal(l[0][i]->g.tag, TAG_H1);
		fake_close(&fake[0], l[0][i]);
	}
	world_tear_down();
}

static void
ride__the_dial_is_in_vain__all_hear_of_it(void **state)
{
	static const struct {
		enum h2o_mode mode;
		enum lease_fail why;
	} row[] = {
		{ H2O_GOOD, LFAIL_UNFIT }, /* without RFC 8441 */
		{ H2O_CLOSE, LFAIL_PROTO },
	};
	unsigned v, w, i;

	(void)state;
	for (v = 0; v < 2; v++) {
		world_set_up("h2,http/1.1", row[v].mode, 0);
		rig.srv[0].ws = WS_PREFER_H2;
		world_go(2);
		ask(2, WS);
		await(2);
		for (w = 0; w < 2; w++)
			for (i = 0; i < N; i++) {
				assert_true(l[w][i]->failed);
				assert_int_equal(l[w][i]->f.why, row[v].why);
			}
		assert_int_equal(origin.accepted, 2);
		world_tear_down();
	}
}

/* The first ones give up, one after the other: the next is served by it. */
static void
ride__who_has_the_dial_goes__it_is_the_nexts(void **state)
{
	struct ipc_msg m = { .type = IPC_CANCEL };
	unsigned i;

	(void)state;
	world_set_up("h2,http/1.1", H2O_CONNECTS, 0);
	world_go(1);
	ask(1, WS);
	for (i = 0; i < 4; i++) {
		m.u.cancel.lease = (uint64_t)(l[0][i] - fake[0].l) + 1;
		assert_int_equal(chan_send(fake[0].chan, &m), 0);
	}
	for (i = 4; i < N; i++)
		fake_await(&fake[0], l[0][i]);
	assert_int_equal(origin.accepted, 1);
	assert_int_equal(fake[0].shares, N - 4 - 1);
	fake_open(&fake[0], l[0][4]);
	fake_close(&fake[0], l[0][4]);
	world_tear_down();
}

/* Whoever was told to share and could not asks again, and is served. */
static void
ride__no_room_after_all__another_dial(void **state)
{
	unsigned i;

	(void)state;
	world_set_up("h2,http/1.1", H2O_CONNECTS, 0);
	world_go(1);
	ask(1, WS);
	fake[0].may_share = false;
	await(1);
	assert_true(fake[0].shares >= N - 1);
	assert_int_equal(origin.accepted, N);
	for (i = 0; i < N; i++) {
		fake_open(&fake[0], l[0][i]);
		fake_close(&fake[0], l[0][i]);
	}
	world_tear_down();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ride__waiters_of_h2__one_dial_for_each_worker),
		cmocka_unit_test(ride__waiters_of_anything__a_dial_each),
		cmocka_unit_test(ride__it_is_http1__each_gets_his_own),
		cmocka_unit_test(ride__the_dial_is_in_vain__all_hear_of_it),
		cmocka_unit_test(ride__who_has_the_dial_goes__it_is_the_nexts),
		cmocka_unit_test(ride__no_room_after_all__another_dial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
