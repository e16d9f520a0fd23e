/* SPDX-License-Identifier: MIT */
#include "tools/top/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/tools/top/board.h"

static struct board board;
static int board_fd;
static struct check found;

static int
setup(void **state)
{
	(void)state;
	board_fd = board_make(&board);
	return board_fd < 0;
}

static int
teardown(void **state)
{
	(void)state;
	board_detach(&board);
	close(board_fd);
	return 0;
}

/* One reading shows `count` violations; the first holds `text`. */
static void
shows(unsigned count, const char *text)
{
	struct snap *s = snap_new(&board);

	check_read(s, &found);
	snap_free(&s);
	if (found.count != count)
		fail_msg("%u violations: %s", found.count,
		    found.count ? found.item[0].text : "");
	if (count && !strstr(found.item[0].text, text))
		fail_msg("%s", found.item[0].text);
}

static void
check__good_board__is_clean(void **state)
{
	(void)state;
	shows(0, "");
	check_board(&board, &found);
	assert_int_equal(found.count, 0);
}

static void
check__slot_words__each_contradiction_shows(void **state)
{
	struct slot *s = &board.slot[IDLE_SLOT];

	(void)state;
	board_set(&board, IDLE_SLOT, SLOT_IDLE, TAG_NONE, HOLDER_BROKER);
	shows(1, "idle with tag -");
	board_set(&board, IDLE_SLOT, SLOT_LEASED, TAG_NONE, WORKER);
	shows(1, "leased with tag -");
	board_set(&board, IDLE_SLOT, SLOT_DIALING, TAG_H1, HOLDER_BROKER);
	shows(1, "dialing with tag h1");
	board_set(&board, IDLE_SLOT, SLOT_LEASED, TAG_H1, HOLDER_BROKER);
	shows(1, "leased by nobody");
	board_set(&board, IDLE_SLOT, SLOT_IDLE, TAG_H1, 77);
	shows(1, "holder 77 is no living worker");
	board_set(&board, IDLE_SLOT, SLOT_TUNNEL, TAG_H1, BROKER);
	shows(1, "holder 2 is no living worker");
	board_set(&board, IDLE_SLOT, SLOT_DIALING, TAG_NONE, WORKER);
	shows(1, "dialing by a worker");
	board_set(&board, IDLE_SLOT, SLOT_CLOSING, TAG_H1, WORKER);
	shows(1, "never freed");
	board_set(&board, IDLE_SLOT, SLOT_QUARANTINE, TAG_NONE, 0);
	shows(1, "quarantined");
	s->word = UINT64_MAX;
	shows(2, "3 slots counted, 2 found");
	assert_non_null(strstr(found.item[1].text, "no such state"));
}

static void
check__slot_fields__each_contradiction_shows(void **state)
{
	struct slot *s = &board.slot[IDLE_SLOT];
	struct slot_view free_of_worker = { 1, WORKER, TAG_NONE, SLOT_FREE };

	(void)state;
	s->epoch = 2;
	shows(1, "epoch 2, but be/s1 has 1");
	s->epoch = 0;
	shows(1, "epoch 0");
	s->epoch = 1;
	s->born_us = 0;
	shows(1, "born 0");
	s->born_us = UINT64_MAX;
	shows(1, "born");
	s->born_us = 1;
	s->server = 5;
	board.server[0].slot_count = 2;
	shows(1, "no server row 5");
	s->server = UINT32_MAX;
	shows(1, "no server row 4294967295");
	atomic_store(&s->word, slot_pack(free_of_worker));
	shows(1, "free, but not blank");
}

static void
check__counts__each_contradiction_shows(void **state)
{
	(void)state;
	board.server[0].slot_count = 4;
	shows(1, "4 slots counted, 3 found");
	board.server[0].slot_count = 3;
	*limit_cell(&board, LIM_SERVER, 0, 2) = 11;
	shows(1, "11 requests, maxconn 10");
	*limit_cell(&board, LIM_SERVER, 0, 2) = 1;
	limit_add(&board, LIM_SERVER, 0, 9);
	shows(1, "process row 9: free, but its cells hold 1");
	limit_reap(&board, 9);
	board_set(&board, LEASED_SLOT, SLOT_IDLE, TAG_H1, WORKER);
	shows(1, "1 requests counted, but no slot is leased");
	limit_reap(&board, 2);
	limit_add(&board, LIM_TUNNEL, 0, 2);
	shows(1, "1 tunnels counted");
	limit_reap(&board, 2);
	*limit_cell(&board, LIM_GLOBAL, 0, 2) = 1001;
	shows(1, "1001 clients, maxconn 1000");
}

static void
check__queue__each_contradiction_shows(void **state)
{
	(void)state;
	board.server[0].attention = ATT_QUEUE;
	shows(1, "nobody waits");
	board.server[0].dial_count = 1; /* somebody waits for a dial */
	shows(0, "");
	board.server[0].dial_count = 0;
	board.server[0].queue_count = 2;
	shows(1, "2 wait while 1 of 10 requests run");
	*limit_cell(&board, LIM_SERVER, 0, 2) = 10;
	shows(0, "");
	board.server[0].attention = ATT_STATE;
	shows(1, "2 wait, but attention is 2");
}

static void
check__processes__each_contradiction_shows(void **state)
{
	(void)state;
	board.proc[2].pid = 0x7ffffff0;
	shows(1, "process 2147483632 is gone");
	board.proc[2].pid = (uint32_t)getpid();
	board.proc[2].clients = 0;
	shows(1, "its holder 3 has no client");
	board.proc[2].streams = 1;
	shows(0, "");
	board.proc[3].instance = WORKER;
	board.proc[3].state = PROC_RUNNING;
	board.proc[3].role = ROLE_WORKER;
	shows(1, "rows 2 and 3: both are instance 3");
	board.proc[3].role = 200;
	shows(1, "role 200");
	board.proc[3].instance = 0;
	board.proc[3].role = 0;
	board.proc[3].state = PROC_FREE;
	board.hdr->acting_broker = 9;
	shows(1, "acting broker 9");
	board.hdr->acting_broker = BROKER;
	board.proc[2].state = PROC_DEAD;
	shows(2, "no living worker");
}

static void
check_keep__changed_words__are_dropped(void **state)
{
	static struct check first;

	(void)state;
	board_set(&board, IDLE_SLOT, SLOT_QUARANTINE, TAG_NONE, 0);
	board.server[0].slot_count = 9;
	shows(2, "9 slots");
	first = found;
	board.server[0].slot_count = 8; /* still wrong, but it moves */
	shows(2, "8 slots");
	check_keep(&first, &found);
	assert_int_equal(first.count, 1);
	assert_non_null(strstr(first.item[0].text, "quarantined"));
}

static void
check_board__lasting_violation__stays(void **state)
{
	(void)state;
	board_set(&board, IDLE_SLOT, SLOT_CLOSING, TAG_H1, WORKER);
	board_set(&board, OWN_SLOT, SLOT_IDLE, TAG_NONE, WORKER);
	check_board(&board, &found);
	assert_int_equal(found.count, 2);
}

/* Random bytes everywhere: no crash, whatever it finds. */
static void
check__random_board__is_survived(void **state)
{
	uint32_t x = 1, *at = (uint32_t *)(void *)board.hdr;
	size_t i, k;
	struct snap *s;

	(void)state;
	for (k = 0; k < 20; k++) {
		for (i = k; i < board.bytes / 4; i += 1 + k * 37) {
			x = x * 1664525 + 1013904223;
			at[i] = x;
		}
		s = snap_new(&board);
		check_read(s, &found);
		assert_int_equal(found.count,
		    CHECK_MAX > found.count ? found.count : CHECK_MAX);
		snap_free(&s);
	}
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(check__good_board__is_clean),
		T(check__slot_words__each_contradiction_shows),
		T(check__slot_fields__each_contradiction_shows),
		T(check__counts__each_contradiction_shows),
		T(check__queue__each_contradiction_shows),
		T(check__processes__each_contradiction_shows),
		T(check_keep__changed_words__are_dropped),
		T(check_board__lasting_violation__stays),
		T(check__random_board__is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
