/* SPDX-License-Identifier: MIT */
/*
 * What the broker reads and writes on connections no worker has: TLS records
 * by tls_rec, HTTP/2 frames by h2_idle, with the state in hand (keep.h).
 *
 * A worker never gets a connection with part of a frame or of a record, or
 * with bytes that are to go out: keep_is_quiet().
 */
#ifndef BROKER_WIRE_H
#define BROKER_WIRE_H

#include "broker/keep.h"
#include "shm/base/sv.h"

struct h2_cfg;

/*
 * It is readable, or writable again: take tickets, KeyUpdates, HTTP/2's
 * frames, answer.  0; -WSE_AGAIN: part of a record is there, which stays in
 * the socket.  Else it is of no more use, a farewell was said and nothing is
 * in hand any more: -WSE_EOF (close, close_notify, GOAWAY), -WSE_RESET,
 * -WSE_TIMEOUT (part of a frame for too long), -WSE_PROTO.
 */
MUST_USE int wire_read(struct bslot *s);
/*
 * Begin HTTP/2 on it, a TLS state or nothing in hand; early: what the server
 * has said already.  Returns as wire_read().
 */
MUST_USE int
wire_hello(struct bslot *s, const struct h2_cfg *cfg, struct sv early);
/* In hand is HTTP/2 with the server's first SETTINGS read. */
bool wire_is_ready(const struct bslot *s, bool *connects_r);
/* In hand is HTTP/2: streams that the server takes at a time. */
unsigned wire_streams(const struct bslot *s);
/* GOAWAY and close_notify, as far as the socket takes it. */
void wire_bye(struct bslot *s);

#endif
