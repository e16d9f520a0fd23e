/* SPDX-License-Identifier: MIT */
#include "tools/origin/page.h"

#include <stdio.h>
#include <string.h>

#include "tools/origin/conn.h"
#include "tools/origin/h2_stat.h"
#include "tools/origin/tls_stat.h"

#define TEXT_BYTES (1024 + TLS_STAT_JSON_LEN + H2_STAT_JSON_LEN)

static const char html[] =
    "<!doctype html>\n"
    "<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<title>wsbroker demo origin</title>\n"
    "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;"
    "margin:2rem auto;padding:0 1rem}pre{background:#eee;padding:.5rem;"
    "min-height:6rem;white-space:pre-wrap}</style></head><body>\n"
    "<h1>It works.</h1>\n"
    "<p>This page comes from wsbroker's demo origin.</p>\n"
    "<h2>WebSocket echo</h2>\n"
    "<form id=\"f\"><label>Say <input id=\"t\" value=\"hello\"></label>\n"
    "<button>Send</button></form>\n"
    "<pre id=\"log\" aria-live=\"polite\"></pre>\n"
    "<h2>Paths</h2>\n"
    "<ul>\n"
    "<li><a href=\"/bytes/1000\">/bytes/N</a> N bytes</li>\n"
    "<li><a href=\"/chunked/1000\">/chunked/N</a> N bytes, chunked,"
    " with a trailer</li>\n"
    "<li>/echo, /hash: the request body, its SHA-256</li>\n"
    "<li><a href=\"/headers\">/headers</a> the request as it arrived</li>\n"
    "<li><a href=\"/conn\">/conn</a> which connection, which request</li>\n"
    "<li><a href=\"/status/404\">/status/NNN</a>,"
    " <a href=\"/delay/500\">/delay/MS</a>, /close, /abort</li>\n"
    "<li><a href=\"/sse\">/sse</a> an event a second</li>\n"
    "<li>/keyupdate?request=1 new keys first, over TLS 1.3</li>\n"
    "<li><a href=\"/_stats\">/_stats</a> what the origin has seen</li>\n"
    "</ul>\n"
    "<script>\n"
    "const log = s => document.getElementById('log').textContent += s+'\\n';\n"
    "const ws = new WebSocket((location.protocol==='https:'?'wss://':"
    "'ws://')+location.host+'/ws');\n"
    "ws.onopen = () => log('open');\n"
    "ws.onmessage = e => log('echo: '+e.data);\n"
    "ws.onclose = e => log('closed '+e.code);\n"
    "document.getElementById('f').onsubmit = e => { e.preventDefault();\n"
    "  ws.send(document.getElementById('t').value); };\n"
    "</script></body></html>\n";

static char text[TEXT_BYTES];

static void
write_hash(EVP_MD_CTX *hash)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned int len = 0;
	char *to = text;

	EVP_DigestFinal_ex(hash, sum, &len);
	for (unsigned int i = 0; i < len; i++)
		to += sprintf(to, "%02x", sum[i]);
	strcpy(to, "\n");
}

static void
write_stats(void)
{
	const struct conn_stats *st = &conn_stats;
	char *to = text;

#define U(field) (unsigned long long)st->field
	to += sprintf(to,
	    "{\"accepted\": %llu, \"open\": %llu, \"peak_open\": %llu, "
	    "\"refused\": %llu, \"requests\": %llu, \"concurrent\": %llu, "
	    "\"peak_concurrent\": %llu, \"websockets\": %llu, "
	    "\"messages\": %llu, \"aborted\": %llu, \"bad\": %llu, ",
	    U(accepted), U(open), U(peak_open), U(refused), U(requests),
	    U(concurrent), U(peak_concurrent), U(websockets), U(messages),
	    U(aborted), U(bad));
	to += sprintf(to,
	    "\"h1\": {\"connections\": %llu, \"requests\": %llu, "
	    "\"websockets\": %llu}, \"h2\": ",
	    U(h1_connections), U(requests) - h2_stat.requests,
	    U(websockets) - h2_stat.websockets);
#undef U
	to += h2_stat_write(to);
	to += sprintf(to, ", \"tls\": ");
	to += tls_stat_write(to);
	strcpy(to, "}\n");
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
	h2_stat_reset();
	tls_stat_reset();
}

static void
say(struct page *page, const char *what)
{
	page->text = what;
	page->len = strlen(what);
}

bool
page_make(
    struct plan *plan, const struct page_subject *subject, struct page *page_r)
{
	page_r->type = "text/plain";
	say(page_r, text);
	switch (plan->kind) {
	case PLAN_PAGE:
		page_r->type = "text/html; charset=utf-8";
		say(page_r, html);
		return true;
	case PLAN_HASH:
		write_hash(subject->hash);
		break;
	case PLAN_HEADERS:
		page_r->text = subject->head;
		page_r->len = subject->head_len;
		return true;
	case PLAN_STATUS:
		say(page_r, "");
		return true;
	case PLAN_CONN:
	case PLAN_CLOSE:
		sprintf(text, "conn %llu request %u\n",
		    (unsigned long long)subject->conn_id, subject->request);
		break;
	case PLAN_WS_MISSING:
		plan->status = 426;
		say(page_r, "");
		return true;
	case PLAN_KEY_UPDATE:
		/* The answer is the first that comes under the new key. */
		say(page_r,
		    subject->tls && tls_update_keys(subject->tls, plan->update)
			? "key update\n"
			: "no key update\n");
		return true;
	case PLAN_STATS:
		page_r->type = "application/json";
		write_stats();
		break;
	case PLAN_STATS_RESET:
		reset_stats();
		say(page_r, "reset\n");
		return true;
	case PLAN_NOT_FOUND:
		plan->status = 404;
		say(page_r, "no such path\n");
		return true;
	case PLAN_BYTES:
	case PLAN_CHUNKED:
	case PLAN_ECHO:
	case PLAN_ABORT:
	case PLAN_SSE:
	case PLAN_WS:
		return false;
	}
	page_r->len = strlen(text);
	return true;
}
