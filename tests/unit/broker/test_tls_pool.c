/* SPDX-License-Identifier: MIT */
/*
 * TLS connections through broker and pool: handshakes, sessions, a state that
 * moves from worker to worker, and what comes while a connection idles.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka wants those first */
#include <cmocka.h>

#include <limits.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shm/base/clock.h"
#include "shm/proto/tls_rec.h"
#include "tests/unit/broker/rig.h"
#include "tests/unit/broker/tls_origin.h"

static struct rig rig;
static struct tls_origin origin;

static void
set_up(bool expired, int max_version, bool verify)
{
	struct server_tls *t = &rig.srv[0].tls;

	rig_init(&rig);
	rig_origin_close(&rig, 0);
	tls_origin_init(&origin, expired, max_version);
	rig.o[0].port = origin.port;
	t->enabled = true;
	t->ctx = tls_origin_client(&origin, verify);
	t->opts.verify = verify ? TLS_VERIFY_REQUIRED : TLS_VERIFY_NONE;
	t->verifyhost = (char *)"good.test";
}

static void
go(unsigned workers)
{
	rig_start(&rig, workers);
	tls_origin_run(&origin);
}

static void
on_lease(struct pool_lease *l, struct bconn *bc, enum pool_fail why, int e)
{
	struct rig_req *q = l->arg;

	q->waiting = false;
	q->bc = bc;
	q->failed = !bc;
	q->why = why;
	q->errnum = e;
	q->dialed = l->was_dialed;
}

static char last_why[IPC_WHY_MAX];

static void
on_lease_why(struct pool_lease *l, struct bconn *bc, enum pool_fail why, int e)
{
	snprintf(last_why, sizeof(last_why), "%s", l->why);
	on_lease(l, bc, why, e);
}

static void
ask(unsigned worker, const char *sni, struct rig_req *q)
{
	struct pool_want w = { .srv = &rig.srv[0],
		.reuse = LEASE_ANY,
		.tags = TAG_BIT(TAG_H1),
		.sni = sv_str(sni) };

	memset(q, 0, sizeof(*q));
	q->w = &rig.w[worker];
	q->l.fn = on_lease_why;
	q->l.arg = q;
	clock_update();
	q->waiting =
	    pool_get(q->w->pool, &w, NULL, &q->l, &q->bc) == -WSE_AGAIN;
}

/* One record of data with one byte; false: the connection ended. */
static bool
read_answer(struct bconn *bc, char *c)
{
	uint8_t buf[4096];
	size_t have = 0;
	enum tls_got got;
	struct sv data;
	uint8_t alert;
	ssize_t n;
	int tries = 3000;

	while (tries-- > 0) {
		n = recv(bc->fd, buf + have, 1, MSG_DONTWAIT);
		if (n == 0)
			return false;
		if (n < 0) {
			usleep(1000);
			continue;
		}
		have++;
		n = tls_rec_open(bc->tls, buf, have, &got, &data, &alert);
		if (n < 0 || (n > 0 && got == TLS_GOT_CLOSE))
			return false;
		if (n == 0)
			continue;
		have = 0;
		if (got == TLS_GOT_DATA && data.n == 1) {
			*c = data.p[0];
			return true;
		}
	}
	return false;
}

static bool
talk(struct bconn *bc, char what)
{
	struct iovec v = { &what, 1 };
	uint8_t out[256];
	char c = 0;
	ssize_t n = tls_rec_seal(bc->tls, &v, 1, out, sizeof(out));

	assert_true(n > 0);
	if (send(bc->fd, out, (size_t)n, MSG_NOSIGNAL) != n)
		return false;
	return read_answer(bc, &c) && c == 'y';
}

static void
request(unsigned worker, const char *sni, char what)
{
	struct rig_req q;

	ask(worker, sni, &q);
	rig_await(&rig, &q);
	assert_false(q.failed);
	assert_non_null(q.bc);
	assert_non_null(q.bc->tls);
	assert_true(talk(q.bc, what));
	pool_release(q.w->pool, &q.bc);
	rig_run(&rig, 2);
}

/* The origin has sent what it sends by itself, and it has been read. */
static void
await_more(unsigned times)
{
	rig_until(&rig, origin.did >= times, 5000);
	rig_run(&rig, 150);
}

static unsigned
handshakes(void)
{
	return origin.full + origin.resumed;
}

static void
stop(void)
{
	rig_stop(&rig);
	tls_origin_fini(&origin);
	SSL_CTX_free(rig.srv[0].tls.ctx);
}

static void
tear_down(void)
{
	rig_check_rest(&rig);
	assert_int_equal(rig.violations, 0);
	stop();
}

static void
tls__connection_changes_worker_forty_times__one_handshake(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, 0 };
	unsigned v, i;

	(void)state;
	for (v = 0; v < 2; v++) {
		set_up(false, versions[v], true);
		go(4);
		for (i = 0; i < 40; i++)
			request(i % 4, "", TO_PLAIN);
		for (i = 0; i < 5; i++) /* the own fast path */
			request(3, "", TO_PLAIN);
		assert_int_equal(handshakes(), 1);
		assert_int_equal(rig.board.server[0].tls_full, 1);
		tear_down();
	}
}

static void
tls__own_idle_longer_than_a_second__state_is_in_the_vault_alone(void **state)
{
	struct rig_req q;

	(void)state;
	set_up(false, 0, true);
	go(1);
	request(0, "", TO_PLAIN);
	rig_run(&rig, 1800);
	request(0, "", TO_PLAIN);
	ask(0, "", &q);
	assert_non_null(q.bc);
	/* leased: nobody finds it there */
	assert_int_equal(rig.w[0].vault.entry[q.bc->slot].ready, 0);
	pool_close(q.w->pool, &q.bc, 0);
	assert_int_equal(handshakes(), 1);
	tear_down();
}

/* KeyUpdate and tickets, whole or in halves, while it idles in a worker. */
static void
tls__messages_while_idle__are_taken(void **state)
{
	static const char what[] = { TO_UPDATE, TO_TICKET, TO_HALF, TO_UPDATE,
		TO_TICKET };
	unsigned i;

	(void)state;
	set_up(false, 0, true);
	go(2);
	for (i = 0; i < sizeof(what); i++) {
		request(0, "", what[i]);
		await_more(2 * i + 1);
		request(1, "", TO_PLAIN);
		request(1, "", what[i]);
		await_more(2 * i + 2);
	}
	request(0, "", TO_PLAIN);
	assert_int_equal(handshakes(), 1);
	tear_down();
}

/* The same while it is the broker's. */
static void
tls__messages_while_parked__are_taken(void **state)
{
	static const char what[] = { TO_UPDATE, TO_TICKET, TO_HALF };
	unsigned i;

	(void)state;
	set_up(false, 0, true);
	go(4);
	for (i = 0; i < sizeof(what); i++) {
		request(i, "", what[i]);
		rig_worker_die(&rig, i);
		rig_until(&rig, rig.dead_done == i + 1, 2000);
		assert_int_equal(rig.kept, 1);
		await_more(i + 1);
	}
	request(3, "", TO_PLAIN);
	request(3, "", TO_PLAIN);
	assert_int_equal(handshakes(), 1);
	tear_down();
}

static void
tls__data_or_close_while_idle__ends_it(void **state)
{
	static const char what[] = { TO_SPEAK, TO_CLOSE };
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(what); i++) {
		set_up(false, 0, true);
		go(2);
		request(0, "", what[i]);
		assert_int_equal(rig_count(&rig, SLOT_IDLE), 1);
		rig_until(&rig, rig_count(&rig, SLOT_IDLE) == 0, 2000);
		request(1, "", TO_PLAIN);
		assert_int_equal(handshakes(), 2);
		tear_down();
	}
}

static void
tls__evicted__says_close_notify(void **state)
{
	(void)state;
	set_up(false, 0, true);
	go(2);
	request(0, "", TO_PLAIN);
	atomic_store(&rig.board.server[0].admin_state, SRV_FMAINT);
	rig_until(&rig, rig_count(&rig, SLOT_IDLE) == 0, 2000);
	rig_until(&rig, origin.polite == 1, 2000);
	atomic_store(&rig.board.server[0].admin_state, 0);
	rig_run(&rig, 300);
	tear_down();
}

static void
tls__later_handshakes__are_resumed_for_the_same_name_only(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, 0 };
	struct rig_req q[4];
	unsigned v, i;

	(void)state;
	for (v = 0; v < 2; v++) {
		set_up(false, versions[v], true);
		go(1);
		for (i = 0; i < 4; i++) {
			ask(0, i == 3 ? "other.test" : "good.test", &q[i]);
			rig_await(&rig, &q[i]);
			assert_false(q[i].failed);
			assert_true(talk(q[i].bc, TO_PLAIN));
		}
		assert_int_equal(origin.full, 2);
		assert_int_equal(origin.resumed, 2);
		for (i = 0; i < 4; i++)
			pool_release(q[i].w->pool, &q[i].bc);
		assert_int_equal(rig.board.server[0].tls_resumed, 2);
		tear_down();
	}
}

static void
tls__bad_certificate__fails_with_its_reason(void **state)
{
	struct rig_req q;

	(void)state;
	set_up(true, 0, true);
	go(1);
	ask(0, "", &q);
	rig_await(&rig, &q);
	assert_true(q.failed);
	assert_int_equal(q.why, PFAIL_CERT);
	assert_non_null(strstr(last_why, "certificate has expired"));
	assert_string_equal(rig.board.server[0].last_error, last_why);
	assert_int_equal(rig.board.server[0].dial_errors, 1);
	tear_down();

	set_up(false, 0, true);
	rig.srv[0].tls.verifyhost = (char *)"else.test";
	go(1);
	ask(0, "", &q);
	rig_await(&rig, &q);
	assert_true(q.failed);
	assert_non_null(strstr(last_why, "else.test"));
	tear_down();
}

static void
tls__hundred_handshakes__are_parallel(void **state)
{
	enum { N = 100 };
	static struct rig_req q[N];
	unsigned i;

	(void)state;
	set_up(false, 0, true);
	rig.slot_count = 256;
	rig.px.tmo.connect_ms = 60000;
	origin.gate = N;
	go(2);
	for (i = 0; i < N; i++)
		ask(i % 2, "", &q[i]);
	for (i = 0; i < N; i++)
		rig_await(&rig, &q[i]);
	for (i = 0; i < N; i++) {
		assert_false(q[i].failed);
		pool_release(q[i].w->pool, &q[i].bc);
	}
	assert_true(handshakes() <= N);
	tear_down();
}

static void
tls__server_says_nothing__timeout_connect(void **state)
{
	struct rig_req q;

	(void)state;
	set_up(false, 0, true);
	rig.px.tmo.connect_ms = 300;
	origin.gate = UINT_MAX;
	go(1);
	ask(0, "", &q);
	rig_await(&rig, &q);
	assert_true(q.failed);
	assert_int_equal(q.why, PFAIL_TIMEOUT);
	origin.gate = 0;
	tear_down();
}

/* What a compromised worker leaves in its vault harms nobody else. */
static void
tls__forged_state__is_refused_and_reported(void **state)
{
	struct rig_req q;
	uint32_t i;

	(void)state;
	set_up(false, 0, true);
	go(2);
	request(0, "", TO_PLAIN);
	for (i = 0; i < rig.slot_count; i++)
		memset(rig.w[0].vault.entry[i].state, 0xff, VAULT_STATE_MAX);
	ask(1, "", &q);
	rig_await(&rig, &q);
	assert_false(q.failed);
	assert_true(talk(q.bc, TO_PLAIN));
	pool_close(q.w->pool, &q.bc, 0);
	assert_int_equal(handshakes(), 2);
	assert_int_equal(rig.violations, 1);
	rig.violations = 0;
	stop();
}

/* Secrets do not stay where the connection has left. */
static void
tls__stolen__old_vault_is_wiped(void **state)
{
	static const uint8_t none[VAULT_STATE_MAX];
	uint32_t i;

	(void)state;
	set_up(false, 0, true);
	go(2);
	request(0, "", TO_PLAIN);
	request(1, "", TO_PLAIN);
	for (i = 0; i < rig.slot_count; i++)
		assert_memory_equal(
		    rig.w[0].vault.entry[i].state, none, sizeof(none));
	assert_int_equal(handshakes(), 1);
	tear_down();
}

static void
tls__broker_dies__idle_ones_stay(void **state)
{
	unsigned i;

	(void)state;
	set_up(false, 0, true);
	go(2);
	request(0, "", TO_PLAIN);
	rig_broker_kill(&rig);
	request(0, "", TO_PLAIN);
	rig_broker_again(&rig);
	rig_run(&rig, 100);
	for (i = 0; i < 10; i++)
		request(i % 2, "", TO_PLAIN);
	assert_int_equal(handshakes(), 1);
	tear_down();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    tls__connection_changes_worker_forty_times__one_handshake),
		cmocka_unit_test(
		    tls__own_idle_longer_than_a_second__state_is_in_the_vault_alone),
		cmocka_unit_test(tls__messages_while_idle__are_taken),
		cmocka_unit_test(tls__messages_while_parked__are_taken),
		cmocka_unit_test(tls__data_or_close_while_idle__ends_it),
		cmocka_unit_test(tls__evicted__says_close_notify),
		cmocka_unit_test(
		    tls__later_handshakes__are_resumed_for_the_same_name_only),
		cmocka_unit_test(tls__bad_certificate__fails_with_its_reason),
		cmocka_unit_test(tls__hundred_handshakes__are_parallel),
		cmocka_unit_test(tls__server_says_nothing__timeout_connect),
		cmocka_unit_test(tls__forged_state__is_refused_and_reported),
		cmocka_unit_test(tls__stolen__old_vault_is_wiped),
		cmocka_unit_test(tls__broker_dies__idle_ones_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
