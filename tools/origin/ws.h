/* SPDX-License-Identifier: MIT */
/* The demo origin's WebSocket echo: RFC 6455, frame by frame. */
#ifndef ORIGIN_WS_H
#define ORIGIN_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WS_ACCEPT_BYTES 32 /* 28 and a NUL */

struct conn;

struct ws {
	uint64_t left; /* payload bytes of the frame being echoed */
	uint32_t mask_at;
	uint8_t mask[4];
	uint8_t opcode;  /* of that frame */
	bool fragmented; /* within a message of several frames */
	bool closing;    /* a Close was sent */
};

/* Sec-WebSocket-Accept for a key. */
void ws_accept_key(const char *key, char accept_r[WS_ACCEPT_BYTES]);

/* Echoes as much of the input as there is room for in the output. */
void ws_echo(struct conn *c);

#endif
