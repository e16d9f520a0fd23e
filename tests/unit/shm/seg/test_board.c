/* SPDX-License-Identifier: MIT */
#include "shm/seg/board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shm/seg/limit.h"
#include "shm/seg/memfd.h"
#include "shm/seg/slot.h"
#include "shm/seg/stat.h"

static const struct board_dims dims = { 100, 7, 33, 9 };

static void
board__created__attaches_with_the_same_layout(void **state)
{
	struct board a, b;
	int fd, ro;

	(void)state;
	assert_int_equal(board_create(&dims, &a, &fd), 0);
	assert_int_equal(board_reopen_readonly(fd, &ro), 0);
	assert_int_equal(board_attach(ro, false, &b), 0);
	assert_memory_equal(&b.cap, &dims, sizeof(dims));
	assert_int_equal(
	    (char *)a.slot - (char *)a.hdr, (char *)b.slot - (char *)b.hdr);
	strcpy(a.server[32].name, "last");
	assert_string_equal(b.server[32].name, "last");
	a.proc[8].pid = 77;
	assert_int_equal(b.proc[8].pid, 77);
	limit_add(&a, LIM_TUNNEL, 32, 8);
	assert_int_equal(limit_sum(&b, LIM_TUNNEL, 32), 1);
	stat_add(&stat_server(&a, 8, 32)->last_session_us, 5);
	assert_int_equal(stat_server(&b, 8, 32)->last_session_us, 5);
	board_detach(&a);
	board_detach(&b);
	assert_null(a.hdr);
	close(fd);
	close(ro);
}

static void
board__read_only__cannot_be_mapped_writable(void **state)
{
	struct board a, b;
	int fd, ro;

	(void)state;
	assert_int_equal(board_create(&dims, &a, &fd), 0);
	assert_int_equal(board_reopen_readonly(fd, &ro), 0);
	assert_int_equal(board_attach(ro, true, &b), -WSE_SYS);
	assert_int_equal(errno, EACCES);
	assert_ptr_equal(
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ro, 0),
	    MAP_FAILED);
	board_detach(&a);
	close(fd);
	close(ro);
}

static void
board__sealed__cannot_be_resized(void **state)
{
	struct stat st;
	struct board a;
	int fd;

	(void)state;
	assert_int_equal(board_create(&dims, &a, &fd), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(ftruncate(fd, st.st_size - 1), -1);
	assert_int_equal(ftruncate(fd, st.st_size + 1), -1);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	/* sparse: head-room costs nothing */
	assert_true(st.st_blocks * 512 <= 2 * 4096);
	board_detach(&a);
	close(fd);
}

static void
board__bad_capacities__are_refused(void **state)
{
	struct board_dims d;
	struct board a;
	int fd;

	(void)state;
	d = dims;
	d.slot_count = 0;
	assert_int_equal(board_create(&d, &a, &fd), -WSE_RANGE);
	d = dims;
	d.proc_count = UINT32_MAX;
	assert_int_equal(board_create(&d, &a, &fd), -WSE_RANGE);
	d = dims;
	d.server_count = UINT32_MAX;
	assert_int_equal(board_create(&d, &a, &fd), -WSE_RANGE);
}

static void
attach__unsealed_file__is_refused(void **state)
{
	struct board b;
	int fd = memfd_create("x", MFD_ALLOW_SEALING);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	assert_int_equal(board_attach(fd, false, &b), -WSE_DENIED);
	close(fd);
	fd = open("/dev/null", O_RDONLY);
	assert_int_equal(board_attach(fd, false, &b), -WSE_DENIED);
	close(fd);
}

static void
attach__other_content__is_refused(void **state)
{
	struct board b;
	int fd;

	(void)state;
	assert_int_equal(memfd_make("x", 64, &fd), 0);
	assert_int_equal(board_attach(fd, false, &b), -WSE_SYNTAX);
	close(fd);
	assert_int_equal(memfd_make("x", 1 << 20, &fd), 0);
	assert_int_equal(board_attach(fd, false, &b), -WSE_SYNTAX);
	close(fd);
}

/* Each word of the header that attach relies on, off by something. */
static void
attach__forged_header__is_refused(void **state)
{
	struct board a, b;
	struct board_hdr good;
	int fd;

	(void)state;
	assert_int_equal(board_create(&dims, &a, &fd), 0);
	good = *a.hdr;
#define FORGE(field, value, want)                                      \
	do {                                                           \
		a.hdr->field = (value);                                \
		assert_int_equal(board_attach(fd, false, &b), (want)); \
		a.hdr->field = good.field;                             \
	} while (0)
	FORGE(magic, 1, -WSE_SYNTAX);
	FORGE(abi, BOARD_ABI + 1, -WSE_UNSUPP);
	FORGE(hdr_bytes, 8, -WSE_UNSUPP);
	FORGE(total_bytes, good.total_bytes + 4096, -WSE_CORRUPT);
	FORGE(cap.slot_count, 0, -WSE_CORRUPT);
	FORGE(cap.slot_count, 1 << 20, -WSE_CORRUPT);
	FORGE(cap.proxy_count, UINT32_MAX, -WSE_CORRUPT);
	FORGE(cap.server_count, 34, -WSE_CORRUPT);
	FORGE(cap.proc_count, 8, -WSE_CORRUPT);
	FORGE(off_proxy, 0, -WSE_CORRUPT);
	FORGE(off_server, 8, -WSE_CORRUPT);
	FORGE(off_slot, UINT64_MAX, -WSE_CORRUPT);
	FORGE(off_proc, 1, -WSE_CORRUPT);
	FORGE(off_cell, 1, -WSE_CORRUPT);
	FORGE(off_stat, 1, -WSE_CORRUPT);
	FORGE(stat_stride_bytes, 128, -WSE_CORRUPT);
#undef FORGE
	assert_int_equal(board_attach(fd, false, &b), 0);
	board_detach(&b);
	board_detach(&a);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(board__created__attaches_with_the_same_layout),
		cmocka_unit_test(board__read_only__cannot_be_mapped_writable),
		cmocka_unit_test(board__sealed__cannot_be_resized),
		cmocka_unit_test(board__bad_capacities__are_refused),
		cmocka_unit_test(attach__unsealed_file__is_refused),
		cmocka_unit_test(attach__other_content__is_refused),
		cmocka_unit_test(attach__forged_header__is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
