/* SPDX-License-Identifier: MIT */
#include "tools/top/save.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/tools/top/board.h"
#include "tools/top/find.h"

static char path[] = "/tmp/wsb-test-save-XXXXXX";
static char why[FIND_WHY_MAX];

static void
save__written_and_read__is_the_same_board(void **state)
{
	struct board a, b;
	int fd = board_make(&a), copy;
	uint64_t now = 0;

	(void)state;
	assert_int_equal(save_write(fd, a.bytes, path, why), 0);
	assert_true(save_is_file(path));
	copy = save_read(path, &now, why);
	assert_true(copy >= 0);
	assert_true(now > 0 && now <= board_now_us());
	assert_int_equal(board_attach(copy, false, &b), 0);
	assert_int_equal(a.bytes, b.bytes);
	assert_memory_equal(a.hdr, b.hdr, a.bytes);
	/* what happens to the file does not matter any more */
	assert_int_equal(truncate(path, 0), 0);
	assert_string_equal(b.server[0].name, "s1");
	board_detach(&a);
	board_detach(&b);
	close(fd);
	close(copy);
}

static void
save__other_files__are_refused(void **state)
{
	struct board a;
	int fd = board_make(&a), copy;
	uint64_t now;
	struct board b;
	FILE *f;

	(void)state;
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(save_read(path, &now, why), -1);
	assert_non_null(strstr(why, "no saved board"));
	assert_int_equal(truncate(path, 1 << 20), 0);
	assert_int_equal(save_read(path, &now, why), -1);
	assert_int_equal(save_read("/nonexistent/x", &now, why), -1);
	assert_false(save_is_file("/nonexistent/x"));
	assert_false(save_is_file("/tmp"));
	/* a good trailer behind another board */
	assert_int_equal(save_write(fd, a.bytes, path, why), 0);
	f = fopen(path, "r+");
	assert_non_null(f);
	assert_int_equal(fwrite("garbage!", 1, 8, f), 8);
	fclose(f);
	copy = save_read(path, &now, why);
	assert_true(copy >= 0);
	assert_true(board_attach(copy, false, &b) < 0);
	close(copy);
	/* cut in the middle */
	assert_int_equal(truncate(path, (off_t)a.bytes), 0);
	assert_int_equal(save_read(path, &now, why), -1);
	board_detach(&a);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(save__written_and_read__is_the_same_board),
		cmocka_unit_test(save__other_files__are_refused),
	};
	int r, fd = mkstemp(path);

	if (fd < 0)
		return 1;
	close(fd);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return r;
}
