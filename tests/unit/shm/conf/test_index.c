/* SPDX-License-Identifier: MIT */
#include "tests/unit/shm/conf/conf_test.h"

#include "shm/conf/index.h"

static void
index__names__are_found_first_come_first(void **state)
{
	static const char *const names[] = { "m", "a", "z", "m", "b", "m" };
	struct index x = { .e = NULL };
	int i;

	(void)state;
	assert_int_equal(index_find(&x, "a"), 0);
	index_sort(&x);
	for (i = 0; i < 6; i++)
		index_add(&x, names[i], 0, (void *)(uintptr_t)(i + 1));
	index_sort(&x);
	i = index_find(&x, "m");
	assert_int_equal(i, 2);
	assert_ptr_equal(x.e[i].item, (void *)1);
	assert_ptr_equal(x.e[i + 1].item, (void *)4);
	assert_ptr_equal(x.e[i + 2].item, (void *)6);
	assert_false(index_is_repeat(&x, 0));
	assert_false(index_is_repeat(&x, i));
	assert_true(index_is_repeat(&x, i + 1));
	assert_int_equal(index_find(&x, "z"), 5);
	assert_int_equal(index_find(&x, "zz"), 6);
	assert_int_equal(index_find(&x, ""), 6);
	assert_int_equal(index_find(&x, "c"), 6);
	index_done(&x);
	assert_int_equal(x.count, 0);
}

static void
index__numbers__are_sorted(void **state)
{
	struct index x = { .e = NULL };

	(void)state;
	for (int i = 0; i < 100; i++)
		index_add(&x, NULL, (i * 37) % 101, NULL);
	index_sort(&x);
	for (int i = 1; i < 100; i++)
		assert_true(x.e[i - 1].id < x.e[i].id);
	index_done(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(index__names__are_found_first_come_first),
		cmocka_unit_test(index__numbers__are_sorted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
