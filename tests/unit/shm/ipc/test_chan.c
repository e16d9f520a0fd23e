/* SPDX-License-Identifier: MIT */
#include "shm/ipc/chan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/shm/ipc/sample.h"

/* A broker's and a worker's end of one channel, and what arrived. */
static struct event_base *base;
static struct chan *broker, *worker;
static unsigned got_count[IPC_TYPE_N], ends, rooms;
static int end_err;
static char end_why[256];
static struct ipc_msg last;
static int kept_fd; /* taken from a message */
static bool free_in_handler, refuse, keep_fd;
static uint64_t next_lease, order_errors;

static int
on_msg(struct chan *c, struct ipc_msg *m, void *arg)
{
	(void)arg;
	got_count[m->type]++;
	last = *m;
	if (m->type == IPC_FAIL && m->u.fail.lease != ++next_lease)
		order_errors++;
	if (keep_fd && m->fd_count > 0) {
		kept_fd = m->fd[0];
		m->fd[0] = -1;
	}
	if (free_in_handler) {
		assert_ptr_equal(c, broker);
		chan_free(&broker);
	}
	return refuse ? -WSE_STALE : 0;
}

static void
on_end(struct chan *c, int err, const char *why, void *arg)
{
	(void)c;
	(void)arg;
	ends++;
	end_err = err;
	snprintf(end_why, sizeof(end_why), "%s", why ? why : "");
}

static void
on_room(struct chan *c, void *arg)
{
	(void)c;
	(void)arg;
	rooms++;
}

static int
setup(void **state)
{
	int fd[2];

	(void)state;
	memset(got_count, 0, sizeof(got_count));
	ends = rooms = 0;
	free_in_handler = refuse = keep_fd = false;
	next_lease = order_errors = 0;
	kept_fd = -1;
	base = event_base_new();
	if (!base || chan_pair(fd) < 0)
		return -1;
	broker = chan_new(
	    base, &fd[0], ROLE_BROKER, ROLE_WORKER, on_msg, on_end, NULL);
	worker = chan_new(
	    base, &fd[1], ROLE_WORKER, ROLE_BROKER, on_msg, on_end, NULL);
	chan_phase(broker, PHASE_OPEN);
	chan_phase(worker, PHASE_OPEN);
	return fd[0] == -1 && fd[1] == -1 ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	chan_free(&broker);
	chan_free(&worker);
	event_base_free(base);
	return 0;
}

static void
loop(void)
{
	int i;

	for (i = 0; i < 20; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static unsigned
fds_open(void)
{
	unsigned n = 0;
	int i;

	for (i = 0; i < 1024; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return n;
}

static struct ipc_msg
grant_with(int fd)
{
	struct ipc_msg m = sample_msg(IPC_GRANT);

	m.u.grant.flags = 0;
	m.fd_count = 1;
	m.fd[0] = fd;
	return m;
}

static void
chan__lease_and_grant__pass_with_the_descriptor(void **state)
{
	struct ipc_msg m = sample_msg(IPC_LEASE);
	int p[2];
	char c;

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(chan_send(worker, &m), 0);
	loop();
	assert_int_equal(got_count[IPC_LEASE], 1);
	assert_memory_equal(&last.u.lease, &m.u.lease, sizeof(m.u.lease));
	m = grant_with(p[1]);
	keep_fd = true;
	assert_int_equal(chan_send(broker, &m), 0);
	assert_true(fcntl(p[1], F_GETFD) >= 0); /* still the sender's */
	close(p[1]);
	loop();
	assert_true(kept_fd >= 0);
	assert_true(fcntl(kept_fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(kept_fd, "x", 1), 1);
	assert_int_equal(read(p[0], &c, 1), 1);
	close(kept_fd);
	close(p[0]);
}

static void
chan__descriptor_not_taken__is_closed(void **state)
{
	struct ipc_msg m;
	int p[2];
	char c;

	(void)state;
	assert_int_equal(pipe(p), 0);
	m = grant_with(p[1]);
	assert_int_equal(chan_send(broker, &m), 0);
	close(p[1]);
	loop();
	assert_int_equal(got_count[IPC_GRANT], 1);
	assert_int_equal(read(p[0], &c, 1), 0);
	close(p[0]);
}

/* What the socket does not take waits, in order, up to the bound. */
static void
chan__full_socket__queues_in_order_up_to_the_bound(void **state)
{
	struct ipc_msg m = sample_msg(IPC_FAIL);
	unsigned before = fds_open(), sent = 0, i;
	struct ipc_msg g;
	int p[2], r;

	(void)state;
	chan_limit(broker, 100);
	chan_on_room(broker, on_room);
	assert_int_equal(pipe(p), 0);
	for (;;) {
		m.u.fail.lease = sent + 1;
		r = chan_send(broker, &m);
		if (r != 0)
			break;
		sent++;
		if (chan_queued(broker) == 50) {
			g = grant_with(p[1]);
			assert_int_equal(chan_send(broker, &g), 0);
		}
	}
	assert_int_equal(r, -WSE_FULL);
	assert_int_equal(chan_queued(broker), 100);
	assert_true(sent > 150);
	assert_int_equal(fds_open(), before + 3);
	for (i = 0; i < 50; i++)
		loop();
	assert_int_equal(chan_queued(broker), 0);
	assert_int_equal(got_count[IPC_FAIL], sent);
	assert_int_equal(got_count[IPC_GRANT], 1);
	assert_int_equal(order_errors, 0);
	assert_int_equal(rooms, 1);
	close(p[0]);
	close(p[1]);
	assert_int_equal(fds_open(), before);
}

static void
chan_free__with_queued_descriptors__closes_them(void **state)
{
	struct ipc_msg m;
	unsigned before = fds_open();
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	m = grant_with(p[1]);
	while (chan_queued(broker) < 10) {
		if (chan_send(broker, &m) != 0)
			fail();
	}
	assert_int_equal(fds_open(), before + 12);
	chan_free(&broker);
	close(p[0]);
	close(p[1]);
	assert_int_equal(fds_open(), before - 1);
}

static void
chan__not_permitted__is_refused_at_the_sender(void **state)
{
	struct ipc_msg m = sample_msg(IPC_WELCOME);

	(void)state;
	assert_int_equal(chan_send(worker, &m), -WSE_DENIED);
	m = sample_msg(IPC_LEASE);
	m.u.lease.lease = 0;
	assert_int_equal(chan_send(worker, &m), -WSE_RANGE);
}

/* Bytes straight into the socket, as a compromised worker would. */
static void
expect_violation(const void *p, size_t n, int err)
{
	struct ipc_msg m = sample_msg(IPC_CANCEL);

	assert_int_equal(send(chan_fd(worker), p, n, 0), (ssize_t)n);
	assert_int_equal(chan_send(worker, &m), 0);
	loop();
	assert_int_equal(ends, 1);
	assert_int_equal(end_err, err);
	assert_true(end_why[0] != '\0');
	assert_int_equal(got_count[IPC_CANCEL], 0); /* nothing after it */
	assert_int_equal(chan_send(broker, &m), -WSE_EOF);
}

static void
chan__garbage__is_a_violation(void **state)
{
	(void)state;
	expect_violation("garbage!", 8, -WSE_SYNTAX);
}

static void
chan__message_of_another_role__is_a_violation(void **state)
{
	struct ipc_msg m = sample_msg(IPC_WELCOME);
	uint8_t a[IPC_WIRE_MAX];
	ssize_t n = ipc_encode(&m, a, sizeof(a));

	(void)state;
	expect_violation(a, (size_t)n, -WSE_DENIED);
	assert_non_null(strstr(end_why, "WELCOME"));
}

static void
chan__oversized_message__is_a_violation(void **state)
{
	static uint8_t big[IPC_WIRE_MAX + 1];

	(void)state;
	expect_violation(big, sizeof(big), -WSE_TOOBIG);
}

static void
chan__empty_message__is_no_end_of_file(void **state)
{
	(void)state;
	expect_violation("", 0, -WSE_SYNTAX);
}

static void
chan__phase__is_checked(void **state)
{
	struct ipc_msg m = sample_msg(IPC_LEASE);

	(void)state;
	chan_phase(broker, PHASE_NEW);
	assert_int_equal(chan_send(worker, &m), 0);
	loop();
	assert_int_equal(got_count[IPC_LEASE], 0);
	assert_int_equal(end_err, -WSE_DENIED);
}

static void
chan__handler_refuses__is_a_violation(void **state)
{
	struct ipc_msg m = sample_msg(IPC_CLOSE);

	(void)state;
	refuse = true;
	assert_int_equal(chan_send(worker, &m), 0);
	assert_int_equal(chan_send(worker, &m), 0);
	loop();
	assert_int_equal(got_count[IPC_CLOSE], 1);
	assert_int_equal(ends, 1);
	assert_int_equal(end_err, -WSE_STALE);
}

static void
chan__freed_by_its_handler__stops(void **state)
{
	struct ipc_msg m = sample_msg(IPC_CANCEL);

	(void)state;
	free_in_handler = true;
	assert_int_equal(chan_send(worker, &m), 0);
	assert_int_equal(chan_send(worker, &m), 0);
	loop();
	assert_int_equal(got_count[IPC_CANCEL], 1);
	assert_null(broker);
	assert_int_equal(ends, 1); /* the worker sees the end */
	assert_int_equal(end_err, 0);
}

/* The dead one's messages count, also when it left ours unread. */
static void
chan__peer_dead_with_messages_unread__all_it_sent_arrives(void **state)
{
	struct ipc_msg m = sample_msg(IPC_CANCEL), k = sample_msg(IPC_KEEP);
	int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		assert_int_equal(chan_send(worker, &m), 0);
		assert_int_equal(chan_send(broker, &k), 0);
	}
	chan_free(&worker);
	chan_drain(broker);
	assert_int_equal(got_count[IPC_CANCEL], 100);
	assert_int_equal(ends, 1);
	assert_int_equal(end_err, 0);
	assert_string_equal(end_why, "");
	chan_drain(broker);
	assert_int_equal(ends, 1);
}

static void
chan_send__peer_gone__is_eof(void **state)
{
	struct ipc_msg m = sample_msg(IPC_KEEP);

	(void)state;
	chan_free(&worker);
	assert_int_equal(chan_send(broker, &m), -WSE_EOF);
	loop();
	assert_int_equal(ends, 1);
}

static void
chan__no_descriptors_left__message_is_truncated(void **state)
{
	struct rlimit old, low;
	struct ipc_msg m;
	int p[2], top;

	(void)state;
	assert_int_equal(pipe(p), 0);
	m = grant_with(p[1]);
	assert_int_equal(chan_send(broker, &m), 0);
	top = dup(0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = (rlim_t)top;
	close(top);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	loop();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(got_count[IPC_GRANT], 1);
	assert_true(last.truncated);
	assert_int_equal(last.fd_count, 0);
	assert_int_equal(last.u.grant.slot, m.u.grant.slot);
	assert_int_equal(ends, 0);
	close(p[0]);
	close(p[1]);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(chan__lease_and_grant__pass_with_the_descriptor),
		T(chan__descriptor_not_taken__is_closed),
		T(chan__full_socket__queues_in_order_up_to_the_bound),
		T(chan_free__with_queued_descriptors__closes_them),
		T(chan__not_permitted__is_refused_at_the_sender),
		T(chan__garbage__is_a_violation),
		T(chan__message_of_another_role__is_a_violation),
		T(chan__oversized_message__is_a_violation),
		T(chan__empty_message__is_no_end_of_file),
		T(chan__phase__is_checked),
		T(chan__handler_refuses__is_a_violation),
		T(chan__freed_by_its_handler__stops),
		T(chan__peer_dead_with_messages_unread__all_it_sent_arrives),
		T(chan_send__peer_gone__is_eof),
		T(chan__no_descriptors_left__message_is_truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
