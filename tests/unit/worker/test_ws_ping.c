/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/base/clock.h"
#include "worker/ws_ping.h"

enum { FIN = 0x80, MASK = 0x80, TEXT = 1, PING = 9, PONG = 10, NONCE = 8 };

/* What was said, and what of it went on. */
struct said {
	char in[1 << 16], want[1 << 16], got[1 << 16];
	size_t in_n, want_n, got_n;
};

static struct ws_watch w;
static char nonce[NONCE];

static void
begin(unsigned client_ms, unsigned server_ms)
{
	ws_ping_end(&w); /* of a round that was left */
	memset(&w, 0, sizeof(w));
	w.sum.is_ws = true;
	ws_frame_start(&w.frame[WS_IN], true, 0);
	ws_frame_start(&w.frame[WS_OUT], false, 0);
	clock_update();
	ws_ping_start(&w, client_ms, server_ms);
}

/* Two milliseconds later. */
static void
later(void)
{
	usleep(2000);
	clock_update();
}

/* It is pinged, and the nonce known. */
static void
asked(int who)
{
	uint8_t b[WS_INJECT_MAX];
	size_t n;

	begin(1, 1);
	later();
	assert_int_equal(ws_ping_todo(&w, who, true), WS_PING_ASK);
	n = ws_ping_ask(&w, who, b);
	assert_int_equal(n, who == WS_IN ? 10 : 14);
	assert_int_equal(b[0], FIN | PING);
	assert_int_equal(b[1], who == WS_IN ? NONCE : NONCE | MASK);
	for (int i = 0; i < NONCE; i++)
		nonce[i] =
		    (char)(who == WS_IN ? b[2 + i] : b[6 + i] ^ b[2 + i % 4]);
}

static size_t
frame(char *p, int who, int first, const char *payload, size_t n)
{
	char key[4] = { 0 };
	size_t at = 0;

	p[at++] = (char)first;
	p[at++] = (char)((who == WS_IN ? MASK : 0) | (int)(n < 126 ? n : 126));
	if (n >= 126) {
		p[at++] = (char)(n >> 8);
		p[at++] = (char)n;
	}
	if (who == WS_IN) {
		for (int i = 0; i < 4; i++)
			p[at++] = key[i] = (char)rand();
	}
	for (size_t i = 0; i < n; i++)
		p[at++] = payload[i] ^ key[i % 4];
	return at;
}

/* A frame is said; goes_on: the other side is to get it. */
static void
say(struct said *t, int who, int first, const char *payload, size_t n,
    bool goes_on)
{
	size_t k = frame(t->in + t->in_n, who, first, payload, n);

	if (goes_on) {
		memcpy(t->want + t->want_n, t->in + t->in_n, k);
		t->want_n += k;
	}
	t->in_n += k;
}

static void
pass(struct said *t, int who, struct sv run)
{
	enum ws_kind kind;
	size_t at = 0;

	memcpy(t->got + t->got_n, run.p, run.n);
	t->got_n += run.n;
	while (at < run.n)
		at += ws_frame_follow(
		    &w.frame[who], run.p + at, run.n - at, &kind);
}

/* Bytes [from, to) of what was said come in. */
static void
feed(struct said *t, int who, size_t from, size_t to)
{
	struct sv in = sv_of(t->in + from, to - from), run;
	size_t before = t->got_n;

	while (ws_ping_next(&w, who, &in, &run)) {
		assert_true(run.n > 0);
		pass(t, who, run);
	}
	assert_int_equal(in.n, 0);
	assert_true(t->got_n - before <= to - from + WS_PING_MAX);
}

static void
check(const struct said *t)
{
	assert_int_equal(t->got_n, t->want_n);
	assert_memory_equal(t->got, t->want, t->want_n);
}

static void
next__pong_of_ours_at_every_split__kept_back(void **state)
{
	static struct said t;

	(void)state;
	for (int who = WS_IN; who <= WS_OUT; who++)
		for (size_t cut = 0;; cut++) {
			asked(who);
			memset(&t, 0, sizeof(t));
			say(&t, who, TEXT, "ab", 2, true);
			say(&t, who, FIN | PONG, nonce, NONCE, false);
			say(&t, who, FIN, "cd", 2, true);
			if (cut > t.in_n)
				break;
			feed(&t, who, 0, cut);
			feed(&t, who, cut, t.in_n);
			check(&t);
			ws_ping_end(&w);
		}
	ws_ping_end(&w);
}

static void
next__other_pongs_at_every_split__go_on(void **state)
{
	static struct said t;
	char near[NONCE + 1] = "";

	(void)state;
	for (int who = WS_IN; who <= WS_OUT; who++)
		for (size_t cut = 0;; cut++) {
			asked(who);
			memset(&t, 0, sizeof(t));
			memcpy(near, nonce, NONCE);
			near[NONCE - 1] ^= 1;
			say(&t, who, FIN | PONG, near, NONCE, true);
			say(&t, who, FIN | PONG, nonce, NONCE - 1, true);
			say(&t, who, FIN | PONG, near, NONCE + 1, true);
			say(&t, who, FIN | PING, nonce, NONCE, true);
			say(&t, who, FIN | PONG, "", 0, true);
			if (cut > t.in_n)
				break;
			feed(&t, who, 0, cut);
			feed(&t, who, cut, t.in_n);
			check(&t);
			ws_ping_end(&w);
		}
	ws_ping_end(&w);
}

/* Frames of any kind, fragments, ours and others' pongs between them. */
static void
say_much(struct said *t, int who)
{
	char payload[700];

	for (int i = 0; i < 60; i++) {
		size_t n = (size_t)rand() % (rand() % 2 ? 20 : 700);
		int parts = rand() % 4;

		for (size_t k = 0; k < n; k++) /* like headers of pongs */
			payload[k] = (char)(rand() % 3 ? rand() : FIN | PONG);
		for (int k = 0; k <= parts; k++) {
			say(t, who, (k ? 0 : TEXT) | (k == parts ? FIN : 0),
			    payload, n, true);
			if (rand() % 3 == 0)
				say(t, who, FIN | PONG, nonce, NONCE, false);
			if (rand() % 3 == 0)
				say(t, who, FIN | PONG, payload,
				    n < 125 ? n : 125, true);
		}
	}
}

static void
next__random_frames_in_random_pieces__what_was_said(void **state)
{
	static struct said t;

	(void)state;
	srand(1);
	for (int turn = 0; turn < 400; turn++) {
		int who = turn % 2 ? WS_IN : WS_OUT;
		size_t at = 0, n, most = turn % 3 ? 40 : 4000;

		asked(who);
		memset(&t, 0, sizeof(t));
		while (t.in_n < sizeof(t.in) / 4)
			say_much(&t, who);
		for (; at < t.in_n; at += n) {
			n = 1 + (size_t)rand() % most;
			if (n > t.in_n - at)
				n = t.in_n - at;
			feed(&t, who, at, at + n);
		}
		check(&t);
		assert_true(ws_frame_is_between(&w.frame[who]));
		ws_ping_end(&w);
	}
}

static void
flush__half_a_pong__goes_on(void **state)
{
	static struct said t;
	struct sv run;

	(void)state;
	for (size_t n = 0; n < 14; n++) {
		asked(WS_IN);
		memset(&t, 0, sizeof(t));
		say(&t, WS_IN, FIN | PONG, nonce, NONCE, true);
		feed(&t, WS_IN, 0, n);
		assert_int_equal(ws_ping_flush(&w, WS_IN, &run), n > 0);
		if (n)
			pass(&t, WS_IN, run);
		t.want_n = n;
		check(&t);
		assert_false(ws_ping_flush(&w, WS_IN, &run));
		ws_ping_end(&w);
	}
}

static void
todo__silent_side__asked_then_dead(void **state)
{
	(void)state;
	for (int who = WS_IN; who <= WS_OUT; who++) {
		asked(who);
		assert_int_equal(ws_ping_todo(&w, who, true), WS_PING_WAIT);
		later();
		assert_true(ws_ping_due(&w) <= clock_ms());
		assert_int_equal(ws_ping_todo(&w, who, true), WS_PING_DEAD);
		ws_ping_heard(&w, who);
		assert_int_equal(ws_ping_todo(&w, who, true), WS_PING_WAIT);
		ws_ping_end(&w);
	}
}

static void
todo__bytes_wait_for_it__neither_asked_nor_dead(void **state)
{
	(void)state;
	begin(1, 0);
	for (int i = 0; i < 3; i++) {
		later();
		assert_int_equal(ws_ping_todo(&w, WS_IN, false), WS_PING_WAIT);
		assert_true(ws_ping_due(&w) > clock_ms()); /* no busy loop */
	}
	assert_false(ws_ping_is_asked(&w, WS_IN));
	ws_ping_end(&w);
	asked(WS_IN); /* and the ping itself is stuck */
	for (int i = 0; i < 3; i++) {
		later();
		assert_int_equal(ws_ping_todo(&w, WS_IN, false), WS_PING_WAIT);
	}
	later();
	assert_int_equal(ws_ping_todo(&w, WS_IN, true), WS_PING_DEAD);
	ws_ping_end(&w);
}

static void
todo__within_a_frame__not_asked(void **state)
{
	static struct said t;

	(void)state;
	begin(1, 0);
	memset(&t, 0, sizeof(t));
	say(&t, WS_OUT, TEXT, "abc", 3, true);
	feed(&t, WS_OUT, 0, 3);
	later();
	assert_int_equal(ws_ping_todo(&w, WS_IN, true), WS_PING_WAIT);
	assert_true(ws_ping_due(&w) > clock_ms());
	usleep(60 * 1000); /* it is tried again */
	clock_update();
	assert_int_equal(ws_ping_todo(&w, WS_IN, true), WS_PING_WAIT);
	feed(&t, WS_OUT, 3, t.in_n);
	usleep(60 * 1000);
	clock_update();
	assert_int_equal(ws_ping_todo(&w, WS_IN, true), WS_PING_ASK);
	ws_ping_end(&w);
}

static void
due__closed_lost_or_not_wanted__never(void **state)
{
	static struct said t;

	(void)state;
	begin(0, 0);
	assert_null(w.ping);
	assert_int_equal(ws_ping_due(&w), 0);
	assert_false(ws_ping_is_asked(&w, WS_IN));
	ws_ping_heard(&w, WS_IN);
	assert_int_equal(ws_ping_todo(&w, WS_IN, true), WS_PING_WAIT);
	begin(1, 1);
	assert_true(ws_ping_due(&w) > 0);
	memset(&t, 0, sizeof(t));
	say(&t, WS_OUT, FIN | 8, "", 0, true);
	feed(&t, WS_OUT, 0, t.in_n);
	assert_int_equal(ws_ping_due(&w), 0);
	ws_ping_end(&w);
	begin(1, 1);
	memset(&t, 0, sizeof(t));
	say(&t, WS_OUT, FIN | TEXT, "", 0, true); /* without a mask */
	feed(&t, WS_IN, 0, t.in_n);
	later();
	assert_int_equal(ws_ping_due(&w), 0);
	assert_int_equal(ws_ping_todo(&w, WS_OUT, true), WS_PING_WAIT);
	ws_ping_end(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next__pong_of_ours_at_every_split__kept_back),
		cmocka_unit_test(next__other_pongs_at_every_split__go_on),
		cmocka_unit_test(
		    next__random_frames_in_random_pieces__what_was_said),
		cmocka_unit_test(flush__half_a_pong__goes_on),
		cmocka_unit_test(todo__silent_side__asked_then_dead),
		cmocka_unit_test(
		    todo__bytes_wait_for_it__neither_asked_nor_dead),
		cmocka_unit_test(todo__within_a_frame__not_asked),
		cmocka_unit_test(due__closed_lost_or_not_wanted__never),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
