/* SPDX-License-Identifier: MIT */
/*
 * Control frames of our own (RFC 6455 5.5), put between two frames of a
 * direction of a WebSocket.
 */
#ifndef WORKER_WS_INJECT_H
#define WORKER_WS_INJECT_H

#include "shm/proto/ws_frame.h"

enum {
	WS_INJECT_PAYLOAD_MAX = 16,
	WS_INJECT_MAX = 2 + 4 + WS_INJECT_PAYLOAD_MAX
};

/*
 * A ping, pong or Close with n bytes of payload; masked: towards a server,
 * with a random key.  Bytes of it, or 0: there was no random number.
 */
MUST_USE size_t ws_inject_frame(uint8_t out[WS_INJECT_MAX], enum ws_kind kind,
    const void *payload, size_t n, bool masked);
/* A Close with this code. */
MUST_USE size_t ws_inject_close(
    uint8_t out[WS_INJECT_MAX], unsigned code, bool masked);

#endif
