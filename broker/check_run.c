/* SPDX-License-Identifier: MIT */
/*
 * One check, step by step: connect, shake hands, say, listen, judge.
 *
 * Without `timeout check` all of it has `inter`; with it the connection has
 * the shorter of `timeout connect` and `inter`, and the rest `timeout check`.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/check_parts.h"
#include "broker/offer.h"
#include "broker/srv.h"
#include "broker/srv_admin.h"
#include "broker/tls_dial.h"
#include "shm/base/clock.h"
#include "shm/conf/addr.h"
#include "shm/conf/ws.h"
#include "shm/proto/proxy_hdr.h"

enum { AGENT_LINE_MAX = 1024 };

static void next(struct check *k);

static enum check_kind
kind(const struct check *k)
{
	const struct check_plan *p = k->cfg->px->check;

	return p && !k->is_agent ? p->kind : CHECK_KIND_TCP;
}

static uint64_t
inter_us(const struct check *k)
{
	return (uint64_t)(k->is_agent ? k->cfg->agent.inter_ms
				      : k->cfg->check.inter_ms) *
	    1000;
}

static uint64_t
connect_until(const struct check *k)
{
	uint64_t us = inter_us(k);
	uint64_t connect_us = (uint64_t)k->cfg->px->tmo.connect_ms * 1000;

	if (k->cfg->px->tmo.check_ms && connect_us && connect_us < us)
		us = connect_us;
	return k->start_us + us;
}

static uint64_t
answer_until(const struct check *k)
{
	uint64_t us = (uint64_t)k->cfg->px->tmo.check_ms * 1000;

	return us ? clock_us() + us : k->start_us + inter_us(k);
}

static const struct check_connect *
by_rule(const struct check *k)
{
	return k->connect ? &k->connect->u.connect : NULL;
}

/* What the server line says counts: no rule of its own is in the way. */
static bool
as_server(const struct check *k)
{
	const struct check_connect *c = by_rule(k);

	return !c || !c->is_plain || c->use_server;
}

/* --- TLS and protocol --- */

static bool
wants_tls(const struct check *k)
{
	const struct check_connect *c = by_rule(k);

	if (k->is_agent)
		return false;
	return (c && c->ssl) ||
	    (as_server(k) && srv_check_tls(k->server, k->cfg));
}

static void
pick_alpn(const struct check *k, struct tls_alpn *a)
{
	const struct check_connect *c = by_rule(k);

	a->n = 0;
	if (c && c->alpn.n)
		*a = c->alpn;
	else if (!as_server(k))
		return;
	else if (k->cfg->check.alpn.n)
		*a = k->cfg->check.alpn;
	else if (kind(k) == CHECK_KIND_HTTP)
		offer_alpn(k->server, offer_tags(k->server), a);
	else if (kind(k) == CHECK_KIND_WS)
		offer_alpn(k->server, offer_tags_ws(k->server), a);
}

static bool
is_prior_h2(const struct check *k)
{
	const struct check_connect *c = by_rule(k);

	if (c && (c->proto_h1 || c->proto_h2))
		return c->proto_h2;
	if (!as_server(k) || k->is_agent)
		return false;
	if (k->cfg->check.proto_h1 || k->cfg->check.proto_h2)
		return k->cfg->check.proto_h2;
	if (kind(k) == CHECK_KIND_WS)
		return offer_is_prior(k->server, offer_tags_ws(k->server));
	return kind(k) == CHECK_KIND_HTTP &&
	    offer_is_prior(k->server, offer_tags(k->server));
}

static const char *
pick_sni(const struct check *k)
{
	static char name[IPC_TEXT_MAX + 1];
	const struct check_connect *c = by_rule(k);
	struct sv sni;

	if (c && c->sni)
		return c->sni;
	if (k->cfg->check.sni)
		return k->cfg->check.sni;
	if (!as_server(k) || !tls_dial_default_sni(k->server, &sni) || !sni.n)
		return NULL;
	snprintf(name, sizeof(name), SV_FMT, SV_ARG(sni));
	return name;
}

static void
shake(struct check *k)
{
	struct check_shake s = {
		.cfg = k->cfg,
		.sni = pick_sni(k),
		.until_us = k->conn->until_us,
	};

	pick_alpn(k, &s.alpn);
	/* a check that asks nothing lets the server say what it likes */
	s.prior_h2 = kind(k) == CHECK_KIND_TCP || is_prior_h2(k);
	check_conn_shake(k->conn, &s);
}

/* --- connecting --- */

/* Where to; 0: nothing is known. */
static socklen_t
target(const struct check *k, struct sockaddr_storage *ss)
{
	const struct board_server *row = &broker.board.server[k->server];
	const struct check_connect *c = by_rule(k);
	const struct board_place *at =
	    k->is_agent ? &row->agent_at : &row->check_at;
	socklen_t n = row->transport.addr_len;
	int port = at->port;

	memset(ss, 0, sizeof(*ss));
	if (c && c->addr.len) {
		n = c->addr.len;
		memcpy(ss, &c->addr.u, n);
		port = addr_port(&c->addr) ? 0 : port;
	} else if (at->addr_len > 0 && at->addr_len <= BOARD_ADDR_MAX) {
		n = at->addr_len;
		memcpy(ss, at->addr, n);
	} else {
		if (n > BOARD_ADDR_MAX)
			n = 0;
		memcpy(ss, row->transport.addr, n);
	}
	if (c && c->port)
		port = c->port;
	if (port && ss->ss_family == AF_INET)
		((struct sockaddr_in *)ss)->sin_port = htons((uint16_t)port);
	else if (port && ss->ss_family == AF_INET6)
		((struct sockaddr_in6 *)ss)->sin6_port = htons((uint16_t)port);
	return n;
}

/* "127.0.0.1:80", for a server that wants a Host. */
static const char *
host(const struct check *k)
{
	static char text[80];
	const struct check_send *first = &k->cfg->px->check->first;
	struct sockaddr_storage ss;
	struct addr a;

	for (unsigned i = 0; i < first->hdr_count; i++)
		if (sv_ieq(sv_str(first->hdr[i].name), SV("Host")))
			return first->hdr[i].value;
	if (k->conn->is_tls && pick_sni(k))
		return pick_sni(k);
	memset(&a, 0, sizeof(a));
	a.len = target(k, &ss);
	memcpy(&a.u, &ss, sizeof(a.u));
	a.kind = ss.ss_family == AF_UNIX ? ADDR_UNIX : ADDR_INET;
	a.has_port = true;
	return a.kind == ADDR_UNIX ? "localhost"
				   : addr_text(&a, text, sizeof(text));
}

static unsigned
header_version(const struct check *k)
{
	const struct check_connect *c = by_rule(k);
	const struct server_check *s = &k->cfg->check;
	unsigned v = k->cfg->send_proxy;

	if (k->is_agent)
		return 0;
	if ((c && c->send_proxy) || (as_server(k) && s->send_proxy))
		return v ? v : 1;
	return as_server(k) && !s->addr.len && !s->port ? v : 0;
}

static bool
send_header(struct check *k)
{
	static const struct sockaddr none = { .sa_family = AF_UNSPEC };
	unsigned v = header_version(k);
	char h[PROXY_HDR_MAX];
	ssize_t n;

	if (v == 0)
		return true;
	n = proxy_hdr_write(v, &none, &none, h, sizeof(h));
	return n > 0 && check_conn_send(k->conn, h, (size_t)n);
}

static void
open_conn(struct check *k)
{
	struct sockaddr_storage ss;
	socklen_t n = target(k, &ss);

	check_h2_free(&k->h2);
	check_conn_close(k);
	check_reply_done(&k->reply);
	k->asked = NULL;
	if (n == 0)
		check_over(k, CHECK_UNKNOWN, 0, "");
	else
		check_conn_open(k, (struct sockaddr *)&ss, n, connect_until(k));
}

/* --- talking --- */

static void
end(struct check *k, enum check_status r)
{
	check_over(k, r, k->reply.status, "");
}

static void
start_h2(struct check *k, const struct check_send *s, bool is_ws)
{
	const char *why;

	k->h2 = check_h2_new(k->conn, s, is_ws, host(k));
	if (!k->h2)
		check_over(k, CHECK_SOCKERR, 0, "out of memory");
	else if (!check_h2_feed(k->h2, &k->reply, &why) && k->busy && why)
		check_over(k, CHECK_L7RSP, 0, why);
}

static void
start_ws(struct check *k)
{
	const struct check_send *s = &k->cfg->px->check->first;
	char *text;

	k->conn->polite = true;
	check_conn_until(k->conn, answer_until(k));
	k->asked = s;
	if (k->conn->is_h2) {
		start_h2(k, s, true);
		return;
	}
	text = check_ws_request(s->uri ? s->uri : "/", host(k), k->ws_key);
	(void)check_conn_send(k->conn, text, strlen(text));
	free(text);
}

static void
start_agent(struct check *k)
{
	const char *s = k->cfg->agent.send;

	k->conn->polite = true;
	check_conn_until(k->conn, answer_until(k));
	if (s)
		(void)check_conn_send(k->conn, s, strlen(s));
}

/* The connection is set up: what is it for? */
static void
ready(struct check *k)
{
	if (!k->conn->is_tls)
		k->conn->is_h2 = is_prior_h2(k);
	if (k->is_agent) {
		start_agent(k);
		return;
	}
	switch (kind(k)) {
	case CHECK_KIND_TCP:
		end(k, k->conn->is_tls ? CHECK_L6OK : CHECK_L4OK);
		break;
	case CHECK_KIND_WS:
		start_ws(k);
		break;
	case CHECK_KIND_HTTP:
		k->rule = k->rule->next;
		next(k);
		break;
	}
}

static void
send_request(struct check *k)
{
	const struct check_send *s = &k->rule->u.send;
	char *text;
	size_t n;

	if (k->asked) { /* each connection is for one request */
		open_conn(k);
		return;
	}
	k->asked = s;
	k->rule = k->rule->next;
	check_conn_until(k->conn, answer_until(k));
	if (k->conn->is_h2) {
		start_h2(k, s, false);
		return;
	}
	text = check_http_request(s, &n);
	if (check_conn_send(k->conn, text, n) && k->busy)
		next(k);
	free(text);
}

static void
refused(struct check *k, const struct check_expect *e)
{
	bool by_status =
	    e->match == CHECK_MATCH_STATUS || e->match == CHECK_MATCH_RSTATUS;
	enum check_status r = by_status ? CHECK_L7STS : CHECK_L7RSP;
	const char *why = k->reply.reason;

	if (!by_status)
		why = e->negated ? "HTTP check matched unwanted content"
				 : "HTTP content check did not match";
	if (e->error_status)
		r = (enum check_status)e->error_status;
	if (!k->reply.has_head)
		check_over(k, CHECK_L7RSP, 0, "");
	else
		check_over(k, r, by_status ? k->reply.status : 0,
		    e->comment ? e->comment : why);
}

/* Rules up to one that has to wait. */
static void
next(struct check *k)
{
	const struct check_expect *e = NULL;

	for (; k->rule; k->rule = k->rule->next) {
		switch (k->rule->step) {
		case CHECK_CONNECT:
			k->connect = k->rule;
			open_conn(k);
			return;
		case CHECK_SEND:
			send_request(k);
			return;
		case CHECK_EXPECT:
			e = &k->rule->u.expect;
			switch (check_http_judge(e, &k->reply)) {
			case CHECK_WAIT:
				return;
			case CHECK_NO:
				refused(k, e);
				return;
			case CHECK_YES:
				break;
			}
			break;
		case CHECK_STEP_N:
			break;
		}
	}
	end(k,
	    e && e->ok_status ? (enum check_status)e->ok_status : CHECK_L7OK);
}

/* --- listening --- */

static void
hear_ws(struct check *k, bool eof)
{
	uint8_t bye[CHECK_WS_CLOSE_BYTES];
	const char *why = "closed by the server";
	unsigned status = 0;

	if (k->h2) {
		if (!k->reply.has_head)
			return;
		/* an extended CONNECT's 200 shows as 101 */
		if (k->reply.status == 101) {
			if (check_h2_is_agreed(k->h2))
				check_over(k, CHECK_L7OK, 101, "");
		} else {
			check_over(
			    k, CHECK_L7STS, k->reply.status, k->reply.reason);
		}
		return;
	}
	switch (check_ws_judge(
	    k->conn->in, k->conn->in_bytes, k->ws_key, &status, &why)) {
	case CHECK_WAIT:
		if (eof)
			check_over(k, CHECK_L7RSP, 0, why);
		break;
	case CHECK_YES:
		check_ws_close(bye);
		if (check_conn_send(k->conn, bye, sizeof(bye)))
			check_over(k, CHECK_L7OK, status, "");
		break;
	case CHECK_NO:
		check_over(k,
		    status && status != 101 ? CHECK_L7STS : CHECK_L7RSP, status,
		    why);
		break;
	}
}

static void
hear_agent(struct check *k, bool eof)
{
	struct sv all = sv_of(k->conn->in, k->conn->in_bytes);
	ssize_t nl = sv_find_char(all, '\n', 0);

	if (nl < 0 && !eof && all.n < AGENT_LINE_MAX)
		return;
	if (nl >= 0)
		all.n = (size_t)nl;
	if (sv_trim(all).n == 0 && nl < 0)
		check_over(k, CHECK_L7RSP, 0, "the agent says nothing");
	else
		check_agent_apply(k, all);
}

/* False: over. */
static bool
hear_h1(struct check *k, bool eof)
{
	struct check_reply *r = &k->reply;
	const char *why = "";
	ssize_t n;

	while (k->conn->in_bytes > 0 && !r->ended) {
		n = check_http_feed(
		    r, k->conn->in, k->conn->in_bytes, k->asked->method, &why);
		if (n < 0) {
			check_over(k, CHECK_L7RSP, 0, why);
			return false;
		}
		if (n == 0)
			break;
		check_conn_eat(k->conn, (size_t)n);
	}
	r->ended |= eof;
	return true;
}

static void
hear(struct check *k, bool eof)
{
	const char *why = NULL;

	if (k->is_agent) {
		hear_agent(k, eof);
		return;
	}
	if (!k->asked)
		return; /* it speaks first; its turn comes */
	if (k->h2 && !check_h2_feed(k->h2, &k->reply, &why)) {
		if (k->busy && why)
			check_over(k, CHECK_L7RSP, 0, why);
		return;
	}
	if (k->h2)
		k->reply.ended |= eof;
	if (kind(k) == CHECK_KIND_WS) {
		if (k->h2 && eof && !k->reply.has_head)
			check_over(k, CHECK_L7RSP, 0, "closed by the server");
		else
			hear_ws(k, eof);
		return;
	}
	if (k->h2 || hear_h1(k, eof))
		next(k);
}

/* --- what goes wrong --- */

static void
timed_out(struct check *k)
{
	const struct check_conn *c = k->conn;
	const struct check_rule *r = k->rule;
	uint8_t as = r && r->step == CHECK_EXPECT ? r->u.expect.tout_status : 0;

	if (!c->is_open)
		check_over(k, CHECK_L4TOUT, 0, "");
	else if (wants_tls(k) && !c->is_tls)
		check_over(k, CHECK_L6TOUT, 0, "");
	else
		check_over(k, as ? (enum check_status)as : CHECK_L7TOUT, 0, "");
}

static void
conn_failed(struct check *k)
{
	const struct check_conn *c = k->conn;
	int e = c->errnum;
	char why[IPC_WHY_MAX];

	snprintf(why, sizeof(why), "%s", c->why);
	if (!c->is_open &&
	    (e == EMFILE || e == ENFILE || e == ENOBUFS || e == ENOMEM))
		check_over(k, CHECK_UNKNOWN, 0, ""); /* our shortage */
	else if (!c->is_open)
		check_over(
		    k, e == ETIMEDOUT ? CHECK_L4TOUT : CHECK_L4CON, 0, why);
	else if (wants_tls(k) && !c->is_tls)
		check_over(k, CHECK_L6RSP, 0, why);
	else if (kind(k) == CHECK_KIND_TCP)
		check_over(k, CHECK_L4CON, 0, why);
	else
		check_over(k, CHECK_L7RSP, 0, why);
}

void
check_run_event(struct check *k, enum check_event e)
{
	switch (e) {
	case CE_OPEN:
		if (!send_header(k))
			return;
		if (wants_tls(k))
			shake(k);
		else
			ready(k);
		break;
	case CE_SHAKEN:
		ready(k);
		break;
	case CE_DATA:
		hear(k, false);
		break;
	case CE_EOF:
		hear(k, true);
		break;
	case CE_TIMEOUT:
		timed_out(k);
		break;
	case CE_FAILED:
		conn_failed(k);
		break;
	case CE_N:
		break;
	}
}

void
check_run(struct check *k)
{
	const struct check_plan *p = k->cfg->px->check;

	k->busy = true;
	k->start_us = clock_update();
	k->connect = NULL;
	k->rule = kind(k) == CHECK_KIND_HTTP ? p->rules : NULL;
	if (k->rule)
		next(k);
	else
		open_conn(k);
}
