/* SPDX-License-Identifier: MIT */
/*
 * Keywords of the global section.
 */
#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/base/mem.h"
#include "shm/conf/addr.h"
#include "shm/conf/keyword.h"
#include "shm/conf/owner.h"
#include "shm/conf/proxy.h"

#define G(field) ((int)offsetof(struct conf_global, field))

enum { WORKERS_MAX = 256, CLIENTS_MAX = 10000000 };

/* The rest of the line says nothing to us. */
static int
parse_nothing(struct conf_parse *cp, const struct keyword *kw)
{
	(void)cp;
	(void)kw;
	return 0;
}

static int
parse_flag(struct conf_parse *cp, const struct keyword *kw)
{
	*(bool *)(void *)((char *)&cp->conf->global + kw->arg) = !cp->negated;
	return conf_no_more(cp, 1);
}

static int
parse_string(struct conf_parse *cp, const struct keyword *kw)
{
	if (conf_need(cp, 1, kw->syntax))
		return -WSE_SYNTAX;
	proxy_set_string((char **)(void *)((char *)&cp->conf->global + kw->arg),
	    conf_word(cp, 1));
	return conf_no_more(cp, 2);
}

static int
parse_state_dir(struct conf_parse *cp, const struct keyword *kw)
{
	if (conf_need(cp, 1, kw->syntax))
		return -WSE_SYNTAX;
	if (conf_word(cp, 1)[0] != '/')
		return conf_error(cp, 1,
		    "'state-dir' expects an absolute path, not '%s'",
		    conf_word(cp, 1));
	return parse_string(cp, kw);
}

/* The words of the line joined again (ciphers, options). */
static int
parse_words(struct conf_parse *cp, const struct keyword *kw)
{
	char **at = (char **)(void *)((char *)&cp->conf->global + kw->arg);

	if (conf_need(cp, 1, kw->syntax))
		return -WSE_SYNTAX;
	proxy_set_string(at, conf_word(cp, 1));
	for (int i = 2; i < cp->ln->count; i++) {
		char *joined = mem_printf("%s %s", *at, conf_word(cp, i));

		free(*at);
		*at = joined;
	}
	return 0;
}

static int
parse_time(struct conf_parse *cp, const struct keyword *kw)
{
	unsigned *at =
	    (unsigned *)(void *)((char *)&cp->conf->global + kw->arg);
	/* "stats timeout 30s" has two words before the time. */
	int i = strchr(kw->name, ' ') ? 2 : 1;

	if (conf_arg_ms(cp, i, at))
		return -WSE_SYNTAX;
	if (*at == 0 && i == 2)
		return conf_error(
		    cp, i, "'%s' expects a time above 0", kw->name);
	return conf_no_more(cp, i + 1);
}

static int
parse_nbproc(struct conf_parse *cp, const struct keyword *kw)
{
	(void)kw;
	if (conf_arg_int(cp, 1, 1, WORKERS_MAX, &cp->conf->global.nbproc))
		return -WSE_SYNTAX;
	return conf_no_more(cp, 2);
}

static int
parse_maxconn(struct conf_parse *cp, const struct keyword *kw)
{
	(void)kw;
	if (conf_arg_int(cp, 1, 0, CLIENTS_MAX, &cp->conf->global.maxconn))
		return -WSE_SYNTAX;
	return conf_no_more(cp, 2);
}

static int
parse_user(struct conf_parse *cp, const struct keyword *kw)
{
	struct conf_global *g = &cp->conf->global;

	(void)kw;
	if (conf_need(cp, 1, "the name of a user") || owner_uid(cp, 1, &g->uid))
		return -WSE_SYNTAX;
	proxy_set_string(&g->user, conf_word(cp, 1));
	return conf_no_more(cp, 2);
}

static int
parse_group(struct conf_parse *cp, const struct keyword *kw)
{
	struct conf_global *g = &cp->conf->global;

	(void)kw;
	if (conf_need(cp, 1, "the name of a group") ||
	    owner_gid(cp, 1, &g->gid))
		return -WSE_SYNTAX;
	proxy_set_string(&g->group, conf_word(cp, 1));
	return conf_no_more(cp, 2);
}

static int
parse_id(struct conf_parse *cp, const struct keyword *kw)
{
	int *at = (int *)(void *)((char *)&cp->conf->global + kw->arg);

	if (conf_arg_int(cp, 1, 0, 0x7ffffffe, at))
		return -WSE_SYNTAX;
	return conf_no_more(cp, 2);
}

static int
parse_log_send_hostname(struct conf_parse *cp, const struct keyword *kw)
{
	char host[64] = "";
	const char *name = cp->ln->count > 1 ? conf_word(cp, 1) : host;

	(void)kw;
	if (name == host)
		(void)gethostname(host, sizeof(host) - 1);
	proxy_set_string(
	    &cp->conf->global.log_send_hostname, cp->negated ? NULL : name);
	return conf_no_more(cp, 2);
}

static int
parse_setenv(struct conf_parse *cp, const struct keyword *kw)
{
	if (conf_need(cp, 1, "the name of a variable and its value") ||
	    conf_need(cp, 2, "the name of a variable and its value"))
		return -WSE_SYNTAX;
	if (!*conf_word(cp, 1) || strchr(conf_word(cp, 1), '='))
		return conf_error(cp, 1, "'%s' is not the name of a variable",
		    conf_word(cp, 1));
	/* presetenv leaves a variable that is set. */
	if (setenv(conf_word(cp, 1), conf_word(cp, 2), kw->arg))
		return conf_error(cp, 1, "out of memory");
	return conf_no_more(cp, 3);
}

static int
stats_socket_level(struct conf_parse *cp, int i, int *level_r)
{
	static const char *const levels[] = { "user", "operator", "admin" };

	for (int k = 0; k < 3; k++) {
		if (strcmp(conf_word(cp, i), levels[k]) == 0) {
			*level_r = k;
			return 0;
		}
	}
	return conf_error(cp, i,
	    "'level' expects 'user', 'operator' or 'admin', not '%s'",
	    conf_word(cp, i));
}

/* One option of "stats socket" at word *i; moves *i behind it. */
static int
stats_socket_option(struct conf_parse *cp, int *i, struct stats_socket *s)
{
	const char *word = conf_word(cp, *i), *v = conf_word(cp, *i + 1);
	int at = *i + 1;

	*i += 2;
	if (owner_is_option(word))
		return owner_option(cp, at - 1, &s->mode, &s->uid, &s->gid);
	if (strcmp(word, "level") == 0)
		return stats_socket_level(cp, at, &s->level);
	if (strcmp(word, "expose-fd") == 0 && strcmp(v, "listeners") == 0) {
		s->expose_fd = true;
		return 0;
	}
	if (strcmp(word, "name") == 0 && *v)
		return 0;
	return conf_error(cp, at - 1,
	    "'stats socket' does not know '%s'; expected 'mode', 'user', "
	    "'uid', 'group', 'gid', 'level', 'name' or 'expose-fd listeners'",
	    word);
}

static int
parse_stats_socket(struct conf_parse *cp, const struct keyword *kw)
{
	struct stats_socket *s, **at = &cp->conf->global.stats_sockets;
	char err[256];
	int r = 0;

	(void)kw;
	if (conf_need(cp, 2, "an address, as in 'stats socket /run/x.sock'"))
		return -WSE_SYNTAX;
	s = mem_alloc(sizeof(*s));
	s->text = mem_strdup(conf_word(cp, 2));
	s->mode = s->uid = s->gid = s->fd = -1;
	s->level = 1;
	while (*at)
		at = &(*at)->next;
	*at = s;
	if (addr_parse(s->text, &s->addr, err, sizeof(err)))
		return conf_error(cp, 2, "'stats socket': %s", err);
	if (s->addr.kind == ADDR_INET && !addr_port(&s->addr))
		return conf_error(cp, 2,
		    "'stats socket': missing port number: "
		    "'%s'",
		    s->text);
	for (int i = 3; r == 0 && i < cp->ln->count;)
		r = stats_socket_option(cp, &i, s);
	return r;
}

static int
parse_stats_maxconn(struct conf_parse *cp, const struct keyword *kw)
{
	(void)kw;
	if (conf_arg_int(cp, 2, 1, 65535, &cp->conf->global.stats_maxconn))
		return -WSE_SYNTAX;
	return conf_no_more(cp, 3);
}

const struct keyword global_tbl[] = {
	{ KW_GLOBAL, "nbproc", parse_nbproc, 0, "<number>",
	    "Number of worker processes that serve clients, 1 by default." },
	{ KW_GLOBAL, "maxconn", parse_maxconn, 0, "<number>",
	    "Most client connections at a time over all workers; derived from "
	    "the limit of open files by default." },
	{ KW_GLOBAL, "user", parse_user, 0, "<name>",
	    "User the workers and the broker run as." },
	{ KW_GLOBAL, "group", parse_group, 0, "<name>",
	    "Group the workers and the broker run as." },
	{ KW_GLOBAL, "uid", parse_id, G(uid), "<number>",
	    "As user, by number." },
	{ KW_GLOBAL, "gid", parse_id, G(gid), "<number>",
	    "As group, by number." },
	{ KW_GLOBAL, "chroot", parse_string, G(chroot), "<directory>",
	    "Directory the workers are locked into." },
	{ KW_GLOBAL, "pidfile", parse_string, G(pidfile), "<path>",
	    "File the master's pid is written to." },
	{ KW_GLOBAL, "node", parse_string, G(node), "<name>",
	    "Name of this node, shown by the runtime interface." },
	{ KW_GLOBAL, "description", parse_words, G(description), "<text>",
	    "Description of this instance, shown by the runtime interface." },
	{ KW_GLOBAL, "daemon", parse_flag, G(daemon), "",
	    "Go to the background, as -D on the command line does." },
	{ KW_GLOBAL, "master-worker", parse_flag, G(master_worker), "",
	    "As -W on the command line; there is always a master." },
	{ KW_GLOBAL, "state-dir", parse_state_dir, G(state_dir), "<path>",
	    "Directory of the runtime state: what was changed over the stats "
	    "socket, what was learned of servers and their totals come back "
	    "after a restart, unless the configuration has changed meanwhile. "
	    "It belongs to the user the broker runs as." },
	{ KW_GLOBAL, "hard-stop-after", parse_time, G(hard_stop_after_ms),
	    "<time>", "Longest time a graceful stop may take." },
	{ KW_GLOBAL | KW_NO, "log-send-hostname", parse_log_send_hostname, 0,
	    "[<text>]", "Host name in the header of syslog lines." },
	{ KW_GLOBAL, "stats socket", parse_stats_socket, 0,
	    "<address> [mode <octal>] [user|uid|group|gid <owner>] [level "
	    "user|operator|admin] [expose-fd listeners]",
	    "Socket of the runtime interface." },
	{ KW_GLOBAL, "stats timeout", parse_time, G(stats_timeout_ms), "<time>",
	    "Longest silence on a stats socket, 10s by default." },
	{ KW_GLOBAL, "stats maxconn", parse_stats_maxconn, 0, "<number>",
	    "Most connections on the stats sockets at a time." },
	{ KW_GLOBAL, "setenv", parse_setenv, 1, "<name> <value>",
	    "Set an environment variable for the lines that follow." },
	{ KW_GLOBAL, "presetenv", parse_setenv, 0, "<name> <value>",
	    "As setenv, unless the variable is set already." },
	{ KW_GLOBAL, "nbthread", parse_nothing, 0, "<number>",
	    "Without effect: workers are processes, see nbproc." },
	{ KW_GLOBAL, "thread-groups", parse_nothing, 0, "<number>",
	    "Without effect: workers are processes, see nbproc." },
	{ 0, NULL, NULL, 0, NULL, NULL },
};
