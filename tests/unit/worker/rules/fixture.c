/* SPDX-License-Identifier: MIT */
#include "tests/unit/worker/rules/fixture.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "shm/base/mem.h"
#include "shm/conf/logfmt.h"
#include "shm/proto/h1.h"

static const char plain_request[] = "GET / HTTP/1.1\r\nHost: h.test\r\n\r\n";

static void
fix_addr(struct addr *a, const char *ip, unsigned port)
{
	a->kind = ADDR_INET;
	a->len = sizeof(a->u.in4);
	a->u.in4.sin_family = AF_INET;
	a->u.in4.sin_port = htons((uint16_t)port);
	assert_int_equal(inet_pton(AF_INET, ip, &a->u.in4.sin_addr), 1);
	a->has_port = true;
}

static int
fix_parse(struct fix *x, const char *fe_lines, const char *be_lines)
{
	char text[16384];

	snprintf(text, sizeof(text),
	    "defaults\n mode http\n timeout client 1s\n timeout server 1s\n"
	    " timeout connect 1s\nfrontend f\n bind 127.0.0.1:8080\n%s\n"
	    " default_backend b\nbackend b\n%s\n"
	    " server s1 127.0.0.1:8081\n server s2 127.0.0.1:8082\n",
	    fe_lines, be_lines);
	x->conf = conf_new();
	x->cp.conf = x->conf;
	if (conf_read_text(&x->cp, "test.cfg", text) < 0)
		return -WSE_SYNTAX;
	return conf_finish(&x->cp);
}

struct fix *
fix_new(const char *fe_lines, const char *be_lines)
{
	struct fix *x = mem_alloc(sizeof(*x));

	assert_int_equal(fix_parse(x, fe_lines, be_lines), 0);
	x->fe = conf_find_proxy(x->conf, "f", PX_FRONTEND);
	x->be = conf_find_proxy(x->conf, "b", PX_BACKEND);
	assert_non_null(x->fe);
	assert_non_null(x->be);
	fix_addr(&x->cli.src, "10.1.2.3", 4711);
	fix_addr(&x->cli.dst, "127.0.0.1", 8080);
	x->cli.request_count = 1;
	x->cli.bind = x->fe->binds;
	x->t.conf = x->conf;
	x->t.fe = x->fe;
	x->t.cli = &x->cli;
	x->t.arena.data = x->arena;
	x->t.arena.size_bytes = sizeof(x->arena);
	x->t.log.term[0] = x->t.log.term[1] = TERM_NONE;
	x->t.req_capture = x->req_capture;
	x->t.res_capture = x->res_capture;
	fix_request(x, plain_request);
	return x;
}

void
fix_free(struct fix **x)
{
	txn_vars_free(&(*x)->t.vars);
	txn_vars_free(&(*x)->cli.vars);
	conf_free(&(*x)->conf);
	free(*x);
	*x = NULL;
}

void
fix_request(struct fix *x, const char *head)
{
	struct h1_scan scan = { 0 };
	struct h1_fault fault;
	size_t n = strlen(head);

	assert_true(n < sizeof(x->req_bytes));
	memcpy(x->req_bytes, head, n);
	assert_int_equal(
	    h1_parse_request(x->req_bytes, n, n, &scan, &x->req, &fault),
	    (ssize_t)n);
	x->t.req = &x->req;
	x->t.req_line = sv_of(x->req_bytes, strcspn(head, "\r"));
}

void
fix_response(struct fix *x, const char *head)
{
	struct h1_scan scan = { 0 };
	struct h1_fault fault;
	size_t n = strlen(head);

	assert_true(n < sizeof(x->res_bytes));
	memcpy(x->res_bytes, head, n);
	assert_int_equal(h1_parse_response(x->res_bytes, n, n, &scan, HTTP_GET,
			     &x->res, &fault),
	    (ssize_t)n);
	x->t.res = &x->res;
	x->t.status = x->res.status;
}

enum rule_verdict
fix_run(struct fix *x, enum rule_set set)
{
	memset(&x->reply, 0, sizeof(x->reply));
	memset(&x->reply_head, 0, sizeof(x->reply_head));
	x->reply.head = &x->reply_head;
	return rules_run(&x->fe->rules[set], set, &x->t, &x->reply);
}

/* A few texts can be held at a time. */
static const char *
fix_keep(struct sv s)
{
	static char kept[16][4096];
	static int next;
	char *p = kept[next++ % 16];

	assert_true(s.n < 4096);
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

const char *
fix_header(const struct http_head *h, const char *name)
{
	int i = http_find(h, sv_str(name), 0);

	return i < 0 ? "" : fix_keep(h->hdr[i].value);
}

static const char *
fix_build(struct fix *x, const char *format, enum logfmt_use use)
{
	struct conf_line ln = { .file = "test.cfg", .line = 1, .count = 1 };
	unsigned all = FETCH_AT_REQUEST | FETCH_AT_RESPONSE | FETCH_AT_LOG;
	struct logfmt *f;
	char out[4096];
	size_t n;

	ln.word[0].s = (char *)(uintptr_t)format;
	ln.word[0].col = 1;
	x->cp.ln = &ln;
	x->cp.px = x->fe;
	assert_int_equal(logfmt_parse_use(&x->cp, 0, format, use, all, &f), 0);
	n = logfmt_build(f, &x->t, out, sizeof(out));
	logfmt_free(&f);
	return fix_keep(sv_of(out, n));
}

const char *
fix_format(struct fix *x, const char *format)
{
	return fix_build(x, format, LOGFMT_LOG);
}

const char *
fix_value(struct fix *x, const char *format)
{
	return fix_build(x, format, LOGFMT_HTTP);
}

bool
fix_cond(struct fix *x, const char *condition)
{
	struct conf_line ln = { .file = "test.cfg", .line = 1 };
	unsigned all = FETCH_AT_REQUEST | FETCH_AT_RESPONSE | FETCH_AT_LOG;
	char text[1024], *word, *save = NULL;
	struct cond *c;
	bool holds;

	snprintf(text, sizeof(text), "if %s", condition);
	for (word = strtok_r(text, " ", &save); word;
	     word = strtok_r(NULL, " ", &save)) {
		ln.word[ln.count].s = word;
		ln.word[ln.count++].col = 1 + (int)(word - text);
	}
	x->cp.ln = &ln;
	x->cp.px = x->fe;
	assert_int_equal(cond_parse(&x->cp, 0, all, &c), 0);
	holds = cond_eval(c, &x->t);
	cond_free(&c);
	return holds;
}

const char *
fix_complaint(const char *fe_lines)
{
	int fd = memfd_create("stderr", MFD_CLOEXEC), old = dup(2);
	struct fix *x = mem_alloc(sizeof(*x));
	char text[4096];
	ssize_t n;

	assert_true(fd >= 0 && old >= 0);
	fflush(stderr);
	assert_true(dup2(fd, 2) >= 0);
	(void)!fix_parse(x, fe_lines, "");
	fflush(stderr);
	dup2(old, 2);
	close(old);
	n = pread(fd, text, sizeof(text) - 1, 0);
	close(fd);
	conf_free(&x->conf);
	free(x);
	return fix_keep(sv_of(text, n > 0 ? (size_t)n : 0));
}
