/* SPDX-License-Identifier: MIT */
/*
 * Requests of checks, what comes back, and whether that is what is expected.
 */
#include <stdio.h>
#include <stdlib.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "broker/check_parts.h"
#include "shm/base/mem.h"
#include "shm/conf/regx.h"
#include "shm/proto/h1.h"

enum { NONCE_BYTES = 16, SHA1_BYTES = 20, ACCEPT_BYTES = 28 };

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

_Static_assert(sizeof(struct h1_chunk) <= sizeof(uint32_t[8]),
    "check_reply.chunk holds it");

/* --- what is expected --- */

static enum check_verdict
judge_status(const struct check_expect *e, const struct check_reply *r)
{
	char code[8];
	bool hit = false;
	unsigned i;

	if (!r->has_head)
		return r->ended ? CHECK_NO : CHECK_WAIT;
	if (e->match == CHECK_MATCH_RSTATUS) {
		snprintf(code, sizeof(code), "%u", r->status % 1000);
		hit = regx_match(e->re, sv_str(code), NULL);
	}
	for (i = 0; i < e->range_count; i++)
		hit |= r->status >= e->range[i].from &&
		    r->status <= e->range[i].to;
	return hit != e->negated ? CHECK_YES : CHECK_NO;
}

enum check_verdict
check_http_judge(const struct check_expect *e, const struct check_reply *r)
{
	struct sv body = sv_of(r->body, r->body_bytes);
	bool all = r->ended || r->body_bytes >= CHECK_BODY_MAX, hit;

	if (e->match == CHECK_MATCH_STATUS || e->match == CHECK_MATCH_RSTATUS)
		return judge_status(e, r);
	if (!r->has_head)
		return r->ended ? CHECK_NO : CHECK_WAIT;
	if (!all && e->min_recv > 0 && body.n < (size_t)e->min_recv)
		return CHECK_WAIT;
	hit = e->match == CHECK_MATCH_STRING
	    ? sv_find(body, sv_str(e->text)) >= 0
	    : regx_match(e->re, body, NULL);
	if (!hit && !all)
		return CHECK_WAIT;
	return hit != e->negated ? CHECK_YES : CHECK_NO;
}

/* --- requests --- */

static bool
has_header(const struct check_send *s, const char *name)
{
	unsigned i;

	for (i = 0; i < s->hdr_count; i++)
		if (sv_ieq(sv_str(s->hdr[i].name), sv_str(name)))
			return true;
	return false;
}

static void
add(char **text, char *more)
{
	char *all = mem_printf("%s%s", *text, more);

	free(*text);
	free(more);
	*text = all;
}

char *
check_http_request(const struct check_send *s, size_t *n_r)
{
	const char *version = s->version ? s->version : "HTTP/1.0";
	const char *method = s->method ? s->method : "GET";
	bool is_new = strcmp(version, "HTTP/1.0") != 0, framed;
	char *text;
	unsigned i;

	text =
	    mem_printf("%s %s %s\r\n", method, s->uri ? s->uri : "/", version);
	for (i = 0; i < s->hdr_count; i++)
		add(&text,
		    mem_printf("%s: %s\r\n", s->hdr[i].name, s->hdr[i].value));
	framed = s->body || strcmp(method, "POST") == 0 ||
	    strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
	if (framed && !has_header(s, "Content-Length"))
		add(&text,
		    mem_printf("content-length: %zu\r\n",
			s->body ? strlen(s->body) : 0));
	if (is_new && !has_header(s, "Connection"))
		add(&text, mem_printf("connection: close\r\n"));
	add(&text, mem_printf("\r\n%s", s->body ? s->body : ""));
	*n_r = strlen(text);
	return text;
}

/* --- responses over HTTP/1 --- */

void
check_http_body(struct check_reply *r, struct sv data)
{
	size_t room = CHECK_BODY_MAX - r->body_bytes;

	if (data.n > room)
		data.n = room;
	if (data.n == 0)
		return;
	r->body = mem_realloc(r->body, r->body_bytes + data.n);
	memcpy(r->body + r->body_bytes, data.p, data.n);
	r->body_bytes += data.n;
}

void
check_reply_done(struct check_reply *r)
{
	free(r->body);
	memset(r, 0, sizeof(*r));
}

static ssize_t
feed_head(struct check_reply *r, const char *p, size_t n, const char *method,
    const char **why_r)
{
	static struct http_head h;
	struct h1_scan sc = { 0 };
	struct h1_fault f = { 0 };
	ssize_t k = h1_parse_response(
	    p, n, CHECK_IN_MAX, &sc, http_method_of(sv_str(method)), &h, &f);

	if (k < 0)
		*why_r = f.why ? f.why : "";
	if (k <= 0)
		return k;
	if (h.status < 200 && h.status != 101)
		return k; /* the one that counts follows */
	r->has_head = true;
	r->status = h.status;
	snprintf(r->reason, sizeof(r->reason), SV_FMT, SV_ARG(h.reason));
	r->framing = h.framing;
	r->left = h.content_length;
	r->ended = h.framing == HTTP_BODY_NONE;
	return k;
}

static ssize_t
feed_chunks(struct check_reply *r, const char *p, size_t n, const char **why_r)
{
	struct h1_chunk c;
	struct sv data;
	size_t at = 0;
	ssize_t k;

	memcpy(&c, r->chunk, sizeof(c));
	do {
		data = SV_NULL;
		k = h1_chunk_decode(&c, p + at, n - at, &data);
		if (k < 0) {
			*why_r = "bad chunk";
			return k;
		}
		check_http_body(r, data);
		at += (size_t)k;
	} while (k > 0 && c.state != H1C_TRAILER && c.state != H1C_DONE);
	r->ended = c.state == H1C_TRAILER || c.state == H1C_DONE;
	memcpy(r->chunk, &c, sizeof(c));
	return (ssize_t)at;
}

ssize_t
check_http_feed(struct check_reply *r, const char *p, size_t n,
    const char *method, const char **why_r)
{
	if (!r->has_head)
		return feed_head(r, p, n, method ? method : "GET", why_r);
	switch (r->framing) {
	case HTTP_BODY_CHUNKED:
		return r->ended ? (ssize_t)n : feed_chunks(r, p, n, why_r);
	case HTTP_BODY_LENGTH:
		if (n > r->left)
			n = (size_t)r->left;
		r->left -= n;
		r->ended = r->left == 0;
		break;
	case HTTP_BODY_EOF:
	case HTTP_BODY_NONE:
	case HTTP_FRAMING_N:
		break;
	}
	check_http_body(r, sv_of(p, n));
	return (ssize_t)n;
}

/* --- WebSocket handshakes --- */

char *
check_ws_request(const char *uri, const char *host, char key[25])
{
	unsigned char nonce[NONCE_BYTES];

	if (RAND_bytes(nonce, sizeof(nonce)) != 1)
		memset(nonce, 'w', sizeof(nonce));
	EVP_EncodeBlock((unsigned char *)key, nonce, sizeof(nonce));
	return mem_printf("GET %s HTTP/1.1\r\nHost: %s\r\n"
			  "Connection: Upgrade\r\nUpgrade: websocket\r\n"
			  "Sec-WebSocket-Version: 13\r\n"
			  "Sec-WebSocket-Key: %s\r\n\r\n",
	    uri, host, key);
}

/* Masked as a client's is, by zeros. */
void
check_ws_close(uint8_t out[CHECK_WS_CLOSE_BYTES])
{
	static const uint8_t frame[CHECK_WS_CLOSE_BYTES] = { 0x88, 0x82, 0, 0,
		0, 0, 0x03, 0xe8 };

	memcpy(out, frame, sizeof(frame));
}

static bool
accepts(const struct http_head *h, const char *key)
{
	int i = http_find_id(h, HID_SEC_WEBSOCKET_ACCEPT, 0);
	unsigned char sha[EVP_MAX_MD_SIZE], want[ACCEPT_BYTES + 1];
	char text[64];
	unsigned n = 0;
	int len = snprintf(text, sizeof(text), "%s%s", key, guid);

	if (i < 0 ||
	    EVP_Digest(text, (size_t)len, sha, &n, EVP_sha1(), NULL) != 1 ||
	    n != SHA1_BYTES)
		return false;
	EVP_EncodeBlock(want, sha, SHA1_BYTES);
	return sv_eq(h->hdr[i].value, sv_of((char *)want, ACCEPT_BYTES));
}

enum check_verdict
check_ws_judge(const char *p, size_t n, const char *key, unsigned *status_r,
    const char **why_r)
{
	static struct http_head h;
	struct h1_scan sc = { 0 };
	struct h1_fault f = { 0 };
	ssize_t k =
	    h1_parse_response(p, n, CHECK_IN_MAX, &sc, HTTP_GET, &h, &f);

	*status_r = 0;
	if (k == 0)
		return CHECK_WAIT;
	if (k < 0) {
		*why_r = f.why ? f.why : "no response of HTTP";
		return CHECK_NO;
	}
	*status_r = h.status;
	if (h.status != 101)
		*why_r = http_reason(h.status);
	else if (!accepts(&h, key))
		*why_r = "wrong Sec-WebSocket-Accept";
	else
		return CHECK_YES;
	return CHECK_NO;
}
