/* SPDX-License-Identifier: MIT */
#include <sys/uio.h>

#include "tests/unit/shm/proto/tls_pair.h"

static struct pair pair;
static uint8_t out[40000];

/* Ours (a), and the other end (b), which makes records by hand. */
struct ends {
	struct tls_rec a, b;
};

static struct ends
two_ends(bool is_client)
{
	struct shape s = { 13, TLS_AES_128_GCM, is_client, false };
	struct ends e = { 0 };

	made_up(&e.a.st, &s);
	e.b = mirror_of(&e.a.st);
	return e;
}

static void
ends_free(struct ends *e)
{
	tls_rec_wipe(&e->a);
	tls_rec_wipe(&e->b);
	tls_rec_drain();
}

/* One record of b at a: what tls_rec_open() answers, less the length. */
static int
give(struct ends *e, uint8_t type, const void *p, size_t n, uint8_t *alert)
{
	size_t k = craft(&e->b, type, p, n, 3, out);
	enum tls_got got;
	struct sv data;
	ssize_t r = tls_rec_open(&e->a, out, k, &got, &data, alert);

	if (r > 0)
		assert_int_equal(r, k);
	return r > 0 ? 0 : (int)r;
}

/* Everything about a KeyUpdate of the peer, with an SSL on the other side. */
static void
each_shape(void (*fn)(struct pair *p))
{
	for (int i = 0; i < 2 * TLS_AEAD_N; i++) {
		struct shape s = { 13, (enum tls_aead)(i / 2), i & 1, false };

		pair_init(&pair, &s);
		pair_connect(&pair, NULL);
		fn(&pair);
		pair_free(&pair);
	}
}

static void
peer_updates(struct pair *p)
{
	for (int i = 0; i < 3; i++) {
		SSL_key_update(p->peer, SSL_KEY_UPDATE_NOT_REQUESTED);
		pair_talk(p);
		assert_false(p->rec.st.owes_update);
		SSL_key_update(p->peer, SSL_KEY_UPDATE_REQUESTED);
		SSL_do_handshake(p->peer);
		pair_open(p);
		assert_true(p->rec.st.owes_update);
		assert_false(tls_state_is_quiet(&p->rec.st));
		/* the next record pays */
		pair_talk(p);
		assert_false(p->rec.st.owes_update);
	}
}

static void
update__by_the_peer__followed_and_answered(void **state)
{
	(void)state;
	each_shape(peer_updates);
}

static void
we_update(struct pair *p)
{
	uint8_t rec[TLS_REC_UPDATE_BYTES];

	for (int i = 0; i < 4; i++) {
		ssize_t n;

		assert_int_equal(
		    tls_rec_update(&p->rec, false, rec, sizeof(rec)), 0);
		assert_int_equal(
		    tls_rec_update(&p->rec, true, rec, sizeof(rec) - 1),
		    -WSE_TOOBIG);
		n = tls_rec_update(&p->rec, true, rec, sizeof(rec));
		assert_int_equal(n, sizeof(rec));
		assert_int_equal(p->rec.st.tx.seq, 0);
		pair_deliver(p, rec, sizeof(rec));
		pair_peer_reads(p, NULL, 0);
		if (i & 1)
			tls_rec_idle(&p->rec);
		pair_talk(p);
	}
}

static void
update__by_us__followed_by_the_peer(void **state)
{
	(void)state;
	each_shape(we_update);
}

/* Paying by itself, without data. */
static void
pay_alone(struct pair *p)
{
	uint8_t rec[TLS_REC_UPDATE_BYTES];

	SSL_key_update(p->peer, SSL_KEY_UPDATE_REQUESTED);
	SSL_do_handshake(p->peer);
	pair_open(p);
	tls_rec_idle(&p->rec);
	assert_int_equal(
	    tls_rec_update(&p->rec, false, rec, sizeof(rec)), sizeof(rec));
	assert_true(tls_state_is_quiet(&p->rec.st));
	pair_deliver(p, rec, sizeof(rec));
	pair_talk(p);
}

static void
update__owed__can_be_paid_alone(void **state)
{
	(void)state;
	each_shape(pay_alone);
}

static void
limited(struct pair *p)
{
	tls_rec_set_limit(4);
	for (int i = 0; i < 5; i++) {
		pair_talk(p);
		assert_true(p->rec.st.tx.seq <= 4);
	}
	tls_rec_set_limit(0);
}

static void
seal__at_the_limit__updates_by_itself(void **state)
{
	(void)state;
	each_shape(limited);
}

/* A ticket in pieces of any size, with moves between them. */
static void
take__split_over_records__joined(void **state)
{
	static const uint8_t update[5] = { 24, 0, 0, 1, 0 };
	uint8_t ticket[204] = { 4, 0, 0, 200 }, alert;
	uint8_t packed[TLS_STATE_BYTES_MAX];

	(void)state;
	for (size_t cut = 1; cut < sizeof(ticket); cut++) {
		struct ends e = two_ends(true);
		ssize_t n;

		assert_int_equal(give(&e, 22, ticket, cut, &alert), 0);
		assert_false(tls_state_is_quiet(&e.a.st));
		n = tls_state_pack(&e.a.st, packed, sizeof(packed));
		assert_int_equal(
		    tls_state_unpack(&e.a.st, packed, (size_t)n), 0);
		assert_int_equal(
		    give(&e, 22, ticket + cut, sizeof(ticket) - cut, &alert),
		    0);
		assert_true(tls_state_is_quiet(&e.a.st));
		assert_int_equal(e.a.st.tickets, 1);
		ends_free(&e);
	}
	for (size_t cut = 1; cut < sizeof(update); cut++) {
		struct ends e = two_ends(false);

		assert_int_equal(give(&e, 22, update, cut, &alert), 0);
		assert_int_equal(
		    give(&e, 22, update + cut, 5 - cut, &alert), 0);
		assert_int_equal(e.a.st.rx.seq, 0);
		ends_free(&e);
	}
}

static void
take__several_in_a_record__counted(void **state)
{
	uint8_t msg[3 * 24 + 5] = { 0 }, alert;
	struct ends e = two_ends(true);

	(void)state;
	for (int i = 0; i < 3; i++) {
		msg[24 * i] = 4;
		msg[24 * i + 3] = 20;
	}
	msg[72] = 24;
	msg[75] = 1;
	msg[76] = 1;
	assert_int_equal(give(&e, 22, msg, sizeof(msg), &alert), 0);
	assert_int_equal(e.a.st.tickets, 3);
	assert_true(e.a.st.owes_update);
	ends_free(&e);
}

static void
take__what_is_not_allowed__refused(void **state)
{
	static const struct {
		bool is_client;
		uint8_t type, n, alert, msg[12];
	} row[] = {
		/* to the wrong role, or unknown */
		{ false, 22, 1, TLS_ALERT_UNEXPECTED_MESSAGE, { 4 } },
		{ true, 22, 1, TLS_ALERT_UNEXPECTED_MESSAGE, { 13 } },
		{ true, 22, 1, TLS_ALERT_UNEXPECTED_MESSAGE, { 1 } },
		{ true, 22, 1, TLS_ALERT_UNEXPECTED_MESSAGE, { 0 } },
		/* lengths and values */
		{ true, 22, 4, TLS_ALERT_DECODE_ERROR, { 24, 0, 0, 2 } },
		{ true, 22, 4, TLS_ALERT_DECODE_ERROR, { 24, 0, 0, 0 } },
		{ true, 22, 4, TLS_ALERT_DECODE_ERROR, { 4, 0, 0, 13 } },
		{ true, 22, 4, TLS_ALERT_DECODE_ERROR, { 4, 3, 0, 0 } },
		{ true, 22, 5, TLS_ALERT_ILLEGAL_PARAMETER,
		    { 24, 0, 0, 1, 2 } },
		/* a key change inside a record */
		{ true, 22, 6, TLS_ALERT_UNEXPECTED_MESSAGE,
		    { 24, 0, 0, 1, 0, 24 } },
		/* empty fragments, other types */
		{ true, 22, 0, TLS_ALERT_UNEXPECTED_MESSAGE, { 0 } },
		{ true, 20, 1, TLS_ALERT_UNEXPECTED_MESSAGE, { 1 } },
		{ true, 24, 4, TLS_ALERT_UNEXPECTED_MESSAGE, { 1 } },
		{ true, 0, 0, TLS_ALERT_UNEXPECTED_MESSAGE, { 0 } },
	};
	uint8_t alert;

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct ends e = two_ends(row[i].is_client);

		assert_int_equal(
		    give(&e, row[i].type, row[i].msg, row[i].n, &alert),
		    -WSE_PROTO);
		assert_int_equal(alert, row[i].alert);
		assert_true(e.a.st.is_broken);
		ends_free(&e);
	}
}

static void
take__something_between_the_parts__refused(void **state)
{
	static const uint8_t close[2] = { 1, 0 };
	uint8_t alert;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct ends e = two_ends(true);

		assert_int_equal(give(&e, 22, "\4\0", 2, &alert), 0);
		assert_int_equal(
		    give(&e, i ? 21 : 23, close, 2, &alert), -WSE_PROTO);
		assert_int_equal(alert, TLS_ALERT_UNEXPECTED_MESSAGE);
		ends_free(&e);
	}
}

/* KeyUpdates as the other end writes them, with the keys that follow. */
static void
take__flood_of_updates__refused(void **state)
{
	struct ends e = two_ends(true);
	uint8_t rec[TLS_REC_UPDATE_BYTES], alert = 0;
	enum tls_got got;
	struct sv data;
	ssize_t r = 1;
	int n = 0;

	(void)state;
	/* with data between them all is well */
	for (int i = 0; i < 100; i++) {
		struct iovec iov = { (void *)(uintptr_t) "x", 1 };

		assert_true(tls_rec_update(&e.b, true, rec, sizeof(rec)) > 0);
		assert_true(tls_rec_open(&e.a, rec, sizeof(rec), &got, &data,
				&alert) > 0);
		r = tls_rec_seal(&e.b, &iov, 1, out, sizeof(out));
		assert_int_equal(
		    tls_rec_open(&e.a, out, (size_t)r, &got, &data, &alert), r);
	}
	while (r > 0 && n++ < 100) {
		assert_true(tls_rec_update(&e.b, true, rec, sizeof(rec)) > 0);
		r = tls_rec_open(&e.a, rec, sizeof(rec), &got, &data, &alert);
	}
	assert_int_equal(r, -WSE_PROTO);
	assert_int_equal(n, TLS_REC_RUN_MAX + 1);
	ends_free(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(update__by_the_peer__followed_and_answered),
		cmocka_unit_test(update__by_us__followed_by_the_peer),
		cmocka_unit_test(update__owed__can_be_paid_alone),
		cmocka_unit_test(seal__at_the_limit__updates_by_itself),
		cmocka_unit_test(take__split_over_records__joined),
		cmocka_unit_test(take__several_in_a_record__counted),
		cmocka_unit_test(take__what_is_not_allowed__refused),
		cmocka_unit_test(take__something_between_the_parts__refused),
		cmocka_unit_test(take__flood_of_updates__refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
