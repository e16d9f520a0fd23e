/* SPDX-License-Identifier: MIT */
/*
 * Sending and receiving through TLS over a real socket.
 */
#include "tests/unit/worker/xprt_tls_rig.h"

/* --- sending --- */

static void
send_all(size_t total, size_t far_step)
{
	size_t sent = 0;
	ssize_t n;

	while (rig.got_bytes < total) {
		struct iovec iov = { text + sent, total - sent };

		if (sent < total) {
			n = xprt_tls_send(&rig.xt, rig.fd, &iov, 1);
			assert_true(n > 0 || n == -WSE_AGAIN);
			sent += n > 0 ? (size_t)n : 0;
		} else {
			n = xprt_tls_flush(&rig.xt, rig.fd);
			assert_true(n == 0 || n == -WSE_AGAIN);
		}
		if (!far_read(far_step))
			assert_int_not_equal(n, -WSE_AGAIN);
	}
	assert_int_equal(rig.got_bytes, total);
	assert_memory_equal(rig.got, text, total);
	assert_null(rig.xt.kept);
}

static void
send__little_room__all_comes_in_order(void **state)
{
	int few = 1;

	(void)state;
	for (int version = 12; version <= 13; version++) {
		begin(version, version == 12);
		assert_int_equal(setsockopt(rig.fd, SOL_SOCKET, SO_SNDBUF, &few,
				     sizeof(few)),
		    0);
		send_all(MANY, 777);
		assert_int_equal(rig.largest, TLS_REC_PLAIN_MAX);
		assert_int_equal(rig.records,
		    (MANY + TLS_REC_PLAIN_MAX - 1) / TLS_REC_PLAIN_MAX);
		end();
	}
}

static void
send__small_parts__are_one_record(void **state)
{
	struct iovec iov[20];

	(void)state;
	begin(13, false);
	for (int i = 0; i < 20; i++)
		iov[i] = (struct iovec){ text + 10 * i, 10 };
	assert_int_equal(xprt_tls_send(&rig.xt, rig.fd, iov, 6), 60);
	far_read(sizeof(rig.in));
	assert_int_equal(rig.records, 1);
	/* empty ones among them count as none */
	iov[2].iov_len = iov[5].iov_len = 0;
	iov[3].iov_base = text + 20;
	iov[4].iov_base = text + 30;
	assert_int_equal(xprt_tls_send(&rig.xt, rig.fd, iov, 6), 40);
	far_read(sizeof(rig.in));
	assert_int_equal(rig.records, 2);
	assert_int_equal(rig.got_bytes, 100);
	assert_memory_equal(rig.got, text, 60);
	assert_memory_equal(rig.got + 60, text, 40);
	end();
}

/* More parts than one record takes: few records, nothing lost. */
static void
send__many_parts__are_few_records(void **state)
{
	struct iovec iov[20];

	(void)state;
	begin(13, false);
	for (int i = 0; i < 20; i++)
		iov[i] = (struct iovec){ text + 10 * i, 10 };
	assert_int_equal(xprt_tls_send(&rig.xt, rig.fd, iov, 20), 200);
	far_read(sizeof(rig.in));
	assert_in_range(rig.records, 1, 3);
	assert_int_equal(rig.got_bytes, 200);
	assert_memory_equal(rig.got, text, 200);
	end();
}

static void
send__large_parts__are_full_records(void **state)
{
	struct iovec iov[3] = { { text, 10 }, { text + 10, 40000 },
		{ text + 40010, 5 } };

	(void)state;
	begin(13, true);
	assert_int_equal(xprt_tls_send(&rig.xt, rig.fd, iov, 3), 40015);
	while (far_read(sizeof(rig.in)) > 0)
		;
	assert_int_equal(rig.records, 3);
	assert_int_equal(rig.largest, TLS_REC_PLAIN_MAX);
	assert_memory_equal(rig.got, text, 40015);
	end();
}

/* --- receiving --- */

/* Three records, with a KeyUpdate among them in TLS 1.3; bytes of wire. */
static size_t
some_stream(int version, size_t *data_r)
{
	size_t n = far_seal(0, text, 100);

	if (version == 13)
		n += far_update(n, false);
	n += far_seal(n, text + 100, 1);
	n += far_seal(n, text + 101, 400);
	*data_r = 501;
	return n + far_close(n);
}

static void
recv__split_anywhere__is_the_same(void **state)
{
	size_t n, total, got;

	(void)state;
	for (int version = 12; version <= 13; version++) {
		for (size_t cut = 0;; cut++) {
			begin(version, version == 13);
			n = some_stream(version, &total);
			if (cut > n) {
				end();
				break;
			}
			got = 0;
			far_send(wire, cut);
			if (take(&got, 150) == -WSE_AGAIN) {
				far_send(wire + cut, n - cut);
				assert_int_equal(take(&got, 150), -WSE_EOF);
			}
			assert_int_equal(got, total);
			assert_memory_equal(back, text, total);
			assert_false(rig.xt.is_truncated);
			end();
		}
	}
}

static void
recv__byte_by_byte__is_the_same(void **state)
{
	size_t n, total, got = 0;

	(void)state;
	begin(13, true);
	n = some_stream(13, &total);
	for (size_t i = 0; i < n; i++) {
		far_send(wire + i, 1);
		assert_int_equal(
		    take(&got, 1), i + 1 < n ? -WSE_AGAIN : -WSE_EOF);
		assert_true(!rig.xt.kept || rig.xt.kept->in.size <= BUF_SMALL);
	}
	assert_int_equal(got, total);
	assert_memory_equal(back, text, total);
	end();
}

static void
recv__many_in_one_read__all_are_told_of(void **state)
{
	size_t n = 0, got = 0;
	ssize_t k;

	(void)state;
	begin(13, false);
	for (int i = 0; i < 20; i++)
		n += far_seal(n, text + 50 * i, 50);
	far_send(wire, n);
	/* less room than a record has: the rest is pending, not lost */
	k = xprt_tls_recv(&rig.xt, rig.fd, back, 20);
	assert_int_equal(k, 20);
	assert_true(rig.xt.has_more);
	assert_false(xprt_tls_is_at_rest(&rig.xt));
	got = 20;
	assert_int_equal(take(&got, 70), -WSE_AGAIN);
	assert_int_equal(got, 1000);
	assert_memory_equal(back, text, 1000);
	assert_false(rig.xt.has_more);
	assert_null(rig.xt.kept);
	assert_true(xprt_tls_is_at_rest(&rig.xt));
	end();
}

static void
recv__bulk__comes_whole(void **state)
{
	size_t n, got = 0, sent = 0;

	(void)state;
	begin(13, true);
	while (sent < MANY) {
		size_t part = MANY - sent < 16384 ? MANY - sent : 16384;

		n = far_seal(0, text + sent, part);
		for (size_t at = 0; at < n; at += 5000) {
			far_send(wire + at, n - at < 5000 ? n - at : 5000);
			assert_int_equal(take(&got, BUF_LARGE), -WSE_AGAIN);
		}
		sent += part;
	}
	assert_int_equal(got, MANY);
	assert_memory_equal(back, text, MANY);
	end();
}

static void
recv__preloaded__comes_first(void **state)
{
	size_t n = 0, got = 0;

	(void)state;
	begin(13, false);
	n = far_seal(0, text, 40);
	n += far_seal(n, text + 40, 40);
	assert_int_equal(xprt_tls_preload(&rig.xt, wire, n - 9), 0);
	assert_true(rig.xt.has_more);
	assert_int_equal(take(&got, 1000), -WSE_AGAIN);
	assert_int_equal(got, 40);
	far_send(wire + n - 9, 9);
	assert_int_equal(take(&got, 1000), -WSE_AGAIN);
	assert_int_equal(got, 80);
	assert_memory_equal(back, text, 80);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(send__little_room__all_comes_in_order),
		cmocka_unit_test(send__small_parts__are_one_record),
		cmocka_unit_test(send__many_parts__are_few_records),
		cmocka_unit_test(send__large_parts__are_full_records),
		cmocka_unit_test(recv__split_anywhere__is_the_same),
		cmocka_unit_test(recv__byte_by_byte__is_the_same),
		cmocka_unit_test(recv__many_in_one_read__all_are_told_of),
		cmocka_unit_test(recv__bulk__comes_whole),
		cmocka_unit_test(recv__preloaded__comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
