/* SPDX-License-Identifier: MIT */
#include "worker/ws_inject.h"

#include <openssl/rand.h>
#include <string.h>

#include "shm/base/chk.h"

enum { FIN = 0x80, BIT_MASK = 0x80, KEY_BYTES = 4 };

static uint8_t
opcode(enum ws_kind kind)
{
	switch (kind) {
	case WS_PING:
		return 9;
	case WS_PONG:
		return 10;
	case WS_CLOSE:
		return 8;
	case WS_TEXT:
	case WS_BINARY:
	case WS_KIND_N:
		break;
	}
	return 0;
}

size_t
ws_inject_frame(uint8_t out[WS_INJECT_MAX], enum ws_kind kind,
    const void *payload, size_t n, bool masked)
{
	const uint8_t *from = payload;
	uint8_t key[KEY_BYTES] = { 0 }, *p = out;

	CHK(opcode(kind) && n <= WS_INJECT_PAYLOAD_MAX);
	/* towards a server each frame has a mask of its own, RFC 6455 5.3 */
	if (masked && RAND_bytes(key, sizeof(key)) != 1)
		return 0;
	*p++ = FIN | opcode(kind);
	*p++ = (uint8_t)((masked ? BIT_MASK : 0) | n);
	if (masked) {
		memcpy(p, key, KEY_BYTES);
		p += KEY_BYTES;
	}
	for (size_t i = 0; i < n; i++)
		*p++ = from[i] ^ key[i % KEY_BYTES];
	return (size_t)(p - out);
}

size_t
ws_inject_close(uint8_t out[WS_INJECT_MAX], unsigned code, bool masked)
{
	const uint8_t b[2] = { (uint8_t)(code >> 8), (uint8_t)code };

	return ws_inject_frame(out, WS_CLOSE, b, sizeof(b), masked);
}
