/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/proto/tls_aead.h"
#include "tests/unit/shm/proto/tls_pair.h"

/* Seal and open of both ends, many times; true if all bytes come through. */
static bool
is_talking(struct tls_rec *a, struct tls_rec *b, int times)
{
	uint8_t out[128];
	struct iovec iov = { (void *)(uintptr_t) "twelve bytes", 12 };
	enum tls_got got;
	struct sv data;
	uint8_t alert;
	ssize_t n;

	for (int i = 0; i < times; i++) {
		n = tls_rec_seal(a, &iov, 1, out, sizeof(out));
		if (n <= 0 ||
		    tls_rec_open(b, out, (size_t)n, &got, &data, &alert) != n ||
		    !sv_eq(data, SV("twelve bytes")))
			return false;
		if (i % 16 == 7)
			tls_rec_idle(a);
		if (i % 16 == 9)
			tls_rec_idle(b);
	}
	return true;
}

static void *
talk(void *arg)
{
	bool ok = true;

	for (int i = 0; i < 2 * TLS_AEAD_N; i++) {
		struct shape s = { 12 + (i & 1), (enum tls_aead)(i / 2), true,
			false };
		struct tls_rec a = { 0 }, b;

		made_up(&a.st, &s);
		b = mirror_of(&a.st);
		ok = ok && is_talking(&a, &b, 500);
		tls_rec_wipe(&a);
		tls_rec_wipe(&b);
	}
	tls_rec_drain();
	return ok ? arg : NULL;
}

static void
get__many_threads__own_freelists(void **state)
{
	pthread_t t[4];
	void *r;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, talk, t), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(t[i], &r), 0);
		assert_ptr_equal(r, t);
	}
}

static void
get__contexts_of_before_a_fork__serve_both(void **state)
{
	struct shape s = { 13, TLS_AES_128_GCM, true, false };
	struct tls_rec a = { 0 }, b;
	int status;
	pid_t pid;

	(void)state;
	made_up(&a.st, &s);
	b = mirror_of(&a.st);
	assert_true(is_talking(&a, &b, 3));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(!is_talking(&a, &b, 100));
	assert_true(is_talking(&a, &b, 100));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	tls_rec_wipe(&a);
	tls_rec_wipe(&b);
	tls_rec_drain();
}

/* More than a freelist holds. */
static void
put__many__bounded(void **state)
{
	static const uint8_t key[TLS_KEY_MAX] = { 1 };
	struct evp_cipher_ctx_st *c[200];

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 200; i++) {
			c[i] = tls_aead_get(TLS_AES_256_GCM, key, i & 1);
			assert_non_null(c[i]);
		}
		for (int i = 0; i < 200; i++) {
			tls_aead_put(TLS_AES_256_GCM, &c[i]);
			assert_null(c[i]);
		}
	}
	tls_aead_put(TLS_AES_256_GCM, &c[0]);
	tls_aead_drain();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(get__many_threads__own_freelists),
		cmocka_unit_test(get__contexts_of_before_a_fork__serve_both),
		cmocka_unit_test(put__many__bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
