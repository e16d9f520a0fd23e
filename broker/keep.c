/* SPDX-License-Identifier: MIT */
/*
 * See keep.h.  What comes from a vault was written by a worker and is checked
 * like network input.
 */
#include "broker/keep.h"

#include <stdlib.h>
#include <openssl/crypto.h>

#include "shm/base/chk.h"
#include "shm/base/clock.h"
#include "shm/base/mem.h"

_Static_assert(TLS_STATE_BYTES_MAX + H2_PORT_IDLE_BYTES <= VAULT_STATE_MAX,
    "both states fit into a vault entry");

static size_t
state_bytes(const struct kept *k)
{
	return k->tls_bytes + k->h2_bytes;
}

void
keep_wipe(struct bslot *s)
{
	struct kept *k = s->kept;

	if (!k)
		return;
	s->kept = NULL;
	if (k->rest)
		OPENSSL_cleanse(k->rest, k->rest_bytes);
	free(k->rest);
	free(k->out);
	OPENSSL_cleanse(k, sizeof(*k) + state_bytes(k));
	free(k);
}

static struct kept *
kept_new(uint32_t kind, uint32_t tls_bytes, uint32_t h2_bytes)
{
	struct kept *k = mem_alloc(sizeof(*k) + tls_bytes + h2_bytes);

	k->kind = kind;
	k->tls_bytes = tls_bytes;
	k->h2_bytes = h2_bytes;
	k->at_ms = clock_ms();
	return k;
}

void
keep_set(struct bslot *s, uint32_t kind, const uint8_t *state, uint32_t bytes)
{
	uint32_t h2_bytes = kind & VAULT_H2 ? (uint32_t)H2_PORT_IDLE_BYTES : 0;

	CHK(bytes >= h2_bytes);
	keep_wipe(s);
	s->kept = kept_new(kind, bytes - h2_bytes, h2_bytes);
	if (bytes > 0)
		memcpy(s->kept->state, state, bytes);
	s->is_tls = (kind & VAULT_KIND_MASK) == VAULT_TLS;
	s->is_h2 = kind & VAULT_H2;
}

/* Is it the state of such a connection, at rest? */
static bool
is_tls_sound(const uint8_t *in, size_t n)
{
	struct tls_state st = { 0 };
	bool ok = tls_state_unpack(&st, in, n) == 0 &&
	    tls_state_is_quiet(&st) && st.is_client;

	tls_state_wipe(&st);
	return ok;
}

/* tag: the slot's, which may only say less than the state does. */
static bool
is_h2_sound(const uint8_t *in, size_t n, enum slot_tag tag)
{
	struct h2_port p;

	return h2_port_unpack(&p, in, n) == 0 && !p.is_server &&
	    p.stream_count == 0 && p.peer.ready &&
	    (tag == TAG_H2 || (tag == TAG_H2WS && p.peer.connects));
}

static bool
is_kind_sound(const struct bslot *s, uint32_t kind)
{
	uint32_t all = VAULT_KIND_MASK | VAULT_ALPN_MASK | VAULT_H2;
	uint32_t base = s->is_tls ? VAULT_TLS : VAULT_PLAIN;

	return (kind & ~all) == 0 && (kind & VAULT_KIND_MASK) == base &&
	    !(kind & VAULT_H2) == !s->is_h2;
}

bool
keep_take(struct bslot *s, struct peer *from)
{
	enum slot_tag tag = slot_get(&broker.board, state_index(s)).tag;
	size_t h2 = s->is_h2 ? H2_PORT_IDLE_BYTES : 0;
	uint8_t state[VAULT_STATE_MAX];
	uint32_t kind = 0;
	ssize_t n;
	bool ok;

	if (!s->is_tls && !s->is_h2)
		return tag == TAG_H1;
	n = vault_copy(
	    &from->vault, state_index(s), &kind, state, sizeof(state));
	vault_wipe(&from->vault, state_index(s));
	ok = n > 0 && (size_t)n >= h2 && is_kind_sound(s, kind);
	if (ok && s->is_tls)
		ok = is_tls_sound(state, (size_t)n - h2);
	else if (ok)
		ok = (size_t)n == h2;
	if (ok && s->is_h2)
		ok = is_h2_sound(state + n - h2, h2, tag);
	else if (ok)
		ok = tag == TAG_H1;
	if (ok)
		keep_set(s, kind, state, (uint32_t)n);
	OPENSSL_cleanse(state, sizeof(state));
	return ok;
}

void
keep_give(struct bslot *s, struct peer *to)
{
	struct kept *k = s->kept;

	if (!k)
		return;
	CHK(keep_is_quiet(s));
	vault_put(&to->vault, state_index(s), s->gen, k->kind, k->state,
	    (uint32_t)state_bytes(k));
	keep_wipe(s);
}

bool
keep_is_quiet(const struct bslot *s)
{
	const struct kept *k = s->kept;

	return s->waits == 0 &&
	    (!k || (k->rest_bytes == 0 && k->out_bytes == 0));
}

bool
keep_unpack(const struct bslot *s, struct tls_rec *r, struct h2_port *p)
{
	const struct kept *k = s->kept;

	memset(r, 0, sizeof(*r));
	if (!k ||
	    (s->is_tls && tls_state_unpack(&r->st, k->state, k->tls_bytes)))
		return false;
	return !s->is_h2 ||
	    h2_port_unpack(p, k->state + k->tls_bytes, k->h2_bytes) == 0;
}

/* Room for states of these sizes; what is between two looks stays. */
static void
resize(struct bslot *s, uint32_t tls_bytes, uint32_t h2_bytes)
{
	struct kept *old = s->kept, *k;

	if (old->tls_bytes == tls_bytes && old->h2_bytes == h2_bytes)
		return;
	k = kept_new(old->kind, tls_bytes, h2_bytes);
	k->rest = old->rest;
	k->out = old->out;
	k->rest_bytes = old->rest_bytes;
	k->out_bytes = old->out_bytes;
	k->at_ms = old->at_ms;
	k->rest_ms = old->rest_ms;
	old->rest = old->out = NULL;
	keep_wipe(s);
	s->kept = k;
}

bool
keep_pack(struct bslot *s, const struct tls_rec *r, const struct h2_port *p)
{
	uint8_t b[TLS_STATE_BYTES_MAX + H2_PORT_IDLE_BYTES];
	ssize_t tls = 0, h2 = 0;

	if (s->is_tls)
		tls = tls_state_is_quiet(&r->st)
		    ? tls_state_pack(&r->st, b, TLS_STATE_BYTES_MAX)
		    : -WSE_PROTO;
	if (tls >= 0 && p)
		h2 = h2_port_pack(p, b + tls, H2_PORT_IDLE_BYTES);
	if (tls >= 0 && h2 >= 0) {
		resize(s, (uint32_t)tls, (uint32_t)h2);
		memcpy(s->kept->state, b, (size_t)(tls + h2));
		s->is_h2 = p != NULL;
		if (p)
			s->kept->kind |= VAULT_H2;
	}
	OPENSSL_cleanse(b, sizeof(b));
	return tls >= 0 && h2 >= 0;
}
