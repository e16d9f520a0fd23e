/* SPDX-License-Identifier: MIT */
/*
 * The commands of the runtime API: one table, from which help comes too.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/cli_parts.h"
#include "shm/base/log.h"

enum { WHAT_MAX = 800 }; /* of a command, in the log of changes */

static void
help(struct cli *c, int argc, char **argv)
{
	const struct cli_cmd *k;
	char left[96];
	bool some = false;

	(void)argc;
	for (k = cli_cmds; k->words; k++) {
		if (k->words[0] == '_' || k->level > c->level)
			continue;
		if (argv[1] && strncmp(k->words, argv[1], strlen(argv[1])) != 0)
			continue;
		if (!some)
			cli_print(c,
			    "The following commands are valid at "
			    "this level:\n");
		some = true;
		snprintf(left, sizeof(left), "%s%s%s", k->words,
		    k->args[0] ? " " : "", k->args);
		cli_print(c, "  %-40s: %s\n", left, k->doc);
	}
	if (!some)
		cli_print(c, "No such command.\n");
}

static void
prompt(struct cli *c, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	c->prompt = !c->prompt;
}

static void
quit(struct cli *c, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	c->closing = true;
}

static void
set_severity(struct cli *c, int argc, char **argv)
{
	const char *v = argc > 2 ? argv[2] : "";

	if (strcmp(v, "none") == 0)
		c->severity = SEV_NONE;
	else if (strcmp(v, "number") == 0)
		c->severity = SEV_NUMBER;
	else if (strcmp(v, "string") == 0)
		c->severity = SEV_STRING;
	else
		cli_say(c, LOGL_ERR,
		    "one of 'none', 'number', 'string' is a required "
		    "argument\n");
}

/* "10", "500ms", "2m"; seconds without a unit. 0: no time. */
static unsigned
delay_ms(const char *s)
{
	static const struct {
		const char *unit;
		unsigned ms;
	} units[] = { { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 },
		{ "h", 3600000 } };
	unsigned long n;
	char *end;
	size_t i;

	if (!isdigit((unsigned char)*s))
		return 0;
	n = strtoul(s, &end, 10);
	for (i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strcmp(end, units[i].unit) == 0 && n < 1000000)
			return (unsigned)n * units[i].ms;
	return 0;
}

static void
set_timeout(struct cli *c, int argc, char **argv)
{
	unsigned ms = argc > 3 ? delay_ms(argv[3]) : 0;

	if (argc < 3 || strcmp(argv[2], "cli") != 0)
		cli_say(c, LOGL_ERR, "'set timeout' only supports 'cli'.\n");
	else if (ms == 0)
		cli_say(c, LOGL_ERR, "Invalid timeout value.\n");
	else
		c->timeout_ms = ms;
}

const struct cli_cmd cli_cmds[] = {
	{ "abort ssl cert", "<certfile>",
	    "abort a transaction for a certificate file", CLI_ADMIN,
	    cli_abort_cert },
	{ "commit ssl cert", "<certfile>", "commit a certificate file",
	    CLI_ADMIN, cli_commit_cert },
	{ "disable agent", "<bk>/<srv>", "pause what asks a server's agent",
	    CLI_ADMIN, cli_pause_check },
	{ "disable health", "<bk>/<srv>", "pause a server's health checks",
	    CLI_ADMIN, cli_pause_check },
	{ "disable server", "<bk>/<srv>", "put a server in maintenance",
	    CLI_ADMIN, cli_disable_server },
	{ "enable agent", "<bk>/<srv>", "ask a server's agent again", CLI_ADMIN,
	    cli_pause_check },
	{ "enable health", "<bk>/<srv>", "go on with a server's health checks",
	    CLI_ADMIN, cli_pause_check },
	{ "enable server", "<bk>/<srv>", "take a server out of maintenance",
	    CLI_ADMIN, cli_enable_server },
	{ "get weight", "<bk>/<srv>", "report a server's current weight",
	    CLI_USER, cli_get_weight },
	{ "set maxconn frontend", "<frontend> <n>",
	    "change how many clients a frontend has at once", CLI_ADMIN,
	    cli_set_maxconn_frontend },
	{ "set maxconn global", "<n>",
	    "change how many clients there are at once", CLI_ADMIN,
	    cli_set_maxconn_global },
	{ "set maxconn server", "<bk>/<srv> <n>",
	    "change how many requests a server gets at once", CLI_ADMIN,
	    cli_set_maxconn },
	{ "set server", "<bk>/<srv> [opts]",
	    "change a server's state, weight, address, health", CLI_ADMIN,
	    cli_set_server },
	{ "set severity-output", "none|number|string",
	    "show the severity of messages", CLI_USER, set_severity },
	{ "set ssl cert", "<certfile> <payload>", "replace a certificate file",
	    CLI_ADMIN, cli_set_cert },
	{ "set timeout", "cli <delay>",
	    "close this connection after so long in silence", CLI_USER,
	    set_timeout },
	{ "set weight", "<bk>/<srv> <n>[%]", "change a server's weight",
	    CLI_ADMIN, cli_set_weight },
	{ "show changes", "[<n>]",
	    "list the newest changes: when, by whom, what", CLI_OPERATOR,
	    cli_show_changes },
	{ "show info", "", "report about the process", CLI_USER,
	    cli_show_info },
	{ "show pools", "[<bk>/<srv>]",
	    "list the backend connections: server, tag, state, holder",
	    CLI_USER, cli_show_pools },
	{ "show servers conn", "[<backend>]",
	    "dump the connections of servers in numbers", CLI_USER,
	    cli_show_conn },
	{ "show servers state", "[<backend>]",
	    "dump what is volatile of servers", CLI_USER, cli_show_state },
	{ "show ssl cert", "[<certfile>]",
	    "display the certificates in memory, or the details of one",
	    CLI_OPERATOR, cli_show_cert },
	{ "show stat", "", "report counters of proxies and servers, as CSV",
	    CLI_USER, cli_show_stat },
	{ "show version", "", "report the version", CLI_USER,
	    cli_show_version },
	{ "shutdown sessions server", "<bk>/<srv>",
	    "end what goes through a server", CLI_ADMIN, cli_shut_server },
	{ "_board", "", "the board, read-only, as a descriptor", CLI_USER,
	    cli_give_board },
	{ "help", "[<command>]", "list the commands", CLI_USER, help },
	{ "prompt", "", "keep the connection and show a prompt, or not",
	    CLI_USER, prompt },
	{ "quit", "", "disconnect", CLI_USER, quit },
	{ NULL, NULL, NULL, CLI_USER, NULL },
};

/* Blanks separate words; a backslash takes the next byte as it is. */
static int
split(char *p, char **argv)
{
	int argc = 0;
	char *w;

	for (;;) {
		while (*p == ' ' || *p == '\t')
			p++;
		if (!*p || argc == CLI_WORDS_MAX)
			break;
		argv[argc++] = w = p;
		while (*p && *p != ' ' && *p != '\t') {
			if (*p == '\\' && p[1])
				p++;
			*w++ = *p++;
		}
		if (*p)
			p++;
		*w = '\0';
	}
	argv[argc] = NULL;
	return argc;
}

static bool
matches(const struct cli_cmd *k, int argc, char **argv)
{
	const char *w = k->words;
	size_t n;
	int i;

	for (i = 0; *w; i++) {
		n = strcspn(w, " ");
		if (i >= argc || strlen(argv[i]) != n ||
		    memcmp(argv[i], w, n) != 0)
			return false;
		w += n + (w[n] == ' ');
	}
	return true;
}

void
cli_run(struct cli *c, char *cmd)
{
	char *argv[CLI_WORDS_MAX + 1], what[WHAT_MAX];
	const struct cli_cmd *k;
	int argc;

	snprintf(what, sizeof(what), "%s", cmd);
	argc = split(cmd, argv);
	if (argc == 0)
		return;
	for (k = cli_cmds; k->words; k++) {
		if (!matches(k, argc, argv))
			continue;
		if (k->level > c->level)
			cli_say(c, LOGL_ERR, "Permission denied\n");
		else
			k->fn(c, argc, argv);
		if (!c->waiting)
			cli_save(c, what);
		return;
	}
	cli_say(c, LOGL_ERR, "Unknown command: '%s'.\n", argv[0]);
	argv[1] = NULL;
	help(c, 1, argv);
}
