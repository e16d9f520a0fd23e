/* SPDX-License-Identifier: MIT */
/*
 * Answers the proxy gives itself: default pages, errorfiles, rules' replies.
 */
#include "worker/reply.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "shm/base/chk.h"
#include "worker/stream_parts.h"

static const struct reply_page pages[] = {
	{ 200, "OK", "Service ready." },
	{ 400, "Bad request", "Your browser sent an invalid request." },
	{ 401, "Unauthorized",
	    "You need a valid user and password to access this content." },
	{ 403, "Forbidden", "Request forbidden by administrative rules." },
	{ 404, "Not Found", "The resource could not be found." },
	{ 405, "Method Not Allowed",
	    "A request was made of a resource using "
	    "a request method not supported by that resource" },
	{ 407, "Unauthorized",
	    "You need a valid user and password to access this content." },
	{ 408, "Request Time-out",
	    "Your browser didn't send a complete request in time." },
	{ 410, "Gone",
	    "The resource is no longer available and will not be "
	    "available again." },
	{ 413, "Payload Too Large",
	    "The request entity exceeds the maximum allowed." },
	{ 414, "URI Too Long",
	    "The request target exceeds the maximum "
	    "allowed." },
	{ 421, "Misdirected Request",
	    "Request sent to a non-authoritative server." },
	{ 422, "Unprocessable Content",
	    "The server cannot process the contained instructions." },
	{ 425, "Too Early", "Your browser sent early data." },
	{ 429, "Too Many Requests",
	    "You have sent too many requests in a "
	    "given amount of time." },
	{ 431, "Request Header Fields Too Large",
	    "The request header fields exceed the maximum allowed." },
	{ 500, "Internal Server Error", "An internal server error occurred." },
	{ 501, "Not Implemented",
	    "The server does not support the "
	    "functionality required to fulfill the request." },
	{ 502, "Bad Gateway",
	    "The server returned an invalid or incomplete response." },
	{ 503, "Service Unavailable",
	    "No server is available to handle this request." },
	{ 504, "Gateway Time-out", "The server didn't respond in time." },
	{ 505, "HTTP Version Not Supported",
	    "The version of the protocol is not supported." },
};

const struct reply_page *
reply_page(unsigned status)
{
	const struct reply_page *fallback = NULL;

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		if (pages[i].status == status)
			return &pages[i];
		if (pages[i].status == 500)
			fallback = &pages[i];
	}
	return fallback;
}

/* The configured errorfile of a status: the backend's, else the frontend's. */
static const struct errorfile *
errorfile_of(const struct stream *s, unsigned status)
{
	const struct proxy *px[2] = { s->t.be, s->t.fe };

	for (int k = 0; k < 2; k++)
		for (int i = 0; px[k] && i < ERRORFILE_N; i++)
			if (px[k]->errorfiles[i].status == status &&
			    px[k]->errorfiles[i].bytes)
				return &px[k]->errorfiles[i];
	return NULL;
}

/* Send head t.res and the body, or (head NULL) bytes that hold both. */
static void
say(struct stream *s, struct sv bytes)
{
	if (s->state != ST_REPLY)
		stream_set_state(s, ST_REPLY);
	s->res_begun = true;
	s->reply_rest = bytes;
	s->t.at.response_us = s->t.at.response_us ? s->t.at.response_us : 0;
	push_client(s);
}

/* after-response rules apply to our own answers as well. */
static void
after_rules(struct stream *s)
{
	const struct proxy *px[2] = { s->t.be, s->t.fe };
	struct rule_reply r = { 0 };

	for (int k = 0; k < 2; k++) {
		const struct rule_list *l;

		if (!px[k] || (k == 1 && px[0] == px[1]))
			continue;
		l = &px[k]->rules[RULES_HTTP_AFTER_RESPONSE];
		if (l->head)
			(void)rules_run(
			    l, RULES_HTTP_AFTER_RESPONSE, &s->t, &r);
	}
}

/* The client connection may go on after this answer. */
static bool
may_keep(const struct stream *s)
{
	return s->keep_client && stream_request_is_read(s) && !s->fc->eof &&
	    !wk.draining;
}

static void
too_bad(struct stream *s)
{
	s->aborted = true;
	stream_cut(s);
}

static int
put_head(struct stream *s, struct http_head *h, bool has_body)
{
	if (s->fc->front)
		return s->fc->front->head(s, h, has_body);
	return h1_head_put(h, &s->to_cli);
}

/* The head at hand with framing and Connection, then the body. */
static void
send_head(struct stream *s, struct http_head *h, struct sv body)
{
	struct txn *t = &s->t;
	char *len = arena_get(&t->arena, 24);
	int err = 0;

	s->keep_client = may_keep(s);
	if (!len) {
		too_bad(s);
		return;
	}
	snprintf(len, 24, "%zu", body.n);
	t->res = h;
	/* RFC 9110 8.6: none in 204; in 304 it would speak of another body. */
	if (h->status != 204 && h->status != 304)
		err |= http_add(h, SV("Content-Length"), sv_str(len));
	after_rules(s);
	if (s->fc->front)
		; /* says how it goes on by itself */
	else if (!s->keep_client)
		err |= http_add(h, SV("Connection"), SV("close"));
	else if (t->req && t->req->minor == 0)
		err |= http_add(h, SV("Connection"), SV("keep-alive"));
	t->status = h->status;
	if (t->req && t->req->method == HTTP_HEAD)
		body.n = 0;
	if (err || put_head(s, h, body.n > 0) < 0) {
		too_bad(s);
		return;
	}
	t->res = NULL;
	say(s, body);
}

static void
head_init(struct http_head *h, unsigned status, const char *reason)
{
	memset(h, 0, sizeof(*h));
	h->is_response = true;
	h->minor = 1;
	h->status = (uint16_t)status;
	h->reason = sv_str(reason);
}

/* A page with the body in the arena. */
static void
send_page(struct stream *s, unsigned status)
{
	const struct reply_page *p = reply_page(status);
	struct http_head *h = &s->mem->res;
	char *body;
	int n;

	body = arena_get(&s->t.arena, 512);
	if (!body) { /* used up by rules: nothing of it is needed now */
		s->t.arena.used_bytes = 0;
		s->t.req_capture = s->t.res_capture = NULL;
		body = arena_get(&s->t.arena, 512);
	}
	CHK(body);
	n = snprintf(body, 512,
	    "<html><body><h1>%u %s</h1>\n%s\n"
	    "</body></html>\n",
	    status, p->reason, p->text);
	head_init(h, status, p->reason);
	if (http_add(h, SV("Cache-Control"), SV("no-cache")) < 0 ||
	    http_add(h, SV("Content-Type"), SV("text/html")) < 0) {
		too_bad(s);
		return;
	}
	send_head(s, h, sv_of(body, (size_t)n));
}

static void
send_file(struct stream *s, const struct errorfile *f, unsigned status)
{
	struct http_head *h = &s->mem->res;
	struct h1_scan scan = { 0 };
	struct h1_fault fault;
	ssize_t n = 0;

	s->t.status = (uint16_t)status;
	s->keep_client = false;
	buf_put(&s->to_cli);
	if (s->fc->front) { /* its head has to be told apart */
		memset(h, 0, offsetof(struct http_head, hdr));
		n = h1_parse_response(f->bytes, f->n, f->n, &scan,
		    s->t.req ? s->t.req->method : HTTP_GET, h, &fault);
		if (n <= 0) {
			send_page(s, status);
			return;
		}
		if (put_head(s, h, f->n > (size_t)n) < 0) {
			too_bad(s);
			return;
		}
	}
	say(s, sv_of(f->bytes + n, f->n - (size_t)n));
}

static bool
can_answer(struct stream *s)
{
	if (s->state == ST_RELAY || s->state == ST_TUNNEL || s->res_begun) {
		too_bad(s);
		return false;
	}
	back_drop(s, 0);
	/* What was decoded of the server's answer must not follow ours. */
	flow_end(&s->down);
	buf_put(&s->dbuf);
	return true;
}

void
reply_status(struct stream *s, unsigned status)
{
	const struct errorfile *f = errorfile_of(s, status);

	if (!can_answer(s))
		return;
	if (f)
		send_file(s, f, status);
	else
		send_page(s, status);
}

void
reply_rule(struct stream *s, const struct rule_reply *r)
{
	struct http_head *h = &s->mem->res;

	if (!can_answer(s))
		return;
	if (r->file && r->file->bytes) {
		send_file(s, r->file, r->status);
		return;
	}
	if (!r->head || r->is_page ||
	    (r->head->hdr_count == 0 && r->body.n == 0 && r->is_deny)) {
		reply_status(s, r->status);
		return;
	}
	memcpy(h, r->head, sizeof(*h));
	h->is_response = true;
	h->minor = 1;
	h->status = r->status;
	if (!h->reason.n)
		h->reason = sv_str(http_reason(r->status));
	send_head(s, h, r->body);
}

/* Bytes of the service's into the empty buffer of the response. */
static int
service_fill(struct stream *s)
{
	struct flow *f = &s->down;

	if (!s->dbuf.data && buf_get(&s->dbuf, BUF_SMALL) < 0)
		return -WSE_NOMEM;
	s->dbuf.w +=
	    (uint32_t)svc_fill(s->svc, buf_wp(&s->dbuf), buf_room(&s->dbuf));
	if (flow_decode(f) < 0)
		return -WSE_SYNTAX;
	return s->svc->done ? flow_eof(f) : 0;
}

int
reply_more(struct stream *s)
{
	int err;

	if (!s->svc || flow_is_done(&s->down))
		return 0;
	err = service_fill(s);
	if (err < 0)
		return err;
	fconn_write_on(s->fc); /* in another turn */
	return -WSE_AGAIN;
}

/* Its head as far as it says how long it is; HTTP/1.0: till the end. */
static int
service_head(struct stream *s, const struct svc_kind *k, enum http_framing *out)
{
	struct http_head *h = &s->mem->res;
	int err = 0;

	head_init(h, 200, "OK");
	err |= http_add(h, SV("Content-Type"), sv_str(k->content_type));
	err |= http_add(h, SV("Cache-Control"), SV("no-store"));
	if (k->policy)
		err |= http_add(
		    h, SV("Content-Security-Policy"), sv_str(k->policy));
	s->keep_client = may_keep(s);
	*out = HTTP_BODY_EOF;
	if (s->fc->front)
		return err;
	if (s->t.req->minor == 0) {
		s->keep_client = false;
		return err;
	}
	*out = HTTP_BODY_CHUNKED;
	return err | http_add(h, SV("Transfer-Encoding"), SV("chunked"));
}

void
reply_service(struct stream *s, struct svc *v)
{
	struct http_head *h = &s->mem->res;
	bool has_body = s->t.req->method != HTTP_HEAD;
	enum http_framing out;
	int err;

	s->svc = v;
	if (!can_answer(s))
		return;
	err = service_head(s, v->kind, &out);
	s->t.res = h;
	after_rules(s);
	if (!s->fc->front && !s->keep_client)
		err |= http_add(h, SV("Connection"), SV("close"));
	s->t.status = h->status;
	if (err == 0)
		err = put_head(s, h, has_body);
	s->t.res = NULL;
	if (!has_body) {
		svc_free(&s->svc);
	} else if (err == 0) {
		flow_start(&s->down, &s->dbuf, HTTP_BODY_EOF, 0, out);
		s->down.base = 0;
		err = service_fill(s);
	}
	if (err < 0)
		too_bad(s);
	else
		say(s, SV_NULL);
}
