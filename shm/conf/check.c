/* SPDX-License-Identifier: MIT */
/*
 * Check plans: making them, and what is implied once all lines were read.
 */
#include "shm/conf/check.h"

#include <stdlib.h>
#include <string.h>

#include "shm/base/mem.h"
#include "shm/conf/addr.h"
#include "shm/conf/proxy.h"

struct check_plan *
check_plan(struct proxy *px)
{
	if (!px->check) {
		px->check = mem_alloc(sizeof(*px->check));
		px->check->tail = &px->check->rules;
	}
	return px->check;
}

static void
send_done(struct check_send *s)
{
	for (unsigned i = 0; i < s->hdr_count; i++) {
		free(s->hdr[i].name);
		free(s->hdr[i].value);
	}
	free(s->hdr);
	free(s->method);
	free(s->uri);
	free(s->version);
	free(s->body);
}

static void
rule_free(struct check_rule *r)
{
	switch (r->step) {
	case CHECK_CONNECT:
		free(r->u.connect.sni);
		break;
	case CHECK_SEND:
		send_done(&r->u.send);
		break;
	case CHECK_EXPECT:
		check_expect_done(&r->u.expect);
		break;
	case CHECK_STEP_N:
		break;
	}
	free(r);
}

void
check_plan_free(struct check_plan **p)
{
	struct check_rule *r, *next;

	if (!*p)
		return;
	for (r = (*p)->rules; r; r = next) {
		next = r->next;
		rule_free(r);
	}
	send_done(&(*p)->first);
	free(*p);
	*p = NULL;
}

static bool
has_step(const struct check_plan *p, enum check_step step)
{
	const struct check_rule *r;

	for (r = p->rules; r; r = r->next)
		if (r->step == step)
			return true;
	return false;
}

/* Behind *at, or in front of all. */
static struct check_rule *
insert(struct check_plan *p, struct check_rule **at, enum check_step step)
{
	struct check_rule *r = mem_alloc(sizeof(*r));

	r->step = step;
	r->next = *at;
	*at = r;
	if (!r->next)
		p->tail = &r->next;
	return r;
}

static void
take(char **to, const char *from)
{
	if (!*to && from)
		*to = mem_strdup(from);
}

/* The first request takes from `option httpchk` what it does not say. */
static void
complete_send(struct check_plan *p)
{
	struct check_rule **at = &p->rules, *r;

	if (!has_step(p, CHECK_SEND)) {
		while (*at && (*at)->step == CHECK_CONNECT)
			at = &(*at)->next;
		(void)insert(p, at, CHECK_SEND);
	}
	for (r = p->rules; r && r->step != CHECK_SEND;)
		r = r->next;
	take(&r->u.send.method, p->first.method ? p->first.method : "OPTIONS");
	take(&r->u.send.uri, p->first.uri);
	take(&r->u.send.version, p->first.version);
	for (unsigned i = 0; i < p->first.hdr_count; i++) {
		struct check_send *s = &r->u.send;

		s->hdr =
		    mem_realloc(s->hdr, (s->hdr_count + 1) * sizeof(*s->hdr));
		s->hdr[s->hdr_count].name = mem_strdup(p->first.hdr[i].name);
		s->hdr[s->hdr_count++].value =
		    mem_strdup(p->first.hdr[i].value);
	}
}

static void
add_expect(struct check_plan *p)
{
	struct check_expect *e = &insert(p, p->tail, CHECK_EXPECT)->u.expect;

	e->match = CHECK_MATCH_STATUS;
	e->text = mem_strdup("200-399");
	e->range = mem_alloc(sizeof(*e->range));
	e->range[0] = (struct check_range){ 200, 399 };
	e->range_count = 1;
}

void
check_plan_finish(struct conf_parse *cp, struct proxy *px)
{
	struct check_plan *p = px->check;

	if (!p || !(px->cap & PX_BACKEND))
		return;
	if (p->rules && p->kind != CHECK_KIND_HTTP) {
		conf_warn_at(cp, px->file, px->line,
		    "%s '%s' uses 'http-check' rules without 'option httpchk', "
		    "so these rules are not used",
		    proxy_kind(px), px->name);
		return;
	}
	if (p->kind != CHECK_KIND_HTTP)
		return;
	if (!p->rules || p->rules->step != CHECK_CONNECT)
		(void)insert(p, &p->rules, CHECK_CONNECT);
	complete_send(p);
	if (!has_step(p, CHECK_EXPECT))
		add_expect(p);
}

bool
check_wants_tls(const struct server *s)
{
	if (s->check.ssl || s->check.no_ssl)
		return s->check.ssl;
	return s->tls.enabled && !s->check.addr.len && !s->check.port;
}

bool
check_may_tls(const struct server *s)
{
	const struct check_plan *p = s->px->check;

	if (!s->check.enabled)
		return false;
	if (s->check.ssl)
		return true;
	for (const struct check_rule *r = p ? p->rules : NULL; r; r = r->next)
		if (r->step == CHECK_CONNECT && r->u.connect.ssl)
			return true;
	return false;
}

static bool
has_port(const struct server *s)
{
	const struct check_plan *p = s->px->check;

	if (addr_port(&s->addr) || s->check.port || s->addr.len == 0 ||
	    s->addr.kind != ADDR_INET ||
	    (s->check.addr.len && addr_port(&s->check.addr)))
		return true;
	return p && p->kind == CHECK_KIND_HTTP && p->rules &&
	    p->rules->step == CHECK_CONNECT &&
	    (p->rules->u.connect.port || p->rules->u.connect.addr.len);
}

static void
find_tracked(struct conf_parse *cp, struct server *s)
{
	const char *text = s->watch.track_text, *slash = strchr(text, '/');
	const struct proxy *px = s->px;
	char *name;

	if (slash) {
		name = mem_printf("%.*s", (int)(slash - text), text);
		px = conf_find_proxy(cp->conf, name, PX_BACKEND);
		free(name);
		text = slash + 1;
	}
	s->watch.track = px ? conf_find_server(px, text) : NULL;
	if (!s->watch.track) {
		conf_error_at(cp, s->file, s->line,
		    "unable to find the server '%s' that server '%s' is to "
		    "track",
		    s->watch.track_text, s->name);
		return;
	}
	if (s->check.enabled || s->agent.enabled)
		conf_error_at(cp, s->file, s->line,
		    "server '%s' cannot both track another and have checks of "
		    "its own",
		    s->name);
}

/* The end of the chain has checks, and there is an end. */
static void
check_chain(struct conf_parse *cp, const struct server *s)
{
	const struct server *t = s;
	int left = cp->conf->server_count + 1;

	for (const struct proxy *px = cp->conf->proxies; px; px = px->next)
		left += px->server_count;
	while (t->watch.track_text && left-- > 0) {
		const char *text = t->watch.track_text;
		const char *slash = strchr(text, '/');
		const struct proxy *px = t->px;
		char *name;

		if (slash) {
			name = mem_printf("%.*s", (int)(slash - text), text);
			px = conf_find_proxy(cp->conf, name, PX_BACKEND);
			free(name);
			text = slash + 1;
		}
		t = px ? conf_find_server(px, text) : NULL;
		if (!t)
			return; /* is reported where it is written */
	}
	if (left <= 0)
		conf_error_at(cp, s->file, s->line,
		    "server '%s' tracks itself, by others", s->name);
	else if (!t->check.enabled && !t->agent.enabled)
		conf_error_at(cp, s->file, s->line,
		    "server '%s' tracks server '%s', which has no 'check'",
		    s->name, t->name);
}

void
check_server_finish(struct conf_parse *cp, struct server *s)
{
	if (s->check.enabled && !has_port(s))
		conf_error_at(cp, s->file, s->line,
		    "server '%s' has neither service port nor check port, so "
		    "it cannot be checked",
		    s->name);
	if (s->agent.enabled && !s->agent.port)
		conf_error_at(cp, s->file, s->line,
		    "server '%s' has 'agent-check' but no 'agent-port'",
		    s->name);
	if (!s->watch.track_text)
		return;
	find_tracked(cp, s);
	if (s->watch.track)
		check_chain(cp, s);
}
