/* SPDX-License-Identifier: MIT */
#include "tools/top/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/base/mem.h"

static void
    PRINTF_LIKE(3, 4) add(struct check *c, bool is_slow, const char *fmt, ...)
{
	va_list ap;

	if (c->count == CHECK_MAX)
		return;
	c->item[c->count].is_slow = is_slow;
	va_start(ap, fmt);
	vsnprintf(c->item[c->count].text, CHECK_TEXT_MAX, fmt, ap);
	va_end(ap);
	c->count++;
}

#define FAST(...) add(c, false, __VA_ARGS__)
#define SLOW(...) add(c, true, __VA_ARGS__)

static bool
is_alive(const struct snap_proc *p)
{
	return p->state == PROC_STARTING || p->state == PROC_RUNNING ||
	    p->state == PROC_DRAINING;
}

/* --- slots --- */

static void
slot_holder(const struct snap *s, uint32_t i, struct check *c)
{
	const struct snap_slot *t = &s->slot[i];
	const struct snap_proc *p = snap_proc(s, t->v.holder);

	if (!p || p->role != ROLE_WORKER || !is_alive(p)) {
		SLOW("slot %u (%016llx): %s, but its holder %u is no living "
		     "worker",
		    i, (unsigned long long)t->word, slot_state_name(t->v.state),
		    t->v.holder);
		return;
	}
	if (t->v.state == SLOT_LEASED && !p->clients && !p->streams &&
	    !p->tunnels)
		SLOW("slot %u (%016llx): leased, but its holder %u has no "
		     "client",
		    i, (unsigned long long)t->word, t->v.holder);
	if (t->v.state == SLOT_CLOSING)
		SLOW("slot %u (%016llx): closed by %u, never freed", i,
		    (unsigned long long)t->word, t->v.holder);
}

static void
slot_broker(uint32_t i, const struct snap_slot *t, struct check *c)
{
	switch (t->v.state) {
	case SLOT_LEASED:
	case SLOT_TUNNEL:
		FAST("slot %u (%016llx): %s by nobody", i,
		    (unsigned long long)t->word, slot_state_name(t->v.state));
		break;
	case SLOT_CLOSING:
		SLOW("slot %u (%016llx): evicted, never freed", i,
		    (unsigned long long)t->word);
		break;
	case SLOT_QUARANTINE:
		FAST("slot %u (%016llx): quarantined", i,
		    (unsigned long long)t->word);
		break;
	case SLOT_FREE:
	case SLOT_DIALING:
	case SLOT_IDLE:
	case SLOT_STATE_N:
		break;
	}
}

static void
slot_server(const struct snap *s, uint32_t i, struct check *c)
{
	const struct snap_slot *t = &s->slot[i];

	if (t->server >= s->servers || !s->server[t->server].in_use)
		FAST("slot %u (%016llx): no server row %u", i,
		    (unsigned long long)t->word, t->server);
	else if (t->epoch == 0 || t->epoch > s->server[t->server].epoch)
		FAST("slot %u (%016llx): epoch %u, but %s has %u", i,
		    (unsigned long long)t->word, t->epoch,
		    s->server[t->server].full, s->server[t->server].epoch);
	if (t->born_us == 0 || t->born_us > s->now_us || t->idle_us > s->now_us)
		FAST("slot %u (%016llx): born %llu, idle since %llu", i,
		    (unsigned long long)t->word, (unsigned long long)t->born_us,
		    (unsigned long long)t->idle_us);
}

static void
slot_check(const struct snap *s, uint32_t i, struct check *c)
{
	const struct snap_slot *t = &s->slot[i];
	bool has_tag = t->v.tag != TAG_NONE;

	if (t->v.state >= SLOT_STATE_N || t->v.tag >= TAG_N) {
		FAST("slot %u (%016llx): no such state or tag", i,
		    (unsigned long long)t->word);
		return;
	}
	if (t->v.state == SLOT_FREE) {
		if (t->v.holder != HOLDER_BROKER || has_tag)
			FAST("slot %u (%016llx): free, but not blank", i,
			    (unsigned long long)t->word);
		return;
	}
	if (t->v.gen == 0)
		FAST("slot %u (%016llx): generation 0 in use", i,
		    (unsigned long long)t->word);
	if (has_tag ==
	    (t->v.state == SLOT_DIALING || t->v.state == SLOT_QUARANTINE))
		FAST("slot %u (%016llx): %s with tag %s", i,
		    (unsigned long long)t->word, slot_state_name(t->v.state),
		    slot_tag_name(t->v.tag));
	if (t->v.state != SLOT_QUARANTINE)
		slot_server(s, i, c);
	if (t->v.holder == HOLDER_BROKER)
		slot_broker(i, t, c);
	else if (t->v.state == SLOT_DIALING || t->v.state == SLOT_QUARANTINE)
		FAST("slot %u (%016llx): %s by a worker", i,
		    (unsigned long long)t->word, slot_state_name(t->v.state));
	else
		slot_holder(s, i, c);
}

/* --- servers --- */

static uint32_t
slots_used(const struct snap_server *v)
{
	uint32_t sum = 0;
	int st;

	for (st = SLOT_FREE + 1; st < SLOT_STATE_N; st++)
		sum += snap_count(&v->slots, (enum slot_state)st);
	return sum;
}

static void
server_queue(const struct snap *s, const struct snap_server *v, struct check *c)
{
	bool dials = v->dial_count || snap_count(&v->slots, SLOT_DIALING);
	bool room = v->maxconn == 0 || v->requests < v->maxconn;
	bool slots = snap_count(&s->slots, SLOT_FREE) > 0;

	if (v->queue_count && !(v->attention & ATT_QUEUE))
		FAST("server %s: %u wait, but attention is %u", v->full,
		    v->queue_count, v->attention);
	if (v->attention & ATT_QUEUE && !v->queue_count && !dials && slots)
		SLOW("server %s: attention %u, but nobody waits", v->full,
		    v->attention);
	if (v->queue_count && room && slots && !dials &&
	    strcmp(snap_op_name(v), "UP") == 0)
		SLOW("server %s: %u wait while %u of %u requests run", v->full,
		    v->queue_count, v->requests, v->maxconn);
}

static void
server_check(const struct snap *s, const struct snap_server *v, struct check *c)
{
	uint32_t busy = snap_count(&v->slots, SLOT_LEASED) +
	    snap_count(&v->slots, SLOT_TUNNEL) +
	    snap_count(&v->slots, SLOT_DIALING);
	bool idle = busy == 0 && v->dial_count == 0 && v->queue_count == 0;

	if (v->proxy >= s->proxies)
		FAST("server %s: no backend row %u", v->full, v->proxy);
	if (v->epoch == 0)
		FAST("server %s: epoch 0", v->full);
	if (v->op_state >= SRV_OP_N)
		FAST("server %s: operational state %u", v->full, v->op_state);
	if (v->maxconn && v->requests > v->maxconn)
		FAST("server %s: %u requests, maxconn %u", v->full, v->requests,
		    v->maxconn);
	if (v->requests && idle)
		SLOW("server %s: %u requests counted, but no slot is leased",
		    v->full, v->requests);
	if (v->tunnels && busy == 0)
		SLOW("server %s: %u tunnels counted, but no slot is one",
		    v->full, v->tunnels);
	if (v->slot_count != slots_used(v))
		SLOW("server %s: %u slots counted, %u found", v->full,
		    v->slot_count, slots_used(v));
	server_queue(s, v, c);
}

/* --- processes --- */

static void
proc_check(const struct snap *s, uint32_t i, struct check *c)
{
	const struct snap_proc *p = &s->proc[i];
	uint32_t k;

	if (p->role >= ROLE_N || p->state >= PROC_STATE_N) {
		FAST("process row %u: role %u, state %u", i, p->role, p->state);
		return;
	}
	if (p->instance == 0 || p->state == PROC_FREE) {
		if (p->cells)
			SLOW("process row %u: free, but its cells hold %llu", i,
			    (unsigned long long)p->cells);
		return;
	}
	if (p->instance > INSTANCE_MAX)
		FAST("process row %u: instance %u", i, p->instance);
	if (is_alive(p) && p->pid && !p->exists)
		SLOW("process row %u: %s, but process %u is gone", i,
		    snap_proc_state_name(p->state), p->pid);
	for (k = 0; k < i; k++) {
		if (s->proc[k].instance == p->instance)
			FAST("process rows %u and %u: both are instance %u", k,
			    i, p->instance);
	}
}

static void
broker_check(const struct snap *s, struct check *c)
{
	const struct snap_proc *p = snap_proc(s, s->acting_broker);

	if (!p || p->role != ROLE_BROKER || !is_alive(p))
		SLOW("acting broker %u is no living broker", s->acting_broker);
}

void
check_read(const struct snap *s, struct check *c)
{
	uint32_t i;

	c->count = 0;
	for (i = 0; i < s->cap.proc_count; i++)
		proc_check(s, i, c);
	broker_check(s, c);
	if (s->maxconn && s->clients > s->maxconn)
		FAST("%u clients, maxconn %u", s->clients, s->maxconn);
	for (i = 0; i < s->servers; i++) {
		if (s->server[i].in_use)
			server_check(s, &s->server[i], c);
	}
	for (i = 0; i < s->cap.slot_count; i++)
		slot_check(s, i, c);
}

static bool
has(const struct check *c, const char *text)
{
	unsigned i;

	for (i = 0; i < c->count; i++) {
		if (strcmp(c->item[i].text, text) == 0)
			return true;
	}
	return false;
}

void
check_keep(struct check *c, const struct check *later)
{
	unsigned i, n = 0;

	for (i = 0; i < c->count; i++) {
		if (!has(later, c->item[i].text))
			continue;
		if (n != i)
			c->item[n] = c->item[i];
		n++;
	}
	c->count = n;
}

static bool
needs_time(const struct check *c)
{
	unsigned i;

	for (i = 0; i < c->count; i++) {
		if (c->item[i].is_slow)
			return true;
	}
	return false;
}

void
check_board(const struct board *b, struct check *c)
{
	struct check *later = mem_alloc(sizeof(*later));
	struct snap *s;
	unsigned n;

	for (n = 0; n < CHECK_READS_SLOW; n++) {
		if (n > 0)
			usleep(CHECK_PAUSE_MS * 1000);
		s = snap_new(b);
		check_read(s, n == 0 ? c : later);
		snap_free(&s);
		if (n > 0)
			check_keep(c, later);
		if (c->count == 0 || (n + 1 >= CHECK_READS && !needs_time(c)))
			break;
	}
	free(later);
}
