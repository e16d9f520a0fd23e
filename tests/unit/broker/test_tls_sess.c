/* SPDX-License-Identifier: MIT */
/* Which connections wait for a ticket, in a time that the test makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ssl.h>
#include <string.h>

#include "broker/tls_sess.h"

enum { SECOND = 1000000, STEP = SECOND / 10 };

/* A handshake at a time; gives: the server gives a ticket. True: it waited. */
static bool
shake(uint32_t server, const char *sni, uint64_t now_us, bool gives)
{
	struct tls_job j = { .ok = true };
	bool waited;

	strcpy(j.sni, sni);
	tls_sess_ask(&j, server, 1, now_us);
	waited = j.collect;
	j.resumed = j.resume != NULL;
	if (waited && gives)
		j.session = SSL_SESSION_new();
	tls_sess_done(&j, server, 1, now_us);
	SSL_SESSION_free(j.resume);
	SSL_SESSION_free(j.session);
	return waited;
}

static void
tls_sess__server_without_tickets__asked_ever_more_seldom(void **state)
{
	/* 0, 1, 3, 7, 15, 31 and 63 s, then each 32 */
	static const unsigned want[] = { 0, 1, 3, 7, 15, 31, 63, 95, 127 };
	unsigned n = 0;

	(void)state;
	for (uint64_t at = 0; at < 128 * (uint64_t)SECOND; at += STEP) {
		if (!shake(1, "a", SECOND + at, false))
			continue;
		assert_true(n < sizeof(want) / sizeof(*want));
		assert_int_equal(at, want[n] * (uint64_t)SECOND);
		n++;
	}
	assert_int_equal(n, sizeof(want) / sizeof(*want));
}

static void
tls_sess__one_is_waiting__others_are_not(void **state)
{
	struct tls_job one = { .ok = true }, two = { .ok = true };

	(void)state;
	tls_sess_ask(&one, 2, 1, SECOND);
	tls_sess_ask(&two, 2, 1, SECOND);
	assert_true(one.collect);
	assert_false(two.collect);
	tls_sess_done(&two, 2, 1, SECOND);
	tls_sess_ask(&two, 2, 1, SECOND);
	assert_false(two.collect);
	one.session = SSL_SESSION_new();
	tls_sess_done(&one, 2, 1, SECOND);
	assert_null(one.session);
}

static void
tls_sess__other_name_or_server__asked_by_itself(void **state)
{
	(void)state;
	assert_true(shake(3, "a", SECOND, false));
	assert_false(shake(3, "a", SECOND, false));
	assert_true(shake(3, "b", SECOND, false));
	assert_true(shake(4, "a", SECOND, false));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    tls_sess__server_without_tickets__asked_ever_more_seldom),
		cmocka_unit_test(tls_sess__one_is_waiting__others_are_not),
		cmocka_unit_test(
		    tls_sess__other_name_or_server__asked_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
