/* SPDX-License-Identifier: MIT */
#include "worker/ws_key.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

enum {
	NONCE_BYTES = 16,
	KEY_CHARS = 24, /* of the nonce in base64 */
	SHA1_BYTES = 20,
	ACCEPT_CHARS = 28
};

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

static bool
asks_for_websocket(const struct http_head *req)
{
	int i = -1;

	while ((i = http_find_id(req, HID_UPGRADE, (unsigned)(i + 1))) >= 0) {
		struct sv list = req->hdr[i].value, e;

		while (sv_next_elem(&list, &e))
			if (sv_ieq(e, SV("websocket")))
				return true;
	}
	return false;
}

int
ws_key_add(struct http_head *req, struct arena *a)
{
	unsigned char nonce[NONCE_BYTES];
	char *key;

	if (!asks_for_websocket(req) ||
	    http_find_id(req, HID_SEC_WEBSOCKET_KEY, 0) >= 0)
		return 0;
	key = arena_get(a, KEY_CHARS + 1);
	if (!key || RAND_bytes(nonce, sizeof(nonce)) != 1)
		return -WSE_NOMEM;
	EVP_EncodeBlock((unsigned char *)key, nonce, sizeof(nonce));
	return http_add(req, SV("Sec-WebSocket-Key"), sv_of(key, KEY_CHARS));
}

bool
ws_key_is_accepted(const struct http_head *req, const struct http_head *res)
{
	int k = http_find_id(req, HID_SEC_WEBSOCKET_KEY, 0);
	int r = http_find_id(res, HID_SEC_WEBSOCKET_ACCEPT, 0);
	unsigned char sha[SHA1_BYTES], want[ACCEPT_CHARS + 1];
	char text[128];
	struct sv key;

	if (k < 0)
		return true;
	key = req->hdr[k].value;
	if (r < 0 || key.n + sizeof(guid) > sizeof(text))
		return false;
	memcpy(text, key.p, key.n);
	memcpy(text + key.n, guid, sizeof(guid) - 1);
	if (EVP_Digest(text, key.n + sizeof(guid) - 1, sha, NULL, EVP_sha1(),
		NULL) != 1)
		return false;
	EVP_EncodeBlock(want, sha, sizeof(sha));
	return sv_eq(
	    res->hdr[r].value, sv_of((const char *)want, ACCEPT_CHARS));
}
