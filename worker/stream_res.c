/* SPDX-License-Identifier: MIT */
/*
 * A response's way from the server's bytes to the client.
 *
 * The connection is given back before the last bytes go to the client, so
 * that a client's next request, on whichever worker, can have it.
 */
#include <stddef.h>
#include <string.h>

#include "shm/base/chk.h"
#include "worker/cookie.h"
#include "worker/hop.h"
#include "worker/observe.h"
#include "worker/stream_parts.h"
#include "worker/ws_key.h"

enum { INTERIMS_MAX = 128 }; /* before a final response */

static void
count_errors(struct stream *s)
{
	stat_add(
	    &stat_proxy(&wk.board, wk.proc, (uint32_t)s->t.be->row)->res_errors,
	    1);
	stat_add(&stat_server(&wk.board, wk.proc, (uint32_t)s->t.srv->row)
		      ->res_errors,
	    1);
	observe_error(s->t.srv, OBSERVE_L7);
}

/* What came is no response. Ends the try, perhaps the stream. */
static void
bad_response(struct stream *s)
{
	s->t.res = NULL;
	s->t.at.response_us = 0;
	if (retry_response(s, RETRY_JUNK_RESPONSE))
		return;
	count_errors(s);
	stream_term(s, 'P', 'H');
	back_drop(s, WSE_PROTO);
	reply_status(s, 502);
}

/* False: answered, or gone. */
static bool
run_rules(struct stream *s, const struct proxy *px)
{
	const struct rule_list *l = &px->rules[RULES_HTTP_RESPONSE];
	static struct http_head head; /* of a reply; too large for the stack */
	struct rule_reply r = { .head = &head };

	if (!l->head)
		return true;
	memset(&head, 0, sizeof(head));
	switch (rules_run(l, RULES_HTTP_RESPONSE, &s->t, &r)) {
	case RULE_CONTINUE:
		return true;
	case RULE_REPLY:
		stream_term(s, r.is_deny ? 'P' : 'L', 'H');
		if (r.is_deny)
			s->t.at.response_us = 0; /* as HAProxy logs it */
		if (r.is_deny)
			stat_add(
			    &stat_proxy(&wk.board, wk.proc, (uint32_t)px->row)
				 ->res_denied,
			    1);
		reply_rule(s, &r);
		return false;
	case RULE_REJECT:
		stream_term(s, 'P', 'H');
		stream_cut(s);
		return false;
	case RULE_SERVICE: /* of requests alone */
	case RULE_ERROR:
	case RULE_VERDICT_N:
		break;
	}
	stream_term(s, 'P', 'H');
	reply_status(s, 500);
	return false;
}

static void
after_rules(struct stream *s, const struct proxy *px)
{
	const struct rule_list *l = &px->rules[RULES_HTTP_AFTER_RESPONSE];
	struct rule_reply r = { 0 };

	if (l->head)
		(void)rules_run(l, RULES_HTTP_AFTER_RESPONSE, &s->t, &r);
}

static bool
all_rules(struct stream *s)
{
	struct txn *t = &s->t;
	bool two = t->be != t->fe;

	if (t->res_capture && t->fe->res_capture_count)
		rules_capture_response(t);
	if (!run_rules(s, t->be) || (two && !run_rules(s, t->fe)))
		return false;
	if (cookie_response(t) < 0) {
		bad_response(s);
		return false;
	}
	after_rules(s, t->be);
	if (two)
		after_rules(s, t->fe);
	return true;
}

bool
stream_res_is_tunnel(const struct stream *s)
{
	unsigned status = s->t.res->status;

	return status == 101 ||
	    (s->t.req->method == HTTP_CONNECT && status / 100 == 2);
}

/* How the body comes and how it goes on. */
static void
framing_set(struct stream *s, bool tunnel)
{
	const struct http_head *res = s->t.res;
	enum http_framing in = res->framing, out = in;

	if (s->b.x.mux) /* ends by itself, whatever length was announced */
		in = s->res_ended ? HTTP_BODY_NONE : HTTP_BODY_EOF;
	if (tunnel)
		in = out = HTTP_BODY_NONE;
	if (out == HTTP_BODY_CHUNKED && s->t.req->minor == 0)
		out = HTTP_BODY_EOF;
	if (out == HTTP_BODY_EOF || wk.draining)
		s->keep_client = false;
	if (s->fc->front && in != HTTP_BODY_NONE)
		out = HTTP_BODY_EOF;
	/* A client that waits for 100 will hardly send its body now. */
	if (!stream_request_is_read(s) &&
	    (s->b.srv_close || (s->t.req->expect_continue && !s->continued)))
		s->keep_client = false;
	flow_start(&s->down, &s->dbuf, in, res->content_length, out);
	s->down.base = 0;
	s->down.tail_aside = s->fc->front != NULL;
}

bool
stream_res_upload_goes_on(const struct stream *s)
{
	return s->state == ST_RELAY && s->b.bc && !s->b.write_dead &&
	    !s->b.srv_close && (s->down.in != HTTP_BODY_EOF || s->b.x.mux) &&
	    !(s->up.in_done && flow_is_done(&s->up) && !s->to_srv.data &&
		!xprt_has_unsent(&s->b.x)) &&
	    !(s->t.req->expect_continue && !s->continued);
}

/* The connection is free, unless it still takes the request. */
static void
received(struct stream *s)
{
	if (!stream_res_upload_goes_on(s))
		back_done(s);
}

/* The response is complete, the request is not: the server's end, or junk. */
static void
upload_ends(struct stream *s)
{
	if (xprt_is_quiet(&s->b.x))
		return;
	back_drop(s, WSE_EOF);
	if (s->fc->writing)
		stream_arm(s);
	else
		push_client(s);
}

static void relay_read(struct stream *s);

/* After the head: the body that came along, and the rest as it comes. */
static void
relay_begin(struct stream *s)
{
	s->t.res = NULL; /* its bytes make room for the body */
	if (flow_decode(&s->down) < 0) {
		buf_put(&s->to_cli);
		bad_response(s);
		return;
	}
	stream_set_state(s, ST_RELAY);
	s->res_begun = true;
	if (s->t.fe->log.logasap && !s->logged) {
		s->t.log.bytes_read = buf_len(&s->to_cli);
		access_log_line(s);
		s->t.log.bytes_read = 0;
		s->logged = true;
	}
	if (s->down.in_done)
		received(s);
	else if (s->b.x.mux && xprt_has_pending(&s->b.x)) {
		relay_read(s); /* one write for both */
		return;
	}
	push_client(s);
}

static bool
offers(const struct http_head *res, struct sv name, struct sv scheme)
{
	int i = -1;

	while ((i = http_find(res, name, (unsigned)(i + 1))) >= 0)
		if (sv_istarts(res->hdr[i].value, scheme))
			return true;
	return false;
}

/* NTLM and its kin authenticate a connection, not a request. */
static bool
binds_connection(const struct http_head *res)
{
	struct sv name;

	if (res->status != 401 && res->status != 407)
		return false;
	name = res->status == 401 ? SV("WWW-Authenticate")
				  : SV("Proxy-Authenticate");
	return offers(res, name, SV("NTLM")) ||
	    offers(res, name, SV("Negotiate"));
}

/*
 * A 101 has to answer an upgrade, all of which the server has; and a
 * WebSocket's key, if it is to be one.
 */
static bool
is_switch(const struct stream *s)
{
	const struct http_head *req = s->t.req, *res = s->t.res;
	int up = http_find_id(res, HID_UPGRADE, 0);

	if (!s->is_upgrade || !flow_is_done(&s->up) || s->to_srv.data)
		return false;
	if (s->b.x.mux)
		return true; /* there is no key in HTTP/2 */
	if (up >= 0 && ws_key_is_wanted(req) && !ws_key_is_wanted(res))
		return hop_upgrade_offers(req, res->hdr[up].value);
	return ws_key_is_accepted(req, res);
}

/* The final head is here, n bytes long. */
static void
head_done(struct stream *s, uint32_t n)
{
	struct txn *t = &s->t;
	struct http_head *res = &s->mem->res;
	unsigned bit = retry_status_bit(res->status);
	bool tunnel;

	s->dbuf.r += n; /* 0 through a shared connection: none is attached */
	t->res = res;
	t->status = res->status;
	t->at.response_us = clock_us();
	if (res->minor ? res->conn_close : !res->conn_keepalive)
		s->b.srv_close = true;
	if (!s->b.x.mux && binds_connection(res))
		s->b.bc->bound = true;
	if (bit && retry_response(s, bit))
		return;
	if (res->status == 101 && !is_switch(s)) {
		bad_response(s);
		return;
	}
	observe_status(t->srv, res->status);
	if (!all_rules(s))
		return;
	tunnel = stream_res_is_tunnel(s);
	framing_set(s, tunnel);
	if (h1_head_response(s) < 0) {
		bad_response(s);
		return;
	}
	t->status = res->status;
	if (tunnel)
		tunnel_start(s);
	else
		relay_begin(s);
}

/*
 * 1xx: passed on to whoever can understand it.  Each is a sign of life, so that
 * no time ends a server that says nothing else: their number does.
 */
static int
interim(struct stream *s)
{
	if (++s->b.interims > INTERIMS_MAX)
		return -WSE_TOOBIG;
	if (s->t.req->minor == 0)
		return 0;
	s->continued |= s->mem->res.status == 100;
	return h1_head_interim(s);
}

void
stream_res_begin(struct stream *s, int err, bool end)
{
	struct http_head *res = &s->mem->res;

	if (s->state != ST_RESPONSE)
		return;
	s->due.server_ms = clock_ms();
	s->t.res_h2 = true;
	s->res_ended = end;
	if (err < 0) {
		bad_response(s);
		return;
	}
	if (res->status >= 200 || res->status == 101) {
		head_done(s, 0);
		return;
	}
	if (interim(s) < 0)
		bad_response(s);
	else if (s->to_cli.data && !s->fc->writing)
		push_client(s);
	else
		stream_arm(s);
}

static void
parse(struct stream *s)
{
	struct http_head *res = &s->mem->res;
	struct h1_fault fault;
	ssize_t n;

	for (;;) {
		memset(res, 0, offsetof(struct http_head, hdr));
		n = h1_parse_response(buf_rp(&s->dbuf), buf_len(&s->dbuf),
		    BUF_SMALL, &s->scan, s->t.req->method, res, &fault);
		if (n <= 0 || res->status >= 200 || res->status == 101)
			break;
		s->scan = (struct h1_scan){ 0 };
		if (interim(s) < 0) {
			bad_response(s);
			return;
		}
		buf_eat(&s->dbuf, (uint32_t)n);
	}
	if (n > 0) {
		head_done(s, (uint32_t)n);
		return;
	}
	if (n < 0 || buf_room(&s->dbuf) == 0) {
		bad_response(s);
		return;
	}
	if (s->to_cli.data && !s->fc->writing)
		push_client(s);
	else
		stream_arm(s);
}

static void
read_head(struct stream *s)
{
	ssize_t n;

	if (s->b.x.mux) { /* heads come by stream_res_begin() */
		if (!s->b.x.mux->dead)
			return;
		/* a retry is safe when the server says it did nothing */
		if (s->b.x.mux->refused)
			s->b.any_sent = false;
		retry_broken(s, s->b.x.mux->refused ? WSE_DENIED : WSE_RESET);
		return;
	}
	if (!s->dbuf.data && buf_get(&s->dbuf, BUF_LARGE) < 0) {
		stream_term(s, 'R', 'H');
		back_drop(s, WSE_NOMEM);
		reply_status(s, 503);
		return;
	}
	n = xprt_recv(&s->b.x, buf_wp(&s->dbuf), buf_room(&s->dbuf));
	if (n > 0) {
		s->dbuf.w += (uint32_t)n;
		s->due.server_ms = clock_ms();
		parse(s);
		return;
	}
	if (buf_len(&s->dbuf) == 0)
		buf_put(&s->dbuf);
	if (n == -WSE_AGAIN)
		return;
	if (s->dbuf.data) { /* half a head */
		count_errors(s);
		stream_term(s, 'S', 'H');
		back_drop(s, (int)-n);
		reply_status(s, 502);
		return;
	}
	retry_broken(s, (int)-n);
}

/* The body breaks off. */
static void
cut_short(struct stream *s, char who)
{
	count_errors(s);
	stat_add(&stat_proxy(&wk.board, wk.proc, (uint32_t)s->t.be->row)
		      ->server_aborts,
	    1);
	stat_add(&stat_server(&wk.board, wk.proc, (uint32_t)s->t.srv->row)
		      ->server_aborts,
	    1);
	stream_term(s, who, 'D');
	back_drop(s, WSE_EOF);
	s->aborted = true;
	/* What came before is the client's still; then push.c cuts. */
	if (s->fc->writing)
		stream_arm(s);
	else
		push_client(s);
}

static void
relay_read(struct stream *s)
{
	struct flow *f = &s->down;
	uint32_t room;
	ssize_t n;

	if (!s->dbuf.data && buf_get(&s->dbuf, BUF_LARGE) < 0) {
		cut_short(s, 'R');
		return;
	}
	room = flow_room(f);
	if (room == 0) {
		back_read_off(s);
		stream_arm(s);
		return;
	}
	n = xprt_recv(&s->b.x, buf_wp(&s->dbuf), room);
	if (n == -WSE_AGAIN)
		return;
	s->due.server_ms = clock_ms();
	if (n >= 0) {
		s->dbuf.w += (uint32_t)n;
		if (flow_decode(f) < 0) {
			cut_short(s, 'P');
			return;
		}
	}
	if (n < 0 || xprt_has_ended(&s->b.x)) {
		if (s->b.x.mux)
			flow_trail(f, &s->b.x.mux->rx_trail);
		/* through TLS, an end nobody announced may be an attack */
		if (n == -WSE_RESET || xprt_is_truncated(&s->b.x) ||
		    flow_eof(f) < 0) {
			cut_short(s, 'S');
			return;
		}
	}
	if (f->in_done)
		received(s);
	if (!s->fc->writing)
		push_client(s);
	else
		stream_arm(s);
}

void
stream_res_readable(struct stream *s)
{
	switch (s->state) {
	case ST_RESPONSE:
		read_head(s);
		return;
	case ST_RELAY:
		if (s->b.bc && s->down.in_done)
			upload_ends(s);
		else if (s->b.bc)
			relay_read(s);
		return;
	case ST_TUNNEL:
		tunnel_server_readable(s);
		return;
	case ST_HEAD:
	case ST_BUFFER:
	case ST_QUEUE:
	case ST_PAUSE:
	case ST_REPLY:
	case ST_DONE:
	case ST_STATE_N:
		break;
	}
}
