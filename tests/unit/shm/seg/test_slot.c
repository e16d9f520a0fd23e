/* SPDX-License-Identifier: MIT */
#include "shm/seg/slot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

enum { W1 = 11, W2 = 12, GEN = 5 };

static struct board board;
static int board_fd;
static const struct slot_key key = { { 1, 2, 3 } };

static int
setup(void **state)
{
	const struct board_dims d = { 4, 1, 1, 1 };

	(void)state;
	return board_create(&d, &board, &board_fd);
}

static int
teardown(void **state)
{
	(void)state;
	board_detach(&board);
	close(board_fd);
	return 0;
}

static void
set(struct slot_view v)
{
	atomic_store(&board.slot[1].word, slot_pack(v));
}

/* One transition of the design: who calls, from which words, to which. */
struct edge {
	const char *name;
	int (*call)(uint32_t gen);
	unsigned from; /* bits of states */
	uint32_t holder;
	enum slot_state to;
	uint32_t to_holder;
	enum slot_tag to_tag;
};

static int
call_dial(uint32_t gen)
{
	uint32_t g;
	int r = slot_dial(&board, 1, 0, 1, &key, 9, &g);

	(void)gen;
	if (r == 0)
		assert_int_equal(g, GEN + 1);
	return r;
}

static int
call_dial_lease(uint32_t gen)
{
	return slot_dial_lease(&board, 1, gen, TAG_H2, W1);
}

static int
call_dial_idle(uint32_t gen)
{
	return slot_dial_idle(&board, 1, gen, TAG_H2, 7);
}

static int
call_dial_fail(uint32_t gen)
{
	return slot_dial_fail(&board, 1, gen);
}

static int
call_release(uint32_t gen)
{
	return slot_release(&board, 1, gen, W1, TAG_H2, 7);
}

static int
call_release_raise(uint32_t gen)
{
	return slot_release(&board, 1, gen, W1, TAG_H2WS, 7);
}

static int
call_acquire(uint32_t gen)
{
	return slot_acquire(&board, 1, gen, W1);
}

static int
call_steal(uint32_t gen)
{
	return slot_steal(&board, 1, gen, W1, W2);
}

static int
call_park(uint32_t gen)
{
	return slot_park(&board, 1, gen, W1);
}

static int
call_evict(uint32_t gen)
{
	return slot_evict(&board, 1, gen, W1);
}

static int
call_close(uint32_t gen)
{
	return slot_close(&board, 1, gen, W1);
}

static int
call_free(uint32_t gen)
{
	return slot_free(&board, 1, gen, W1);
}

static int
call_tunnel(uint32_t gen)
{
	return slot_tunnel(&board, 1, gen, W1);
}

static int
call_move(uint32_t gen)
{
	return slot_move(&board, 1, gen, W1, W2);
}

static int
call_reap(uint32_t gen)
{
	return slot_reap(&board, 1, gen, W1);
}

static int
call_reap_broker(uint32_t gen)
{
	return slot_reap(&board, 1, gen, HOLDER_BROKER);
}

static int
call_unquarantine(uint32_t gen)
{
	return slot_unquarantine(&board, 1, gen);
}

#define F(s) (1u << SLOT_##s)
#define SAME SLOT_STATE_N /* the state stays */

static const struct edge edges[] = {
	{ "dial", call_dial, F(FREE), 0, SLOT_DIALING, 0, TAG_NONE },
	{ "dial_lease", call_dial_lease, F(DIALING), 0, SLOT_LEASED, W1,
	    TAG_H2 },
	{ "dial_idle", call_dial_idle, F(DIALING), 0, SLOT_IDLE, 0, TAG_H2 },
	{ "dial_fail", call_dial_fail, F(DIALING), 0, SLOT_FREE, 0, TAG_NONE },
	{ "release", call_release, F(LEASED), W1, SLOT_IDLE, W1, TAG_H2 },
	{ "release_raise", call_release_raise, F(LEASED), W1, SLOT_IDLE, W1,
	    TAG_H2WS },
	{ "acquire", call_acquire, F(IDLE), W1, SLOT_LEASED, W1, TAG_H2 },
	{ "steal", call_steal, F(IDLE), W1, SLOT_LEASED, W2, TAG_H2 },
	{ "park", call_park, F(IDLE), W1, SLOT_IDLE, 0, TAG_H2 },
	{ "evict", call_evict, F(IDLE), W1, SLOT_CLOSING, 0, TAG_H2 },
	{ "close", call_close, F(LEASED) | F(TUNNEL), W1, SLOT_CLOSING, W1,
	    TAG_H2 },
	{ "free", call_free, F(CLOSING), W1, SLOT_FREE, 0, TAG_NONE },
	{ "tunnel", call_tunnel, F(LEASED), W1, SLOT_TUNNEL, W1, TAG_H2 },
	{ "move", call_move, F(LEASED) | F(TUNNEL), W1, SAME, W2, TAG_H2 },
	{ "reap", call_reap, F(LEASED) | F(CLOSING) | F(TUNNEL), W1, SLOT_FREE,
	    0, TAG_NONE },
	{ "reap_broker", call_reap_broker, F(DIALING) | F(IDLE) | F(CLOSING), 0,
	    SLOT_FREE, 0, TAG_NONE },
	{ "unquarantine", call_unquarantine, F(QUARANTINE), 0, SLOT_FREE, 0,
	    TAG_NONE },
};

static void
check(const struct edge *e, struct slot_view v, uint32_t gen)
{
	bool legal = e->from >> v.state & 1 && v.holder == e->holder &&
	    (gen == v.gen || e->call == call_dial);
	struct slot_view got;
	int r;

	if (e->call == call_dial) /* whoever is named in a free word */
		legal = v.state == SLOT_FREE;
	if (legal && e->call == call_release_raise && v.tag != TAG_H2)
		return;
	set(v);
	r = e->call(gen);
	got = slot_get(&board, 1);
	if (!legal) {
		if (r != -WSE_STALE)
			fail_msg("%s from %s holder %u", e->name,
			    slot_state_name(v.state), v.holder);
		assert_int_equal(slot_pack(got), slot_pack(v));
		return;
	}
	if (r != 0)
		fail_msg(
		    "%s from %s: %d", e->name, slot_state_name(v.state), r);
	assert_int_equal(got.state, e->to == SAME ? v.state : e->to);
	assert_int_equal(got.holder, e->to_holder);
	assert_int_equal(got.tag, e->to_tag);
	assert_int_equal(got.gen, e->call == call_dial ? GEN + 1 : GEN);
}

/* Every function from every state, holder and generation: the listed edges
 * and no others. */
static void
slot__every_transition_from_every_word__only_legal_edges(void **state)
{
	static const uint32_t holders[] = { HOLDER_BROKER, W1, W2 };
	size_t e, h;
	int s;

	(void)state;
	for (e = 0; e < sizeof(edges) / sizeof(edges[0]); e++) {
		for (s = 0; s < SLOT_STATE_N; s++) {
			for (h = 0; h < 3; h++) {
				struct slot_view v = { GEN, holders[h], TAG_H2,
					(enum slot_state)s };

				check(&edges[e], v, GEN);
				check(&edges[e], v, GEN + 1);
				check(&edges[e], v, GEN - 1);
			}
		}
	}
}

static void
slot__index_out_of_range__is_refused(void **state)
{
	uint32_t g;

	(void)state;
	assert_int_equal(slot_dial(&board, 4, 0, 1, &key, 0, &g), -WSE_RANGE);
	assert_int_equal(slot_acquire(&board, 4, 1, W1), -WSE_RANGE);
	assert_int_equal(slot_move(&board, UINT32_MAX, 1, W1, W2), -WSE_RANGE);
}

static void
slot_release__other_tag__is_refused(void **state)
{
	(void)state;
	set((struct slot_view){ GEN, W1, TAG_H1, SLOT_LEASED });
	assert_int_equal(
	    slot_release(&board, 1, GEN, W1, TAG_H2, 0), -WSE_RANGE);
	set((struct slot_view){ GEN, W1, TAG_H2WS, SLOT_LEASED });
	assert_int_equal(
	    slot_release(&board, 1, GEN, W1, TAG_H2, 0), -WSE_RANGE);
}

static void
slot_dial__last_generation__wraps_past_zero(void **state)
{
	uint32_t g = 0;

	(void)state;
	set((struct slot_view){ UINT32_MAX, 0, TAG_NONE, SLOT_FREE });
	assert_int_equal(slot_dial(&board, 1, 0, 3, &key, 8, &g), 0);
	assert_int_equal(g, 1);
	assert_int_equal(board.slot[1].epoch, 3);
	assert_int_equal(board.slot[1].born_us, 8);
	assert_memory_equal(&board.slot[1].key, &key, sizeof(key));
}

static void
slot_quarantine__any_word__keeps_the_generation(void **state)
{
	struct slot_view v;

	(void)state;
	atomic_store(&board.slot[1].word, UINT64_MAX);
	slot_quarantine(&board, 1);
	v = slot_get(&board, 1);
	assert_int_equal(v.state, SLOT_QUARANTINE);
	assert_int_equal(v.gen, UINT32_MAX);
	assert_int_equal(v.holder, HOLDER_BROKER);
}

static void
slot_names__out_of_range__are_invalid(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < SLOT_STATE_N; i++)
		assert_string_not_equal(
		    slot_state_name((enum slot_state)i), "invalid");
	for (i = 0; i < TAG_N; i++)
		assert_string_not_equal(
		    slot_tag_name((enum slot_tag)i), "invalid");
	assert_string_equal(slot_state_name((enum slot_state)15), "invalid");
	assert_string_equal(slot_tag_name((enum slot_tag)15), "invalid");
}

static void
slot_key__moved_boundaries__differ(void **state)
{
	struct slot_key a, b;
	uint8_t big[1000] = { 0 };

	(void)state;
	slot_key_make(&a, "ab", 2, "c", 1, NULL, 0, NULL, 0);
	slot_key_make(&b, "ab", 2, "c", 1, NULL, 0, NULL, 0);
	assert_memory_equal(&a, &b, sizeof(a));
	slot_key_make(&b, "a", 1, "bc", 2, NULL, 0, NULL, 0);
	assert_memory_not_equal(&a, &b, sizeof(a));
	slot_key_make(&b, NULL, 0, "ab", 2, "c", 1, NULL, 0);
	assert_memory_not_equal(&a, &b, sizeof(a));
	slot_key_make(&a, big, sizeof(big), NULL, 0, NULL, 0, NULL, 0);
	big[999] = 1;
	slot_key_make(&b, big, sizeof(big), NULL, 0, NULL, 0, NULL, 0);
	assert_memory_not_equal(&a, &b, sizeof(a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    slot__every_transition_from_every_word__only_legal_edges),
		cmocka_unit_test(slot__index_out_of_range__is_refused),
		cmocka_unit_test(slot_release__other_tag__is_refused),
		cmocka_unit_test(slot_dial__last_generation__wraps_past_zero),
		cmocka_unit_test(
		    slot_quarantine__any_word__keeps_the_generation),
		cmocka_unit_test(slot_names__out_of_range__are_invalid),
		cmocka_unit_test(slot_key__moved_boundaries__differ),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
