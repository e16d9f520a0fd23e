/* SPDX-License-Identifier: MIT */
/*
 * See move.h.  What is refused here is nobody's fault: the giver may be dead
 * and its slot swept, or have thought better of it when the taker seemed dead.
 */
#include "broker/move.h"

#include "broker/peer.h"

static bool
is_held(const struct bslot *s)
{
	return s->state == BS_HELD || s->state == BS_TUNNEL;
}

/* With both sides' consent: LEASED or TUNNEL of the taker from now on. */
static void
pass_on(uint32_t slot)
{
	struct bslot *s = &broker.slots[slot];
	struct peer *to;

	if (!is_held(s) || !s->give_to || s->give_to != s->take_by)
		return;
	to = state_peer(s->take_by);
	s->give_to = s->take_by = 0;
	if (!to)
		return;
	if (slot_move(&broker.board, slot, s->gen, s->peer->instance,
		to->instance) != 0) {
		peer_revoke(to, slot, s->gen);
		state_quarantine(slot, "it was given away, and changed");
		return;
	}
	s->peer = to;
	peer_moved(to, slot, s->gen);
}

int
move_give(struct peer *p, const struct ipc_pass *m)
{
	struct bslot *s;
	uint32_t asked;

	if (m->slot >= broker.board.cap.slot_count || m->peer == p->instance)
		return -WSE_RANGE;
	s = &broker.slots[m->slot];
	if (!is_held(s) || s->peer != p || s->gen != m->gen) {
		/* said once more what is done already, or asked back too late
		 */
		if (m->peer == 0)
			peer_revoke(p, m->slot, m->gen);
		return 0;
	}
	s->give_to = m->peer;
	if (m->peer != 0) {
		pass_on(m->slot);
		return 0;
	}
	asked = s->take_by;
	s->take_by = 0;
	if (asked && state_peer(asked))
		peer_revoke(state_peer(asked), m->slot, m->gen);
	peer_keep(p, m->slot, m->gen);
	return 0;
}

int
move_take(struct peer *p, const struct ipc_pass *m)
{
	struct bslot *s;

	if (m->slot >= broker.board.cap.slot_count)
		return -WSE_RANGE;
	s = &broker.slots[m->slot];
	if (s->gen == m->gen && is_held(s) && s->peer == p) {
		peer_moved(p, m->slot, m->gen); /* asked a second time */
		return 0;
	}
	/* CLAIM: its holder has yet to tell a new broker of it */
	if (s->gen != m->gen || !(is_held(s) || s->state == BS_CLAIM) ||
	    (s->give_to != p->instance && s->take_by != p->instance &&
		s->take_by && state_peer(s->take_by))) {
		peer_revoke(p, m->slot, m->gen);
		return 0;
	}
	s->take_by = p->instance;
	pass_on(m->slot);
	return 0;
}

void
move_forget(uint32_t slot)
{
	struct bslot *s = &broker.slots[slot];
	struct peer *to = s->take_by ? state_peer(s->take_by) : NULL;

	s->give_to = s->take_by = 0;
	if (to)
		peer_revoke(to, slot, s->gen);
}
