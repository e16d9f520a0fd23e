/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "shm/base/mem.h"

struct thing {
	void *link;
	int value;
};

static void
mempool__objects__zeroed_reused_bounded(void **state)
{
	struct mempool m = MEMPOOL_INIT(struct thing);
	struct thing *a, *b;

	(void)state;
	m.max_count = 2;
	a = mempool_get(&m);
	b = mempool_get(&m);
	assert_non_null(a);
	assert_non_null(b);
	assert_null(mempool_get(&m));
	a->value = 7;
	mempool_put(&m, a);
	assert_true(m.free_count == 1 && m.used_count == 1);
	assert_ptr_equal(mempool_get(&m), a);
	assert_int_equal(a->value, 0);
	assert_null(a->link);
	free(a);
	free(b);
}

static void
arena__full__null_and_aligned_before(void **state)
{
	_Alignas(16) char space[64];
	struct arena a = { space, 0, sizeof(space) };

	(void)state;
	assert_ptr_equal(arena_get(&a, 3), space);
	assert_ptr_equal(arena_get(&a, 8), space + 8);
	assert_null(arena_get(&a, 49));
	assert_ptr_equal(arena_get(&a, 48), space + 16);
	assert_null(arena_get(&a, 1));
	assert_null(arena_get(&a, SIZE_MAX));
}

static void
mem__setup__zeroed_copies_and_text(void **state)
{
	char *p = mem_alloc(4);

	(void)state;
	assert_memory_equal(p, "\0\0\0\0", 4);
	p = mem_realloc(p, 100);
	free(p);
	p = mem_strdup("abc");
	assert_string_equal(p, "abc");
	free(p);
	p = mem_printf("%d-%s", 3, "x");
	assert_string_equal(p, "3-x");
	free(p);
}

/* Neighbours do not overlap, whatever their size; what is put comes back. */
static void
mempool__slabs__hold_many_objects(void **state)
{
	static const size_t sizes[] = { 8, 24, 808, 4096, 65536 };
	enum { N = 1000 };
	static unsigned char *p[N];

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct mempool m = MEMPOOL_SLABS(struct thing);

		m.object_bytes = sizes[i];
		for (int k = 0; k < N; k++) {
			p[k] = mempool_get(&m);
			assert_non_null(p[k]);
			assert_int_equal((uintptr_t)p[k] % 16, 0);
			for (size_t at = 0; at < sizes[i]; at++)
				assert_int_equal(p[k][at], 0);
			memset(p[k], k & 0xff, sizes[i]);
		}
		for (int k = 0; k < N; k++) {
			assert_int_equal(p[k][0], k & 0xff);
			assert_int_equal(p[k][sizes[i] - 1], k & 0xff);
		}
		mempool_put(&m, p[7]);
		assert_ptr_equal(mempool_get(&m), p[7]);
		assert_int_equal(p[7][sizes[i] - 1], 0);
		assert_true(m.used_count == N && m.free_count == 0);
		for (int k = 0; k < N; k++)
			mempool_put(&m, p[k]);
		mempool_drain(&m); /* what lies on the heap, if any does */
		assert_true(m.used_count == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mempool__objects__zeroed_reused_bounded),
		cmocka_unit_test(mempool__slabs__hold_many_objects),
		cmocka_unit_test(arena__full__null_and_aligned_before),
		cmocka_unit_test(mem__setup__zeroed_copies_and_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
