/* SPDX-License-Identifier: MIT */
/*
 * Connections with a state in the worker's pool, TLS, HTTP/2 or both: it is in
 * the vault while they idle, and at bc->tls and bc->h2 (made from bc->port)
 * while they are leased.
 *
 * For about a second after a release bc->tls and bc->h2 stay, cipher contexts
 * and all, so that the next request of this worker costs no key schedule and
 * no session made anew; then the vault's copy is the only one.  The vault's
 * entry is written only while the slot is LEASED to this worker; who steals it
 * wipes the entry.
 */
#include <openssl/crypto.h>
#include <stdlib.h>

#include "shm/base/clock.h"
#include "shm/proto/h2_idle.h"
#include "worker/h2_back.h"
#include "worker/pool_parts.h"

enum { WARM_MS = 1000, PART_MS = 20, PART_WAITS = 50 };

void
pool_tls_forget(struct bconn *bc)
{
	list_del(&bc->warm);
	h2_back_free(&bc->h2);
	if (!bc->tls)
		return;
	tls_rec_wipe(bc->tls);
	free(bc->tls);
	bc->tls = NULL;
}

static struct sv
alpn_of(uint32_t kind)
{
	switch (kind & VAULT_ALPN_MASK) {
	case VAULT_ALPN_H1:
		return SV("http/1.1");
	case VAULT_ALPN_H2:
		return SV("h2");
	}
	return SV_NULL;
}

static uint32_t
kind_of(const struct bconn *bc)
{
	uint32_t kind = bc->is_tls ? VAULT_TLS : VAULT_PLAIN;

	if (bc->tag != TAG_H1)
		kind |= VAULT_H2;
	if (sv_eq(bc->alpn, SV("h2")))
		return kind | VAULT_ALPN_H2;
	return kind | (bc->alpn.n ? (uint32_t)VAULT_ALPN_H1 : 0);
}

/* The broker has looked at it, or this worker wrote it. */
static int
port_load(struct bconn *bc, const uint8_t *state)
{
	static struct h2_port p; /* large */
	int r = h2_port_unpack(&p, state, H2_PORT_IDLE_BYTES);

	if (r < 0 || p.is_server || p.stream_count || !p.peer.ready)
		return -WSE_CORRUPT;
	memcpy(bc->port, state, H2_PORT_IDLE_BYTES);
	return 0;
}

/* n bytes of state[], as bc's tag and is_tls say. */
static int
unpack(struct bconn *bc, const uint8_t *state, size_t n)
{
	size_t h2 = bc->tag != TAG_H1 ? H2_PORT_IDLE_BYTES : 0;
	int r = 0;

	if (n < h2 || (!bc->is_tls && n != h2))
		return -WSE_CORRUPT;
	if (bc->is_tls) {
		bc->tls = mem_alloc(sizeof(*bc->tls));
		r = tls_state_unpack(&bc->tls->st, state, n - h2);
	}
	return r == 0 && h2 ? port_load(bc, state + n - h2) : r;
}

bool
pool_tls_load(struct pool *p, struct bconn *bc)
{
	uint8_t state[VAULT_STATE_MAX];
	uint32_t kind = 0;
	ssize_t n;
	int r = -WSE_CORRUPT;

	list_del(&bc->warm);
	if (bc->tls || bc->h2) /* they go and come together */
		return true;
	n = vault_copy(p->vault, bc->slot, &kind, state, sizeof(state));
	if (n > 0 &&
	    (kind & (VAULT_KIND_MASK | VAULT_H2)) ==
		(kind_of(bc) & (VAULT_KIND_MASK | VAULT_H2)))
		r = unpack(bc, state, (size_t)n);
	OPENSSL_cleanse(state, sizeof(state));
	if (r != 0) {
		pool_tls_forget(bc);
		return false;
	}
	bc->alpn = alpn_of(kind);
	return true;
}

bool
pool_tls_save(struct pool *p, struct bconn *bc)
{
	uint8_t state[VAULT_STATE_MAX];
	ssize_t n = 0;

	if (bc->is_tls)
		n = bc->tls && tls_state_is_quiet(&bc->tls->st)
		    ? tls_state_pack(&bc->tls->st, state, TLS_STATE_BYTES_MAX)
		    : -WSE_CORRUPT;
	if (n >= 0 && bc->tag != TAG_H1) {
		memcpy(state + n, bc->port, sizeof(bc->port));
		n += (ssize_t)sizeof(bc->port);
	}
	if (n > 0)
		vault_put(p->vault, bc->slot, bc->gen, kind_of(bc), state,
		    (uint32_t)n);
	OPENSSL_cleanse(state, sizeof(state));
	return n > 0;
}

/* Sealed, if need be. */
static void
say(struct bconn *bc, uint8_t *p, size_t n)
{
	uint8_t sealed[H2_IDLE_BYE_BYTES + TLS_REC_OVERHEAD_MAX];
	struct iovec iov = { p, n };
	ssize_t k = (ssize_t)n;

	if (bc->tls) {
		k = tls_rec_seal(bc->tls, &iov, 1, sealed, sizeof(sealed));
		p = sealed;
	}
	if (k > 0)
		(void)!send(bc->fd, p, (size_t)k, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void
pool_tls_bye(struct bconn *bc)
{
	uint8_t b[TLS_REC_ALERT_MAX], goaway[H2_IDLE_BYE_BYTES];
	ssize_t n;

	if (bc->is_tls && (!bc->tls || !tls_state_is_quiet(&bc->tls->st)))
		return;
	if (bc->tag != TAG_H1) {
		h2_idle_bye(goaway);
		say(bc, goaway, sizeof(goaway));
	}
	if (!bc->tls)
		return;
	n = tls_rec_alert(bc->tls, TLS_ALERT_CLOSE_NOTIFY, b, sizeof(b));
	if (n > 0)
		(void)!send(bc->fd, b, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
arm(struct pool *p)
{
	struct timeval tv = { 0, WARM_MS * 1000 / 2 };

	if (!list_is_empty(&p->warm) &&
	    !event_pending(&p->cool, EV_TIMEOUT, NULL))
		event_add(&p->cool, &tv);
}

static void
on_cool(evutil_socket_t fd, short what, void *arg)
{
	struct pool *p = arg;
	struct bconn *bc;

	(void)fd;
	(void)what;
	clock_update();
	while (!list_is_empty(&p->warm)) {
		bc = list_entry(p->warm.prev, struct bconn, warm);
		if (bc->warm_ms + WARM_MS > clock_ms())
			break;
		pool_tls_forget(bc);
	}
	arm(p);
}

void
pool_tls_warm(struct pool *p, struct bconn *bc)
{
	bc->warm_ms = clock_ms();
	list_add_head(&p->warm, &bc->warm);
	arm(p);
}

static void
part_arm(struct pool *p)
{
	struct timeval tv = { 0, PART_MS * 1000 };

	if (!list_is_empty(&p->parts) &&
	    !event_pending(&p->part, EV_TIMEOUT, NULL))
		event_add(&p->part, &tv);
}

static void
on_part(evutil_socket_t fd, short what, void *arg)
{
	struct pool *p = arg;
	struct list *it, *tmp;

	(void)fd;
	(void)what;
	clock_update();
	/* who waits on goes to the head */
	list_for_safe(it, tmp, &p->parts)
	{
		list_del(it);
		pool_idle_look(p, list_entry(it, struct bconn, warm));
	}
	part_arm(p);
}

bool
pool_tls_wait(struct pool *p, struct bconn *bc)
{
	if (++bc->waits > PART_WAITS)
		return false;
	event_del(&bc->rev);
	list_add_head(&p->parts, &bc->warm);
	part_arm(p);
	return true;
}

void
pool_tls_init(struct pool *p)
{
	list_init(&p->parts);
	event_assign(&p->part, p->base, -1, 0, on_part, p);
	list_init(&p->warm);
	event_assign(&p->cool, p->base, -1, 0, on_cool, p);
}

void
pool_tls_fini(struct pool *p)
{
	event_del(&p->cool);
	event_del(&p->part);
}
