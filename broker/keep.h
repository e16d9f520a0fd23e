/* SPDX-License-Identifier: MIT */
/*
 * The portable state of connections, TLS and HTTP/2, as the broker handles
 * it: private while it owns one or has one in hand, else in the vault of the
 * worker that holds it.
 */
#ifndef BROKER_KEEP_H
#define BROKER_KEEP_H

#include "broker/state.h"
#include "shm/proto/h2_port.h"
#include "shm/proto/tls_rec.h"

/* What is in hand of a slot; of plain HTTP/1.1 nothing is. */
struct kept {
	uint32_t kind; /* enum vault_kind */
	uint32_t tls_bytes, h2_bytes;
	/* HTTP/2, between two looks at the socket: part of a frame, what the
	 * socket did not take (sealed), when it was looked at, and since when
	 * that part is there */
	uint8_t *rest, *out;
	size_t rest_bytes, out_bytes;
	uint64_t at_ms, rest_ms;
	uint8_t state[]; /* as in a vault entry */
};

/* Take a packed TLS state in hand, or (0 bytes) a plain connection. */
void
keep_set(struct bslot *s, uint32_t kind, const uint8_t *state, uint32_t bytes);
/*
 * After vault_take(): from the worker's vault, which is wiped; true for a
 * plain connection.  False: it is no valid state of this connection.
 */
MUST_USE bool keep_take(struct bslot *s, struct peer *from);
/* Into the worker's vault, ready; nothing stays here. */
void keep_give(struct bslot *s, struct peer *to);
/* Wipe what is in hand. */
void keep_wipe(struct bslot *s);
/* Nothing is under way that a worker could not go on with. */
bool keep_is_quiet(const struct bslot *s);
/* What is in hand, as tls_rec and h2_idle want it. False: it is not valid. */
MUST_USE bool
keep_unpack(const struct bslot *s, struct tls_rec *r, struct h2_port *p);
/* It has moved on; from now on it speaks HTTP/2 if p is not NULL. */
MUST_USE bool
keep_pack(struct bslot *s, const struct tls_rec *r, const struct h2_port *p);

#endif
