/* SPDX-License-Identifier: MIT */
/*
 * server and default-server lines.  A server begins with the section's
 * default-server lines, parsed for it, then takes its own options.
 */
#include <stdlib.h>
#include <string.h>

#include "shm/base/mem.h"
#include "shm/conf/addr.h"
#include "shm/conf/keyword.h"
#include "shm/conf/proxy.h"
#include "shm/conf/section.h"
#include "shm/conf/server_kw.h"

static int
parse_default_server(struct conf_parse *cp, const struct keyword *kw)
{
	(void)kw;
	if (server_opt_parse(cp, 1, &cp->px->default_server, true))
		return -WSE_SYNTAX;
	section_keep_default_server(cp);
	return 0;
}

static void
apply_default(struct conf_parse *cp, struct server *s)
{
	/* It parsed once already. */
	if (server_opt_parse(cp, 1, s, true))
		return;
}

/* Where a name that does not resolve may be accepted: "init-addr none". */
static bool
may_be_unresolved(const struct conf_parse *cp)
{
	for (int i = 3; i + 1 < cp->ln->count; i++)
		if (strcmp(conf_word(cp, i), "init-addr") == 0 &&
		    strstr(conf_word(cp, i + 1), "none"))
			return true;
	return false;
}

static int
parse_address(struct conf_parse *cp, struct server *s)
{
	unsigned flags = ADDR_F_RESOLVE | (cp->offline ? ADDR_F_OFFLINE : 0);
	char err[256];
	int port_end, r;

	r = addr_parse_ext(
	    s->addr_text, flags, &s->addr, &port_end, err, sizeof(err));
	if (r == -WSE_NOTFOUND && may_be_unresolved(cp)) {
		conf_warn(cp, 2,
		    "'server %s' : %s, server disabled (init-addr "
		    "none)",
		    s->name, err);
		s->disabled = true;
		return 0;
	}
	if (r)
		return conf_error(cp, 2, "'server %s' : %s", s->name, err);
	if (s->addr.kind == ADDR_FD)
		return conf_error(cp, 2,
		    "'server %s' : 'fd@' addresses are for "
		    "bind lines",
		    s->name);
	/* ip:0 means the client's port, as no port at all does. */
	if (s->addr.kind == ADDR_INET && !addr_port(&s->addr))
		s->addr.has_port = false;
	return 0;
}

static int
parse_server(struct conf_parse *cp, const struct keyword *kw)
{
	struct conf_state *st = cp->conf->state;
	struct server *s;

	(void)kw;
	if (conf_need(cp, 1, "<name> and <addr>[:<port>] as arguments") ||
	    conf_need(cp, 2, "<name> and <addr>[:<port>] as arguments"))
		return -WSE_SYNTAX;
	for (const char *p = conf_word(cp, 1); *p; p++)
		if ((unsigned char)*p <= ' ' || *p == '/' || *p == '\177')
			return conf_error(cp, 1,
			    "character '%c' is not "
			    "permitted in server name '%s'",
			    *p == '/' ? '/' : '?', conf_word(cp, 1));
	if (!*conf_word(cp, 1))
		return conf_error(cp, 1, "a server's name cannot be empty");
	s = mem_alloc(sizeof(*s));
	proxy_server_init(s);
	s->px = cp->px;
	s->file = cp->ln->file;
	s->line = cp->ln->line;
	s->name = mem_strdup(conf_word(cp, 1));
	s->addr_text = mem_strdup(conf_word(cp, 2));
	*st->server_list_tail = s;
	st->server_list_tail = &s->next;
	cp->px->server_count++;
	section_each_default_server(cp, apply_default, s);
	/* Tell of both: a bad address, a bad option. */
	if (parse_address(cp, s) | server_opt_parse(cp, 3, s, false))
		return -WSE_SYNTAX;
	return 0;
}

const struct keyword server_kw_tbl[] = {
	{ KW_BACKEND | KW_STRICT, "server", parse_server, 0,
	    "<name> <address>[:<port>] [<option>...]",
	    "A server; without a port, the one the client used." },
	{ KW_BE | KW_STRICT, "default-server", parse_default_server, 0,
	    "<option>...", "Options of the server lines that follow." },
	{ 0, NULL, NULL, 0, NULL, NULL },
};
