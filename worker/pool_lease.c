/* SPDX-License-Identifier: MIT */
/*
 * Leases of this worker: streams that wait for a connection or a permit.
 *
 * `sent` are with the broker, up to its credit; `local` wait here for credit
 * or for a broker.  Both are in order of arrival, and a lease that is sent a
 * second time keeps its first arrival.
 */
#include <errno.h>

#include "shm/base/chk.h"
#include "shm/base/clock.h"
#include "shm/seg/hist.h"
#include "worker/pool_parts.h"

enum { ANY_H2 = TAG_BIT(TAG_H2) | TAG_BIT(TAG_H2WS) };

bool
pool_permit_try(struct pool *p, uint32_t server)
{
	uint32_t max = board_server_maxconn(&p->board->server[server]);

	if (!limit_try(p->board, LIM_SERVER, server, p->proc, max))
		return false;
	p->servers[server].permits++;
	return true;
}

void
pool_permit_add(struct pool *p, uint32_t server)
{
	limit_add(p->board, LIM_SERVER, server, p->proc);
	p->servers[server].permits++;
}

void
pool_permit_drop(struct pool *p, uint32_t server, bool tell)
{
	CHK(p->servers[server].permits > 0);
	p->servers[server].permits--;
	if (limit_take_back(p->board, LIM_SERVER, server, p->proc) != 0)
		pool_chan_violation(
		    p, IPC_NONE, -WSE_CORRUPT, "a cell lost a count");
	if (tell && atomic_load(&p->board->server[server].attention))
		pool_chan_tell_permit(p, server);
}

/* Where it belongs by arrival; mostly the tail. */
static void
insert_local(struct pool *p, struct pool_lease *l)
{
	struct list *it = p->local.prev;

	while (it != &p->local &&
	    list_entry(it, struct pool_lease, node)->arrival_us > l->arrival_us)
		it = it->prev;
	list_add_head(it, &l->node);
	l->id = ++p->last_id;
	l->sent = false;
}

static void
fill(const struct pool *p, const struct pool_lease *l, struct ipc_lease *m)
{
	const struct pool_want *w = &l->want;
	uint32_t server = (uint32_t)w->srv->row;

	m->lease = l->id;
	m->arrival_us = l->arrival_us;
	m->server = server;
	m->epoch = atomic_load(&p->board->server[server].epoch);
	m->tags = w->tags;
	m->reuse = (uint8_t)w->reuse;
	m->flags = 0;
	if (w->fresh_only_private)
		m->flags |= LEASE_F_PRIVATE;
	if (l->keep || l->permit_only)
		m->flags |= LEASE_F_PERMIT_ONLY;
	m->proxy_bytes = (uint8_t)w->proxy_hdr.n;
	m->dst_bytes = (uint16_t)w->dst.len;
	m->name_bytes = (uint16_t)w->name.n;
	m->sni_bytes = (uint16_t)w->sni.n;
	m->pad = 0;
	memcpy(m->dst, &w->dst.u, w->dst.len);
	memcpy(m->name, w->name.p ? w->name.p : "", w->name.n);
	memcpy(m->sni, w->sni.p ? w->sni.p : "", w->sni.n);
	memcpy(m->proxy, w->proxy_hdr.p ? w->proxy_hdr.p : "", w->proxy_hdr.n);
}

static bool
send_one(struct pool *p, struct pool_lease *l)
{
	struct ipc_msg m = { .type = IPC_LEASE };

	fill(p, l, &m.u.lease);
	if (chan_send(p->chan, &m) != 0)
		return false;
	list_del(&l->node);
	list_add_tail(&p->sent, &l->node);
	l->sent = true;
	l->sent_us = clock_us();
	p->outstanding++;
	stat_add(&p->stat->leases, 1);
	return true;
}

void
pool_lease_send(struct pool *p)
{
	struct pool_lease *l;

	while (p->open && p->outstanding < p->credit &&
	    !list_is_empty(&p->local)) {
		l = list_entry(p->local.next, struct pool_lease, node);
		if (!send_one(p, l))
			return; /* the channel says when there is room */
	}
}

void
pool_lease_unsend(struct pool *p)
{
	struct pool_lease *l;

	while (!list_is_empty(&p->sent)) {
		l = list_entry(p->sent.next, struct pool_lease, node);
		list_del(&l->node);
		insert_local(p, l);
	}
	p->outstanding = 0;
}

int
pool_lease_start(struct pool *p, const struct pool_want *w, struct bconn *keep,
    bool permit_only, struct pool_lease *l)
{
	CHK(l->id == 0);
	if (p->waiting_count >= POOL_WAITING_MAX)
		return -WSE_FULL;
	if (w->name.n > IPC_TEXT_MAX || w->sni.n > IPC_TEXT_MAX ||
	    w->proxy_hdr.n > UINT8_MAX || w->dst.len > BOARD_ADDR_MAX)
		return -WSE_TOOBIG;
	l->want = *w;
	l->keep = keep;
	l->permit_only = permit_only;
	l->arrival_us = clock_us();
	p->waiting_count++;
	insert_local(p, l);
	pool_lease_send(p);
	if (!l->sent && !p->open)
		pool_chan_later(p);
	return -WSE_AGAIN;
}

/* No longer waiting. */
static void
leave(struct pool *p, struct pool_lease *l)
{
	list_del(&l->node);
	l->id = 0;
	if (l->sent) {
		p->outstanding--;
		l->sent = false;
	}
	p->waiting_count--;
}

void
pool_cancel(struct pool *p, struct pool_lease *l)
{
	struct ipc_msg m = { .type = IPC_CANCEL };
	bool tell = l->sent && p->open;

	if (l->id == 0)
		return;
	m.u.cancel.lease = l->id;
	leave(p, l);
	/* refused: what is granted for it comes back by itself */
	if (tell && chan_send(p->chan, &m) == 0)
		pool_lease_send(p);
	else
		pool_chan_later(p);
}

static void
deliver(struct pool *p, struct pool_lease *l, struct bconn *bc,
    enum pool_fail why, int errnum)
{
	pool_lease_fn *fn = l->fn;

	leave(p, l);
	pool_lease_send(p);
	fn(l, bc, why, errnum);
}

/* Ask anew, in the old place. */
static void
again(struct pool *p, struct pool_lease *l)
{
	list_del(&l->node);
	if (l->sent)
		p->outstanding--;
	insert_local(p, l);
	pool_lease_send(p);
}

/* What this worker has for it, with a permit; NULL: nothing now. */
static struct bconn *
own_for(struct pool *p, struct pool_lease *l, bool only_open)
{
	uint32_t server = (uint32_t)l->want.srv->row;
	struct bconn *bc = l->keep;

	if (p->open && atomic_load(&p->board->server[server].attention))
		return NULL;
	if (!bc)
		bc = pool_idle_open(p, &l->want);
	if (bc)
		return pool_permit_try(p, server) ? bc : NULL;
	if (only_open || l->want.fresh_only_private ||
	    pool_idle_take(p, &l->want, false, &bc) != 0)
		return NULL;
	return bc;
}

static void
serve(struct pool *p, struct pool_lease *l, struct bconn *bc)
{
	l->queue_left_us = clock_us();
	l->was_dialed = false;
	bc->uses++;
	deliver(p, l, bc, PFAIL_INTERNAL, 0);
}

void
pool_lease_serve_local(struct pool *p)
{
	struct pool_lease *l;
	struct bconn *bc;
	struct list *it;

restart:
	list_for(it, &p->local)
	{
		l = list_entry(it, struct pool_lease, node);
		bc = own_for(p, l, false);
		if (!bc)
			continue;
		serve(p, l, bc);
		goto restart; /* the callback may have changed the list */
	}
}

void
pool_lease_serve_open(struct pool *p)
{
	struct ipc_msg m = { .type = IPC_CANCEL };
	struct pool_lease *l;
	struct bconn *bc;
	struct list *it;

restart:
	list_for(it, &p->sent)
	{
		l = list_entry(it, struct pool_lease, node);
		bc = l->keep ? NULL : own_for(p, l, true);
		if (!bc)
			continue;
		m.u.cancel.lease = l->id;
		/* refused: what is granted for it comes back by itself */
		if (p->open)
			(void)!chan_send(p->chan, &m);
		serve(p, l, bc);
		goto restart;
	}
}

static struct pool_lease *
find_sent(struct pool *p, uint64_t id)
{
	struct pool_lease *l;
	struct list *it;

	list_for(it, &p->sent)
	{
		l = list_entry(it, struct pool_lease, node);
		if (l->id == id)
			return l;
	}
	return NULL;
}

static void
note_grant(struct pool *p, struct pool_lease *l, const struct ipc_grant *g)
{
	uint64_t us = clock_us() - l->sent_us;

	l->queue_pos = g->queue_pos;
	l->dial_us = g->dial_us;
	l->queue_left_us = g->dial_start_us;
	l->was_dialed = g->flags & GRANT_F_DIALED;
	stat_add(&p->stat->grants, 1);
	stat_add(&p->stat->lease_us_sum, us);
	hist_add(p->stat->lease_hist, us, HIST_LEASE_UNIT_US);
	if (us >
	    atomic_load_explicit(&p->stat->lease_max_us, memory_order_relaxed))
		atomic_store_explicit(
		    &p->stat->lease_max_us, us, memory_order_relaxed);
}

static int
granted_permit(struct pool *p, const struct ipc_grant *g)
{
	struct pool_lease *l = find_sent(p, g->lease);
	struct bconn *bc;

	p->servers[g->server].permits++;
	if (!l) {
		pool_permit_drop(p, g->server, true);
		return 0;
	}
	/* others are told to share what has just been granted */
	if (!l->keep && !l->permit_only &&
	    (l->want.fresh_only_private || !(l->want.tags & ANY_H2)))
		return -WSE_PROTO;
	bc = l->keep ? l->keep : pool_idle_open(p, &l->want);
	if (!bc && pool_idle_take(p, &l->want, true, &bc) != 0) {
		/* the shared one it saw is full or gone */
		l->permit_only = false;
		pool_permit_drop(p, g->server, true);
		again(p, l);
		return 0;
	}
	bc->uses++;
	note_grant(p, l, g);
	deliver(p, l, bc, PFAIL_INTERNAL, 0);
	return 0;
}

/* The connection of a GRANT: one we have, or one that came along. */
static struct bconn *
granted_bconn(struct pool *p, struct ipc_msg *m)
{
	const struct ipc_grant *g = &m->u.grant;
	struct bconn *bc = p->by_slot[g->slot];

	if (g->flags & GRANT_F_HELD) {
		if (!bc || bc->gen != g->gen || !bc->idle)
			return NULL;
		pool_idle_revive(p, bc);
		bc->tag = (enum slot_tag)g->tag;
		return bc;
	}
	if (bc && !bc->idle)
		return NULL;
	if (bc)
		pool_idle_drop(p, bc);
	return pool_idle_adopt(
	    p, g->slot, g->gen, g->server, (enum slot_tag)g->tag, &m->fd[0]);
}

/* No descriptor was left here for the one that came along. */
static int
granted_truncated(struct pool *p, const struct ipc_grant *g)
{
	struct pool_lease *l = find_sent(p, g->lease);
	struct bconn *bc = p->by_slot[g->slot];

	if (bc && bc->idle)
		pool_idle_drop(p, bc);
	vault_wipe(p->vault, g->slot);
	if (slot_close(p->board, g->slot, g->gen, p->instance) != 0)
		return -WSE_CORRUPT;
	pool_chan_tell(p, g->slot);
	pool_permit_drop(p, g->server, true);
	if (l)
		deliver(p, l, NULL, PFAIL_INTERNAL, EMFILE);
	return 0;
}

/* Of a connection with one, the state that the broker left in the vault. */
static bool
is_state_here(struct pool *p, struct bconn *bc, const struct ipc_grant *g)
{
	bc->is_tls = g->flags & GRANT_F_TLS;
	return !pool_tls_has_state(bc) ||
	    (vault_take(p->vault, bc->slot, bc->gen) && pool_tls_load(p, bc));
}

/* Of one that idled: HTTP/2 is looked at by whoever opens a stream. */
static bool
is_alive(struct bconn *bc, const struct ipc_grant *g)
{
	bc->unseen = bc->tag != TAG_H1 && !(g->flags & GRANT_F_DIALED);
	return bc->tag != TAG_H1 || (g->flags & GRANT_F_DIALED) ||
	    pool_idle_is_quiet(bc);
}

int
pool_lease_granted(struct pool *p, struct ipc_msg *m)
{
	const struct ipc_grant *g = &m->u.grant;
	struct pool_lease *l;
	struct bconn *bc;

	if (g->server >= p->board->cap.server_count)
		return -WSE_RANGE;
	if (g->slot == UINT32_MAX)
		return granted_permit(p, g);
	if (g->slot >= p->board->cap.slot_count)
		return -WSE_RANGE;
	p->servers[g->server].permits++; /* counted by the broker */
	if (m->truncated)
		return granted_truncated(p, g);
	bc = granted_bconn(p, m);
	if (!bc)
		return -WSE_PROTO;
	bc->uses = g->uses;
	bc->fresh = g->flags & GRANT_F_FRESH;
	l = find_sent(p, g->lease);
	if (!l) { /* our CANCEL crossed it */
		(void)!is_state_here(p, bc, g);
		pool_idle_put(p, bc, true);
		return 0;
	}
	if (!is_state_here(p, bc, g) || !is_alive(bc, g)) {
		pool_idle_end(p, bc, WSE_EOF, true);
		again(p, l);
		return 0;
	}
	bc->uses++;
	note_grant(p, l, g);
	deliver(p, l, bc, PFAIL_INTERNAL, 0);
	return 0;
}

static enum pool_fail
fail_of(uint32_t why)
{
	switch ((enum lease_fail)why) {
	case LFAIL_REFUSED:
	case LFAIL_UNREACH:
	case LFAIL_RESET:
	case LFAIL_NOADDR:
		return PFAIL_CONNECT;
	case LFAIL_TIMEOUT:
		return PFAIL_TIMEOUT;
	case LFAIL_QUEUE_FULL:
		return PFAIL_QUEUE_FULL;
	case LFAIL_DOWN:
	case LFAIL_STOPPING:
		return PFAIL_DOWN;
	case LFAIL_TLS:
	case LFAIL_PROTO:
		return PFAIL_TLS;
	case LFAIL_CERT:
		return PFAIL_CERT;
	case LFAIL_UNFIT:
		return PFAIL_UNFIT;
	case LFAIL_NOFD:
	case LFAIL_EPOCH:
	case LFAIL_CREDIT:
	case LFAIL_OTHER:
	case LFAIL_N:
		break;
	}
	return PFAIL_INTERNAL;
}

int
pool_lease_failed(struct pool *p, const struct ipc_fail *f)
{
	struct pool_lease *l = find_sent(p, f->lease);

	if (!l)
		return 0;
	if (f->why == LFAIL_EPOCH) {
		again(p, l);
		return 0;
	}
	stat_add(&p->stat->lease_fails, 1);
	l->why = f->text;
	deliver(p, l, NULL, fail_of(f->why), f->errnum);
	return 0;
}
