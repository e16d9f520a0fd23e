/* SPDX-License-Identifier: MIT */
/*
 * The worker's pool: what streams call.  See pool.h and pool_parts.h.
 */
#include "worker/pool.h"

#include <stdlib.h>
#include <unistd.h>

#include "shm/base/chk.h"
#include "shm/base/clock.h"
#include "worker/pool_parts.h"

struct pool *
pool_new(struct event_base *base, const struct conf *conf,
    const struct board *board, struct vault *vault, uint32_t instance,
    uint32_t proc)
{
	struct pool *p = mem_alloc(sizeof(*p));

	p->base = base;
	p->conf = conf;
	p->board = board;
	p->vault = vault;
	p->stat = stat_proc(board, proc);
	p->instance = instance;
	p->proc = proc;
	list_init(&p->sent);
	list_init(&p->local);
	list_init(&p->passes);
	pool_idle_init(p);
	pool_tls_init(p);
	pool_chan_init(p);
	return p;
}

void
pool_free(struct pool **pp)
{
	struct pool *p = *pp;

	*pp = NULL;
	if (!p)
		return;
	event_del(&p->later);
	chan_free(&p->chan);
	pool_idle_fini(p);
	pool_tls_fini(p);
	free(p->owed);
	free(p->owes);
	free(p);
}

void
pool_on_welcome(struct pool *p, void (*fn)(void *arg), void *arg)
{
	p->on_welcome = fn;
	p->welcome_arg = arg;
}

void
pool_on_shut(struct pool *p,
    unsigned (*fn)(void *arg, uint32_t server, char why), void *arg)
{
	p->on_shut = fn;
	p->shut_arg = arg;
}

void
pool_on_violation(struct pool *p,
    void (*fn)(void *arg, const struct ipc_violation *v), void *arg)
{
	p->on_violation = fn;
	p->violation_arg = arg;
}

/* May this worker help itself, or does the broker have a queue to keep? */
static bool
is_own_turn(const struct pool *p, uint32_t server)
{
	return !p->open ||
	    atomic_load(&p->board->server[server].attention) == 0;
}

int
pool_get(struct pool *p, const struct pool_want *w, struct bconn *keep,
    struct pool_lease *l, struct bconn **bc_r)
{
	uint32_t server = (uint32_t)w->srv->row;
	struct bconn *bc = NULL, *open;

	CHK(server < p->board->cap.server_count);
	l->why = "";
	l->queue_pos = 0;
	l->dial_us = 0;
	l->was_dialed = false;
	l->queue_left_us = clock_us();
	open = keep ? NULL : pool_idle_open(p, w);
	if (is_own_turn(p, server)) {
		if (keep || open)
			bc = pool_permit_try(p, server) ? keep ? keep : open
							: NULL;
		else if (w->fresh_only_private ||
		    pool_idle_take(p, w, false, &bc) != 0)
			bc = NULL;
	}
	if (!bc)
		return pool_lease_start(p, w, keep, open != NULL, l);
	if (!keep)
		stat_add(&p->stat->own_reuse, 1);
	bc->uses++;
	*bc_r = bc;
	return 0;
}

void
pool_release(struct pool *p, struct bconn **bcp)
{
	struct bconn *bc = *bcp;

	*bcp = NULL;
	CHK(bc && !bc->idle && !bc->tunnel);
	pool_idle_put(p, bc, true);
}

void
pool_close(struct pool *p, struct bconn **bcp, int why)
{
	struct bconn *bc = *bcp;

	*bcp = NULL;
	CHK(bc && !bc->idle);
	pool_idle_end(p, bc, why, true);
}

void
pool_unpermit(struct pool *p, struct bconn *bc)
{
	CHK(!bc->idle);
	bc->fresh = false;
	pool_permit_drop(p, bc->server, true);
}

void
pool_rest(struct pool *p, struct bconn **bcp, bool permit)
{
	struct bconn *bc = *bcp;

	*bcp = NULL;
	CHK(bc && !bc->idle && bc->tag != TAG_H1);
	pool_share(p, bc, false);
	pool_idle_put(p, bc, permit);
}

void
pool_drop_kept(struct pool *p, struct bconn **bcp)
{
	struct bconn *bc = *bcp;

	*bcp = NULL;
	CHK(bc && !bc->idle);
	pool_idle_end(p, bc, 0, false);
}

void
pool_tunnel(struct pool *p, struct bconn *bc)
{
	CHK(!bc->idle && !bc->tunnel);
	bc->tunnel = true;
	if (bc->is_tls)
		vault_wipe(p->vault, bc->slot);
	if (slot_tunnel(p->board, bc->slot, bc->gen, p->instance) != 0)
		pool_chan_violation(p, IPC_NONE, -WSE_CORRUPT,
		    "a leased slot's word was changed");
	pool_chan_tell(p, bc->slot);
}

/*
 * A page of the vault whose slots are all tunnels of ours holds nothing and
 * goes back to the system: nobody writes there before one of them is free
 * again.
 */
static void
vault_trim(struct pool *p, uint32_t slot)
{
	uint32_t first = slot - slot % VAULT_PAGE_SLOTS;

	for (uint32_t i = first; i < first + VAULT_PAGE_SLOTS; i++) {
		struct slot_view v;

		if (i >= p->board->cap.slot_count)
			return;
		v = slot_get(p->board, i);
		if (v.state != SLOT_TUNNEL || v.holder != p->instance)
			return;
	}
	vault_forget(p->vault, first);
}

struct pool_tunnel
pool_tunnel_take(
    struct pool *p, struct bconn **bcp, int *fd_r, struct tls_rec **tls_r)
{
	struct bconn *bc = *bcp;
	struct pool_tunnel t = { bc->slot, bc->gen };

	*bcp = NULL;
	pool_tunnel(p, bc);
	if (bc->is_tls)
		vault_trim(p, bc->slot);
	*fd_r = bc->fd;
	*tls_r = bc->tls;
	bc->fd = -1;
	bc->tls = NULL;
	pool_idle_forget(p, bc);
	p->held_count++; /* it is held still */
	return t;
}

void
pool_tunnel_end(
    struct pool *p, struct pool_tunnel t, const struct server *srv, int *fd)
{
	shutdown(*fd, SHUT_RDWR);
	if (slot_close(p->board, t.slot, t.gen, p->instance) != 0)
		pool_chan_violation(p, IPC_NONE, -WSE_CORRUPT,
		    "a tunnel's slot's word was changed");
	close(*fd);
	*fd = -1;
	p->held_count--;
	pool_chan_tell(p, t.slot);
	pool_permit_drop(p, (uint32_t)srv->row, true);
}

void
pool_drain(struct pool *p)
{
	uint32_t i;

	p->draining = true;
	for (i = 0; i < p->board->cap.slot_count; i++)
		if (p->by_slot[i] && p->by_slot[i]->idle)
			pool_chan_tell(p, i);
}

unsigned
pool_held(const struct pool *p)
{
	return p->held_count;
}

unsigned
pool_waiting(const struct pool *p)
{
	return p->waiting_count;
}
