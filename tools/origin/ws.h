/* SPDX-License-Identifier: MIT */
/*
 * The demo origin's WebSocket echo: RFC 6455, frame by frame. Bytes in,
 * bytes out, no descriptor, no event loop.
 */
#ifndef ORIGIN_WS_H
#define ORIGIN_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WS_ACCEPT_BYTES 32 /* 28 and a NUL */

#define WS_ROOM_BYTES 256 /* with less room ws_echo() waits */

struct ws {
	uint64_t left; /* payload bytes of the frame being echoed */
	uint32_t mask_at;
	uint8_t mask[4];
	uint8_t opcode;    /* of that frame */
	bool fragmented;   /* within a message of several frames */
	bool closing;      /* a Close was sent */
	uint64_t messages; /* data frames echoed */
};

/* Where it reads and writes; the payload is unmasked where it lies. */
struct ws_io {
	uint8_t *in;
	size_t in_at, in_end;
	uint8_t *out;
	size_t out_end, out_size;
};

/* Sec-WebSocket-Accept for a key. */
void ws_accept_key(const char *key, char accept_r[WS_ACCEPT_BYTES]);

/*
 * Echoes as much of the input as there is room for in the output. Returns
 * false when the last frame is there: a Close, ours or the echoed one.
 */
bool ws_echo(struct ws *ws, struct ws_io *io);

#endif
