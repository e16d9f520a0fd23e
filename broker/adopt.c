/* SPDX-License-Identifier: MIT */
/*
 * Adoption.  What only the dead broker had (dials, its own idle connections)
 * went with its descriptors.  What a living worker holds stays as it is until
 * that worker has said HOLD or HOLD_END; limit cells belong to the workers,
 * who put theirs right before HELLO.
 */
#include "broker/adopt.h"

#include "broker/state.h"
#include "shm/base/clock.h"
#include "shm/base/log.h"

enum { CLAIM_WAIT_US = 500000 };

static bool
worker_lives(uint32_t instance)
{
	const struct board_proc *row;
	uint32_t i;

	for (i = 0; i < broker.board.cap.proc_count; i++) {
		row = &broker.board.proc[i];
		if (atomic_load(&row->instance) != instance ||
		    row->role != ROLE_WORKER)
			continue;
		switch ((enum proc_state)atomic_load(&row->state)) {
		case PROC_STARTING:
		case PROC_RUNNING:
		case PROC_DRAINING:
			return true;
		case PROC_FREE:
		case PROC_DEAD:
		case PROC_STATE_N:
			return false;
		}
	}
	return false;
}

/* They will say HOLD; until then idle ones may be out of sight. */
static unsigned
living_workers(void)
{
	const struct board_proc *row;
	unsigned n = 0;
	uint32_t i, who;

	for (i = 0; i < broker.board.cap.proc_count; i++) {
		row = &broker.board.proc[i];
		who = atomic_load(&row->instance);
		n += who != 0 && row->role == ROLE_WORKER && worker_lives(who);
	}
	return n;
}

/* True: a claim is expected. */
static bool
adopt_slot(uint32_t i, struct slot_view v)
{
	struct board *b = &broker.board;

	if (v.state == SLOT_QUARANTINE) {
		(void)!slot_unquarantine(b, i, v.gen);
		return false;
	}
	if (v.holder != HOLDER_BROKER && worker_lives(v.holder))
		return true;
	if (v.holder != HOLDER_BROKER && v.state == SLOT_IDLE &&
	    slot_park(b, i, v.gen, v.holder) == 0)
		v.holder = HOLDER_BROKER;
	if (slot_reap(b, i, v.gen, v.holder) == 0)
		return false;
	slot_quarantine(b, i);
	if (slot_unquarantine(b, i, v.gen) != 0)
		log_msg(LOGL_ERR, "broker: slot %u is lost", i);
	return false;
}

static void
adopt_counts(void)
{
	struct board_server *row;
	uint32_t i;

	for (i = 0; i < broker.board.cap.server_count; i++) {
		row = &broker.board.server[i];
		if (atomic_load(&row->row_state) == 0)
			continue;
		atomic_store(&row->attention, 0);
		atomic_store(&row->queue_count, 0);
		atomic_store(&row->slot_count, 0);
		atomic_store(&row->dial_count, 0);
	}
	for (i = 0; i < broker.board.cap.proxy_count; i++)
		if (i < atomic_load(&broker.board.hdr->used_proxies))
			atomic_store(&broker.board.proxy[i].queue_count, 0);
}

void
adopt_board(void)
{
	unsigned claims = 0;
	struct slot_view v;
	struct bslot *s;
	uint32_t i, top = broker.board.cap.slot_count;

	while (top > 0 && slot_get(&broker.board, top - 1).state == SLOT_FREE)
		top--;
	broker.slots_touched = top;
	for (i = 0; i < top; i++) {
		s = &broker.slots[i];
		s->fd = -1;
		v = slot_get(&broker.board, i);
		if (v.state != SLOT_FREE && adopt_slot(i, v)) {
			s->state = BS_CLAIM;
			s->gen = v.gen;
			s->holder = v.holder;
			claims++;
			continue;
		}
		list_add_tail(&broker.free_slots, &s->node);
	}
	adopt_counts();
	broker.claims = living_workers();
	if (broker.claims)
		broker.claims_until_us = clock_us() + CLAIM_WAIT_US;
	log_msg(LOGL_NOTICE,
	    "broker: adopted the board, %u slots are with "
	    "workers",
	    claims);
}
