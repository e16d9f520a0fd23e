/* SPDX-License-Identifier: MIT */
/* A hand-made board with nothing wrong on it. */
#ifndef TESTS_UNIT_TOOLS_TOP_BOARD_H
#define TESTS_UNIT_TOOLS_TOP_BOARD_H

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shm/seg/limit.h"
#include "shm/seg/slot.h"
#include "shm/seg/stat.h"

enum { MASTER = 1, BROKER = 2, WORKER = 3 }; /* instances; rows one less */
enum { LEASED_SLOT = 5, IDLE_SLOT = 6, OWN_SLOT = 7 };

static inline uint64_t
board_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static inline void
board_set(struct board *b, uint32_t slot, enum slot_state state,
    enum slot_tag tag, uint32_t holder)
{
	struct slot_view v = { 1, holder, tag, state };

	b->slot[slot].server = 0;
	b->slot[slot].epoch = 1;
	b->slot[slot].born_us = board_now_us() - 1000;
	atomic_store(&b->slot[slot].word, slot_pack(v));
}

/* Returns the writable descriptor. */
static inline int
board_make(struct board *b)
{
	const struct board_dims d = { 64, 4, 8, 16 };
	int fd, i;

	if (board_create(&d, b, &fd) < 0)
		return -1;
	strcpy(b->hdr->version, "0.1.0");
	strcpy(b->hdr->node, "lb1");
	b->hdr->start_us = board_now_us() - 10000000;
	b->hdr->maxconn = 1000;
	b->hdr->generation = 1;
	b->hdr->used_proxies = 2;
	b->hdr->used_servers = 1;
	b->hdr->acting_broker = BROKER;
	b->hdr->master_pid = (uint32_t)getpid();
	strcpy(b->proxy[0].name, "fe");
	b->proxy[0].is_frontend = 1;
	strcpy(b->proxy[1].name, "be");
	b->proxy[1].is_backend = 1;
	strcpy(b->server[0].name, "s1");
	b->server[0].proxy = 1;
	b->server[0].epoch = 1;
	b->server[0].row_state = 1;
	b->server[0].op_state = SRV_RUNNING;
	b->server[0].maxconn = 10;
	b->server[0].slot_count = 3;
	for (i = 0; i < 3; i++) {
		b->proc[i].instance = (uint32_t)i + 1;
		b->proc[i].pid = (uint32_t)getpid();
		b->proc[i].role = (uint8_t)(ROLE_MASTER + i);
		b->proc[i].state = PROC_RUNNING;
	}
	b->proc[2].clients = 3;
	board_set(b, LEASED_SLOT, SLOT_LEASED, TAG_H1, WORKER);
	board_set(b, IDLE_SLOT, SLOT_IDLE, TAG_H2WS, HOLDER_BROKER);
	board_set(b, OWN_SLOT, SLOT_IDLE, TAG_H1, WORKER);
	limit_add(b, LIM_SERVER, 0, 2);
	return fd;
}

#endif
