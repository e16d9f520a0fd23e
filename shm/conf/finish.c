/* SPDX-License-Identifier: MIT */
/*
 * What can be said only once all was read: names that refer to each other,
 * values that depend on each other, numbers of rows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/conf/check.h"
#include "shm/conf/conf.h"
#include "shm/conf/number.h"
#include "shm/conf/proxy.h"
#include "shm/conf/rule.h"
#include "shm/conf/section.h"
#include "shm/conf/tls_conf.h"

/* Names that a message may be about. */
enum { NAMES_MAX = 256 };

static const char *
nearest_backend(const struct conf *c, const char *name)
{
	const char *names[NAMES_MAX];
	int n = 0;

	for (const struct proxy *px = c->proxies; px && n < NAMES_MAX;
	     px = px->next)
		if (px->cap & PX_BACKEND)
			names[n++] = px->name;
	return conf_nearest(name, names, n);
}

static void
find_default_backend(struct conf_parse *cp, struct proxy *px)
{
	const char *name = px->default_backend_name, *near;

	if (!name)
		return;
	px->default_backend = conf_find_proxy(cp->conf, name, PX_BACKEND);
	if (px->default_backend)
		return;
	near = nearest_backend(cp->conf, name);
	conf_error_at(cp, px->default_backend_file, px->default_backend_line,
	    "proxy '%s': unable to find required default_backend: '%s'%s%s%s",
	    px->name, name, near ? "; did you mean '" : "", near ? near : "",
	    near ? "'?" : "");
}

static void
check_mode(struct conf_parse *cp, const struct proxy *px)
{
	if (!px->http.mode_http && !px->disabled)
		conf_error_at(cp, px->file, px->line,
		    "%s '%s' has no 'mode http', so its mode is 'tcp', which "
		    "is "
		    "not supported by this version of wsbroker; instead write "
		    "'mode http' here or in a defaults section",
		    proxy_kind(px), px->name);
}

static void
check_timeouts(struct conf_parse *cp, struct proxy *px)
{
	bool client = (px->cap & PX_FRONTEND) && !px->tmo.client_ms;
	bool connect =
	    (px->cap & PX_BACKEND) && px->servers && !px->tmo.connect_ms;
	bool server =
	    (px->cap & PX_BACKEND) && px->servers && !px->tmo.server_ms;

	/* As HAProxy's, these two default to another. */
	if (!px->tmo.queue_ms)
		px->tmo.queue_ms = px->tmo.connect_ms;
	if (px->disabled || !(client || connect || server))
		return;
	cp->conf->has_default_warning = true;
	conf_warn_at(cp, NULL, 0,
	    "missing timeouts for %s '%s' (%s:%d): without%s%s%s a peer that "
	    "went away is waited for without end",
	    proxy_kind(px), px->name, px->file, px->line,
	    client ? " 'timeout client'" : "",
	    connect ? " 'timeout connect'" : "",
	    server ? " 'timeout server'" : "");
}

static void
check_frontend(struct conf_parse *cp, struct proxy *px)
{
	if (px->log.use_global)
		px->log.target_mask |= cp->conf->global.log_mask;
	if (!(px->cap & PX_FRONTEND) || px->disabled || cp->error_count)
		return;
	if (!px->binds)
		conf_warn_at(cp, px->file, px->line,
		    "%s '%s' has no 'bind' directive; declare it as a backend "
		    "if this was intended",
		    proxy_kind(px), px->name);
	if (px->log.fmt && !px->log.target_mask)
		conf_warn_at(cp, px->file, px->line,
		    "log format ignored for %s '%s' since it has no log "
		    "address",
		    proxy_kind(px), px->name);
}

/* Nobody knows what these connections are to begin with ahead of a request. */
static void
check_prewarm(struct conf_parse *cp, const struct server *s)
{
	bool ws = s->pool.prewarm_ws > 0;
	const char *why = NULL;
	struct sv sni;

	if (!ws && s->pool.prewarm <= 0)
		return;
	if (s->send_proxy)
		why = "a connection begins with its client's PROXY header";
	else if (!tls_back_const_sni(s, &sni))
		why = "'sni' depends on the request";
	if (why)
		conf_warn_at(cp, s->file, s->line,
		    "server '%s': '%s' keeps no connections ready: %s", s->name,
		    ws ? "pool-prewarm-ws" : "pool-prewarm", why);
}

static void
check_proxy(struct conf_parse *cp, struct proxy *px)
{
	check_mode(cp, px);
	check_timeouts(cp, px);
	if (px->cap & PX_FRONTEND)
		find_default_backend(cp, px);
	check_frontend(cp, px);
	check_plan_finish(cp, px);
	for (struct server *s = px->servers; s; s = s->next) {
		check_server_finish(cp, s);
		check_prewarm(cp, s);
	}
	if (rule_finish(cp, px))
		return; /* was reported */
}

int
conf_finish(struct conf_parse *cp)
{
	struct conf_global *g = &cp->conf->global;

	cp->ln = NULL;
	cp->px = NULL;
	section_state_trim(cp->conf->state);
	if (g->maxrewrite_bytes > g->bufsize_bytes / 2)
		g->maxrewrite_bytes = g->bufsize_bytes / 2;
	number_names(cp);
	for (struct proxy *px = cp->conf->proxies; px; px = px->next)
		check_proxy(cp, px);
	tls_conf_finish(cp);
	number_rows(cp);
	return cp->error_count ? -WSE_SYNTAX : 0;
}
