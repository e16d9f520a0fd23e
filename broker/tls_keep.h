/* SPDX-License-Identifier: MIT */
/*
 * The portable TLS state of connections as the broker handles them: private
 * while it owns one or has one in hand, else in the vault of the worker that
 * holds it.
 */
#ifndef BROKER_TLS_KEEP_H
#define BROKER_TLS_KEEP_H

#include "broker/state.h"

/* Take a packed state in hand. */
void tls_keep_set(
    struct bslot *s, uint32_t kind, const uint8_t *state, uint32_t bytes);
/*
 * After vault_take(): from the worker's vault, which is wiped; true for a
 * plain connection.  False: it is no valid state.
 */
MUST_USE bool tls_keep_take(struct bslot *s, struct peer *from);
/* Into the worker's vault, ready; nothing stays here. */
void tls_keep_give(struct bslot *s, struct peer *to);
/* Wipe what is in hand. */
void tls_keep_wipe(struct bslot *s);
/*
 * Our own idle one is readable: take tickets and KeyUpdate, answer.  0;
 * -WSE_AGAIN: part of a record is there; else it is of no more use.
 */
MUST_USE int tls_keep_read(struct bslot *s);
/* close_notify with the state in hand, as far as the socket takes it. */
void tls_keep_bye(struct bslot *s);

#endif
