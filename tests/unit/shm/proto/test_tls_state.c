/* SPDX-License-Identifier: MIT */
#include "tests/unit/shm/proto/tls_pair.h"

static struct tls_state
sample(int version, enum tls_aead aead)
{
	struct shape s = { version, aead, true, false };
	struct tls_state st;

	made_up(&st, &s);
	return st;
}

static void
pack__every_field__comes_back(void **state)
{
	(void)state;
	for (int i = 0; i < 2 * TLS_AEAD_N; i++) {
		struct tls_state st =
		    sample(12 + (i & 1), (enum tls_aead)(i / 2));
		struct tls_state back;
		uint8_t out[TLS_STATE_BYTES_MAX], again[TLS_STATE_BYTES_MAX];
		ssize_t n;

		st.sent_close = i & 2;
		st.got_close = true;
		st.is_broken = i & 1;
		st.empty_run = 7;
		st.updates_run = 9;
		st.plain_max = 1024;
		if (st.version == 13) {
			st.owes_update = true;
			st.tickets = 513;
			st.hs_have = 4;
			st.hs_head[0] = 4;
			st.hs_head[2] = 1;
			st.hs_left = 77;
		}
		st.rx.seq = 0x0102030405060708;
		n = tls_state_pack(&st, out, sizeof(out));
		assert_true(n > 0 && n <= TLS_STATE_BYTES_MAX);
		assert_int_equal(
		    tls_state_pack(&st, out, (size_t)n - 1), -WSE_TOOBIG);
		assert_int_equal(tls_state_unpack(&back, out, (size_t)n), 0);
		assert_memory_equal(&back, &st, sizeof(st));
		assert_int_equal(
		    tls_state_pack(&back, again, sizeof(again)), n);
		assert_memory_equal(out, again, (size_t)n);
	}
}

static void
unpack__every_other_length__refused(void **state)
{
	struct tls_state st = sample(13, TLS_AES_256_GCM), back;
	uint8_t out[2 * TLS_STATE_BYTES_MAX] = { 0 };
	ssize_t n = tls_state_pack(&st, out, sizeof(out));

	(void)state;
	for (size_t k = 0; k < sizeof(out); k++) {
		uint8_t *p = malloc(k + 1);

		memcpy(p, out, k);
		assert_int_equal(tls_state_unpack(&back, p, k),
		    k == (size_t)n ? 0 : -WSE_CORRUPT);
		free(p);
	}
}

/* A byte of the head changed: at an offset, to a value. */
static void
unpack__nonsense__refused(void **state)
{
	static const struct {
		uint8_t version, at, value;
	} row[] = {
		{ 13, 0, 0 },                /* magic */
		{ 13, 1, 2 },                /* form */
		{ 13, 2, 11 },               /* version */
		{ 13, 2, 14 }, { 13, 3, 3 }, /* aead */
		{ 13, 4, 32 },               /* flags */
		{ 12, 4, 16 },               /* owes an update in 1.2 */
		{ 13, 5, 33 },               /* empty_run */
		{ 13, 6, 5 },                /* hs_have */
		{ 13, 6, 1 },                /* of a message of no known type */
		{ 12, 6, 1 }, { 13, 7, 48 }, /* hash of another suite */
		{ 13, 8, 4 },                /* head bytes that are not there */
		{ 13, 12, 1 },               /* bytes left of nothing */
		{ 12, 12, 1 }, { 13, 16, 33 },   /* updates_run */
		{ 13, 17, 1 }, { 12, 18, 1 },    /* tickets in 1.2 */
		{ 13, 21, 0 },                   /* plain_max */
		{ 13, 21, 0x41 }, { 13, 22, 1 }, /* reserved */
	};
	struct tls_state st, back, zero;
	uint8_t out[TLS_STATE_BYTES_MAX];
	ssize_t n;

	(void)state;
	memset(&zero, 0, sizeof(zero));
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		st = sample(row[i].version, TLS_AES_128_GCM);
		n = tls_state_pack(&st, out, sizeof(out));
		out[row[i].at] = row[i].value;
		if (tls_state_unpack(&back, out, (size_t)n) != -WSE_CORRUPT)
			fail_msg("row %zu is taken", i);
		assert_memory_equal(&back, &zero, sizeof(zero));
	}
}

static void
is_quiet__anything_unfinished__false(void **state)
{
	struct tls_state ok = sample(13, TLS_AES_128_GCM), st = ok;

	(void)state;
	assert_true(tls_state_is_quiet(&st));
	st.owes_update = true;
	assert_false(tls_state_is_quiet(&st));
	st = ok;
	st.hs_have = 1;
	assert_false(tls_state_is_quiet(&st));
	st = ok;
	st.got_close = true;
	assert_false(tls_state_is_quiet(&st));
	st = ok;
	st.sent_close = true;
	assert_false(tls_state_is_quiet(&st));
	st = ok;
	st.is_broken = true;
	assert_false(tls_state_is_quiet(&st));
	tls_state_wipe(&st);
	memset(&ok, 0, sizeof(ok));
	assert_memory_equal(&st, &ok, sizeof(ok));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pack__every_field__comes_back),
		cmocka_unit_test(unpack__every_other_length__refused),
		cmocka_unit_test(unpack__nonsense__refused),
		cmocka_unit_test(is_quiet__anything_unfinished__false),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
