/* SPDX-License-Identifier: MIT */
/*
 * A session taken apart into its portable form, and made again from it in
 * another process (nghttp2 has no export): through frames made up for it,
 * whose answers are thrown away.
 *
 * Leaving: h2_move_ready() until 0, with h2_sess_output() and more input in
 * between as it says; then h2_move_out(), h2_sess_free(), and whatever raw
 * rest the caller still has goes along.
 */
#ifndef SHM_PROTO_H2_MOVE_H
#define SHM_PROTO_H2_MOVE_H

#include "shm/proto/h2_port.h"
#include "shm/proto/h2_sess.h"

/*
 * Can the session leave?  Gives back to the peer all windows of what was
 * consumed, so it may leave output.  0: now.  -WSE_AGAIN: send what
 * h2_sess_output() has, or, with none, wait for input (a SETTINGS ACK; server
 * side the first call asks for it by HEADER_TABLE_SIZE 0).  -WSE_DENIED: this
 * connection stays (GOAWAY, a stream that is not an established tunnel, a
 * window below zero, a section half read).
 */
MUST_USE int h2_move_ready(struct h2_sess *s);
/* After 0. */
void h2_move_out(const struct h2_sess *s, struct h2_port *p);
/*
 * The session again; streams have `user` NULL until h2_move_attach(). cfg's
 * windows and connect_protocol are overruled by what was announced.  NULL:
 * memory is out, or p contradicts itself.
 */
struct h2_sess *h2_move_in(const struct h2_cfg *cfg, const struct h2_events *ev,
    void *conn, const struct h2_port *p, uint64_t now_ms);
/* Give a stream of p its owner. False: there is none of that id. */
bool h2_move_attach(struct h2_sess *s, uint32_t id, void *user);

#endif
