/* SPDX-License-Identifier: MIT */
/* See ws_key.h. */
#include "shm/proto/ws_key.h"

#include <openssl/evp.h>
#include <string.h>

#include "shm/base/chk.h"

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

void
ws_key_accept(struct sv key, char out[WS_KEY_ACCEPT_BYTES])
{
	unsigned char sha[20], text[WS_KEY_ACCEPT_BYTES + 1];
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	CHK(c && EVP_DigestInit_ex(c, EVP_sha1(), NULL) == 1);
	CHK(EVP_DigestUpdate(c, key.p ? key.p : "", key.n) == 1);
	CHK(EVP_DigestUpdate(c, guid, sizeof(guid) - 1) == 1);
	CHK(EVP_DigestFinal_ex(c, sha, NULL) == 1);
	EVP_MD_CTX_free(c);
	CHK(EVP_EncodeBlock(text, sha, sizeof(sha)) == WS_KEY_ACCEPT_BYTES);
	memcpy(out, text, WS_KEY_ACCEPT_BYTES);
}
