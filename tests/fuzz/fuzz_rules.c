/* SPDX-License-Identifier: MIT */
/*
 * Fuzzer of rules (libFuzzer): lines of a frontend, a line "---", a request
 * head, a line "---", a response head.
 *
 * What must hold: no crash, no leak; a header value, a target or a method
 * that rules made holds no byte that ends its line; a log line holds no
 * control byte.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/proto/h1.h"
#include "worker/rules/txn.h"

enum { MAX = 8192, HEAD_BYTES = 8192, ARENA_BYTES = 16384 };

#define MUST(x)                                                            \
	do {                                                               \
		if (!(x)) {                                                \
			fprintf(stderr, "%d: broken: %s\n", __LINE__, #x); \
			abort();                                           \
		}                                                          \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static _Alignas(8) char arena[ARENA_BYTES];

static bool
is_clean(struct sv s, bool blanks)
{
	size_t i;

	for (i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f ||
		    (c == ' ' && !blanks))
			return false;
	}
	return true;
}

static void
check_head(const struct http_head *h)
{
	int i;

	if (!h)
		return;
	for (i = 0; i < h->hdr_count; i++) {
		MUST(h->hdr[i].name.n > 0);
		MUST(is_clean(h->hdr[i].name, false));
		MUST(is_clean(h->hdr[i].value, true));
	}
	MUST(is_clean(h->target, false));
	MUST(is_clean(h->method_text, false));
	MUST(is_clean(h->reason, true));
}

static void
run(struct txn *t, enum rule_set set)
{
	static struct http_head head;
	struct rule_reply reply = { .head = &head };
	enum rule_verdict v;

	memset(&head, 0, sizeof(head));
	v = rules_run(&t->fe->rules[set], set, t, &reply);
	MUST(v < RULE_VERDICT_N);
	if (v == RULE_REPLY)
		check_head(&head);
	check_head(t->req);
	check_head(t->res);
}

/* Up to the next line "---", CRLF at line ends; the rest moves on. */
static size_t
take_head(const char **text, char *out)
{
	size_t n = 0;
	const char *p = *text;

	while (*p && strncmp(p, "---\n", 4) != 0 && n + 4 < HEAD_BYTES) {
		if (*p == '\n')
			out[n++] = '\r';
		out[n++] = *p++;
	}
	out[n++] = '\r';
	out[n++] = '\n';
	*text = strncmp(p, "---\n", 4) == 0 ? p + 4 : p + strlen(p);
	return n;
}

static void
fuzz_txn(const struct conf *c, const char *text)
{
	static char bytes[2][HEAD_BYTES];
	static struct http_head req, res;
	static struct sv captures[2][256];
	struct txn_client cli = { .request_count = 1, .accept_us = 1000 };
	struct txn t = { .conf = c, .cli = &cli };
	struct h1_scan scan[2] = { { 0 }, { 0 } };
	struct h1_fault fault;
	char line[2048];
	size_t n;

	memset(captures, 0, sizeof(captures));
	t.fe = conf_find_proxy(c, "f", PX_FRONTEND);
	if (!t.fe)
		return;
	t.arena = (struct arena){ arena, 0, sizeof(arena) };
	t.req_capture = captures[0];
	t.res_capture = captures[1];
	cli.src = t.fe->binds ? t.fe->binds->addr : cli.src;
	cli.dst = cli.src;
	n = take_head(&text, bytes[0]);
	if (h1_parse_request(bytes[0], n, n, &scan[0], &req, &fault) > 0) {
		t.req = &req;
		t.req_line = sv_of(bytes[0], strcspn(bytes[0], "\r"));
		rules_capture_request(&t);
		run(&t, RULES_HTTP_REQUEST);
		t.be = rules_backend(&t);
		t.srv = rules_server(&t);
	}
	n = take_head(&text, bytes[1]);
	if (h1_parse_response(
		bytes[1], n, n, &scan[1], HTTP_GET, &res, &fault) > 0) {
		t.res = &res;
		rules_capture_response(&t);
		run(&t, RULES_HTTP_RESPONSE);
		run(&t, RULES_HTTP_AFTER_RESPONSE);
	}
	if (t.fe->log.fmt) {
		n = logfmt_build(t.fe->log.fmt, &t, line, sizeof(line));
		MUST(n <= sizeof(line));
	}
	txn_vars_free(&t.vars);
	txn_vars_free(&cli.vars);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_parse cp = { .quiet = true };
	char *text, *conf, *rest;

	if (size > MAX)
		return 0;
	text = strndup((const char *)data, size);
	if (!text)
		return 0;
	rest = strstr(text, "---\n");
	if (rest) {
		*rest = '\0';
		rest += 4;
	}
	if (asprintf(&conf,
		"defaults\n mode http\nfrontend f\n bind 127.0.0.1:8080\n "
		"default_backend b\n%s\n"
		"backend b\n server s 127.0.0.1:8081\n",
		text) < 0)
		abort();
	cp.conf = conf_new();
	if (conf_read_text(&cp, "fuzz.cfg", conf) == 0 && conf_finish(&cp) == 0)
		fuzz_txn(cp.conf, rest ? rest : "");
	conf_free(&cp.conf);
	free(conf);
	free(text);
	return 0;
}
