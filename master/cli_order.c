/* SPDX-License-Identifier: MIT */
/*
 * The commands of the master's socket: one table, from which help comes too.
 */
#include <stdlib.h>
#include <string.h>

#include "master/cli_parts.h"
#include "master/pairs.h"
#include "shm/base/log.h"

static void
order_help(struct cli_client *c, int argc, char **argv)
{
	char left[96];

	(void)argc;
	(void)argv;
	cli_client_print(
	    c, "The following commands are valid at this level:\n");
	for (const struct cli_order *o = cli_orders; o->words; o++) {
		if (o->right > c->right)
			continue;
		snprintf(left, sizeof(left), "%s%s%s", o->words,
		    o->args[0] ? " " : "", o->args);
		cli_client_print(c, "  %-40s: %s\n", left, o->doc);
	}
}

static void
order_prompt(struct cli_client *c, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	c->prompt = !c->prompt;
}

static void
order_quit(struct cli_client *c, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	c->closing = true;
}

static void
order_version(struct cli_client *c, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	cli_client_print(c, "%s\n", PACKAGE_VERSION);
}

static void
order_drain(struct cli_client *c, int argc, char **argv)
{
	unsigned limit_ms = c->m->conf->global.hard_stop_after_ms;

	if (argc > 1 && strcmp(argv[1], "restart") != 0) {
		cli_client_print(c, "'drain' expects nothing or 'restart'.\n");
		return;
	}
	if (c->m->state != MASTER_RUNNING) {
		cli_client_print(c, "It is ending already.\n");
		return;
	}
	cli_client_print(c, "Draining: no new connections, open ones finish");
	if (limit_ms)
		cli_client_print(c, ", at most %u s", (limit_ms + 999) / 1000);
	cli_client_print(c, ".\n");
	master_drain(c->m, argc > 1);
}

static void
order_drain_worker(struct cli_client *c, int argc, char **argv)
{
	char *end;
	long n = strtol(argv[2], &end, 10);
	int rc;

	(void)argc;
	if (*end || n < 1 || n > c->m->worker_count) {
		cli_client_print(c,
		    "There is no worker '%s'; they are 1 to %d.\n", argv[2],
		    c->m->worker_count);
		return;
	}
	rc = c->m->state == MASTER_RUNNING
	    ? master_drain_worker(c->m, (int)n - 1)
	    : -WSE_AGAIN;
	if (rc == 0)
		cli_client_print(c, "Worker %ld drains.\n", n);
	else
		cli_client_print(c, "Worker %ld starts or ends just now.\n", n);
}

/* `@1 cmd` is found before the table is looked at; the row is for help. */
static void
order_at(struct cli_client *c, int argc, char **argv)
{
	(void)argc;
	cli_client_print(c, "What is '%s'? It is @1 or @master.\n", argv[0]);
}

const struct cli_order cli_orders[] = {
	{ "@1", "[<command>]",
	    "pass a command to the service, or, without one, all that follow",
	    0, RIGHT_USER, order_at },
	{ "@master", "[<command>]", "likewise, for the master", 0, RIGHT_USER,
	    order_at },
	{ "drain worker", "<number>",
	    "a worker gives its connections to the others; a new one follows",
	    1, RIGHT_ADMIN, order_drain_worker },
	{ "drain", "[restart]",
	    "accept no more clients, finish, end; WebSockets hear that it "
	    "restarts",
	    0, RIGHT_ADMIN, order_drain },
	{ "help", "", "list the commands", 0, RIGHT_USER, order_help },
	{ "prompt", "", "keep the connection and show a prompt, or not", 0,
	    RIGHT_USER, order_prompt },
	{ "quit", "", "disconnect", 0, RIGHT_USER, order_quit },
	{ "show proc", "", "list the processes and what old ones wait for", 0,
	    RIGHT_USER, cli_proc_show },
	{ "show version", "", "report the version", 0, RIGHT_USER,
	    order_version },
	{ NULL, NULL, NULL, 0, RIGHT_USER, NULL },
};

static int
order_split(char *p, char **argv)
{
	int argc = 0;

	for (p += strspn(p, " \t"); *p && argc < CLI_ARGS_MAX;
	     p += strspn(p, " \t")) {
		argv[argc++] = p;
		p += strcspn(p, " \t");
		if (*p)
			*p++ = '\0';
	}
	argv[argc] = NULL;
	return argc;
}

/* How many of the words are the row's name; 0: it is not. */
static int
order_match(const struct cli_order *o, int argc, char **argv)
{
	const char *w = o->words;
	int i = 0;

	while (*w) {
		size_t n = strcspn(w, " ");

		if (i >= argc || strlen(argv[i]) != n ||
		    memcmp(argv[i], w, n) != 0)
			return 0;
		w += n + (w[n] == ' ');
		i++;
	}
	return i;
}

static void
order_master(struct cli_client *c, char *cmd)
{
	char *argv[CLI_ARGS_MAX + 1];
	int argc = order_split(cmd, argv);

	if (argc == 0)
		return;
	for (const struct cli_order *o = cli_orders; o->words; o++) {
		int n = order_match(o, argc, argv);

		if (n == 0)
			continue;
		if (o->right > c->right)
			cli_client_print(c, "Permission denied\n");
		else if (argc - n < o->arg_min)
			cli_client_print(
			    c, "It is: %s %s\n", o->words, o->args);
		else
			o->fn(c, argc, argv);
		return;
	}
	cli_client_print(c, "Unknown command: '%s'.\n", argv[0]);
	order_help(c, 0, NULL);
}

/*
 * Take @1, @!1, @master, @0 or @ off the command.  HAProxy's users number
 * processes; here all numbers but 0, and all relative ones, are the service.
 */
static bool
order_target(char **cmd, enum cli_target *target_r)
{
	char *p = *cmd + 1;
	size_t n = strcspn(p, " \t");
	size_t from = *p == '!';

	if (n == 0 || (n == 1 && *p == '0') ||
	    (n == 6 && memcmp(p, "master", 6) == 0))
		*target_r = TARGET_MASTER;
	else if (n > from && strspn(p + from, "0123456789") == n - from)
		*target_r = TARGET_SERVICE;
	else
		return false;
	*cmd = p + n + strspn(p + n, " \t");
	return true;
}

bool
cli_order_run(struct cli_client *c, char *cmd)
{
	enum cli_target target = c->target;
	size_t n;
	bool at;

	cmd += strspn(cmd, " \t");
	at = *cmd == '@';
	if (at && !order_target(&cmd, &target)) {
		cmd[strcspn(cmd, " \t")] = '\0';
		cli_client_print(
		    c, "No such process: '%s'; it is @1 or @master.\n", cmd);
		return true;
	}
	if (*cmd == '\0') {
		if (at)
			c->target = target;
		return false;
	}
	/* These two are about this connection, whoever it talks to. */
	if (target == TARGET_MASTER || strcmp(cmd, "quit") == 0 ||
	    strcmp(cmd, "prompt") == 0) {
		order_master(c, cmd);
		return !c->closing;
	}
	n = strlen(cmd);
	cli_relay_start(
	    c, cmd, !c->in_line && n >= 2 && strcmp(cmd + n - 2, "<<") == 0);
	return true;
}
