/* SPDX-License-Identifier: MIT */
#include <sys/uio.h>

#include "tests/unit/shm/proto/tls_pair.h"

static struct pair pair;
static uint8_t buf[20000], out[40000];

/* Every version, suite and role. */
static void
each_shape(void (*fn)(const struct shape *s))
{
	struct shape s = { 0 };

	for (int i = 0; i < 4 * TLS_AEAD_N; i++) {
		s.version = i & 1 ? 13 : 12;
		s.is_client = i & 2;
		s.aead = (enum tls_aead)(i >> 2);
		fn(&s);
	}
	tls_rec_drain();
}

/* The two ends of a made-up connection, without OpenSSL. */
struct ends {
	struct tls_rec a, b;
};

static struct ends
two_ends(const struct shape *s)
{
	struct ends e = { 0 };

	made_up(&e.a.st, s);
	e.b = mirror_of(&e.a.st);
	return e;
}

static void
ends_free(struct ends *e)
{
	tls_rec_wipe(&e->a);
	tls_rec_wipe(&e->b);
}

static size_t
seal(struct tls_rec *r, const void *p, size_t n, uint8_t *to)
{
	struct iovec iov = { (void *)(uintptr_t)p, n };
	ssize_t got;

	assert_true(tls_rec_sealed_bytes(&r->st, n) <= sizeof(out));
	got = tls_rec_seal(r, &iov, 1, to, sizeof(buf));
	assert_true(got > 0);
	return (size_t)got;
}

static ssize_t
open_one(
    struct tls_rec *r, uint8_t *p, size_t n, enum tls_got *got, uint8_t *alert)
{
	struct sv data;

	return tls_rec_open(r, p, n, got, &data, alert);
}

/* Refused with that code and alert, and all that follows is too. */
static void
must_refuse(struct tls_rec *r, uint8_t *p, size_t n, int code, uint8_t alert)
{
	enum tls_got got;
	uint8_t a;

	assert_int_equal(open_one(r, p, n, &got, &a), code);
	assert_int_equal(a, alert);
	assert_int_equal(got, TLS_GOT_NOTHING);
	assert_true(r->st.is_broken);
	assert_false(tls_state_is_quiet(&r->st));
	assert_int_equal(open_one(r, p, n, &got, &a), -WSE_EOF);
}

static void
flip_each_bit(const struct shape *s)
{
	struct ends e = two_ends(s);
	size_t n = seal(&e.a, "some data", 9, buf);

	for (size_t bit = 0; bit < 8 * n; bit++) {
		struct tls_rec r = { .st = e.b.st };
		enum tls_got got;
		uint8_t alert;
		ssize_t k;

		memcpy(out, buf, n);
		out[bit / 8] ^= (uint8_t)(1u << bit % 8);
		k = open_one(&r, out, n, &got, &alert);
		/* a longer record is waited for */
		assert_true(k < 0 || (k == 0 && bit / 8 >= 3 && bit / 8 < 5));
		tls_rec_wipe(&r);
	}
	ends_free(&e);
}

static void
open__flipped_bit__refused(void **state)
{
	(void)state;
	each_shape(flip_each_bit);
}

static void
disorder(const struct shape *s)
{
	struct ends e = two_ends(s);
	struct tls_rec fresh = e.b;
	enum tls_got got;
	uint8_t alert;
	size_t one = seal(&e.a, "one", 3, buf);
	size_t two = seal(&e.a, "two", 3, buf + one);

	assert_int_equal(one, two);
	/* replayed */
	memcpy(out, buf, one);
	assert_int_equal(open_one(&e.b, out, one, &got, &alert), one);
	memcpy(out, buf, one);
	must_refuse(&e.b, out, one, -WSE_PROTO, TLS_ALERT_BAD_RECORD_MAC);
	/* dropped, or before its time */
	memcpy(out, buf + one, two);
	must_refuse(&fresh, out, two, -WSE_PROTO, TLS_ALERT_BAD_RECORD_MAC);
	tls_rec_wipe(&fresh);
	ends_free(&e);
}

static void
open__replayed_dropped_reordered__refused(void **state)
{
	(void)state;
	each_shape(disorder);
}

static void
every_prefix(const struct shape *s)
{
	struct ends e = two_ends(s);
	size_t n = seal(&e.a, "some data", 9, buf);
	struct sv data;
	enum tls_got got;
	uint8_t alert;

	memcpy(out, buf, n);
	for (size_t k = 0; k < n; k++) {
		/* storage that ends where the bytes end */
		uint8_t *p = malloc(k + 1);

		memcpy(p, buf, k);
		assert_int_equal(open_one(&e.b, p, k, &got, &alert), 0);
		assert_memory_equal(p, buf, k);
		free(p);
	}
	assert_int_equal(tls_rec_open(&e.b, buf, n, &got, &data, &alert), n);
	assert_int_equal(got, TLS_GOT_DATA);
	assert_true(sv_eq(data, SV("some data")));
	assert_true(tls_state_is_truncated(&e.b.st));
	assert_true(tls_state_is_quiet(&e.b.st));
	ends_free(&e);
}

static void
open__every_prefix__needs_more(void **state)
{
	(void)state;
	each_shape(every_prefix);
}

static void
sizes(const struct shape *s)
{
	struct ends e = two_ends(s);
	struct tls_rec start = e.a;
	static const uint8_t zero[16640];
	uint8_t head[5] = { 23, 3, 3, 0x41, 0x01 };
	size_t n;

	memset(out, 0, sizeof(out));
	/* by its header alone */
	must_refuse(&e.b, head, 5, -WSE_TOOBIG, TLS_ALERT_RECORD_OVERFLOW);
	ends_free(&e);
	/* too much content in a length that is allowed */
	e.a = start;
	e.b = mirror_of(&start.st);
	n = craft(&e.a, 23, zero, 16385, 0, out);
	must_refuse(&e.b, out, n, -WSE_TOOBIG, TLS_ALERT_RECORD_OVERFLOW);
	ends_free(&e);
	/* the largest */
	e.a = start;
	e.b = mirror_of(&start.st);
	n = craft(&e.a, 23, zero, 16384, 0, out);
	assert_int_equal(
	    open_one(&e.b, out, n, &(enum tls_got){ 0 }, &(uint8_t){ 0 }), n);
	/* too short for a tag */
	head[3] = 0;
	head[4] = 15;
	must_refuse(&e.b, head, 5, -WSE_PROTO, TLS_ALERT_BAD_RECORD_MAC);
	ends_free(&e);
}

static void
open__record_sizes__bounded(void **state)
{
	(void)state;
	each_shape(sizes);
}

static void
open__headers_of_other_protocols__refused(void **state)
{
	struct shape s = { 13, TLS_AES_128_GCM, true, false };
	static const uint8_t head[][6] = {
		{ 20, 3, 3, 0, 32, TLS_ALERT_UNEXPECTED_MESSAGE },
		{ 24, 3, 3, 0, 32, TLS_ALERT_UNEXPECTED_MESSAGE },
		{ 'H', 'T', 'T', 'P', '/', TLS_ALERT_UNEXPECTED_MESSAGE },
		{ 23, 2, 3, 0, 32, TLS_ALERT_PROTOCOL_VERSION },
		{ 23, 3, 4, 0, 32, TLS_ALERT_PROTOCOL_VERSION },
	};

	(void)state;
	for (s.version = 12; s.version <= 13; s.version++) {
		for (size_t i = 0; i < sizeof(head) / sizeof(*head); i++) {
			struct ends e = two_ends(&s);

			memcpy(out, head[i], 5);
			must_refuse(&e.b, out, 5, -WSE_PROTO, head[i][5]);
			ends_free(&e);
		}
	}
	tls_rec_drain();
}

static void
flood_empty(const struct shape *s)
{
	struct ends e = two_ends(s);
	enum tls_got got;
	uint8_t alert;
	size_t n;

	for (int i = 0; i < 2 * TLS_REC_RUN_MAX; i++) {
		n = seal(&e.a, "x", i == TLS_REC_RUN_MAX, out);
		assert_int_equal(open_one(&e.b, out, n, &got, &alert), n);
		assert_int_equal(got, TLS_GOT_DATA);
	}
	n = seal(&e.a, NULL, 0, out);
	assert_int_equal(open_one(&e.b, out, n, &got, &alert), n);
	n = seal(&e.a, NULL, 0, out);
	must_refuse(&e.b, out, n, -WSE_PROTO, TLS_ALERT_UNEXPECTED_MESSAGE);
	ends_free(&e);
}

static void
open__flood_of_empty_records__refused(void **state)
{
	(void)state;
	each_shape(flood_empty);
}

static void
flood_warnings(const struct shape *s)
{
	struct ends e = two_ends(s);
	const uint8_t msg[2] = { 1, TLS_ALERT_USER_CANCELED };
	enum tls_got got;
	uint8_t alert;
	size_t n;

	for (int i = 0; i < TLS_REC_RUN_MAX; i++) {
		n = craft(&e.a, 21, msg, 2, 0, out);
		assert_int_equal(open_one(&e.b, out, n, &got, &alert), n);
		assert_int_equal(got, TLS_GOT_NOTHING);
	}
	n = craft(&e.a, 21, msg, 2, 0, out);
	must_refuse(&e.b, out, n, -WSE_PROTO, TLS_ALERT_UNEXPECTED_MESSAGE);
	ends_free(&e);
}

static void
open__flood_of_warnings__refused(void **state)
{
	(void)state;
	each_shape(flood_warnings);
}

static void
alerts(const struct shape *s)
{
	static const struct {
		uint8_t msg[3], n, got, alert;
		bool refused;
	} row[] = {
		{ { 1, 0 }, 2, TLS_GOT_CLOSE, 0, false },
		{ { 2, 0 }, 2, TLS_GOT_CLOSE, 0, false },
		{ { 2, 40 }, 2, TLS_GOT_ALERT, 40, false },
		{ { 1, 90 }, 2, TLS_GOT_NOTHING, 0, false },
		{ { 1 }, 1, 0, TLS_ALERT_DECODE_ERROR, true },
		{ { 1, 0, 0 }, 3, 0, TLS_ALERT_DECODE_ERROR, true },
		{ { 0 }, 0, 0, TLS_ALERT_DECODE_ERROR, true },
	};
	enum tls_got got;
	uint8_t alert;
	size_t n;

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct ends e = two_ends(s);

		n = craft(&e.a, 21, row[i].msg, row[i].n, 0, out);
		if (row[i].refused) {
			must_refuse(&e.b, out, n, -WSE_PROTO, row[i].alert);
		} else {
			assert_int_equal(
			    open_one(&e.b, out, n, &got, &alert), n);
			assert_int_equal(got, row[i].got);
			assert_int_equal(alert, row[i].alert);
		}
		assert_int_equal(tls_state_is_truncated(&e.b.st),
		    got != TLS_GOT_CLOSE || row[i].refused);
		ends_free(&e);
	}
}

static void
open__alerts__told(void **state)
{
	(void)state;
	each_shape(alerts);
}

static void
renegotiation(const struct shape *s)
{
	static const uint8_t hello[64] = { 1, 0, 0, 60, 3, 3 };
	static const uint8_t hello_request[4] = { 0 };
	struct ends e = two_ends(s);
	size_t n = s->is_client ? craft(&e.a, 22, hello, 64, 0, out)
				: craft(&e.a, 22, hello_request, 4, 0, out);

	must_refuse(&e.b, out, n, -WSE_PROTO,
	    s->version == 12 ? TLS_ALERT_NO_RENEGOTIATION
			     : TLS_ALERT_UNEXPECTED_MESSAGE);
	/* and says so in a record of its own */
	assert_true(tls_rec_alert(&e.b, TLS_ALERT_NO_RENEGOTIATION, out,
			TLS_REC_ALERT_MAX) > 0);
	ends_free(&e);
}

static void
open__renegotiation__refused(void **state)
{
	(void)state;
	each_shape(renegotiation);
}

static void
rooms(const struct shape *s)
{
	struct ends e = two_ends(s);
	static uint8_t big[TLS_REC_PLAIN_MAX + 1];
	struct iovec iov = { big, 0 };
	static const size_t sizes_of[] = { 0, 1, 2048, 2049, 16384 };
	struct sv data;
	enum tls_got got;
	uint8_t alert;
	size_t need;
	ssize_t n;

	for (size_t i = 0; i < 5; i++) {
		uint8_t *p;

		iov.iov_len = sizes_of[i];
		need = tls_rec_sealed_bytes(&e.a.st, sizes_of[i]);
		assert_true(need <= sizes_of[i] + TLS_REC_OVERHEAD_MAX);
		p = malloc(need);
		assert_int_equal(
		    tls_rec_seal(&e.a, &iov, 1, p, need - 1), -WSE_TOOBIG);
		n = tls_rec_seal(&e.a, &iov, 1, p, need);
		assert_int_equal(n, need);
		assert_int_equal(
		    tls_rec_open(&e.b, p, need, &got, &data, &alert), need);
		assert_int_equal(data.n, sizes_of[i]);
		free(p);
	}
	iov.iov_len = TLS_REC_PLAIN_MAX + 1;
	assert_int_equal(
	    tls_rec_seal(&e.a, &iov, 1, out, sizeof(out)), -WSE_TOOBIG);
	ends_free(&e);
}

static void
seal__every_size__fits_its_room_exactly(void **state)
{
	(void)state;
	each_shape(rooms);
}

static void
closing(const struct shape *s)
{
	struct iovec iov = { buf, 1 };
	uint8_t rec[TLS_REC_ALERT_MAX];
	ssize_t n;

	/* we close */
	pair_init(&pair, s);
	pair_connect(&pair, NULL);
	pair_open(&pair);
	n = tls_rec_alert(&pair.rec, 0, rec, sizeof(rec));
	assert_true(n > 0);
	assert_int_equal(
	    tls_rec_alert(&pair.rec, 0, rec, sizeof(rec)), -WSE_EOF);
	assert_int_equal(
	    tls_rec_seal(&pair.rec, &iov, 1, out, sizeof(out)), -WSE_EOF);
	assert_int_equal(tls_rec_update(&pair.rec, false, out, sizeof(out)), 0);
	pair_deliver(&pair, rec, (size_t)n);
	assert_int_equal(SSL_read(pair.peer, buf, 1), 0);
	assert_int_equal(SSL_get_error(pair.peer, 0), SSL_ERROR_ZERO_RETURN);
	/* the peer closes; before that, this would be a truncation */
	assert_true(tls_state_is_truncated(&pair.rec.st));
	SSL_write(pair.peer, "last", 4);
	SSL_shutdown(pair.peer);
	assert_int_equal(pair_open(&pair), TLS_GOT_CLOSE);
	assert_int_equal(pair.got_bytes, 4);
	assert_false(tls_state_is_truncated(&pair.rec.st));
	assert_false(tls_state_is_quiet(&pair.rec.st));
	pair_stop(&pair);
	/* a fatal alert of ours reaches it */
	pair_connect(&pair, NULL);
	n = tls_rec_alert(
	    &pair.rec, TLS_ALERT_BAD_RECORD_MAC, rec, sizeof(rec));
	pair_deliver(&pair, rec, (size_t)n);
	n = SSL_read(pair.peer, buf, 1);
	assert_int_equal(SSL_get_error(pair.peer, (int)n), SSL_ERROR_SSL);
	assert_true(pair.rec.st.sent_close);
	pair_free(&pair);
}

static void
alert__close_notify_and_fatal__both_ways(void **state)
{
	(void)state;
	each_shape(closing);
}

/* Packed and unpacked between any two records. */
static void
moving(const struct shape *s)
{
	uint8_t packed[TLS_STATE_BYTES_MAX];
	ssize_t n;

	pair_init(&pair, s);
	pair_connect(&pair, NULL);
	for (int i = 0; i < 4; i++) {
		pair_talk(&pair);
		n = tls_state_pack(&pair.rec.st, packed, sizeof(packed));
		assert_true(n > 0);
		tls_rec_wipe(&pair.rec);
		assert_int_equal(
		    tls_state_unpack(&pair.rec.st, packed, (size_t)n), 0);
	}
	pair_talk(&pair);
	pair_free(&pair);
}

static void
pack__in_the_middle__goes_on(void **state)
{
	(void)state;
	each_shape(moving);
}

static void
limit_12(const struct shape *s)
{
	struct ends e = two_ends(s);
	struct iovec iov = { buf, 1 };

	if (s->version == 12) {
		tls_rec_set_limit(5);
		for (int i = 0; i < 4; i++)
			seal(&e.a, "x", 1, out);
		assert_int_equal(
		    tls_rec_seal(&e.a, &iov, 1, out, sizeof(out)), -WSE_RANGE);
		/* it can still say goodbye */
		assert_true(tls_rec_alert(&e.a, 0, out, sizeof(out)) > 0);
	}
	tls_rec_set_limit(0);
	ends_free(&e);
}

static void
seal__at_the_limit_of_12__must_end(void **state)
{
	(void)state;
	each_shape(limit_12);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open__flipped_bit__refused),
		cmocka_unit_test(open__replayed_dropped_reordered__refused),
		cmocka_unit_test(open__every_prefix__needs_more),
		cmocka_unit_test(open__record_sizes__bounded),
		cmocka_unit_test(open__headers_of_other_protocols__refused),
		cmocka_unit_test(open__flood_of_empty_records__refused),
		cmocka_unit_test(open__flood_of_warnings__refused),
		cmocka_unit_test(open__alerts__told),
		cmocka_unit_test(open__renegotiation__refused),
		cmocka_unit_test(seal__every_size__fits_its_room_exactly),
		cmocka_unit_test(alert__close_notify_and_fatal__both_ways),
		cmocka_unit_test(pack__in_the_middle__goes_on),
		cmocka_unit_test(seal__at_the_limit_of_12__must_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
