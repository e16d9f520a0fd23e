/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "worker/ev_mem.h"

enum { MANY = 600 };

static unsigned fired;

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	(void)arg;
	(void)!write(fd, "x", 0);
	fired++;
}

/* Descriptors come and go; all that libevent keeps for them is its own. */
static void
ev_mem__many_descriptors__work_as_ever(void **state)
{
	static struct event ev[MANY];
	static int fd[MANY][2];
	struct event_base *base, *before = event_base_new();

	(void)state;
	ev_mem_init();
	base = event_base_new();
	assert_non_null(base);
	for (int round = 0; round < 3; round++) {
		fired = 0;
		for (int i = 0; i < MANY; i++) {
			assert_int_equal(pipe(fd[i]), 0);
			event_assign(
			    &ev[i], base, fd[i][1], EV_WRITE, on_event, NULL);
			assert_int_equal(event_add(&ev[i], NULL), 0);
		}
		assert_true(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
		while (fired < MANY)
			assert_true(event_base_loop(base, EVLOOP_ONCE) >= 0);
		assert_int_equal(fired, MANY);
		for (int i = 0; i < MANY; i++) {
			event_del(&ev[i]);
			close(fd[i][0]);
			close(fd[i][1]);
		}
	}
	/* what was made before, from the heap, is freed there */
	event_base_free(before);
	event_base_free(base);
	/* and another base finds room again */
	base = event_base_new();
	assert_non_null(base);
	event_base_free(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ev_mem__many_descriptors__work_as_ever),
	};
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < 2 * MANY + 50) {
		rl.rlim_cur = 2 * MANY + 50;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
