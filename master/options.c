/* SPDX-License-Identifier: MIT */
/*
 * The command line.  Words are whole, as HAProxy's: -db is one word, not -d
 * and -b.
 */
#include "master/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef WSB_CONFIG_FILE
#define WSB_CONFIG_FILE "/etc/wsbroker/wsbroker.conf"
#endif

struct option_row {
	const char *word;
	bool has_value;
	int (*set)(struct options *o, const char *value);
	const char *syntax;
	const char *doc;
};

static int
opt_check(struct options *o, const char *v)
{
	(void)v;
	o->action = OPTS_CHECK;
	return 0;
}

static int
opt_condition(struct options *o, const char *v)
{
	o->action = OPTS_CONDITION;
	o->condition = v;
	return 0;
}

static int
opt_version(struct options *o, const char *v)
{
	(void)v;
	o->action = OPTS_VERSION;
	return 0;
}

static int
opt_version_long(struct options *o, const char *v)
{
	(void)v;
	o->action = OPTS_VERSION_LONG;
	return 0;
}

static int
opt_help(struct options *o, const char *v)
{
	(void)v;
	o->action = OPTS_HELP;
	return 0;
}

static int
opt_dump(struct options *o, const char *v)
{
	(void)v;
	o->action = OPTS_DUMP_KEYWORDS;
	return 0;
}

static int
opt_daemon(struct options *o, const char *v)
{
	(void)v;
	o->daemon = true;
	return 0;
}

static int
opt_foreground(struct options *o, const char *v)
{
	(void)v;
	o->foreground = true;
	return 0;
}

static int
opt_worker(struct options *o, const char *v)
{
	(void)v;
	o->worker_mode = true;
	return 0;
}

static int
opt_notify(struct options *o, const char *v)
{
	(void)v;
	o->worker_mode = o->notify = true;
	return 0;
}

static int
opt_verbose(struct options *o, const char *v)
{
	(void)v;
	o->verbose = true;
	return 0;
}

static int
opt_quiet(struct options *o, const char *v)
{
	(void)v;
	o->quiet = true;
	return 0;
}

static int
opt_warnings(struct options *o, const char *v)
{
	(void)v;
	o->warnings_fatal = true;
	return 0;
}

static int
opt_pidfile(struct options *o, const char *v)
{
	o->pidfile = v;
	return 0;
}

static int
opt_socket(struct options *o, const char *v)
{
	o->socket = v;
	return 0;
}

static int
opt_maxconn(struct options *o, const char *v)
{
	char *end;

	errno = 0;
	o->maxconn = strtol(v, &end, 10);
	if (errno || *end || o->maxconn < 1) {
		fprintf(stderr,
		    "wsbroker: -n takes a number of connections "
		    "above 0, not '%s'\n",
		    v);
		return -WSE_SYNTAX;
	}
	return 0;
}

static int
opt_file(struct options *o, const char *v)
{
	if (o->file_count == OPTIONS_FILES_MAX) {
		fprintf(stderr,
		    "wsbroker: more than %d -f; put the files "
		    "into a directory and name that\n",
		    OPTIONS_FILES_MAX);
		return -WSE_SYNTAX;
	}
	o->files[o->file_count++] = v;
	return 0;
}

static int
opt_chdir(struct options *o, const char *v)
{
	(void)o;
	if (chdir(v) < 0) {
		fprintf(stderr, "wsbroker: -C %s: %s\n", v, strerror(errno));
		return -WSE_SYNTAX;
	}
	return 0;
}

static int
opt_accepted(struct options *o, const char *v)
{
	(void)o;
	(void)v;
	return 0;
}

static const struct option_row option_tbl[] = {
	{ "-f", true, opt_file, "-f FILE|DIR",
	    "read this file, or the *.cfg and *.conf of this directory in "
	    "order" },
	{ "-c", false, opt_check, "-c", "check the configuration and exit" },
	{ "-cc", true, opt_condition, "-cc COND",
	    "exit 0 if the condition holds, 1 if it does not" },
	{ "-D", false, opt_daemon, "-D", "go to the background once ready" },
	{ "-d", false, opt_foreground, "-d", "stay in the foreground" },
	{ "-db", false, opt_foreground, "-db", "stay in the foreground" },
	{ "-W", false, opt_worker, "-W",
	    "the parent stays the process started" },
	{ "-Ws", false, opt_notify, "-Ws",
	    "as -W, and tell the service manager when ready" },
	{ "-p", true, opt_pidfile, "-p FILE", "write the master's pid here" },
	{ "-S", true, opt_socket, "-S ADDR[,OPT...]",
	    "the master's command socket" },
	{ "-n", true, opt_maxconn, "-n N", "at most N client connections" },
	{ "-C", true, opt_chdir, "-C DIR", "change to this directory first" },
	{ "-V", false, opt_verbose, "-V", "say more" },
	{ "-q", false, opt_quiet, "-q", "say nothing but errors of -c" },
	{ "-dW", false, opt_warnings, "-dW", "take warnings for errors" },
	{ "-L", true, opt_accepted, "-L NAME", "accepted, without effect" },
	{ "-m", true, opt_accepted, "-m MB", "accepted, without effect" },
	{ "-N", true, opt_accepted, "-N N", "accepted, without effect" },
	{ "-dM", false, opt_accepted, "-dM", "accepted, without effect" },
	{ "-dI", false, opt_accepted, "-dI", "accepted, without effect" },
	{ "-v", false, opt_version, "-v", "show the version" },
	{ "-vv", false, opt_version_long, "-vv",
	    "show the version, the features and the libraries" },
	{ "-h", false, opt_help, "-h", "show this" },
	{ "--help", false, opt_help, "--help", "show this" },
	{ "--dump-keywords", false, opt_dump, "--dump-keywords",
	    "print every configuration keyword with its syntax" },
};

enum { OPTION_COUNT = sizeof(option_tbl) / sizeof(option_tbl[0]) };

/* Words of HAProxy's that need another way here. */
static const struct {
	const char *word;
	const char *instead;
} option_foreign[] = {
	{ "-sf", "send the running master SIGUSR1 to drain it" },
	{ "-st", "send the running master SIGTERM to stop it" },
	{ "-x", "listeners stay with the master, nothing has to be fetched" },
	{ "-de", "the event library chooses the poller" },
	{ "-dp", "the event library chooses the poller" },
	{ "-dS", "splicing is not used" },
};

static const struct option_row *
option_find(const char *word)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *r = &option_tbl[i];

		/* -dM takes an optional value that is glued to it. */
		if (strcmp(r->word, word) == 0 ||
		    (strcmp(r->word, "-dM") == 0 &&
			strncmp(word, "-dM", 3) == 0))
			return r;
	}
	return NULL;
}

static int
option_unknown(const char *word)
{
	size_t n = sizeof(option_foreign) / sizeof(option_foreign[0]);

	for (size_t i = 0; i < n; i++)
		if (strcmp(option_foreign[i].word, word) == 0) {
			fprintf(stderr, "wsbroker: %s is not supported: %s\n",
			    word, option_foreign[i].instead);
			return -WSE_SYNTAX;
		}
	if (word[0] != '-')
		fprintf(stderr,
		    "wsbroker: what to do with '%s'? A "
		    "configuration is named by -f FILE\n",
		    word);
	else
		fprintf(stderr,
		    "wsbroker: unknown option '%s'; -h shows all "
		    "of them\n",
		    word);
	return -WSE_SYNTAX;
}

int
options_parse(int argc, char **argv, struct options *o)
{
	memset(o, 0, sizeof(*o));
	for (int i = 1; i < argc; i++) {
		const struct option_row *r;

		/* After --, as in HAProxy, only configuration files. */
		if (strcmp(argv[i], "--") == 0) {
			while (++i < argc)
				if (opt_file(o, argv[i]))
					return -WSE_SYNTAX;
			break;
		}
		r = option_find(argv[i]);
		if (!r)
			return option_unknown(argv[i]);
		if (r->has_value && i + 1 == argc) {
			fprintf(stderr, "wsbroker: %s needs a value: %s\n",
			    r->word, r->syntax);
			return -WSE_SYNTAX;
		}
		if (r->set(o, r->has_value ? argv[++i] : NULL))
			return -WSE_SYNTAX;
	}
	o->default_file = o->file_count == 0;
	if (o->default_file)
		o->files[o->file_count++] = WSB_CONFIG_FILE;
	return 0;
}

void
options_usage(FILE *out, const char *argv0)
{
	fprintf(out, "Usage: %s [options] -f FILE [-f FILE|DIR ...]\n", argv0);
	for (int i = 0; i < OPTION_COUNT; i++)
		fprintf(out, "  %-16s %s\n", option_tbl[i].syntax,
		    option_tbl[i].doc);
	fprintf(out, "Without -f: %s\n", WSB_CONFIG_FILE);
}
