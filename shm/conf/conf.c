/* SPDX-License-Identifier: MIT */
/*
 * The configuration as a whole: making, freeing, finding.
 */
#include <stdlib.h>
#include <string.h>

#include "shm/base/mem.h"
#include "shm/conf/conf.h"
#include "shm/conf/index.h"
#include "shm/conf/proxy.h"
#include "shm/conf/section.h"

struct conf *
conf_new(void)
{
	struct conf *c = mem_alloc(sizeof(*c));

	c->state = section_state_new();
	c->global.nbproc = 1;
	c->global.life.close_code = CLOSE_CODE_AWAY;
	c->global.life.hang_ms = 10000;
	c->global.uid = c->global.gid = -1;
	c->global.stats_timeout_ms = 10000;
	c->global.stats_maxconn = 10;
	c->global.bufsize_bytes = 16384;
	c->global.multi_queue = true;
	c->global.tunnel_handover = true;
	c->global.h2_max_streams = 100;
	c->global.h2_window_bytes = 65535;
	c->global.maxrewrite_bytes = 1024;
	return c;
}

static void
global_free(struct conf_global *g)
{
	char *const strings[] = { g->state_dir, g->user, g->group, g->chroot,
		g->pidfile, g->node, g->description, g->ca_base, g->crt_base,
		g->log_tag, g->log_send_hostname };

	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++)
		free(strings[i]);
	tls_opts_done(&g->ssl_bind);
	tls_opts_done(&g->ssl_server);
	while (g->stats_sockets) {
		struct stats_socket *s = g->stats_sockets;

		g->stats_sockets = s->next;
		free(s->text);
		free(s);
	}
}

void
conf_free(struct conf **cp)
{
	struct conf *c = *cp;

	if (!c)
		return;
	*cp = NULL;
	while (c->proxies) {
		struct proxy *px = c->proxies;

		c->proxies = px->next;
		proxy_free(&px);
	}
	for (int i = 0; i < c->log_target_count; i++)
		free(c->log_targets[i].text);
	tls_conf_free(c);
	global_free(&c->global);
	section_state_free(&c->state);
	free(c);
}

/* For a conf that was not finished, or was made by hand. */
static struct proxy *
find_unsorted(const struct conf *c, const char *name, unsigned cap)
{
	for (struct proxy *px = c->proxies; px; px = px->next)
		if ((px->cap & cap) && strcmp(px->name, name) == 0)
			return px;
	return NULL;
}

struct proxy *
conf_find_proxy(const struct conf *c, const char *name, unsigned cap)
{
	const struct index *x;

	if (!c->state || !c->state->names.count)
		return find_unsorted(c, name, cap);
	x = &c->state->names;
	for (int i = index_find(x, name); i < x->count; i++) {
		struct proxy *px = x->e[i].item;

		if (strcmp(px->name, name) != 0)
			break;
		if (px->cap & cap)
			return px;
	}
	return NULL;
}

struct server *
conf_find_server(const struct proxy *px, const char *name)
{
	for (struct server *s = px->servers; s; s = s->next)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}
