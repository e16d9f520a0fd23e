/* SPDX-License-Identifier: MIT */
/*
 * From a lease to its pool.
 */
#include "broker/target.h"

#include "broker/tls_dial.h"

/* The destination a pool's dials go to; false: none is known. */
static bool
fill(struct bpool *pool, const struct ipc_lease *l)
{
	struct board_transport *t = &broker.board.server[l->server].transport;
	const void *addr = l->dst_bytes ? l->dst : t->addr;
	uint32_t n = l->dst_bytes ? l->dst_bytes : t->addr_len;

	if (pool->has_dst)
		return true;
	if (n < sizeof(sa_family_t) || n > BOARD_ADDR_MAX)
		return false;
	memcpy(&pool->dst, addr, n);
	pool->dst_len = n;
	memcpy(pool->proxy, l->proxy, l->proxy_bytes);
	pool->proxy_bytes = l->proxy_bytes;
	memcpy(pool->sni, l->sni, l->sni_bytes);
	pool->sni_bytes = (uint8_t)l->sni_bytes;
	pool->has_dst = true;
	return true;
}

struct bpool *
target_pool(const struct ipc_lease *l)
{
	struct board_transport *t = &broker.board.server[l->server].transport;
	uint32_t n = l->dst_bytes ? l->dst_bytes : t->addr_len;
	struct slot_key key;
	struct bpool *pool;

	if (n > BOARD_ADDR_MAX)
		return NULL;
	slot_key_make(&key, l->name, l->name_bytes,
	    l->dst_bytes ? l->dst : t->addr, n, NULL, 0, l->proxy,
	    l->proxy_bytes);
	slot_key_add_sni(&key, l->sni, l->sni_bytes);
	pool = state_pool(l->server, &key, true);
	if (fill(pool, l))
		return pool;
	state_pool_put(pool);
	return NULL;
}

struct bpool *
target_default_pool(uint32_t server)
{
	struct ipc_lease l = { .server = server };
	struct sv sni;

	if (!tls_dial_default_sni(server, &sni))
		return NULL;
	if (sni.n)
		memcpy(l.sni, sni.p, sni.n);
	l.sni_bytes = (uint16_t)sni.n;
	return target_pool(&l);
}
