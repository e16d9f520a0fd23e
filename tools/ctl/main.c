/* SPDX-License-Identifier: MIT */
/*
 * wsbroker-ctl: options, then one word that says what to do.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl/ctl.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unbuilt"
#endif

enum { DRAIN_S = 30, WAIT_S = 60 };

static const char option_text[] =
    "  --instance NAME    /etc/wsbroker/NAME.conf, /run/wsbroker-NAME,\n"
    "                     /etc/default/wsbroker-NAME instead of the usual\n"
    "  --config FILE      the configuration\n"
    "  --pidfile FILE     where the master's number is\n"
    "  --socket PATH      where the master takes commands\n"
    "  --program FILE     the program wsbroker\n"
    "  --drain-time TIME  how long stop and restart wait for clients: 30s\n"
    "  --timeout TIME     how long an answer may take: 60s\n"
    "  --help, --version\n";

enum {
	OPT_INSTANCE = 256,
	OPT_CONFIG,
	OPT_PIDFILE,
	OPT_SOCKET,
	OPT_PROGRAM,
	OPT_DRAIN,
	OPT_TIMEOUT,
	OPT_HELP,
	OPT_VERSION
};

static const struct option long_options[] = {
	{ "instance", required_argument, NULL, OPT_INSTANCE },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "pidfile", required_argument, NULL, OPT_PIDFILE },
	{ "socket", required_argument, NULL, OPT_SOCKET },
	{ "program", required_argument, NULL, OPT_PROGRAM },
	{ "drain-time", required_argument, NULL, OPT_DRAIN },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

void
ctl_complain(const char *fmt, ...)
{
	va_list ap;

	(void)fflush(stdout);
	fprintf(stderr, "wsbroker-ctl: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static void
usage(FILE *out)
{
	fprintf(out,
	    "usage: wsbroker-ctl [OPTION...] COMMAND [-- OPTION-OF-WSBROKER...]"
	    "\n");
	for (const struct order *o = orders; o->name; o++) {
		char left[64];

		snprintf(left, sizeof(left), "%s %s", o->name, o->args);
		fprintf(out, "  %-18s %s\n", left, o->doc);
	}
	fprintf(out, "options:\n%s", option_text);
}

static bool
set_path(char *to, const char *from, const char *what)
{
	if (*from && snprintf(to, CTL_PATH_MAX, "%s", from) < CTL_PATH_MAX)
		return true;
	ctl_complain("--%s: a path that is too long, or none", what);
	return false;
}

static bool
set_time(unsigned *to, const char *from, const char *what)
{
	if (settings_seconds(from, to))
		return true;
	ctl_complain(
	    "--%s takes seconds or minutes, as in 30s, not '%s'", what, from);
	return false;
}

static bool
set_option(struct ctl *c, int opt, const char *v)
{
	switch (opt) {
	case OPT_INSTANCE:
		return true; /* done before */
	case OPT_CONFIG:
		return set_path(c->config, v, "config");
	case OPT_PIDFILE:
		return set_path(c->pidfile, v, "pidfile");
	case OPT_SOCKET:
		return set_path(c->socket, v, "socket");
	case OPT_PROGRAM:
		return set_path(c->program, v, "program");
	case OPT_DRAIN:
		return set_time(&c->drain_s, v, "drain-time");
	case OPT_TIMEOUT:
		return set_time(&c->wait_s, v, "timeout");
	default:
		return false;
	}
}

/* The instance decides where the rest is looked for: it goes first. */
static bool
choose_instance(struct ctl *c, int argc, char **argv)
{
	const char *name = NULL;
	int opt;

	while ((opt = getopt_long(argc, argv, "+", long_options, NULL)) != -1) {
		if (opt == OPT_HELP) {
			usage(stdout);
			exit(CTL_OK);
		}
		if (opt == OPT_VERSION) {
			printf("wsbroker-ctl %s\n", PACKAGE_VERSION);
			exit(CTL_OK);
		}
		if (opt == '?') {
			usage(stderr);
			return false;
		}
		if (opt == OPT_INSTANCE)
			name = optarg;
	}
	if (name && (!*name || strchr(name, '/') || strlen(name) > 64)) {
		ctl_complain("--instance takes a name, not '%s'", name);
		return false;
	}
	settings_instance(c, name);
	return true;
}

/* What stands behind --, for the program. */
static bool
take_extra(struct ctl *c, int *argc, char **argv)
{
	int n = 1;

	while (n < *argc && strcmp(argv[n], "--") != 0)
		n++;
	for (int i = n + 1; i < *argc; i++) {
		if (c->extra_count == CTL_EXTRA_MAX) {
			ctl_complain("too many options for wsbroker");
			return false;
		}
		c->extra[c->extra_count++] = argv[i];
	}
	*argc = n;
	return true;
}

int
main(int argc, char **argv)
{
	struct ctl c = { .drain_s = DRAIN_S, .wait_s = WAIT_S };
	int opt;

	if (!choose_instance(&c, argc, argv))
		return CTL_USAGE;
	if (!settings_read(&c))
		return CTL_CONFIG;
	optind = 1;
	while ((opt = getopt_long(argc, argv, "+", long_options, NULL)) != -1)
		if (!set_option(&c, opt, optarg))
			return CTL_USAGE;
	argc -= optind;
	argv += optind;
	if (argc == 0) {
		usage(stderr);
		return CTL_USAGE;
	}
	for (const struct order *o = orders; o->name; o++) {
		if (strcmp(argv[0], o->name) != 0)
			continue;
		if (o->arg_max >= 0 && !take_extra(&c, &argc, argv))
			return CTL_USAGE;
		if (o->arg_max >= 0 && argc - 1 > o->arg_max) {
			ctl_complain(
			    "it is: wsbroker-ctl %s %s", o->name, o->args);
			return CTL_USAGE;
		}
		return o->fn(&c, argc, argv);
	}
	ctl_complain("unknown command '%s'; --help lists them", argv[0]);
	return CTL_USAGE;
}
