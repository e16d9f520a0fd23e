/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "shm/base/clock.h"
#include "worker/ws_bye.h"

/* Two fragments with a ping between, and the begin of a next message. */
static const char text[] = "\x01\x03"
			   "abc"
			   "\x89\x01"
			   "p"
			   "\x80\x02"
			   "de"
			   "\x81\x05"
			   "next";
enum { FIRST_BYTES = 12, ALL_BYTES = sizeof(text) - 1 };

static struct ws_watch
begun(void)
{
	struct ws_watch w = { 0 };

	w.sum.is_ws = true;
	ws_frame_start(&w.frame[WS_IN], true, 0);
	ws_frame_start(&w.frame[WS_OUT], false, 0);
	assert_true(ws_bye_plan(&w, clock_ms(), 1001));
	return w;
}

/* As a tunnel does: bytes of n that were passed on; said: a Close followed. */
static size_t
come(struct ws_watch *w, const char *p, size_t n, bool *said)
{
	size_t k = ws_bye_pass(w, WS_OUT, p, n);
	uint8_t b[WS_INJECT_MAX];

	ws_bye_drop(w, WS_OUT, p, k); /* followed; nobody counts here */
	if (ws_bye_say(w, WS_OUT, b)) {
		assert_false(*said);
		*said = true;
	}
	ws_bye_drop(w, WS_OUT, p + k, n - k);
	return k;
}

static void
bye__at_every_split__a_close_behind_the_whole_message(void **state)
{
	(void)state;
	for (size_t begin = 1; begin < FIRST_BYTES; begin++)
		for (size_t split = begin; split <= ALL_BYTES; split++) {
			struct ws_watch w = begun();
			bool said = false;
			size_t k;

			ws_bye_drop(&w, WS_OUT, text, begin);
			ws_bye_begin(&w);
			k = come(&w, text + begin, split - begin, &said);
			k += come(&w, text + split, ALL_BYTES - split, &said);
			assert_true(said);
			assert_int_equal(begin + k, FIRST_BYTES);
			assert_int_equal(w.sum.close_code, 1001);
			assert_int_equal(w.sum.closed_by, 'P');
			ws_bye_free(&w);
		}
}

static void
bye__told_and_answered__ends(void **state)
{
	struct ws_watch w = begun();
	uint8_t b[WS_INJECT_MAX], answer[WS_INJECT_MAX];
	size_t n = ws_inject_close(answer, 1001, true);
	bool due;

	(void)state;
	ws_bye_begin(&w);
	assert_int_equal(ws_bye_say(&w, WS_OUT, b), 4);
	assert_int_equal(ws_bye_step(&w, &due), WS_BYE_SAYING);
	assert_int_equal(ws_bye_say(&w, WS_IN, b), 8);
	assert_int_equal(ws_bye_step(&w, &due), WS_BYE_HEARING);
	assert_int_equal(ws_bye_pass(&w, WS_IN, answer, n), 0);
	ws_bye_drop(&w, WS_IN, answer, n);
	assert_int_equal(ws_bye_step(&w, &due), WS_BYE_HEARING);
	ws_bye_over(&w, WS_OUT); /* the server just goes */
	assert_int_equal(ws_bye_step(&w, &due), WS_BYE_ENDING);
	assert_false(due);
	ws_bye_free(&w);
}

static void
bye__no_websocket__ends_at_once(void **state)
{
	struct ws_watch w = begun();
	bool due;

	(void)state;
	w.sum.is_ws = false;
	ws_bye_unplan(&w);
	assert_int_equal(ws_bye_phase(&w), WS_BYE_NONE);
	assert_true(ws_bye_plan(&w, clock_ms(), 1001));
	ws_bye_begin(&w);
	assert_int_equal(ws_bye_step(&w, &due), WS_BYE_ENDING);
	assert_false(ws_bye_plan(&w, clock_ms(), 1001));
	ws_bye_unplan(&w); /* too late */
	assert_true(ws_bye_has_begun(&w));
	ws_bye_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    bye__at_every_split__a_close_behind_the_whole_message),
		cmocka_unit_test(bye__told_and_answered__ends),
		cmocka_unit_test(bye__no_websocket__ends_at_once),
	};

	clock_update();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
