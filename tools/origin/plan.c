/* SPDX-License-Identifier: MIT */
#include "tools/origin/plan.h"

#include <stddef.h>
#include <string.h>

#define DELAY_MAX_MS 86400000
#define HINTS_MAX    10
#define FLOOD_MAX    1000000
#define CHANGES_MAX  10000
#define STREAMS_MAX  1000000000
#define FIELDS_MAX   60000

/* A path, or the start of one that a number follows. */
struct route {
	const char *path;
	enum plan_kind kind;
	bool number;
	const char *doc;
};

static const struct route routes[] = {
	{ "/", PLAN_PAGE, false, "a page for people" },
	{ "/bytes/", PLAN_BYTES, true, "so many bytes" },
	{ "/chunked/", PLAN_CHUNKED, true,
	    "the same in chunks, with a trailer" },
	{ "/echo", PLAN_ECHO, false, "the request's body" },
	{ "/hash", PLAN_HASH, false, "the SHA-256 of the request's body" },
	{ "/headers", PLAN_HEADERS, false, "the request's head" },
	{ "/status/", PLAN_STATUS, true, "an empty answer of this status" },
	{ "/conn", PLAN_CONN, false, "which connection, which request on it" },
	{ "/delay/", PLAN_CONN, true, "the same so many ms later" },
	{ "/close", PLAN_CLOSE, false, "the same, and the connection closes" },
	{ "/abort", PLAN_ABORT, false, "the connection closes" },
	{ "/abort/", PLAN_ABORT, true, "... after half of the bytes promised" },
	{ "/sse", PLAN_SSE, false, "an event a second, without end" },
	{ "/ws", PLAN_WS_MISSING, false,
	    "WebSocket echo, as on every other path" },
	{ "/keyupdate", PLAN_KEY_UPDATE, false, "new keys, over TLS 1.3" },
	{ "/_stats", PLAN_STATS, false, "what the origin has seen, as JSON" },
	{ "/_stats/reset", PLAN_STATS_RESET, false, "counters back to zero" },
};

/* A word of the query: a flag, or WORD=NUMBER. */
struct word {
	const char *name;
	size_t offset; /* in struct plan */
	uint64_t max;  /* 0: a flag */
	uint64_t absent;
	const char *doc;
};

#define FLAG(name, field, doc)                                \
	{                                                     \
		name, offsetof(struct plan, field), 0, 0, doc \
	}
#define NUMBER(name, field, max, absent, doc)                        \
	{                                                            \
		name, offsetof(struct plan, field), max, absent, doc \
	}

static const struct word words[] = {
	NUMBER("delay", delay, DELAY_MAX_MS, 0, "ms before the answer"),
	NUMBER("status", status, 999, 200, "of the answer"),
	NUMBER("hints", hints, HINTS_MAX, 0, "so many 103 responses first"),
	FLAG("early", early, "answers before the body is read"),
	FLAG("nolen", nolen, "no Content-Length"),
	FLAG("close", close, "closes after the answer, and says so"),
	FLAG("drop", drop, "closes after the answer without saying so"),
	FLAG("rst", rst, "/abort: with a TCP RST; ?early: RST_STREAM after it"),
	FLAG("unclean", unclean, "closes without close_notify"),
	FLAG("badaccept", bad_key, "a wrong Sec-WebSocket-Accept"),
	NUMBER("request", update, 1, 0, "1: /keyupdate wants an answer to it"),
	NUMBER("reset", h2.reset, UINT32_MAX, PLAN_UNSET,
	    "RST_STREAM with this code in the body"),
	NUMBER("at", h2.at, UINT64_MAX - 1, PLAN_UNSET,
	    "... after so many bytes of it; half of them"),
	FLAG("noanswer", h2.no_answer, "... instead of an answer"),
	FLAG("noread", h2.no_read, "gives no window back for the body"),
	NUMBER("short", h2.less, UINT32_MAX, 0,
	    "content-length promises so much more than comes"),
	NUMBER("long", h2.more, UINT32_MAX, 0, "... so much less"),
	NUMBER("fields", h2.fields, FIELDS_MAX, 0,
	    "bytes of header fields in the answer"),
	NUMBER("pings", h2.pings, FLOOD_MAX, 0, "sends so many PINGs"),
	NUMBER("changes", h2.changes, CHANGES_MAX, 0, "... empty SETTINGS"),
	NUMBER("empties", h2.empties, FLOOD_MAX, 0,
	    "... empty DATA frames before the body"),
	NUMBER("setting", h2.setting, 65535, PLAN_UNSET,
	    "SETTINGS changes this one"),
	NUMBER("value", h2.value, UINT32_MAX, 0, "... to this"),
	NUMBER("goaway", h2.goaway, UINT32_MAX, PLAN_UNSET,
	    "GOAWAY with this code; open streams are answered"),
	NUMBER("back", h2.back, STREAMS_MAX, 0,
	    "... but the so many last ones are not"),
	NUMBER("late", h2.late, STREAMS_MAX, 0,
	    "WINDOW_UPDATE and RST_STREAM on the Nth stream before"),
	NUMBER("latedata", h2.late_data, STREAMS_MAX, 0,
	    "... DATA on it, which is an error"),
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

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
	for (size_t i = 0; i < COUNT(routes); i++) {
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
set_number(struct plan *plan, const struct word *w, uint64_t n)
{
	memcpy((char *)plan + w->offset, &n, sizeof(n));
}

static void
read_word(struct plan *plan, const char *text, size_t len)
{
	const char *eq = memchr(text, '=', len);
	size_t name = eq ? (size_t)(eq - text) : len;
	uint64_t n;

	for (size_t i = 0; i < COUNT(words); i++) {
		const struct word *w = &words[i];

		if (strlen(w->name) != name || memcmp(text, w->name, name) != 0)
			continue;
		if (w->max == 0)
			*(bool *)((char *)plan + w->offset) = true;
		else if (eq && read_number(eq + 1, len - name - 1, &n) &&
		    n <= w->max)
			set_number(plan, w, n);
		return;
	}
}

static void
read_query(struct plan *plan, const struct req *req)
{
	const char *p = req->query, *end = p + req->query_len;

	while (p < end) {
		const char *amp = memchr(p, '&', (size_t)(end - p));
		const char *stop = amp ? amp : end;

		read_word(plan, p, (size_t)(stop - p));
		p = stop + 1;
	}
}

void
plan_read(struct plan *plan, const struct req *req)
{
	memset(plan, 0, sizeof(*plan));
	for (size_t i = 0; i < COUNT(words); i++)
		if (words[i].max)
			set_number(plan, &words[i], words[i].absent);
	plan->kind = find_route(req, &plan->n);
	plan->head =
	    req->method_len == 4 && memcmp(req->method, "HEAD", 4) == 0;
	plan->http10 = req->http10;
	if (req->query_len)
		read_query(plan, req);
	if (plan->status < 200)
		plan->status = 200;
	if (plan->kind == PLAN_STATUS) {
		if (plan->n >= 200 && plan->n <= 999)
			plan->status = plan->n;
		else
			plan->kind = PLAN_NOT_FOUND;
	} else if (plan->kind == PLAN_CONN || plan->kind == PLAN_CLOSE) {
		if (plan->n > 0)
			plan->delay =
			    plan->n < DELAY_MAX_MS ? plan->n : DELAY_MAX_MS;
		if (plan->kind == PLAN_CLOSE)
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

bool
plan_has_no_body(const struct plan *plan)
{
	return plan->status == 204 || plan->status == 304;
}

void
plan_help(FILE *out)
{
	fputs("Paths:\n", out);
	for (size_t i = 0; i < COUNT(routes); i++)
		fprintf(out, "  %s%-*s %s\n", routes[i].path,
		    (int)(15 - strlen(routes[i].path)),
		    routes[i].number ? "N" : "", routes[i].doc);
	fputs("Words in the query, the last of them for HTTP/2:\n", out);
	for (size_t i = 0; i < COUNT(words); i++)
		fprintf(out, "  ?%s%-*s %s\n", words[i].name,
		    (int)(14 - strlen(words[i].name)), words[i].max ? "=N" : "",
		    words[i].doc);
}
