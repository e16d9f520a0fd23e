/* SPDX-License-Identifier: MIT */
/*
 * Connections this worker holds, and its own idle lists.
 *
 * The fast path: a candidate from the list, a permit, one CAS, `ready` to 0.
 * No system call, no message, no allocation.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "shm/base/chk.h"
#include "shm/base/clock.h"
#include "worker/h2_back.h"
#include "worker/pool_parts.h"
#include "worker/xprt_tls.h"

enum { SET_HASH = 1024 };

void
pool_idle_init(struct pool *p)
{
	p->by_slot = mem_alloc(p->board->cap.slot_count * sizeof(*p->by_slot));
	p->servers =
	    mem_alloc(p->board->cap.server_count * sizeof(*p->servers));
	p->hash = mem_alloc(SET_HASH * sizeof(*p->hash));
	p->bconns.object_bytes = sizeof(struct bconn);
	p->bconns.in_slabs = true; /* they live long */
	p->sets.object_bytes = sizeof(struct idle_set);
}

void
pool_idle_fini(struct pool *p)
{
	struct idle_set *s, *next;
	uint32_t i;

	for (i = 0; i < p->board->cap.slot_count; i++)
		if (p->by_slot[i])
			pool_idle_drop(p, p->by_slot[i]);
	for (i = 0; i < SET_HASH; i++)
		for (s = p->hash[i]; s; s = next) {
			next = s->hash_next;
			mempool_put(&p->sets, s);
		}
	mempool_drain(&p->bconns);
	mempool_drain(&p->sets);
	free(p->by_slot);
	free(p->servers);
	free(p->hash);
}

static struct idle_set **
set_bucket(struct pool *p, uint32_t server, const struct slot_key *key)
{
	uint32_t h;

	memcpy(&h, key->b, sizeof(h));
	return &p->hash[(h ^ server) % SET_HASH];
}

static struct idle_set *
set_get(
    struct pool *p, uint32_t server, const struct slot_key *key, bool create)
{
	struct idle_set **head = set_bucket(p, server, key), *s;

	for (s = *head; s; s = s->hash_next)
		if (s->server == server &&
		    memcmp(&s->key, key, sizeof(*key)) == 0)
			return s;
	if (!create)
		return NULL;
	s = mempool_get(&p->sets);
	CHK(s);
	list_init(&s->idle);
	list_init(&s->open);
	s->server = server;
	s->key = *key;
	s->hash_next = *head;
	*head = s;
	return s;
}

static void
set_put(struct pool *p, struct idle_set *s)
{
	struct idle_set **pp;

	if (s->pinned || !list_is_empty(&s->idle) || !list_is_empty(&s->open))
		return;
	for (pp = set_bucket(p, s->server, &s->key); *pp != s;)
		pp = &(*pp)->hash_next;
	*pp = s->hash_next;
	mempool_put(&p->sets, s);
}

/* The set of a server's own address, without name and header. */
static struct idle_set *
set_plain(struct pool *p, uint32_t server)
{
	const struct board_server *row = &p->board->server[server];
	struct pool_server *ps = &p->servers[server];
	uint32_t epoch =
	    atomic_load_explicit(&row->epoch, memory_order_relaxed);
	uint32_t n = row->transport.addr_len;
	struct slot_key key;

	if (ps->plain && ps->plain_epoch == epoch)
		return ps->plain;
	if (ps->plain) {
		ps->plain->pinned = false;
		set_put(p, ps->plain);
	}
	if (n > BOARD_ADDR_MAX)
		n = BOARD_ADDR_MAX;
	slot_key_make(&key, NULL, 0, row->transport.addr, n, NULL, 0, NULL, 0);
	ps->plain = set_get(p, server, &key, true);
	ps->plain->pinned = true;
	ps->plain_epoch = epoch;
	return ps->plain;
}

static struct idle_set *
set_find(struct pool *p, const struct pool_want *w)
{
	uint32_t server = (uint32_t)w->srv->row;
	const struct board_transport *t;
	struct slot_key key;

	if (w->name.n == 0 && w->sni.n == 0 && w->dst.len == 0 &&
	    w->proxy_hdr.n == 0)
		return set_plain(p, server);
	t = &p->board->server[server].transport;
	slot_key_make(&key, w->name.p, w->name.n,
	    w->dst.len ? (const void *)&w->dst.u : t->addr,
	    w->dst.len ? w->dst.len : t->addr_len, NULL, 0, w->proxy_hdr.p,
	    w->proxy_hdr.n);
	slot_key_add_sni(&key, w->sni.p, w->sni.n);
	return set_get(p, server, &key, false);
}

static void
unlink_idle(struct pool *p, struct bconn *bc)
{
	struct idle_set *s = bc->set;

	list_del(&bc->node);
	bc->set = NULL;
	if (s)
		set_put(p, s);
}

/* Kept exact only where `pool-max-conn` needs it. */
static void
count_idle(struct pool *p, uint32_t server, int delta)
{
	struct board_server *row = &p->board->server[server];

	if (row->pool.max_conn > 0)
		atomic_fetch_add_explicit(
		    &row->idle_count, (uint32_t)delta, memory_order_relaxed);
}

/* 0: quiet; -WSE_AGAIN: part of a TLS record; else it is of no more use. */
static int
look(struct bconn *bc)
{
	char c;
	ssize_t n;

	if (bc->tls)
		return xprt_tls_idle_read(bc->tls, bc->fd);
	do
		n = recv(bc->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 && errno == EAGAIN ? 0 : -WSE_EOF;
}

bool
pool_idle_is_quiet(struct bconn *bc)
{
	return look(bc) == 0;
}

/* Somebody took it: no more events; what comes next says what it is. */
static void
lose(struct pool *p, struct bconn *bc)
{
	event_del(&bc->rev);
	unlink_idle(p, bc);
	pool_tls_forget(bc);
	bc->lost = true;
}

/* IDLE -> LEASED of our own. False: lost, or corrupt and closed. */
static bool
acquire(struct pool *p, struct bconn *bc)
{
	if (slot_acquire(p->board, bc->slot, bc->gen, p->instance) != 0) {
		lose(p, bc);
		return false;
	}
	count_idle(p, bc->server, -1);
	unlink_idle(p, bc);
	bc->idle = false;
	bc->asked = false;
	if (vault_take(p->vault, bc->slot, bc->gen) &&
	    (!pool_tls_has_state(bc) || pool_tls_load(p, bc)))
		return true;
	pool_idle_end(p, bc, WSE_CORRUPT, false);
	return false;
}

static void
idle_event(struct pool *p, struct bconn *bc)
{
	if (acquire(p, bc))
		pool_idle_look(p, bc);
}

/* An h1 server has nothing to say between requests. */
void
pool_idle_look(struct pool *p, struct bconn *bc)
{
	int r;

	if (bc->tag != TAG_H1) { /* one of HTTP/2 has */
		h2_back_look(bc);
		return;
	}
	r = look(bc);
	if (r == -WSE_AGAIN && pool_tls_wait(p, bc))
		return;
	bc->waits = 0;
	if (r == 0)
		pool_idle_put(p, bc, false);
	else
		pool_idle_end(p, bc, 0, false);
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct bconn *bc = arg;

	(void)fd;
	(void)what;
	if (bc->idle) {
		clock_update();
		idle_event(bc->pool, bc);
	} else if (bc->on_read)
		bc->on_read(bc, bc->arg);
	else
		event_del(&bc->rev); /* nobody would read it: do not spin */
}

struct bconn *
pool_idle_adopt(struct pool *p, uint32_t slot, uint32_t gen, uint32_t server,
    enum slot_tag tag, int *fd)
{
	struct bconn *bc = mempool_get(&p->bconns);

	CHK(bc && !p->by_slot[slot]);
	bc->fd = *fd;
	*fd = -1;
	bc->slot = slot;
	bc->gen = gen;
	bc->server = server;
	bc->tag = tag;
	bc->pool = p;
	p->by_slot[slot] = bc;
	p->held_count++;
	event_assign(
	    &bc->rev, p->base, bc->fd, EV_READ | EV_PERSIST, on_event, bc);
	CHK(event_add(&bc->rev, NULL) == 0);
	return bc;
}

void
pool_idle_forget(struct pool *p, struct bconn *bc)
{
	event_del(&bc->rev);
	unlink_idle(p, bc);
	pool_tls_forget(bc);
	if (bc->fd >= 0)
		close(bc->fd);
	CHK(p->by_slot[bc->slot] == bc);
	p->by_slot[bc->slot] = NULL;
	p->held_count--;
	mempool_put(&p->bconns, bc);
}

void
pool_idle_drop(struct pool *p, struct bconn *bc)
{
	pool_idle_forget(p, bc);
}

void
pool_idle_end(struct pool *p, struct bconn *bc, int why, bool permit)
{
	uint32_t slot = bc->slot, server = bc->server;

	(void)why;
	if (pool_tls_has_state(bc))
		vault_wipe(p->vault, slot);
	shutdown(bc->fd, SHUT_RDWR);
	if (slot_close(p->board, slot, bc->gen, p->instance) != 0)
		pool_chan_violation(p, IPC_NONE, -WSE_CORRUPT,
		    "a held slot's word was changed");
	pool_idle_forget(p, bc);
	pool_chan_tell(p, slot);
	if (permit)
		pool_permit_drop(p, server, true);
}

void
pool_idle_revive(struct pool *p, struct bconn *bc)
{
	unlink_idle(p, bc);
	bc->idle = false;
	bc->asked = false;
	if (bc->lost)
		CHK(event_add(&bc->rev, NULL) == 0);
	bc->lost = false;
}

/* May it idle at all?  Where there is a limit, it is counted by a yes. */
static bool
may_idle(struct pool *p, const struct bconn *bc)
{
	struct board_server *row = &p->board->server[bc->server];
	int32_t max = row->pool.max_conn;
	uint32_t was;

	if (max == 0 || row->pool.purge_delay_ms == 0 ||
	    !board_server_is_usable(row) ||
	    p->board->slot[bc->slot].epoch != atomic_load(&row->epoch))
		return false;
	if (max < 0)
		return true;
	was = atomic_fetch_add_explicit(
	    &row->idle_count, 1, memory_order_relaxed);
	if (was < (uint32_t)max)
		return true;
	count_idle(p, bc->server, -1);
	return false;
}

void
pool_idle_put(struct pool *p, struct bconn *bc, bool permit)
{
	struct slot *s = &p->board->slot[bc->slot];
	const struct board_server *row = &p->board->server[bc->server];

	if ((bc->is_tls && (!bc->tls || !tls_state_is_quiet(&bc->tls->st))) ||
	    !may_idle(p, bc)) {
		pool_tls_bye(bc);
		pool_idle_end(p, bc, 0, permit);
		return;
	}
	bc->on_read = NULL;
	bc->arg = NULL;
	bc->idle = true;
	bc->fresh = false;
	if (!event_pending(&bc->rev, EV_READ, NULL))
		CHK(event_add(&bc->rev, NULL) == 0);
	bc->set = set_get(p, bc->server, &s->key, true);
	list_add_head(&bc->set->idle, &bc->node);
	atomic_store_explicit(&s->uses, bc->uses, memory_order_relaxed);
	if (!pool_tls_has_state(bc))
		vault_put(p->vault, bc->slot, bc->gen, VAULT_PLAIN, NULL, 0);
	else if (pool_tls_save(p, bc))
		pool_tls_warm(p, bc);
	if (slot_release(p->board, bc->slot, bc->gen, p->instance, bc->tag,
		clock_us()) != 0) {
		pool_chan_violation(p, IPC_NONE, -WSE_CORRUPT,
		    "a leased slot's word was changed");
		lose(p, bc);
	}
	if (permit)
		pool_permit_drop(p, bc->server, false);
	/* after the release: see the design's "queue without lost wakeups" */
	if (p->draining || atomic_load(&row->attention)) {
		bc->asked = true;
		pool_chan_tell(p, bc->slot);
	}
	if (!list_is_empty(&p->local))
		pool_chan_later(p);
}

static bool
reuse_fits(const struct bconn *bc, enum lease_reuse reuse)
{
	switch (reuse) {
	case LEASE_FRESH_ONLY:
		return bc->uses == 0;
	case LEASE_PROVEN:
		return bc->uses != 1;
	case LEASE_ANY:
		return true;
	case LEASE_REUSE_N:
		break;
	}
	return false;
}

void
pool_share(struct pool *p, struct bconn *bc, bool has_room)
{
	CHK(!bc->idle);
	if (has_room == (bc->set != NULL))
		return;
	if (!has_room) {
		unlink_idle(p, bc);
		return;
	}
	bc->set = set_get(p, bc->server, &p->board->slot[bc->slot].key, true);
	list_add_head(&bc->set->open, &bc->node);
	if (p->waiting_count)
		pool_chan_later(p);
}

struct bconn *
pool_idle_open(struct pool *p, const struct pool_want *w)
{
	uint32_t server = (uint32_t)w->srv->row;
	uint32_t epoch = atomic_load_explicit(
	    &p->board->server[server].epoch, memory_order_relaxed);
	struct idle_set *set =
	    w->fresh_only_private || !(w->tags & ~TAG_BIT(TAG_H1))
	    ? NULL
	    : set_find(p, w);
	struct bconn *bc;
	struct list *it;

	if (!set)
		return NULL;
	list_for(it, &set->open)
	{
		bc = list_entry(it, struct bconn, node);
		if ((w->tags & TAG_BIT(bc->tag)) && reuse_fits(bc, w->reuse) &&
		    p->board->slot[bc->slot].epoch == epoch) {
			bc->fresh = bc->uses == 0;
			return bc;
		}
	}
	return NULL;
}

int
pool_idle_take(struct pool *p, const struct pool_want *w, bool has_permit,
    struct bconn **bc_r)
{
	uint32_t server = (uint32_t)w->srv->row;
	uint32_t epoch = atomic_load_explicit(
	    &p->board->server[server].epoch, memory_order_relaxed);
	struct idle_set *set = set_find(p, w);
	struct list *it, *tmp;
	bool permit = has_permit, pinned;
	struct bconn *bc;
	int r = -WSE_NOTFOUND;

	if (!set)
		return -WSE_NOTFOUND;
	pinned = set->pinned; /* it may lose its last connection here */
	set->pinned = true;
	list_for_safe(it, tmp, &set->idle)
	{
		bc = list_entry(it, struct bconn, node);
		/* without a broker nobody answers what was asked */
		if ((bc->asked && p->open) || !(w->tags & TAG_BIT(bc->tag)) ||
		    !reuse_fits(bc, w->reuse) ||
		    p->board->slot[bc->slot].epoch != epoch)
			continue;
		if (!permit && !pool_permit_try(p, server)) {
			r = -WSE_FULL;
			break;
		}
		permit = true;
		if (!acquire(p, bc))
			continue;
		bc->fresh = bc->uses == 0;
		*bc_r = bc;
		r = 0;
		break;
	}
	set->pinned = pinned;
	set_put(p, set);
	if (permit && !has_permit && r != 0)
		pool_permit_drop(p, server, false);
	return r;
}
