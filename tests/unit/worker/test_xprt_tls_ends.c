/* SPDX-License-Identifier: MIT */
/*
 * Ends, refused records, KeyUpdates and idle connections.
 */
#include "tests/unit/worker/xprt_tls_rig.h"

/* --- ends --- */

static void
recv__cut_off__is_known_as_such(void **state)
{
	size_t n, got;

	(void)state;
	for (size_t missing = 0; missing < 20; missing += 4) {
		begin(13, true);
		got = 0;
		n = far_seal(0, text, 10);
		far_send(wire, n - missing);
		shutdown(rig.far, SHUT_WR);
		assert_int_equal(take_end(&got), -WSE_EOF);
		assert_int_equal(got, missing ? 0 : 10);
		assert_true(rig.xt.is_truncated);
		assert_int_equal(take(&got, 100), -WSE_EOF);
		end();
	}
	begin(12, true);
	got = 0;
	n = far_seal(0, text, 10);
	n += far_close(n);
	far_send(wire, n);
	shutdown(rig.far, SHUT_WR);
	assert_int_equal(take(&got, 100), -WSE_EOF);
	assert_int_equal(got, 10);
	assert_false(rig.xt.is_truncated);
	end();
}

static void
recv__a_fatal_alert__ends_it(void **state)
{
	size_t got = 0;
	ssize_t n;

	(void)state;
	begin(13, true);
	n = tls_rec_alert(
	    &rig.peer, TLS_ALERT_INTERNAL_ERROR, wire, sizeof(wire));
	far_send(wire, (size_t)n);
	assert_int_equal(take(&got, 100), -WSE_RESET);
	assert_int_equal(take(&got, 100), -WSE_RESET);
	assert_false(xprt_tls_is_at_rest(&rig.xt));
	end();
}

/* Refused, with this alert to the peer; data before it was taken. */
static void
must_refuse(size_t n, size_t data, uint8_t alert)
{
	size_t got = 0;

	far_send(wire, n);
	assert_int_equal(take_end(&got), -WSE_RESET);
	assert_int_equal(got, data);
	far_read(sizeof(rig.in));
	assert_int_equal(rig.alert, alert);
	/* and nothing of ours follows */
	assert_true(
	    xprt_tls_send(&rig.xt, rig.fd, &(struct iovec){ text, 1 }, 1) < 0);
	end();
}

static void
recv__bad_records__are_refused(void **state)
{
	size_t n;

	(void)state;
	begin(13, false); /* flipped */
	n = far_seal(0, text, 50);
	wire[n + 20] = 0;
	n += far_seal(n, text, 50);
	wire[n - 20] ^= 4;
	must_refuse(n, 50, TLS_ALERT_BAD_RECORD_MAC);
	begin(12, false); /* replayed */
	n = far_seal(0, text, 50);
	memcpy(wire + n, wire, n);
	must_refuse(2 * n, 50, TLS_ALERT_BAD_RECORD_MAC);
	begin(13, true); /* one is missing */
	n = far_seal(0, text, 50);
	n = far_seal(0, text, 50);
	must_refuse(n, 0, TLS_ALERT_BAD_RECORD_MAC);
	begin(13, true); /* a length nobody may send: its head is enough */
	memcpy(wire, "\x17\x03\x03\x41\x01", 5);
	must_refuse(5, 0, TLS_ALERT_RECORD_OVERFLOW);
	begin(13, true); /* fits, but opens to too much */
	n = craft(&rig.peer, DATA, text, TLS_REC_PLAIN_MAX + 1, 0, wire);
	must_refuse(n, 0, TLS_ALERT_RECORD_OVERFLOW);
}

static void
recv__floods__are_bounded(void **state)
{
	size_t n = 0, got = 0;
	int runs;

	(void)state;
	begin(13, false); /* empty ones between data are harmless */
	for (runs = 0; runs < 100; runs++) {
		n = craft(&rig.peer, DATA, "", 0, 0, wire);
		n += far_seal(n, "x", 1);
		far_send(wire, n);
		assert_int_equal(take(&got, 100), -WSE_AGAIN);
	}
	assert_int_equal(got, 100);
	end();
	begin(13, false);
	for (n = 0, runs = 0; runs <= TLS_REC_RUN_MAX; runs++)
		n += craft(&rig.peer, DATA, "", 0, 0, wire + n);
	must_refuse(n, 0, TLS_ALERT_UNEXPECTED_MESSAGE);
	begin(13, false);
	for (n = 0, runs = 0; runs <= TLS_REC_RUN_MAX; runs++)
		n += far_update(n, true);
	must_refuse(n, 0, TLS_ALERT_UNEXPECTED_MESSAGE);
}

/* --- KeyUpdate --- */

static void
recv__key_update__is_followed_and_answered(void **state)
{
	size_t n, got = 0;

	(void)state;
	begin(13, true);
	n = far_seal(0, text, 10);
	n += far_update(n, true);
	n += far_seal(n, text + 10, 10);
	far_send(wire, n);
	assert_int_equal(take(&got, 100), -WSE_AGAIN);
	assert_int_equal(got, 20);
	assert_memory_equal(back, text, 20);
	far_read(sizeof(rig.in));
	assert_int_equal(rig.updates, 1);
	/* ours are under the next key, the peer follows */
	assert_int_equal(
	    xprt_tls_send(&rig.xt, rig.fd, &(struct iovec){ text, 30 }, 1), 30);
	far_read(sizeof(rig.in));
	assert_int_equal(rig.got_bytes, 30);
	assert_true(xprt_tls_is_at_rest(&rig.xt));
	end();
}

/* No room for the answer now: it goes before what is sent next. */
static void
recv__key_update_while_unsent__is_answered_later(void **state)
{
	size_t got = 0, sent = 0;
	int few = 1;
	ssize_t n;

	(void)state;
	begin(13, true);
	assert_int_equal(
	    setsockopt(rig.fd, SOL_SOCKET, SO_SNDBUF, &few, sizeof(few)), 0);
	while ((n = xprt_tls_send(&rig.xt, rig.fd,
		    &(struct iovec){ text + sent, 1000 }, 1)) > 0)
		sent += (size_t)n;
	assert_int_equal(n, -WSE_AGAIN);
	assert_true(xprt_tls_has_unsent(&rig.xt));
	far_send(wire, far_update(0, true));
	assert_int_equal(take(&got, 100), -WSE_AGAIN);
	assert_false(xprt_tls_is_at_rest(&rig.xt));
	while (xprt_tls_flush(&rig.xt, rig.fd) == -WSE_AGAIN)
		far_read(sizeof(rig.in));
	far_read(sizeof(rig.in));
	assert_int_equal(xprt_tls_send(&rig.xt, rig.fd,
			     &(struct iovec){ text + sent, 1000 }, 1),
	    1000);
	while (far_read(sizeof(rig.in)) > 0)
		;
	assert_int_equal(rig.updates, 1);
	assert_int_equal(rig.got_bytes, sent + 1000);
	assert_memory_equal(rig.got, text, sent + 1000);
	end();
}

/* --- the end of ours --- */

static void
shutdown__says_close_notify_then_fin(void **state)
{
	int few = 1;
	size_t sent = 0;
	ssize_t n;
	char c;

	(void)state;
	begin(13, false);
	assert_int_equal(xprt_tls_shutdown(&rig.xt, rig.fd), 0);
	far_read(sizeof(rig.in));
	assert_int_equal(rig.closes, 1);
	assert_int_equal(recv(rig.far, &c, 1, 0), 0);
	end();
	/* a full socket: it is not forgotten */
	begin(12, false);
	assert_int_equal(
	    setsockopt(rig.fd, SOL_SOCKET, SO_SNDBUF, &few, sizeof(few)), 0);
	while ((n = xprt_tls_send(&rig.xt, rig.fd,
		    &(struct iovec){ text + sent, 16384 }, 1)) > 0)
		sent += (size_t)n;
	assert_int_equal(xprt_tls_shutdown(&rig.xt, rig.fd), -WSE_AGAIN);
	while (xprt_tls_shutdown(&rig.xt, rig.fd) == -WSE_AGAIN)
		assert_true(far_read(3000) > 0);
	while (far_read(sizeof(rig.in)) > 0)
		;
	assert_int_equal(rig.got_bytes, sent);
	assert_int_equal(rig.closes, 1);
	assert_int_equal(recv(rig.far, &c, 1, 0), 0);
	end();
}

/* --- idle --- */

static size_t
ticket(size_t at)
{
	static const uint8_t msg[4 + 13 + 5] = { 4, 0, 0, 18, [9] = 0, [13] = 4,
		1, 2, 3, 4 };

	return craft(&rig.peer, HANDSHAKE, msg, sizeof(msg), 0, wire + at);
}

static void
is_quiet__tickets_and_updates__are_taken_out(void **state)
{
	size_t n;
	char c;

	(void)state;
	begin(13, true);
	assert_true(xprt_tls_is_quiet(&rig.xt, rig.fd));
	n = ticket(0);
	n += far_update(n, true);
	n += ticket(n);
	far_send(wire, n);
	assert_true(xprt_tls_is_quiet(&rig.xt, rig.fd));
	assert_int_equal(recv(rig.fd, &c, 1, MSG_PEEK), -1);
	assert_int_equal(rig.rec.st.tickets, 2);
	far_read(sizeof(rig.in));
	assert_int_equal(rig.updates, 1);
	assert_true(xprt_tls_is_at_rest(&rig.xt));
	end();
}

static void
is_quiet__anything_else__is_not(void **state)
{
	size_t n, got = 0;

	(void)state;
	begin(13, true); /* data */
	far_send(wire, far_seal(0, text, 5));
	assert_false(xprt_tls_is_quiet(&rig.xt, rig.fd));
	end();
	begin(13, true); /* the end */
	far_send(wire, far_close(0));
	assert_false(xprt_tls_is_quiet(&rig.xt, rig.fd));
	end();
	begin(13, true); /* a cut end */
	shutdown(rig.far, SHUT_WR);
	assert_false(xprt_tls_is_quiet(&rig.xt, rig.fd));
	end();
	begin(13, true); /* part of a record: it stays, and can be read */
	n = far_seal(0, text, 5);
	far_send(wire, 7);
	assert_false(xprt_tls_is_quiet(&rig.xt, rig.fd));
	assert_int_equal(xprt_tls_idle_read(&rig.rec, rig.fd), -WSE_AGAIN);
	far_send(wire + 7, n - 7);
	assert_int_equal(take(&got, 100), -WSE_AGAIN);
	assert_int_equal(got, 5);
	end();
	begin(13, true); /* half a message behind a record's end */
	n = craft(&rig.peer, HANDSHAKE, "\x04\0", 2, 0, wire);
	far_send(wire, n);
	(void)!xprt_tls_is_quiet(&rig.xt, rig.fd);
	assert_false(xprt_tls_is_at_rest(&rig.xt));
	end();
}

static void
cool__after_a_quiet_second__contexts_are_gone(void **state)
{
	size_t got = 0;

	(void)state;
	begin(13, true);
	far_send(wire, far_seal(0, text, 5));
	assert_int_equal(take(&got, 100), -WSE_AGAIN);
	assert_int_equal(
	    xprt_tls_send(&rig.xt, rig.fd, &(struct iovec){ text, 5 }, 1), 5);
	assert_non_null(rig.rec.rx_ctx);
	assert_non_null(rig.rec.tx_ctx);
	xprt_tls_cool();
	assert_non_null(rig.rec.rx_ctx);
	usleep(1100000);
	clock_update();
	xprt_tls_cool();
	assert_null(rig.rec.rx_ctx);
	assert_null(rig.rec.tx_ctx);
	far_send(wire, far_seal(0, text + 5, 5));
	assert_int_equal(take(&got, 100), -WSE_AGAIN);
	assert_int_equal(got, 10);
	assert_memory_equal(back, text, 10);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recv__cut_off__is_known_as_such),
		cmocka_unit_test(recv__a_fatal_alert__ends_it),
		cmocka_unit_test(recv__bad_records__are_refused),
		cmocka_unit_test(recv__floods__are_bounded),
		cmocka_unit_test(recv__key_update__is_followed_and_answered),
		cmocka_unit_test(
		    recv__key_update_while_unsent__is_answered_later),
		cmocka_unit_test(shutdown__says_close_notify_then_fin),
		cmocka_unit_test(is_quiet__tickets_and_updates__are_taken_out),
		cmocka_unit_test(is_quiet__anything_else__is_not),
		cmocka_unit_test(cool__after_a_quiet_second__contexts_are_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
