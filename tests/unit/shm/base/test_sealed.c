/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shm/base/sealed.h"

static void
sealed__made__can_be_read_and_not_changed(void **state)
{
	struct sv text = SV_NULL;
	int fd = -1;

	(void)state;
	assert_int_equal(sealed_make(SV("a secret"), &fd), 0);
	assert_int_equal(sealed_check(fd, 8), 0);
	assert_int_equal(sealed_map(fd, 8, &text), 0);
	assert_true(sv_eq(text, SV("a secret")));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(ftruncate(fd, 1), -1);
	assert_int_equal(ftruncate(fd, 100), -1);
	assert_ptr_equal(
	    mmap(NULL, 8, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_true(sv_eq(text, SV("a secret")));
	sealed_unmap(&text);
	assert_null(text.p);
	sealed_unmap(&text);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

static void
sealed__too_long__is_refused(void **state)
{
	struct sv text = SV_NULL;
	int fd = -1;

	(void)state;
	assert_int_equal(sealed_make(SV("a secret"), &fd), 0);
	assert_int_equal(sealed_map(fd, 7, &text), -WSE_TOOBIG);
	assert_int_equal(sealed_check(fd, 7), -WSE_TOOBIG);
	assert_null(text.p);
	close(fd);
}

/* Its maker could shorten it under the reader, or change it afterwards. */
static void
sealed__anything_else__is_refused(void **state)
{
	static const int some[] = { 0, F_SEAL_SHRINK | F_SEAL_GROW,
		F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SEAL,
		F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };
	struct sv text = SV_NULL;
	int p[2], fd;

	(void)state;
	for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++) {
		fd = memfd_create("t", MFD_ALLOW_SEALING);
		assert_int_equal(write(fd, "abc", 3), 3);
		assert_int_equal(fcntl(fd, F_ADD_SEALS, some[i]), 0);
		assert_int_equal(sealed_map(fd, 100, &text), -WSE_DENIED);
		close(fd);
	}
	assert_int_equal(pipe(p), 0);
	assert_int_equal(sealed_map(p[0], 100, &text), -WSE_DENIED);
	assert_int_equal(sealed_map(-1, 100, &text), -WSE_DENIED);
	close(p[0]);
	close(p[1]);
	assert_null(text.p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sealed__made__can_be_read_and_not_changed),
		cmocka_unit_test(sealed__too_long__is_refused),
		cmocka_unit_test(sealed__anything_else__is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
