/* SPDX-License-Identifier: MIT */
/*
 * bind: addresses a frontend listens on, and their options.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "shm/base/mem.h"
#include "shm/conf/addr.h"
#include "shm/conf/keyword.h"
#include "shm/conf/owner.h"
#include "shm/conf/proxy.h"

#define B(field) ((int)offsetof(struct bind, field))

enum { BACKLOG_MAX = 65535 };

static int
bind_switch(struct conf_parse *cp, int i, struct bind *b, int arg)
{
	(void)cp;
	(void)i;
	*(bool *)(void *)((char *)b + arg) = true;
	return 0;
}

static int
bind_string(struct conf_parse *cp, int i, struct bind *b, int arg)
{
	proxy_set_string(
	    (char **)(void *)((char *)b + arg), conf_word(cp, i + 1));
	return 0;
}

static int
bind_number(struct conf_parse *cp, int i, struct bind *b, int arg)
{
	return conf_arg_int(
	    cp, i + 1, 0, BACKLOG_MAX, (int *)(void *)((char *)b + arg));
}

static int
bind_owner(struct conf_parse *cp, int i, struct bind *b, int arg)
{
	(void)arg;
	return owner_option(cp, i, &b->mode, &b->uid, &b->gid);
}

static int
bind_proto(struct conf_parse *cp, int i, struct bind *b, int arg)
{
	const char *word = conf_word(cp, i + 1);

	(void)arg;
	if (strcmp(word, "h1") != 0 && strcmp(word, "h2") != 0)
		return conf_error(
		    cp, i + 1, "'proto' expects 'h1' or 'h2', not '%s'", word);
	b->proto_h1 = word[1] == '1';
	b->proto_h2 = !b->proto_h1;
	return 0;
}

const struct bind_keyword bind_opt_tbl[] = {
	{ "accept-proxy", 0, bind_switch, B(accept_proxy), "",
	    "Each connection begins with a PROXY header, version 1 or 2." },
	{ "backlog", 1, bind_number, B(backlog), "<number>",
	    "Length of the queue of connections not yet accepted." },
	{ "gid", 1, bind_owner, 0, "<number>", "Group of a Unix socket." },
	{ "group", 1, bind_owner, 0, "<name>", "Group of a Unix socket." },
	{ "interface", 1, bind_string, B(interface), "<name>",
	    "Only connections that come in by this interface." },
	{ "mode", 1, bind_owner, 0, "<octal>", "Mode of a Unix socket." },
	{ "name", 1, bind_string, B(name), "<name>",
	    "Name of the listener in statistics." },
	{ "proto", 1, bind_proto, 0, "h1|h2",
	    "The only protocol spoken here, whatever a client begins with." },
	{ "transparent", 0, bind_switch, B(transparent), "",
	    "The address need not be one of this machine." },
	{ "uid", 1, bind_owner, 0, "<number>", "Owner of a Unix socket." },
	{ "user", 1, bind_owner, 0, "<name>", "Owner of a Unix socket." },
	{ "v4v6", 0, bind_switch, B(v4v6), "",
	    "An IPv6 socket takes IPv4 as well." },
	{ "v6only", 0, bind_switch, B(v6only), "",
	    "An IPv6 socket takes IPv6 only." },
	{ NULL, 0, NULL, 0, NULL, NULL },
};

static void
template_done(struct bind *t)
{
	free(t->name);
	free(t->interface);
	tls_bind_done(&t->tls);
}

static int
parse_options(struct conf_parse *cp, struct bind *t)
{
	for (int i = 2; i < cp->ln->count;) {
		const char *word = conf_word(cp, i);
		const struct bind_keyword *kw = keyword_find_bind(word);

		if (!kw)
			return keyword_unknown_option(cp, i, KW_BIND);
		if (i + kw->argc >= cp->ln->count)
			return conf_error(
			    cp, i + 1, "'%s' expects %s", word, kw->syntax);
		if (kw->parse(cp, i, t, kw->arg))
			return -WSE_SYNTAX;
		i += 1 + kw->argc;
	}
	return 0;
}

static void
append(struct conf_parse *cp, const struct bind *t, const char *text,
    const struct addr *a, int port, struct bind ***tail)
{
	struct bind *b = mem_alloc(sizeof(*b));

	*b = *t;
	b->next = NULL;
	b->px = cp->px;
	b->text = mem_strdup(text);
	b->name = t->name ? mem_strdup(t->name) : NULL;
	b->interface = t->interface ? mem_strdup(t->interface) : NULL;
	tls_bind_copy(&b->tls, &t->tls);
	b->addr = *a;
	addr_set_port(&b->addr, port);
	**tail = b;
	*tail = &b->next;
}

/* One address of the list, "text". */
static int
add_address(struct conf_parse *cp, const struct bind *t, const char *text,
    struct bind ***tail)
{
	unsigned flags =
	    ADDR_F_RANGE | ADDR_F_RESOLVE | (cp->offline ? ADDR_F_OFFLINE : 0);
	struct addr a;
	char err[256];
	int last, port;

	if (addr_parse_ext(text, flags, &a, &last, err, sizeof(err)))
		return conf_error(cp, 1, "'bind' : %s", err);
	if (a.kind == ADDR_INET && !a.has_port)
		return conf_error(
		    cp, 1, "'bind' : missing port number: '%s'", text);
	port = addr_port(&a);
	if (a.kind == ADDR_INET && !port)
		return conf_error(cp, 1, "'bind' : invalid port '0'");
	do
		append(cp, t, text, &a, port, tail);
	while (++port <= last);
	return 0;
}

static int
parse_bind(struct conf_parse *cp, const struct keyword *kw)
{
	struct bind t = { .file = cp->ln->file,
		.line = cp->ln->line,
		.mode = -1,
		.uid = -1,
		.gid = -1 };
	struct bind **tail = &cp->px->binds;
	char *list, *rest, *one;
	int r = 0;

	(void)kw;
	if (conf_need(cp, 1, "[addr]:port, a path or fd@<number>"))
		return -WSE_SYNTAX;
	if (parse_options(cp, &t)) {
		template_done(&t);
		return -WSE_SYNTAX;
	}
	while (*tail)
		tail = &(*tail)->next;
	list = rest = mem_strdup(conf_word(cp, 1));
	while (r == 0 && (one = strsep(&rest, ",")) != NULL)
		r = add_address(cp, &t, one, &tail);
	free(list);
	template_done(&t);
	return r;
}

const struct keyword bind_tbl[] = {
	{ KW_FRONTEND, "bind", parse_bind, 0, "<address>[,...] [<option>...]",
	    "Listen: [<ip>]:<port>[-<port>], *:<port>, [<ipv6>]:<port>, a "
	    "path, unix@<path>, abns@<name>, fd@<number>." },
	{ 0, NULL, NULL, 0, NULL, NULL },
};
