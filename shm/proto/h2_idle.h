/* SPDX-License-Identifier: MIT */
/*
 * An HTTP/2 connection to a server that carries no stream, without a session:
 * its portable form is all there is.  For connections just dialled, and for
 * those that wait in a pool.
 */
#ifndef SHM_PROTO_H2_IDLE_H
#define SHM_PROTO_H2_IDLE_H

#include "shm/proto/h2_port.h"
#include "shm/proto/h2_sess.h"

enum { H2_IDLE_HELLO_BYTES = H2_MAGIC_BYTES + 9 + 6 * 6 };

/*
 * Begin a connection: what is sent first, bytes written to out (room for
 * H2_IDLE_HELLO_BYTES).  Until p->peer.ready it has no tag; then
 * p->peer.connects tells h2ws from h2.
 */
size_t h2_idle_begin(const struct h2_cfg *cfg, struct h2_port *p, uint8_t *out);
/*
 * Take whole frames from n bytes at in; bytes consumed, what is left the
 * caller keeps (it is not at rest then, see h2_idle_is_quiet()).  quiet_ms:
 * since the last call for this connection.  *out_r bytes at out, to be sent;
 * with room for H2_IDLE_OUT_MIN at least one frame is taken.
 *
 * -WSE_EOF: the server says GOAWAY; -WSE_PROTO: anything else that ends a
 * connection.  Send what is at out, perhaps h2_idle_bye(), and close.
 */
enum { H2_IDLE_OUT_MIN = 64 };
MUST_USE ssize_t h2_idle_feed(struct h2_port *p, const void *in, size_t n,
    uint64_t quiet_ms, uint8_t *out, size_t room, size_t *out_r);
/* May be leased or pooled: SETTINGS came, nothing of a frame is there. */
bool h2_idle_is_quiet(const struct h2_port *p, size_t rest_bytes);
/* A GOAWAY (NO_ERROR), for a polite end: 17 bytes. */
enum { H2_IDLE_BYE_BYTES = H2_HD_BYTES + 8 };
void h2_idle_bye(uint8_t out[H2_IDLE_BYE_BYTES]);

#endif
