/* SPDX-License-Identifier: MIT */
/*
 * Sec-WebSocket-Key and its answer (RFC 6455 4.2.2).
 */
#ifndef SHM_PROTO_WS_KEY_H
#define SHM_PROTO_WS_KEY_H

#include "shm/base/sv.h"

enum { WS_KEY_ACCEPT_BYTES = 28 };

/* Sec-WebSocket-Accept of a key, whatever its length. No NUL at the end. */
void ws_key_accept(struct sv key, char out[WS_KEY_ACCEPT_BYTES]);

#endif
