/* SPDX-License-Identifier: MIT */
/*
 * A request's way from the client's bytes to the choice of a backend.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include "shm/base/chk.h"
#include "worker/h2_front.h"
#include "worker/hop.h"
#include "worker/stream_parts.h"
#include "worker/stats_page.h"
#include "worker/ws_key.h"

static size_t
head_max(void)
{
	const struct conf_global *g = &wk.conf->global;
	size_t n = g->bufsize_bytes ? g->bufsize_bytes : BUF_SMALL;

	n = n > BUF_LARGE ? (size_t)BUF_LARGE : n;
	return n > g->maxrewrite_bytes * 2 ? n - g->maxrewrite_bytes : n / 2;
}

static void
count_error(struct stream *s)
{
	stat_add(
	    &stat_proxy(&wk.board, wk.proc, (uint32_t)s->t.fe->row)->req_errors,
	    1);
}

static void
bad_request(struct stream *s, unsigned status)
{
	count_error(s);
	stream_term(s, 'P', stream_where(s));
	s->keep_client = false;
	back_drop(s, WSE_SYNTAX);
	reply_status(s, status);
}

static void
service(struct stream *s, const struct svc_kind *k, const struct proxy *px)
{
	struct svc *v = svc_new(k, &wk.board, px);

	if (v)
		reply_service(s, v);
	else
		reply_status(s, 500);
}

/* The request is one to the proxy's status page, and answered. */
static bool
status_page(struct stream *s, const struct proxy *px)
{
	const struct svc_kind *k = stats_page_kind(px, s->t.req->target);

	if (!k)
		return false;
	stream_term(s, 'L', 'R');
	service(s, k, px);
	return true;
}

/*
 * Run a rule list; false: the stream is answered or gone.
 */
static bool
run_rules(struct stream *s, const struct proxy *px)
{
	const struct rule_list *l = &px->rules[RULES_HTTP_REQUEST];
	static struct http_head head; /* of a reply; too large for the stack */
	struct stat_proxy *st;
	struct rule_reply r = { .head = &head };

	if (!l->head)
		return !status_page(s, px);
	memset(&head, 0, sizeof(head));
	st = stat_proxy(&wk.board, wk.proc, (uint32_t)px->row);
	switch (rules_run(l, RULES_HTTP_REQUEST, &s->t, &r)) {
	case RULE_CONTINUE:
		return !status_page(s, px);
	case RULE_REPLY:
		stream_term(s, r.is_deny ? 'P' : 'L', 'R');
		if (r.is_deny)
			stat_add(&st->req_denied, 1);
		reply_rule(s, &r);
		return false;
	case RULE_REJECT:
		s->t.at.request_us = 0; /* as HAProxy logs it */
		stat_add(&st->req_denied, 1);
		stream_term(s, 'P', 'R');
		stream_cut(s);
		return false;
	case RULE_SERVICE:
		stream_term(s, 'L', 'R');
		service(s, &svc_metrics, px);
		return false;
	case RULE_ERROR:
	case RULE_VERDICT_N:
		break;
	}
	stream_term(s, 'P', 'R');
	reply_status(s, 500);
	return false;
}

static bool
addr_is_within(const struct addr *a, const struct addr *net, unsigned bits)
{
	const uint8_t *p, *q;
	unsigned max;

	if (!net->len || a->u.sa.sa_family != net->u.sa.sa_family)
		return false;
	if (a->u.sa.sa_family == AF_INET) {
		p = (const uint8_t *)&a->u.in4.sin_addr;
		q = (const uint8_t *)&net->u.in4.sin_addr;
		max = 32;
	} else if (a->u.sa.sa_family == AF_INET6) {
		p = a->u.in6.sin6_addr.s6_addr;
		q = net->u.in6.sin6_addr.s6_addr;
		max = 128;
	} else {
		return false;
	}
	bits = bits < max ? bits : max;
	if (memcmp(p, q, bits / 8) != 0)
		return false;
	return bits % 8 == 0 ||
	    (p[bits / 8] ^ q[bits / 8]) >> (8 - bits % 8) == 0;
}

/* option forwardfor of one proxy; the header is named by `named`, if set. */
static int
forward_for(struct stream *s)
{
	const struct proxy_http *fe = &s->t.fe->http, *be = &s->t.be->http;
	const struct proxy_http *o = be->forwardfor ? be : fe;
	const struct addr *src = &s->t.cli->src;
	const void *ip;
	struct sv name;
	char *text;

	if (!fe->forwardfor && !be->forwardfor)
		return 0;
	name = o->forwardfor_hdr ? sv_str(o->forwardfor_hdr)
				 : SV("X-Forwarded-For");
	if (o->forwardfor_if_none &&
	    (!fe->forwardfor || fe->forwardfor_if_none) &&
	    http_find(s->t.req, name, 0) >= 0)
		return 0;
	if (addr_is_within(src, &o->forwardfor_except, o->forwardfor_bits))
		return 0;
	if (src->u.sa.sa_family == AF_INET)
		ip = &src->u.in4.sin_addr;
	else if (src->u.sa.sa_family == AF_INET6)
		ip = &src->u.in6.sin6_addr;
	else
		return 0;
	text = arena_get(&s->t.arena, INET6_ADDRSTRLEN);
	if (!text ||
	    !inet_ntop(src->u.sa.sa_family, ip, text, INET6_ADDRSTRLEN))
		return -WSE_NOMEM;
	return http_add(s->t.req, name, sv_str(text));
}

/* http-buffer-request answers Expect itself, or the body would never come. */
static void
continue_now(struct stream *s)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct http_head *req = s->t.req, *res = &s->mem->res;
	int i;

	if (!req->expect_continue || req->minor == 0 || s->to_cli.data)
		return;
	if (s->fc->front) {
		memset(res, 0, offsetof(struct http_head, hdr));
		res->is_response = true;
		res->status = 100;
		if (s->fc->front->head(s, res, true) < 0)
			return;
	} else if (buf_get(&s->to_cli, BUF_SMALL) < 0) {
		return;
	}
	while ((i = http_find_id(req, HID_EXPECT, 0)) >= 0)
		http_del(req, (unsigned)i);
	if (s->fc->front)
		return;
	memcpy(s->to_cli.data, text, sizeof(text) - 1);
	s->to_cli.w = sizeof(text) - 1;
}

void
stream_req_buffered(struct stream *s)
{
	if (s->up.in_done || flow_room(&s->up) == 0) {
		s->t.at.request_us = clock_us(); /* as far as it is wanted */
		back_assign(s);
		return;
	}
	if (s->to_cli.data && !s->fc->writing) {
		push_client(s);
		return;
	}
	stream_arm(s);
}

/* Rules, backend, header fields of our own: then to a server. */
static void
route(struct stream *s)
{
	struct txn *t = &s->t;

	if (!run_rules(s, t->fe))
		return;
	t->be = rules_backend(t);
	if (!t->be && (t->fe->cap & PX_BACKEND))
		t->be = t->fe;
	if (!t->be) {
		stream_term(s, 'S', 'C');
		reply_status(s, 503);
		return;
	}
	limit_add(&wk.board, LIM_BACKEND, (uint32_t)t->be->row, wk.proc);
	s->b.counted = true;
	if (t->be != t->fe) {
		stat_add(&stat_proxy(&wk.board, wk.proc, (uint32_t)t->be->row)
			      ->sessions,
		    1);
		if (!run_rules(s, t->be))
			return;
	}
	if (forward_for(s) < 0) {
		bad_request(s, 400);
		return;
	}
	s->b.tries_left = t->be->http.retries;
	if ((t->fe->http.buffer_request || t->be->http.buffer_request) &&
	    !s->up.in_done) {
		t->at.request_us = 0; /* its body is awaited, too */
		stream_set_state(s, ST_BUFFER);
		continue_now(s);
		stream_req_buffered(s);
		return;
	}
	back_assign(s);
}

static void
captures_get(struct stream *s)
{
	struct txn *t = &s->t;
	size_t n = (size_t)t->fe->req_capture_count;
	size_t m = (size_t)t->fe->res_capture_count;

	if (n + m == 0)
		return;
	t->req_capture = arena_get(&t->arena, (n + m) * sizeof(struct sv));
	if (!t->req_capture)
		return;
	memset(t->req_capture, 0, (n + m) * sizeof(struct sv));
	t->res_capture = t->req_capture + n;
	if (n)
		rules_capture_request(t);
}

/* What can be said of the head alone. */
static void
head_facts(struct stream *s, uint32_t bytes)
{
	struct txn *t = &s->t;
	struct http_head *req = &s->mem->req;
	struct buf *in = &s->fc->in;
	const char *line = req->method_text.p, *end;

	t->req = req;
	t->at.request_us = clock_us();
	s->head_bytes = bytes;
	end = memchr(line, '\n', (size_t)(in->data + bytes - line));
	if (end && end > line && end[-1] == '\r')
		end--;
	t->req_line = sv_of(line, end ? (size_t)(end - line) : 0);
	s->client_closes = req->minor ? req->conn_close : !req->conn_keepalive;
	s->keep_client =
	    !s->client_closes && !t->fe->http.httpclose && !wk.draining;
	in->r = bytes;
	flow_start(&s->up, in, req->framing, req->content_length, req->framing);
	s->up.keep = s->up.tail_aside = true;
	t->cli->request_count++;
	access_log_count_request(s);
}

/* A line as HAProxy has it: of an absolute target, whatever came. */
static struct sv
h2_line(struct stream *s, const struct http_head *req)
{
	int host = http_find_id(req, HID_HOST, 0);
	bool whole = host < 0 || !req->target.n || req->target.p[0] != '/';
	struct sv m = req->method_text, u = req->target;
	struct sv at = whole ? SV_NULL : req->hdr[host].value;
	size_t room = m.n + u.n + at.n + sizeof("  https:// HTTP/2.0");
	const char *scheme = s->t.cli->is_tls ? "https://" : "http://";
	char *p = arena_get(&s->t.arena, room);
	int n;

	if (!p)
		return SV_NULL;
	n = snprintf(p, room, "%.*s %s%.*s%.*s HTTP/2.0", (int)m.n, m.p,
	    whole ? "" : scheme, (int)at.n, at.n ? at.p : "", (int)u.n, u.p);
	return sv_of(p, (size_t)n);
}

/* The same as head_facts() for a head that came by itself. */
static void
h2_head_facts(struct stream *s, bool has_body)
{
	struct txn *t = &s->t;
	struct http_head *req = &s->mem->req;

	t->req = req;
	t->req_h2 = true;
	t->at.request_us = clock_us();
	t->req_line = h2_line(s, req);
	flow_start(&s->up, &s->fc->in,
	    has_body ? HTTP_BODY_EOF : HTTP_BODY_NONE, 0, req->framing);
	s->up.keep = s->up.tail_aside = true;
	t->cli->request_count++;
	access_log_count_request(s);
}

void
stream_req_begin(struct stream *s, int err, bool end)
{
	bool has_body;

	if (err < 0) {
		s->t.cli->request_count++;
		bad_request(s, err == -WSE_TOOBIG ? 431 : 400);
		return;
	}
	/* The DATA of a CONNECT is no body: it waits for the tunnel. */
	has_body = !end && !s->mem->req.conn_upgrade &&
	    s->mem->req.method != HTTP_CONNECT;
	h2_head_facts(s, has_body);
	captures_get(s);
	if (has_body && buf_get(&s->fc->in, BUF_SMALL) < 0) {
		stream_term(s, 'R', 'R');
		reply_status(s, 503);
		return;
	}
	if (has_body)
		fconn_read_on(s->fc);
	route(s);
}

/* It may turn out to be no request but HTTP/2's preface. True: it is. */
static bool
is_preface(struct stream *s)
{
	struct fconn *fc = s->fc;

	if (!h2_front_may_begin(fc))
		return false;
	switch (h2_front_preface(&fc->in)) {
	case H2_PREFACE_WHOLE:
		stream_drop(s);
		fconn_to_h2(fc);
		return true;
	case H2_PREFACE_PART:
		fconn_read_on(fc);
		stream_arm(s);
		return true;
	case H2_PREFACE_NO:
	case H2_PREFACE_N:
		break;
	}
	return false;
}

/*
 * An upgrade is one if Connection and Upgrade say so, and not to HTTP/2, which
 * is spoken without.  False: to a WebSocket without the key it must have.
 */
static bool
upgrade_judge(struct stream *s, struct http_head *req)
{
	req->conn_upgrade = req->conn_upgrade && req->minor > 0 &&
	    hop_upgrade_filter(req, &s->t.arena);
	return !req->conn_upgrade || !ws_key_is_wanted(req) ||
	    ws_key_is_given(req);
}

void
stream_req_parse(struct stream *s)
{
	struct fconn *fc = s->fc;
	struct http_head *req = &s->mem->req;
	struct h1_fault fault = { .status = 400 };
	ssize_t n;

	if (is_preface(s))
		return;
	memset(req, 0, offsetof(struct http_head, hdr));
	n = h1_parse_request(
	    fc->in.data, fc->in.w, head_max(), &s->scan, req, &fault);
	if (n == 0 && buf_room(&fc->in)) {
		fconn_read_on(fc);
		stream_arm(s);
		return;
	}
	if (n <= 0) {
		s->t.cli->request_count++;
		bad_request(s,
		    h2_front_preface(&fc->in) == H2_PREFACE_NO ? fault.status
							       : 405);
		return;
	}
	if (!upgrade_judge(s, req)) {
		s->t.cli->request_count++;
		bad_request(s, 400);
		return;
	}
	head_facts(s, (uint32_t)n);
	captures_get(s);
	if (flow_decode(&s->up) < 0) {
		bad_request(s, 400);
		return;
	}
	route(s);
}

/* Room for more of the body: in the first buffer, then in a large one. */
static bool
body_room(struct stream *s)
{
	struct flow *up = &s->up;
	uint32_t room = flow_room(up);
	bool sent = (s->state == ST_RESPONSE || s->state == ST_RELAY) &&
	    flow_payload(up) == 0 && s->to_srv.data == NULL;

	if (up->b == &s->ubuf || !sent)
		return room > 0;
	if (room > 0 && (up->in != HTTP_BODY_LENGTH || up->left_bytes <= room))
		return true;
	/* From here on the request cannot be repeated. */
	return buf_get(&s->ubuf, BUF_LARGE) == 0 &&
	    flow_move(up, &s->ubuf) == 0;
}

void
stream_req_read_body(struct stream *s)
{
	struct flow *up = &s->up;
	struct fconn *fc = s->fc;
	ssize_t n;

	if (!body_room(s)) {
		fconn_read_off(fc);
		stream_arm(s);
		return;
	}
	n = xprt_recv(&fc->x, buf_wp(up->b), flow_room(up));
	if (n == -WSE_AGAIN)
		return;
	if (n == -WSE_EOF && fc->front) {
		flow_trail(up, &fc->x.mux->rx_trail);
		n = flow_eof(up); /* 0: it ends so, and no other way */
		fconn_read_off(fc);
	}
	if (n < 0) {
		fc->eof = true;
		stream_client_gone(s);
		return;
	}
	up->b->w += (uint32_t)n;
	s->due.client_ms = clock_ms();
	if (flow_decode(up) < 0) {
		if (s->res_begun) {
			stream_term(s, 'P', 'D');
			s->aborted = true;
			stream_cut(s);
			return;
		}
		bad_request(s, 400);
		return;
	}
	if (s->state == ST_BUFFER)
		stream_req_buffered(s);
	else if (s->b.bc && !s->b.writing)
		push_server(s);
	else
		stream_arm(s);
}
