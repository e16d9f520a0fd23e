/* SPDX-License-Identifier: MIT */
#include "worker/ws_key.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "worker/hop.h"

enum {
	NONCE_BYTES = 16,
	KEY_CHARS = 24, /* of the nonce in base64 */
	SHA1_BYTES = 20
};

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

bool
ws_key_is_wanted(const struct http_head *h)
{
	return hop_upgrade_offers(h, SV("websocket"));
}

bool
ws_key_is_given(const struct http_head *req)
{
	int i = http_find_id(req, HID_SEC_WEBSOCKET_KEY, 0);

	return i >= 0 && req->hdr[i].value.n &&
	    http_find_id(req, HID_SEC_WEBSOCKET_KEY, (unsigned)i + 1) < 0;
}

int
ws_key_add(struct http_head *req, struct arena *a)
{
	unsigned char nonce[NONCE_BYTES];
	char *key;

	if (!ws_key_is_wanted(req) ||
	    http_find_id(req, HID_SEC_WEBSOCKET_KEY, 0) >= 0)
		return 0;
	key = arena_get(a, KEY_CHARS + 1);
	if (!key || RAND_bytes(nonce, sizeof(nonce)) != 1)
		return -WSE_NOMEM;
	EVP_EncodeBlock((unsigned char *)key, nonce, sizeof(nonce));
	return http_add(req, SV("Sec-WebSocket-Key"), sv_of(key, KEY_CHARS));
}

bool
ws_key_accept(struct sv key, char out[WS_KEY_ACCEPT_BYTES])
{
	unsigned char sha[SHA1_BYTES], text[WS_KEY_ACCEPT_BYTES + 1];
	EVP_MD_CTX *md;
	bool ok;

	if (key.n == 0)
		return false;
	md = EVP_MD_CTX_new();
	ok = md && EVP_DigestInit_ex(md, EVP_sha1(), NULL) == 1 &&
	    EVP_DigestUpdate(md, key.p, key.n) == 1 &&
	    EVP_DigestUpdate(md, guid, sizeof(guid) - 1) == 1 &&
	    EVP_DigestFinal_ex(md, sha, NULL) == 1;
	EVP_MD_CTX_free(md);
	if (!ok)
		return false;
	EVP_EncodeBlock(text, sha, sizeof(sha));
	memcpy(out, text, WS_KEY_ACCEPT_BYTES);
	return true;
}

bool
ws_key_is_accepted(const struct http_head *req, const struct http_head *res)
{
	int k = http_find_id(req, HID_SEC_WEBSOCKET_KEY, 0);
	int r = http_find_id(res, HID_SEC_WEBSOCKET_ACCEPT, 0);
	char want[WS_KEY_ACCEPT_BYTES];

	if (k < 0 || !ws_key_is_wanted(req))
		return true;
	return r >= 0 && ws_key_accept(req->hdr[k].value, want) &&
	    sv_eq(res->hdr[r].value, sv_of(want, sizeof(want)));
}
