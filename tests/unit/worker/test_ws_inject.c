/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "worker/ws_inject.h"

static void
inject__close__is_followed_as_one(void **state)
{
	(void)state;
	for (int masked = 0; masked < 2; masked++) {
		uint8_t b[WS_INJECT_MAX];
		size_t n = ws_inject_close(b, 1012, masked);
		struct ws_frame f;
		enum ws_kind kind;

		assert_int_equal(n, masked ? 8 : 4);
		ws_frame_start(&f, masked, 0);
		assert_int_equal(ws_frame_follow(&f, b, n, &kind), n);
		assert_int_equal(kind, WS_CLOSE);
		assert_true(ws_frame_is_closed(&f));
		assert_int_equal(f.code, 1012);
	}
}

static void
inject__ping__carries_its_payload(void **state)
{
	uint8_t b[WS_INJECT_MAX];
	size_t n = ws_inject_frame(b, WS_PING, "0123456789abcdef", 16, false);

	(void)state;
	assert_int_equal(n, 18);
	assert_memory_equal(b,
	    "\x89\x10"
	    "0123456789abcdef",
	    n);
}

static void
inject__masked__each_has_a_key_of_its_own(void **state)
{
	uint8_t a[WS_INJECT_MAX], b[WS_INJECT_MAX];

	(void)state;
	assert_int_equal(ws_inject_close(a, 1001, true), 8);
	for (int i = 0; i < 4; i++) { /* by chance they may be equal */
		assert_int_equal(ws_inject_close(b, 1001, true), 8);
		if (memcmp(a + 2, b + 2, 4) != 0)
			return;
	}
	fail();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inject__close__is_followed_as_one),
		cmocka_unit_test(inject__ping__carries_its_payload),
		cmocka_unit_test(inject__masked__each_has_a_key_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
