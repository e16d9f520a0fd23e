/* SPDX-License-Identifier: MIT */
/*
 * Slots that pass from this worker to another with their connection, or come
 * from one.  The broker decides whose a slot is (broker/move.h); what it had
 * not answered when it died is said again to its successor.
 */
#include "worker/pool_parts.h"

static void
say(struct pool *p, struct pool_pass *s)
{
	struct ipc_msg m = { .type = IPC_GIVE };

	m.u.pass.slot = s->slot;
	m.u.pass.gen = s->gen;
	m.u.pass.peer = s->peer;
	if (s->what == PASS_TAKE)
		m.type = IPC_TAKE;
	else if (s->what == PASS_BACK)
		m.u.pass.peer = 0;
	s->sent = p->open && chan_send(p->chan, &m) == 0;
	if (!s->sent)
		p->passes_unsent = true;
}

static void
begin(struct pool *p, struct pool_pass *s, enum pool_pass_what what)
{
	s->what = what;
	s->sent = false;
	list_del(&s->node);
	list_add_tail(&p->passes, &s->node);
	say(p, s);
}

bool
pool_pass_may_begin(const struct pool *p, uint32_t slot)
{
	/* the broker must hear first that it is a tunnel */
	return p->open && !p->owes[slot] && !p->passes_unsent;
}

void
pool_pass_give(struct pool *p, struct pool_pass *s)
{
	begin(p, s, PASS_GIVE);
}

void
pool_pass_back(struct pool *p, struct pool_pass *s)
{
	begin(p, s, PASS_BACK);
}

void
pool_pass_take(struct pool *p, struct pool_pass *s)
{
	begin(p, s, PASS_TAKE);
}

void
pool_pass_given(struct pool *p, struct pool_pass *s, uint32_t server)
{
	list_del(&s->node);
	CHK(p->held_count > 0);
	p->held_count--;
	pool_permit_drop(p, server, true);
}

void
pool_pass_kept(struct pool_pass *s)
{
	list_del(&s->node);
}

void
pool_pass_taken(struct pool *p, struct pool_pass *s, uint32_t server)
{
	list_del(&s->node);
	p->held_count++;
	pool_permit_add(p, server);
}

bool
pool_pass_answer(struct pool *p, uint32_t slot, uint32_t gen, bool ours)
{
	struct list *it, *tmp;

	list_for_safe(it, tmp, &p->passes)
	{
		struct pool_pass *s = list_entry(it, struct pool_pass, node);

		if (s->slot != slot || s->gen != gen || s->what == PASS_GIVE)
			continue;
		list_del(it);
		s->fn(s, ours);
		return true;
	}
	return false;
}

void
pool_pass_again(struct pool *p, bool all)
{
	struct list *it;

	if (!p->open || !(all || p->passes_unsent))
		return;
	p->passes_unsent = false;
	list_for(it, &p->passes)
	{
		struct pool_pass *s = list_entry(it, struct pool_pass, node);

		if (all || !s->sent)
			say(p, s);
		if (p->passes_unsent)
			return;
	}
}

/* What of it was done by the broker that died shows in the word. */
void
pool_pass_new_broker(struct pool *p)
{
	struct list *it, *tmp;

	list_for_safe(it, tmp, &p->passes)
	{
		struct pool_pass *s = list_entry(it, struct pool_pass, node);
		struct slot_view v = slot_get(p->board, s->slot);
		bool ours = v.gen == s->gen && v.holder == p->instance;

		s->sent = false;
		if (s->what == PASS_TAKE ? !ours : ours)
			continue;
		if (s->what == PASS_GIVE)
			continue;
		list_del(it);
		s->fn(s, s->what == PASS_TAKE);
	}
	pool_pass_again(p, true);
}
