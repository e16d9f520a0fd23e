/* SPDX-License-Identifier: MIT */
#include "tools/origin/ws.h"

#include <openssl/evp.h>
#include <string.h>

#include "tools/origin/req.h"

#define WS_CONT   0x0
#define WS_TEXT   0x1
#define WS_BINARY 0x2
#define WS_CLOSE  0x8
#define WS_PING   0x9
#define WS_PONG   0xa

#define WS_FIN    0x80
#define WS_MASKED 0x80

void
ws_accept_key(const char *key, char accept_r[WS_ACCEPT_BYTES])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	unsigned char sha[EVP_MAX_MD_SIZE];
	char joined[REQ_KEY_BYTES + sizeof(guid)];
	size_t len = strnlen(key, REQ_KEY_BYTES);

	memcpy(joined, key, len);
	memcpy(joined + len, guid, sizeof(guid));
	EVP_Digest(joined, len + sizeof(guid) - 1, sha, NULL, EVP_sha1(), NULL);
	EVP_EncodeBlock((unsigned char *)accept_r, sha, 20);
}

static void
put(struct ws_io *io, const void *data, size_t len)
{
	memcpy(io->out + io->out_end, data, len);
	io->out_end += len;
}

static void
put_header(struct ws_io *io, uint8_t first, uint64_t len)
{
	uint8_t head[10] = { first };
	size_t n = 2;

	if (len < 126) {
		head[1] = (uint8_t)len;
	} else if (len < 65536) {
		head[1] = 126;
		head[2] = (uint8_t)(len >> 8);
		head[3] = (uint8_t)len;
		n = 4;
	} else {
		head[1] = 127;
		for (int i = 0; i < 8; i++)
			head[2 + i] = (uint8_t)(len >> (56 - 8 * i));
		n = 10;
	}
	put(io, head, n);
}

static void
fail(struct ws *ws, struct ws_io *io, uint16_t code)
{
	uint8_t body[2] = { (uint8_t)(code >> 8), (uint8_t)code };

	put_header(io, WS_FIN | WS_CLOSE, sizeof(body));
	put(io, body, sizeof(body));
	ws->closing = true;
	ws->left = 0;
}

/* Whether RFC 6455 allows this frame here. */
static bool
frame_fits(struct ws *ws, uint8_t first, uint8_t second, uint64_t len)
{
	uint8_t opcode = first & 0x0f;
	bool fin = first & WS_FIN;

	if ((first & 0x70) || !(second & WS_MASKED) || len >> 63)
		return false;
	switch (opcode) {
	case WS_CONT:
		if (!ws->fragmented)
			return false;
		ws->fragmented = !fin;
		return true;
	case WS_TEXT:
	case WS_BINARY:
		if (ws->fragmented)
			return false;
		ws->fragmented = !fin;
		return true;
	case WS_CLOSE:
	case WS_PING:
	case WS_PONG:
		return fin && len < 126;
	default:
		return false;
	}
}

/* Reads a frame header and starts the echoed frame. False: need more. */
static bool
start_frame(struct ws *ws, struct ws_io *io)
{
	const uint8_t *p = io->in + io->in_at;
	size_t have = io->in_end - io->in_at, need = 2;
	uint64_t len;

	if (have < 2)
		return false;
	len = p[1] & 0x7f;
	if (len == 126)
		need = 4;
	else if (len == 127)
		need = 10;
	if (p[1] & WS_MASKED)
		need += 4;
	if (have < need)
		return false;
	if (len >= 126) {
		size_t bytes = len == 126 ? 2 : 8;

		len = 0;
		for (size_t i = 0; i < bytes; i++)
			len = len << 8 | p[2 + i];
	}
	io->in_at += need;
	if (!frame_fits(ws, p[0], p[1], len)) {
		fail(ws, io, 1002);
		return true;
	}
	memcpy(ws->mask, p + need - 4, 4);
	ws->mask_at = 0;
	ws->left = len;
	ws->opcode = p[0] & 0x0f;
	switch (ws->opcode) {
	case WS_PING:
		put_header(io, WS_FIN | WS_PONG, len);
		break;
	case WS_PONG:
		break;
	case WS_CLOSE:
		ws->closing = true;
		put_header(io, p[0], len);
		break;
	default:
		ws->messages++;
		put_header(io, p[0], len);
		break;
	}
	return true;
}

static void
copy_payload(struct ws *ws, struct ws_io *io)
{
	uint8_t *p = io->in + io->in_at;
	size_t n = io->in_end - io->in_at;

	if (n > ws->left)
		n = (size_t)ws->left;
	if (n > io->out_size - io->out_end)
		n = io->out_size - io->out_end;
	for (size_t i = 0; i < n; i++)
		p[i] ^= ws->mask[(ws->mask_at + i) & 3];
	ws->mask_at = (uint32_t)(ws->mask_at + n) & 3;
	if (ws->opcode != WS_PONG)
		put(io, p, n);
	io->in_at += n;
	ws->left -= n;
}

bool
ws_echo(struct ws *ws, struct ws_io *io)
{
	while (io->out_size - io->out_end >= WS_ROOM_BYTES) {
		if (ws->left > 0 && io->in_at < io->in_end)
			copy_payload(ws, io);
		else if (ws->closing && ws->left == 0)
			return false;
		else if (ws->left > 0 || !start_frame(ws, io))
			break;
	}
	return true;
}
