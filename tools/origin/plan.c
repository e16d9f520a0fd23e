/* SPDX-License-Identifier: MIT */
#include "tools/origin/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/origin/conn.h"
#include "tools/origin/page.h"
#include "tools/origin/tls_stat.h"

#define CHUNK_BYTES 16384
#define SSE_MS      1000

/* A path, or the start of one that a number follows. */
struct route {
	const char *path;
	enum plan_kind kind;
	bool number;
};

static const struct route routes[] = {
	{ "/", PLAN_PAGE, false },
	{ "/bytes/", PLAN_BYTES, true },
	{ "/chunked/", PLAN_CHUNKED, true },
	{ "/echo", PLAN_ECHO, false },
	{ "/hash", PLAN_HASH, false },
	{ "/headers", PLAN_HEADERS, false },
	{ "/status/", PLAN_STATUS, true },
	{ "/delay/", PLAN_CONN, true },
	{ "/conn", PLAN_CONN, false },
	{ "/close", PLAN_CONN, false },
	{ "/abort", PLAN_ABORT, false },
	{ "/abort/", PLAN_ABORT, true },
	{ "/sse", PLAN_SSE, false },
	{ "/ws", PLAN_WS_MISSING, false },
	{ "/keyupdate", PLAN_KEY_UPDATE, false },
	{ "/_stats", PLAN_STATS, false },
	{ "/_stats/reset", PLAN_STATS_RESET, false },
};

/* A decimal number that fills the text; false if it is none. */
static bool
read_number(const char *text, size_t len, uint64_t *n_r)
{
	uint64_t n = 0;

	if (len == 0 || len > 15)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(text[i] - '0');
	}
	*n_r = n;
	return true;
}

static enum plan_kind
find_route(const struct req *req, uint64_t *n_r)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		const struct route *r = &routes[i];
		size_t len = strlen(r->path);

		if (!r->number && req_path_is(req, r->path))
			return r->kind;
		if (r->number && req->path_len > len &&
		    memcmp(req->path, r->path, len) == 0 &&
		    read_number(req->path + len, req->path_len - len, n_r))
			return r->kind;
	}
	return PLAN_NOT_FOUND;
}

static void
read_option(struct plan *plan, const char *word, size_t len)
{
	const char *eq = memchr(word, '=', len);
	size_t name = eq ? (size_t)(eq - word) : len;
	uint64_t n = 0;

#define IS(s) (name == sizeof(s) - 1 && memcmp(word, s, name) == 0)
	if (IS("close"))
		plan->close = true;
	else if (IS("drop"))
		plan->drop = true;
	else if (IS("early"))
		plan->early = true;
	else if (IS("nolen"))
		plan->nolen = true;
	else if (IS("unclean"))
		plan->unclean = true;
	else if (IS("rst"))
		plan->rst = true;
	else if (IS("badaccept"))
		plan->bad_key = true;
	else if (eq && read_number(eq + 1, len - name - 1, &n)) {
		if (IS("delay"))
			plan->delay_ms = (uint32_t)n;
		else if (IS("request"))
			plan->request = n > 0;
		else if (IS("status") && n >= 200 && n <= 999)
			plan->status = (uint16_t)n;
	}
#undef IS
}

static void
read_query(struct plan *plan, const struct req *req)
{
	const char *p = req->query, *end = p + req->query_len;

	while (p < end) {
		const char *amp = memchr(p, '&', (size_t)(end - p));
		const char *stop = amp ? amp : end;

		read_option(plan, p, (size_t)(stop - p));
		p = stop + 1;
	}
}

void
plan_read(struct plan *plan, const struct req *req)
{
	memset(plan, 0, sizeof(*plan));
	plan->status = 200;
	plan->kind = find_route(req, &plan->n);
	plan->head =
	    req->method_len == 4 && memcmp(req->method, "HEAD", 4) == 0;
	plan->http10 = req->http10;
	if (req->query_len)
		read_query(plan, req);
	if (plan->kind == PLAN_STATUS) {
		if (plan->n >= 200 && plan->n <= 999)
			plan->status = (uint16_t)plan->n;
		else
			plan->kind = PLAN_NOT_FOUND;
	} else if (plan->kind == PLAN_CONN) {
		if (plan->n > 0)
			plan->delay_ms = (uint32_t)plan->n;
		if (req_path_is(req, "/close"))
			plan->close = true;
	} else if (req->ws_token && req->upgrade && req->key[0] &&
	    plan->kind != PLAN_ABORT && plan->status == 200) {
		plan->kind = PLAN_WS;
		memcpy(plan->key, req->key, sizeof(plan->key));
	}
	if (plan->kind == PLAN_HEADERS)
		plan->early = true; /* while the head is still there */
}

bool
plan_is_early(const struct plan *plan)
{
	return plan->early || plan->kind == PLAN_ABORT;
}

static const char *
reason(unsigned int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 204:
		return "No Content";
	case 304:
		return "Not Modified";
	case 404:
		return "Not Found";
	case 426:
		return "Upgrade Required";
	default:
		return "Status";
	}
}

static bool
has_no_body(const struct plan *plan)
{
	return plan->status == 204 || plan->status == 304;
}

/* Status line and fields; the body's framing is the caller's. */
static void
put_head(struct conn *c, const char *type)
{
	struct plan *plan = &c->plan;

	conn_putf(c, "HTTP/1.1 %u %s\r\nServer: wsbroker-origin\r\n",
	    plan->status, reason(plan->status));
	if (!has_no_body(plan))
		conn_putf(c, "Content-Type: %s\r\n", type);
	if (!c->keep)
		conn_putf(c, "Connection: close\r\n");
	else if (plan->http10)
		conn_putf(c, "Connection: keep-alive\r\n");
}

static void
put_text(struct conn *c, const char *type, const char *text, size_t len)
{
	put_head(c, type);
	if (has_no_body(&c->plan)) {
		conn_putf(c, "\r\n");
		return;
	}
	if (c->plan.nolen)
		conn_putf(c, "\r\n");
	else
		conn_putf(c, "Content-Length: %zu\r\n\r\n", len);
	if (!c->plan.head)
		conn_put(c, text, len);
}

static void
answer_bytes(struct conn *c)
{
	struct plan *plan = &c->plan;

	put_head(c, "application/octet-stream");
	if (has_no_body(plan)) {
		conn_putf(c, "\r\n");
		return;
	}
	if (plan->nolen)
		conn_putf(c, "\r\n");
	else
		conn_putf(c, "Content-Length: %llu\r\n\r\n",
		    (unsigned long long)plan->n);
	c->gen_at = 0;
	c->gen = plan->head ? 0 : plan->n;
}

static void
answer_chunked(struct conn *c)
{
	if (c->plan.http10) {
		c->keep = false;
		c->plan.nolen = true;
		c->plan.kind = PLAN_BYTES;
		answer_bytes(c);
		return;
	}
	put_head(c, "application/octet-stream");
	conn_putf(c,
	    "Trailer: X-Origin-Trailer\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n");
	c->gen_at = 0;
	if (c->plan.head)
		c->plan.n = 0;
	else if (c->plan.n == 0)
		conn_putf(c, "0\r\nX-Origin-Trailer: end\r\n\r\n");
}

void
plan_more_chunks(struct conn *c)
{
	while (c->plan.n > 0 && conn_room(c) >= CONN_OUT_ROOM) {
		size_t len = conn_room(c) - 128;

		if (len > CHUNK_BYTES)
			len = CHUNK_BYTES;
		if (len > c->plan.n)
			len = (size_t)c->plan.n;
		conn_putf(c, "%zx\r\n", len);
		conn_put_pattern(c, len);
		conn_put(c, "\r\n", 2);
		c->plan.n -= len;
		if (c->plan.n == 0)
			conn_putf(c, "0\r\nX-Origin-Trailer: end\r\n\r\n");
	}
}

static void
answer_hash(struct conn *c)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned int len = 0;
	char hex[2 * EVP_MAX_MD_SIZE + 2];

	EVP_DigestFinal_ex(c->hash, sum, &len);
	for (unsigned int i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
	hex[2 * len] = '\n';
	put_text(c, "text/plain", hex, 2 * len + 1);
}

static void
answer_conn(struct conn *c)
{
	char text[80];
	int n = snprintf(text, sizeof(text), "conn %llu request %u\n",
	    (unsigned long long)c->id, c->requests);

	put_text(c, "text/plain", text, (size_t)n);
}

static void
answer_stats(struct conn *c)
{
	const struct conn_stats *st = &conn_stats;
	char text[640 + TLS_STAT_JSON_LEN];
	int n;

#define U(field) (unsigned long long)st->field
	n = snprintf(text, sizeof(text),
	    "{\"accepted\": %llu, \"open\": %llu, \"peak_open\": %llu, "
	    "\"refused\": %llu, \"requests\": %llu, \"concurrent\": %llu, "
	    "\"peak_concurrent\": %llu, \"websockets\": %llu, "
	    "\"messages\": %llu, \"aborted\": %llu, \"bad\": %llu, "
	    "\"tls\": ",
	    U(accepted), U(open), U(peak_open), U(refused), U(requests),
	    U(concurrent), U(peak_concurrent), U(websockets), U(messages),
	    U(aborted), U(bad));
#undef U
	n += (int)tls_stat_write(text + n);
	n += sprintf(text + n, "}\n");
	put_text(c, "application/json", text, (size_t)n);
}

static void
reset_stats(void)
{
	struct conn_stats *st = &conn_stats;
	struct conn_stats kept = { .open = st->open,
		.peak_open = st->open,
		.concurrent = st->concurrent,
		.peak_concurrent = st->concurrent };

	*st = kept;
	tls_stat_reset();
}

/* The answer itself is the first that comes under the new key. */
static void
answer_key_update(struct conn *c)
{
	bool sent =
	    c->wire.tls && tls_update_keys(c->wire.tls, c->plan.request);

	if (sent)
		put_text(c, "text/plain", "key update\n", 11);
	else
		put_text(c, "text/plain", "no key update\n", 14);
}

/* Some bytes of an answer that promises more, then nothing. */
static void
answer_abort(struct conn *c)
{
	if (c->plan.n > 0) {
		conn_putf(c, "HTTP/1.1 200 OK\r\nContent-Length: %llu\r\n\r\n",
		    2 * (unsigned long long)c->plan.n);
		c->gen_at = 0;
		c->gen = c->plan.n;
	}
	c->keep = false;
}

static void
answer_sse(struct conn *c)
{
	put_head(c, "text/event-stream");
	conn_putf(c, "Cache-Control: no-store\r\n");
	if (!c->plan.http10)
		conn_putf(c, "Transfer-Encoding: chunked\r\n");
	conn_putf(c, "\r\n");
	c->plan.n = 0;
	plan_tick(c);
}

void
plan_tick(struct conn *c)
{
	char event[64];
	int n;

	conn_timer(c, SSE_MS);
	if (conn_room(c) < CONN_OUT_ROOM)
		return; /* a slow reader misses events */
	n = snprintf(event, sizeof(event), "data: tick %llu\n\n",
	    (unsigned long long)c->plan.n++);
	if (c->plan.http10)
		conn_putf(c, "%s", event);
	else
		conn_putf(c, "%x\r\n%s\r\n", (unsigned int)n, event);
}

static void
answer_ws(struct conn *c)
{
	char accept[WS_ACCEPT_BYTES];

	ws_accept_key(c->plan.bad_key ? "no such key" : c->plan.key, accept);
	conn_putf(c,
	    "HTTP/1.1 101 Switching Protocols\r\n"
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: %s\r\n\r\n",
	    accept);
	conn_stats.websockets++;
	c->keep = true;
}

static void
answer_ws_missing(struct conn *c)
{
	c->plan.status = 426;
	conn_putf(c,
	    "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade%s\r\nContent-Length: 0\r\n\r\n",
	    c->keep ? "" : ", close");
}

void
plan_answer_echo(struct conn *c, const struct req *req)
{
	put_head(c, "application/octet-stream");
	if (req->body == REQ_BODY_CHUNKED)
		conn_putf(c, "Transfer-Encoding: chunked\r\n\r\n");
	else
		conn_putf(c, "Content-Length: %llu\r\n\r\n",
		    (unsigned long long)req->length);
}

static void
answer_headers(struct conn *c, const char *head, size_t head_len)
{
	if (head_len > CONN_OUT_ROOM - 512)
		head_len = CONN_OUT_ROOM - 512;
	put_text(c, "text/plain", head, head_len);
}

void
plan_answer(struct conn *c, const char *head, size_t head_len)
{
	c->state = CONN_SEND;
	switch (c->plan.kind) {
	case PLAN_PAGE:
		put_text(c, "text/html; charset=utf-8", page_html,
		    strlen(page_html));
		break;
	case PLAN_BYTES:
		answer_bytes(c);
		break;
	case PLAN_CHUNKED:
		answer_chunked(c);
		break;
	case PLAN_ECHO:
		if (c->dec.chunked && !c->plan.head)
			conn_put(c, "0\r\n\r\n", 5);
		break;
	case PLAN_HASH:
		answer_hash(c);
		break;
	case PLAN_HEADERS:
		answer_headers(c, head, head_len);
		break;
	case PLAN_STATUS:
		put_text(c, "text/plain", "", 0);
		break;
	case PLAN_CONN:
		answer_conn(c);
		break;
	case PLAN_ABORT:
		answer_abort(c);
		break;
	case PLAN_SSE:
		answer_sse(c);
		c->state = CONN_SSE;
		break;
	case PLAN_WS:
		answer_ws(c);
		c->state = CONN_WS;
		break;
	case PLAN_WS_MISSING:
		answer_ws_missing(c);
		break;
	case PLAN_KEY_UPDATE:
		answer_key_update(c);
		break;
	case PLAN_STATS:
		answer_stats(c);
		break;
	case PLAN_STATS_RESET:
		reset_stats();
		put_text(c, "text/plain", "reset\n", 6);
		break;
	case PLAN_NOT_FOUND:
		c->plan.status = 404;
		put_text(c, "text/plain", "no such path\n", 13);
		break;
	}
}
