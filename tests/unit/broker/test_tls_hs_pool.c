/* SPDX-License-Identifier: MIT */
/*
 * Handshakes on threads, without a broker around them: for the thread
 * sanitizer above all.  Sessions are shared out as the broker does it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka wants those first */
#include <cmocka.h>

#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "broker/tls_sess.h"
#include "shm/base/mem.h"
#include "shm/seg/vault.h"
#include "tests/unit/broker/tls_origin.h"

static struct event_base *base;
static struct tls_origin origin;
static SSL_CTX *client;
static unsigned pending, good, bad, resumed, timeouts;
static char last_why[IPC_WHY_MAX];
static enum lease_fail last_fail;

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void
on_done(struct tls_job *j)
{
	struct tls_state st;

	pending--;
	tls_sess_done(j, 0, 1, now_us());
	if (j->ok) {
		good++;
		resumed += j->resumed;
		assert_int_equal(j->kind, VAULT_TLS);
		assert_int_equal(
		    tls_state_unpack(&st, j->state, j->state_bytes), 0);
		assert_true(tls_state_is_quiet(&st));
	} else {
		bad++;
		timeouts += j->fail == LFAIL_TIMEOUT;
		last_fail = j->fail;
		memcpy(last_why, j->why, sizeof(last_why));
	}
	close(j->fd);
	tls_job_free(&j);
	if (pending == 0)
		event_base_loopbreak(base);
}

static void
submit(unsigned timeout_ms)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct tls_job *j = mem_alloc(sizeof(*j));

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons((uint16_t)origin.port);
	j->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
	    connect(j->fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	SSL_CTX_up_ref(client);
	j->ctx = client;
	strcpy(j->sni, "good.test");
	strcpy(j->host, "good.test");
	j->until_us = now_us() + timeout_ms * 1000;
	tls_sess_ask(j, 0, 1, now_us());
	pending++;
	tls_hs_pool_submit(j);
}

static void
run(unsigned n, unsigned timeout_ms)
{
	good = bad = resumed = timeouts = 0;
	while (n-- > 0)
		submit(timeout_ms);
	event_base_dispatch(base);
	assert_int_equal(pending, 0);
}

static void
pool__many_at_once__all_done(void **state)
{
	unsigned i;

	(void)state;
	run(1, 5000);
	assert_int_equal(good, 1);
	for (i = 0; i < 4; i++) {
		run(40, 20000);
		assert_int_equal(good, 40);
		assert_int_equal(resumed, 40);
	}
}

static void
pool__deadline_passes__is_told(void **state)
{
	(void)state;
	origin.gate = UINT_MAX;
	run(5, 100);
	origin.gate = 0;
	assert_int_equal(bad, 5);
	assert_int_equal(timeouts, 5);
	assert_string_equal(last_why, "TLS handshake timed out");
	tls_origin_quiet(&origin);
}

static void
pool__no_trust__is_told(void **state)
{
	struct tls_job probe = { .sni = "good.test" };
	SSL_CTX *good_ctx = client;

	(void)state;
	client = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
	assert_int_equal(tls_hs_prepare(client), 0);
	/* another epoch: a session would spare the server its certificate */
	tls_sess_ask(&probe, 0, 2, now_us());
	run(3, 5000);
	assert_int_equal(bad, 3);
	assert_string_equal(last_why, "self-signed certificate");
	assert_int_equal(last_fail, LFAIL_CERT);
	SSL_CTX_free(client);
	client = good_ctx;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pool__many_at_once__all_done),
		cmocka_unit_test(pool__deadline_passes__is_told),
		cmocka_unit_test(pool__no_trust__is_told),
	};
	int r;

	signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	tls_origin_init(&origin, false, 0);
	client = tls_origin_client(&origin, true);
	if (tls_hs_prepare(client) != 0 || tls_hs_pool_start(base, on_done))
		return 1;
	tls_origin_run(&origin);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	tls_origin_fini(&origin);
	return r;
}
