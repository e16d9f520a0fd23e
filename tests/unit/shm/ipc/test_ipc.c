/* SPDX-License-Identifier: MIT */
/*
 * The wire and the table: most cases are generated from the table, so that a
 * new message is tested by its row.
 */
#include "shm/ipc/ipc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/un.h>

#include "tests/unit/shm/ipc/sample.h"

static int
decode_as_permitted(const void *p, size_t n, const struct ipc_row *row,
    unsigned fd_count, struct ipc_msg *m)
{
	return ipc_decode(p, n, (enum proc_role)sample_first(row->from),
	    (enum proc_role)sample_first(row->to),
	    1u << sample_first(row->phases), fd_count, m);
}

static void
table__every_type__has_a_complete_row(void **state)
{
	int i, j;

	(void)state;
	assert_null(ipc_tbl[IPC_NONE].name);
	for (i = 1; i < IPC_TYPE_N; i++) {
		const struct ipc_row *r = &ipc_tbl[i];

		if (!r->name)
			fail_msg("type %d has no row", i);
		assert_true(r->from && r->to && r->phases && r->doc);
		assert_true(r->fd_min <= r->fd_max && r->fd_max <= IPC_FD_MAX);
		/* workers alone speak with their like, and of nothing else */
		if (r->from & r->to)
			assert_true(r->from == IPC_ROLE(ROLE_WORKER) &&
			    r->to == r->from);
		for (j = 1; j < i; j++)
			assert_string_not_equal(r->name, ipc_tbl[j].name);
	}
	assert_string_equal(ipc_name(IPC_LEASE), "LEASE");
	assert_string_equal(ipc_name(0), "unknown");
	assert_string_equal(ipc_name(60000), "unknown");
}

static void
every_message__permitted__comes_back_the_same(void **state)
{
	uint8_t a[IPC_WIRE_MAX], b[IPC_WIRE_MAX];
	struct ipc_msg m, back;
	ssize_t n, k;
	int i;

	(void)state;
	for (i = 1; i < IPC_TYPE_N; i++) {
		m = sample_msg((enum ipc_type)i);
		n = ipc_encode(&m, a, sizeof(a));
		if (n < 4)
			fail_msg("%s: %zd", ipc_name((unsigned)i), n);
		if (decode_as_permitted(
			a, (size_t)n, &ipc_tbl[i], m.fd_count, &back) != 0)
			fail_msg("%s", ipc_name((unsigned)i));
		assert_int_equal(back.type, i);
		assert_int_equal(back.fd[0], -1);
		assert_false(back.truncated);
		k = ipc_encode(&back, b, sizeof(b));
		assert_int_equal(k, n);
		assert_memory_equal(a, b, (size_t)n);
		assert_memory_equal(&m.u, &back.u, ipc_tbl[i].bytes);
	}
}

/* Whoever is not named in the row is refused, whatever the direction. */
static void
every_message__wrong_sender_or_receiver__is_denied(void **state)
{
	uint8_t a[IPC_WIRE_MAX];
	struct ipc_msg m, back;
	int i, from, to, r;
	ssize_t n;

	(void)state;
	for (i = 1; i < IPC_TYPE_N; i++) {
		const struct ipc_row *row = &ipc_tbl[i];

		m = sample_msg((enum ipc_type)i);
		n = ipc_encode(&m, a, sizeof(a));
		for (from = 0; from < ROLE_N; from++) {
			for (to = 0; to < ROLE_N; to++) {
				r = ipc_decode(a, (size_t)n,
				    (enum proc_role)from, (enum proc_role)to,
				    1u << sample_first(row->phases), m.fd_count,
				    &back);
				assert_int_equal(r,
				    row->from >> from & 1 && row->to >> to & 1
					? 0
					: -WSE_DENIED);
			}
		}
	}
}

static void
every_message__wrong_phase__is_denied(void **state)
{
	uint8_t a[IPC_WIRE_MAX];
	struct ipc_msg m, back;
	unsigned phase;
	ssize_t n;
	int i, r;

	(void)state;
	for (i = 1; i < IPC_TYPE_N; i++) {
		const struct ipc_row *row = &ipc_tbl[i];

		m = sample_msg((enum ipc_type)i);
		n = ipc_encode(&m, a, sizeof(a));
		for (phase = 1; phase <= PHASE_ANY; phase <<= 1) {
			r = ipc_decode(a, (size_t)n,
			    (enum proc_role)sample_first(row->from),
			    (enum proc_role)sample_first(row->to), phase,
			    m.fd_count, &back);
			assert_int_equal(
			    r, row->phases & phase ? 0 : -WSE_DENIED);
		}
	}
}

static void
every_message__wrong_descriptor_count__is_refused(void **state)
{
	uint8_t a[IPC_WIRE_MAX];
	struct ipc_msg m, back;
	unsigned fds;
	ssize_t n;
	int i, r;

	(void)state;
	for (i = 1; i < IPC_TYPE_N; i++) {
		m = sample_msg((enum ipc_type)i);
		n = ipc_encode(&m, a, sizeof(a));
		for (fds = 0; fds <= IPC_FD_MAX + 1; fds++) {
			r = decode_as_permitted(
			    a, (size_t)n, &ipc_tbl[i], fds, &back);
			if (fds < ipc_tbl[i].fd_min || fds > ipc_tbl[i].fd_max)
				assert_int_equal(r, -WSE_NOFD);
			m.fd_count = fds;
			if (fds < ipc_tbl[i].fd_min || fds > ipc_tbl[i].fd_max)
				assert_int_equal(
				    ipc_encode(&m, (uint8_t[8]){ 0 }, 8),
				    -WSE_RANGE);
		}
	}
}

/* Each proper prefix, and one byte more. */
static void
every_message__wrong_size__is_refused(void **state)
{
	uint8_t a[IPC_WIRE_MAX + 1];
	struct ipc_msg m, back;
	uint16_t claimed;
	ssize_t n;
	size_t k;
	int i;

	(void)state;
	for (i = 1; i < IPC_TYPE_N; i++) {
		m = sample_msg((enum ipc_type)i);
		n = ipc_encode(&m, a, sizeof(a));
		assert_int_equal(
		    ipc_encode(&m, (uint8_t[IPC_WIRE_MAX]){ 0 }, (size_t)n - 1),
		    -WSE_TOOBIG);
		for (k = 0; k <= (size_t)n + 1; k++) {
			int lied, told;

			if (k == (size_t)n)
				continue;
			claimed = (uint16_t)n;
			memcpy(a + 2, &claimed, sizeof(claimed));
			told = decode_as_permitted(
			    a, k, &ipc_tbl[i], m.fd_count, &back);
			assert_int_equal(told, -WSE_SYNTAX);
			claimed = (uint16_t)k;
			memcpy(a + 2, &claimed, sizeof(claimed));
			lied = decode_as_permitted(
			    a, k, &ipc_tbl[i], m.fd_count, &back);
			/* texts have no length of their own */
			if ((i != IPC_VIOLATION || k < 16) &&
			    (i != IPC_FAIL || k < 20))
				assert_int_equal(lied, -WSE_SYNTAX);
		}
	}
}

static void
decode__unknown_type__is_refused(void **state)
{
	uint16_t head[2] = { 0, 4 };
	struct ipc_msg m;

	(void)state;
	assert_int_equal(
	    ipc_decode(head, 4, ROLE_WORKER, ROLE_BROKER, PHASE_OPEN, 0, &m),
	    -WSE_SYNTAX);
	head[0] = IPC_TYPE_N;
	assert_int_equal(
	    ipc_decode(head, 4, ROLE_WORKER, ROLE_BROKER, PHASE_OPEN, 0, &m),
	    -WSE_SYNTAX);
}

/* Fields out of range: refused on the way out as on the way in. */
static void
refuses(struct ipc_msg m)
{
	uint8_t a[IPC_WIRE_MAX];

	assert_int_equal(ipc_encode(&m, a, sizeof(a)), -WSE_RANGE);
}

#define REFUSES(type, change)                          \
	do {                                           \
		struct ipc_msg bad = sample_msg(type); \
		change;                                \
		refuses(bad);                          \
	} while (0)

static void
encode__field_out_of_range__is_refused(void **state)
{
	(void)state;
	REFUSES(IPC_HELLO, bad.u.hello.instance = 0);
	REFUSES(IPC_HELLO, bad.u.hello.instance = INSTANCE_MAX + 1);
	REFUSES(IPC_WELCOME, bad.u.welcome.credit = 0);
	REFUSES(IPC_LEASE, bad.u.lease.lease = 0);
	REFUSES(IPC_LEASE, bad.u.lease.tags = 0);
	REFUSES(IPC_LEASE, bad.u.lease.tags = TAG_BIT(TAG_NONE));
	REFUSES(IPC_LEASE, bad.u.lease.tags = TAG_BIT(TAG_N));
	REFUSES(IPC_LEASE, bad.u.lease.reuse = LEASE_REUSE_N);
	REFUSES(IPC_LEASE, bad.u.lease.flags = LEASE_F_ALL + 1);
	REFUSES(IPC_LEASE, bad.u.lease.name_bytes = IPC_TEXT_MAX + 1);
	REFUSES(IPC_LEASE, bad.u.lease.sni_bytes = IPC_TEXT_MAX + 1);
	REFUSES(IPC_LEASE, bad.u.lease.pad = 1);
	REFUSES(IPC_LEASE, bad.u.lease.dst_bytes = BOARD_ADDR_MAX + 1);
	REFUSES(IPC_LEASE, bad.u.lease.dst_bytes = 1);
	REFUSES(IPC_LEASE, bad.u.lease.dst_bytes = 15);
	REFUSES(IPC_LEASE, bad.u.lease.dst[0] = AF_NETLINK);
	REFUSES(IPC_CANCEL, bad.u.cancel.lease = 0);
	REFUSES(IPC_GRANT, bad.u.grant.lease = 0);
	REFUSES(IPC_GRANT, bad.u.grant.gen = 0);
	REFUSES(IPC_GRANT, bad.u.grant.tag = TAG_NONE);
	REFUSES(IPC_GRANT, bad.u.grant.tag = TAG_N);
	REFUSES(IPC_GRANT, bad.u.grant.tag = TAG_H2); /* without its flag */
	REFUSES(IPC_GRANT, bad.u.grant.tag = TAG_H2WS);
	REFUSES(IPC_GRANT, bad.u.grant.flags |= GRANT_F_H2); /* h1 */
	REFUSES(IPC_GRANT, bad.u.grant.flags = GRANT_F_ALL + 1);
	REFUSES(IPC_GRANT, bad.u.grant.flags = 0); /* and no descriptor */
	REFUSES(IPC_GRANT, bad.fd_count = 1);      /* and held */
	REFUSES(IPC_GRANT, bad.u.grant.slot = UINT32_MAX);
	REFUSES(IPC_FAIL, bad.u.fail.why = LFAIL_N);
	REFUSES(IPC_FAIL, bad.u.fail.errnum = -1);
	REFUSES(IPC_CLOSE, bad.u.slot.slot = UINT32_MAX);
	REFUSES(IPC_CLOSE, bad.u.slot.gen = 0);
	REFUSES(IPC_CLOSE, bad.u.slot.why = WSE_N);
	REFUSES(IPC_RELEASED, bad.u.slot.slot = UINT32_MAX);
	REFUSES(IPC_CHILD, bad.u.child.pid = 0);
	REFUSES(IPC_CHILD, bad.u.child.instance = 0);
	REFUSES(IPC_DEAD, bad.u.dead.instance = 0);
	REFUSES(IPC_VIOLATION, bad.u.violation.err = 1);
	REFUSES(IPC_VIOLATION, bad.u.violation.err = -WSE_N);
	REFUSES(IPC_VIOLATION, bad.u.violation.type = IPC_TYPE_N);
	REFUSES(IPC_GIVE, bad.u.pass.slot = UINT32_MAX);
	REFUSES(IPC_GIVE, bad.u.pass.gen = 0);
	REFUSES(IPC_GIVE, bad.u.pass.peer = INSTANCE_MAX + 1);
	REFUSES(IPC_TAKE, bad.u.pass.peer = 0);
	REFUSES(IPC_PEER, bad.u.peer.instance = 0);
	REFUSES(IPC_PEER, bad.u.peer.takes = 2);
	REFUSES(IPC_MOVE, bad.u.move.serial = 0);
	REFUSES(IPC_MOVE, bad.u.move.bytes = 0);
	REFUSES(IPC_MOVE, bad.u.move.bytes = bad.u.move.total + 1);
	REFUSES(IPC_MOVE_MORE,
	    bad.u.move.bytes = bad.u.move.total = IPC_MOVE_BYTES_MAX + 1);
	REFUSES(IPC_MOVE_DONE, bad.u.move_done.serial = 0);
	REFUSES(IPC_MOVE_DONE, bad.u.move_done.err = 1);
	REFUSES(IPC_MOVE_DONE, bad.u.move_done.err = -WSE_N);
	REFUSES(IPC_NONE, (void)0);
	REFUSES(IPC_TYPE_N - 1, bad.type = IPC_TYPE_N);
}

static void
encode__permit_only__needs_no_slot(void **state)
{
	struct ipc_msg m = sample_msg(IPC_LEASE);
	uint8_t a[IPC_WIRE_MAX];

	(void)state;
	m.u.lease.tags = 0;
	m.u.lease.flags = LEASE_F_PERMIT_ONLY;
	assert_true(ipc_encode(&m, a, sizeof(a)) > 0);
	m = sample_msg(IPC_GRANT);
	m.u.grant = (struct ipc_grant){ .lease = 1, .slot = UINT32_MAX };
	assert_true(ipc_encode(&m, a, sizeof(a)) > 0);
	m = sample_msg(IPC_RELEASED);
	m.u.slot = (struct ipc_slot){ .slot = UINT32_MAX, .server = 1 };
	assert_true(ipc_encode(&m, a, sizeof(a)) > 0);
}

static void
encode__lease_of_a_plain_server__is_small(void **state)
{
	struct ipc_msg m = sample_msg(IPC_LEASE), back;
	uint8_t a[IPC_WIRE_MAX];
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	(void)state;
	m.u.lease.dst_bytes = m.u.lease.name_bytes = m.u.lease.proxy_bytes = 0;
	m.u.lease.sni_bytes = 0;
	assert_int_equal(ipc_encode(&m, a, sizeof(a)), 40);
	/* and with everything in it */
	m.u.lease.dst_bytes = sizeof(sun);
	memcpy(m.u.lease.dst, &sun, sizeof(sun));
	m.u.lease.name_bytes = IPC_TEXT_MAX;
	memset(m.u.lease.name, 'n', IPC_TEXT_MAX);
	m.u.lease.sni_bytes = IPC_TEXT_MAX;
	memset(m.u.lease.sni, 's', IPC_TEXT_MAX);
	m.u.lease.proxy_bytes = UINT8_MAX;
	memset(m.u.lease.proxy, 'p', UINT8_MAX);
	assert_int_equal(ipc_encode(&m, a, sizeof(a)),
	    40 + sizeof(sun) + 2 * IPC_TEXT_MAX + UINT8_MAX);
	assert_int_equal(decode_as_permitted(a,
			     40 + sizeof(sun) + 2 * IPC_TEXT_MAX + UINT8_MAX,
			     &ipc_tbl[IPC_LEASE], 0, &back),
	    0);
	assert_memory_equal(&back.u.lease.proxy, m.u.lease.proxy, UINT8_MAX);
}

/* What a compromised worker writes into our logs is one printable line. */
static void
violation__text_with_control_bytes__is_refused_or_cleaned(void **state)
{
	struct ipc_msg m = sample_msg(IPC_VIOLATION), back;
	uint8_t a[IPC_WIRE_MAX];
	ssize_t n;

	(void)state;
	strcpy(m.u.violation.text, "two\nlines");
	n = ipc_encode(&m, a, sizeof(a));
	assert_int_equal(n, 4 + 12 + 9);
	assert_int_equal(decode_as_permitted(
			     a, (size_t)n, &ipc_tbl[IPC_VIOLATION], 0, &back),
	    0);
	assert_string_equal(back.u.violation.text, "two?lines");
	a[19] = '\n';
	assert_int_equal(decode_as_permitted(
			     a, (size_t)n, &ipc_tbl[IPC_VIOLATION], 0, &back),
	    -WSE_SYNTAX);
	memset(m.u.violation.text, 'x', IPC_TEXT_MAX);
	n = ipc_encode(&m, a, sizeof(a));
	assert_int_equal(n, 4 + 12 + IPC_TEXT_MAX - 1);
}

static void
grant__padding__does_not_leave_the_sender(void **state)
{
	struct ipc_msg m = sample_msg(IPC_GRANT), back;
	uint8_t a[IPC_WIRE_MAX];
	ssize_t n;

	(void)state;
	m.u.grant.pad = 0xdead;
	m.u.grant.pad2 = 0xdeadbeef;
	n = ipc_encode(&m, a, sizeof(a));
	assert_int_equal(
	    decode_as_permitted(a, (size_t)n, &ipc_tbl[IPC_GRANT], 0, &back),
	    0);
	assert_int_equal(back.u.grant.pad, 0);
	assert_int_equal(back.u.grant.pad2, 0);
}

static void
truncated__message_with_descriptors__has_none(void **state)
{
	struct ipc_msg m = sample_msg(IPC_GRANT), back;
	uint8_t a[IPC_WIRE_MAX];
	ssize_t n;

	(void)state;
	m.u.grant.flags = 0;
	m.fd_count = 1;
	n = ipc_encode(&m, a, sizeof(a));
	assert_int_equal(ipc_decode_truncated(a, (size_t)n, ROLE_BROKER,
			     ROLE_WORKER, PHASE_OPEN, &back),
	    0);
	assert_true(back.truncated);
	assert_int_equal(back.fd_count, 0);
	m = sample_msg(IPC_KEEP);
	n = ipc_encode(&m, a, sizeof(a));
	assert_int_equal(ipc_decode_truncated(a, (size_t)n, ROLE_BROKER,
			     ROLE_WORKER, PHASE_OPEN, &back),
	    -WSE_NOFD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table__every_type__has_a_complete_row),
		cmocka_unit_test(every_message__permitted__comes_back_the_same),
		cmocka_unit_test(
		    every_message__wrong_sender_or_receiver__is_denied),
		cmocka_unit_test(every_message__wrong_phase__is_denied),
		cmocka_unit_test(
		    every_message__wrong_descriptor_count__is_refused),
		cmocka_unit_test(every_message__wrong_size__is_refused),
		cmocka_unit_test(decode__unknown_type__is_refused),
		cmocka_unit_test(encode__field_out_of_range__is_refused),
		cmocka_unit_test(encode__permit_only__needs_no_slot),
		cmocka_unit_test(encode__lease_of_a_plain_server__is_small),
		cmocka_unit_test(
		    violation__text_with_control_bytes__is_refused_or_cleaned),
		cmocka_unit_test(grant__padding__does_not_leave_the_sender),
		cmocka_unit_test(truncated__message_with_descriptors__has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
