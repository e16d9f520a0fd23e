/* SPDX-License-Identifier: MIT */
/*
 * Names and numbers of proxies and servers: each but once.
 */
#include <string.h>

#include "shm/conf/index.h"
#include "shm/conf/number.h"
#include "shm/conf/proxy.h"
#include "shm/conf/section.h"

/* HAProxy numbers its own statistics 1. */
enum { FIRST_PROXY_ID = 2, FIRST_SERVER_ID = 1 };

static void
report_proxy_name(
    struct conf_parse *cp, const struct proxy *px, const struct proxy *o)
{
	conf_error_at(cp, px->file, px->line,
	    "%s '%s' has the same name as %s '%s' declared at %s:%d",
	    proxy_kind(px), px->name, proxy_kind(o), o->name, o->file, o->line);
}

/* A frontend and a backend may share a name. */
static void
check_proxy_names(struct conf_parse *cp, const struct index *x)
{
	const struct proxy *fe = NULL, *be = NULL;

	for (int i = 0; i < x->count; i++) {
		const struct proxy *px = x->e[i].item;

		if (!index_is_repeat(x, i))
			fe = be = NULL;
		if (!*px->name)
			continue; /* was reported */
		if (fe && (px->cap & PX_FRONTEND))
			report_proxy_name(cp, px, fe);
		else if (be && (px->cap & PX_BACKEND))
			report_proxy_name(cp, px, be);
		if (px->cap & PX_FRONTEND)
			fe = px;
		if (px->cap & PX_BACKEND)
			be = px;
	}
}

static void
check_server_names(struct conf_parse *cp, const struct proxy *px)
{
	struct index x = { .e = NULL };

	for (struct server *s = px->servers; s; s = s->next)
		index_add(&x, s->name, 0, s);
	index_sort(&x);
	for (int i = 1; i < x.count; i++) {
		const struct server *o = x.e[i - 1].item, *s = x.e[i].item;

		if (index_is_repeat(&x, i))
			conf_error_at(cp, s->file, s->line,
			    "%s '%s', another server named '%s' was already "
			    "defined at line %d, please use distinct names",
			    proxy_kind(px), px->name, s->name, o->line);
	}
	index_done(&x);
}

void
number_names(struct conf_parse *cp)
{
	struct index *x = &cp->conf->state->names;

	index_done(x);
	for (struct proxy *px = cp->conf->proxies; px; px = px->next)
		index_add(x, px->name, 0, px);
	index_sort(x);
	check_proxy_names(cp, x);
	for (struct proxy *px = cp->conf->proxies; px; px = px->next)
		check_server_names(cp, px);
}

/* The next free number; *at is a place in the sorted ones taken. */
static int
next_id(const struct index *taken, int *at, int id)
{
	for (; *at < taken->count && taken->e[*at].id <= id; (*at)++)
		if (taken->e[*at].id == id)
			id++;
	return id;
}

static void
number_servers(struct conf_parse *cp, struct proxy *px)
{
	struct index taken = { .e = NULL };
	int id = FIRST_SERVER_ID, at = 0;

	for (struct server *s = px->servers; s; s = s->next)
		if (s->id)
			index_add(&taken, NULL, s->id, s);
	index_sort(&taken);
	for (int i = 1; i < taken.count; i++) {
		const struct server *o = taken.e[i - 1].item,
				    *s = taken.e[i].item;

		if (index_is_repeat(&taken, i))
			conf_error_at(cp, s->file, s->line,
			    "server '%s' has the same id %d as server '%s' at "
			    "line %d",
			    s->name, s->id, o->name, o->line);
	}
	for (struct server *s = px->servers; s; s = s->next) {
		s->row = cp->conf->server_count++;
		if (s->id)
			continue;
		id = next_id(&taken, &at, id);
		s->id = id++;
	}
	index_done(&taken);
}

static void
check_proxy_ids(struct conf_parse *cp, const struct index *taken)
{
	for (int i = 1; i < taken->count; i++) {
		const struct proxy *o = taken->e[i - 1].item,
				   *px = taken->e[i].item;

		if (index_is_repeat(taken, i))
			conf_error_at(cp, px->file, px->line,
			    "%s '%s' has the same id %d as %s '%s' at %s:%d",
			    proxy_kind(px), px->name, px->id, proxy_kind(o),
			    o->name, o->file, o->line);
	}
}

void
number_rows(struct conf_parse *cp)
{
	struct index taken = { .e = NULL };
	struct conf *c = cp->conf;
	int id = FIRST_PROXY_ID, at = 0;

	for (struct proxy *px = c->proxies; px; px = px->next)
		if (px->id)
			index_add(&taken, NULL, px->id, px);
	index_sort(&taken);
	check_proxy_ids(cp, &taken);
	c->proxy_count = c->server_count = c->bind_count = 0;
	for (struct proxy *px = c->proxies; px; px = px->next) {
		px->row = c->proxy_count++;
		if (!px->id) {
			id = next_id(&taken, &at, id);
			px->id = id++;
		}
		number_servers(cp, px);
		for (struct bind *b = px->binds; b; b = b->next)
			b->index = c->bind_count++;
	}
	index_done(&taken);
}
