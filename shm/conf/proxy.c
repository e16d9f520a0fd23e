/* SPDX-License-Identifier: MIT */
/*
 * Making and freeing what a section describes.
 */
#include <stdlib.h>
#include <string.h>

#include "shm/base/mem.h"
#include "shm/conf/check.h"
#include "shm/conf/proxy.h"
#include "shm/conf/rule.h"

void
proxy_set_string(char **s, const char *v)
{
	free(*s);
	*s = v ? mem_strdup(v) : NULL;
}

void
proxy_server_init(struct server *s)
{
	s->weight = 1;
	s->pool.max_conn = -1;
	s->pool.purge_delay_ms = 5000;
	s->check.inter_ms = 2000;
	s->check.rise = 2;
	s->check.fall = 3;
	s->agent.inter_ms = 2000;
	s->watch.error_limit = 10;
}

void
proxy_server_done(struct server *s)
{
	free(s->name);
	free(s->addr_text);
	free(s->cookie);
	free(s->check.sni);
	free(s->agent.send);
	free(s->watch.track_text);
	tls_server_done(&s->tls);
	if (s->pool.conn_name)
		expr_free(&s->pool.conn_name);
}

struct proxy *
proxy_new(const char *name, unsigned cap, const char *file, int line)
{
	struct proxy *px = mem_alloc(sizeof(*px));

	px->name = mem_strdup(name);
	px->cap = cap;
	px->file = file;
	px->line = line;
	px->lb.random_draws = 2;
	px->http.reuse = REUSE_SAFE;
	px->http.retries = 3;
	px->http.ws_learn_ttl_ms = 3600 * 1000;
	px->http.retry_on = RETRY_CONN_FAILURE;
	for (int i = 0; i < RULES_N; i++)
		px->rules[i].tail = &px->rules[i].head;
	proxy_server_init(&px->default_server);
	return px;
}

static void
binds_free(struct bind *b)
{
	while (b) {
		struct bind *next = b->next;

		free(b->text);
		free(b->name);
		free(b->interface);
		tls_bind_done(&b->tls);
		free(b);
		b = next;
	}
}

static void
servers_free(struct server *s)
{
	while (s) {
		struct server *next = s->next;

		proxy_server_done(s);
		free(s);
		s = next;
	}
}

static void
captures_free(struct capture *c)
{
	while (c) {
		struct capture *next = c->next;

		free(c->name);
		free(c);
		c = next;
	}
}

void
proxy_free(struct proxy **pxp)
{
	struct proxy *px = *pxp;

	if (!px)
		return;
	*pxp = NULL;
	free(px->name);
	free(px->default_backend_name);
	free(px->lb.hdr_name);
	if (px->lb.expr)
		expr_free(&px->lb.expr);
	cookie_kw_done(&px->cookie);
	free(px->http.forwardfor_hdr);
	free(px->log.tag);
	free(px->stats.uri);
	if (px->log.fmt)
		logfmt_free(&px->log.fmt);
	check_plan_free(&px->check);
	for (int i = 0; i < RULES_N; i++)
		rule_list_free(&px->rules[i]);
	acl_list_free(&px->acls);
	captures_free(px->req_captures);
	captures_free(px->res_captures);
	for (int i = 0; i < ERRORFILE_N; i++)
		free(px->errorfiles[i].bytes);
	binds_free(px->binds);
	servers_free(px->servers);
	proxy_server_done(&px->default_server);
	free(px);
}

const char *
proxy_kind(const struct proxy *px)
{
	if (px->cap & PX_DEFAULTS)
		return "defaults";
	if (px->cap == PX_FRONTEND)
		return "frontend";
	return px->cap == PX_BACKEND ? "backend" : "listen";
}
