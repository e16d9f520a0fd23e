/* SPDX-License-Identifier: MIT */
/*
 * The command line, HAProxy's as far as wsbroker has what it names.
 */
#ifndef MASTER_OPTIONS_H
#define MASTER_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "shm/base/err.h"

enum { OPTIONS_FILES_MAX = 64 };

enum options_action {
	OPTS_RUN,
	OPTS_CHECK,         /* -c */
	OPTS_CONDITION,     /* -cc COND */
	OPTS_VERSION,       /* -v */
	OPTS_VERSION_LONG,  /* -vv */
	OPTS_HELP,          /* -h */
	OPTS_DUMP_KEYWORDS, /* --dump-keywords */
	OPTS_N
};

struct options {
	enum options_action action;
	bool daemon;         /* -D */
	bool foreground;     /* -d, -db: also over `daemon` of the config */
	bool worker_mode;    /* -W, -Ws: the parent is what was exec'ed */
	bool notify;         /* -Ws: READY=1 to NOTIFY_SOCKET */
	bool verbose;        /* -V */
	bool background;     /* settled once the config is known */
	bool quiet;          /* -q */
	bool warnings_fatal; /* -dW */
	const char *pidfile; /* -p, or NULL */
	const char *socket;  /* -S, or NULL */
	bool default_file;   /* no -f was given */
	const char *condition;
	long maxconn; /* -n, 0: from the config */
	const char *files[OPTIONS_FILES_MAX];
	int file_count;
};

/*
 * 0, or -WSE_SYNTAX after a message on stderr that names the word and what to
 * do instead.  Strings stay argv's.
 */
MUST_USE int options_parse(int argc, char **argv, struct options *o_r);
void options_usage(FILE *out, const char *argv0);

#endif
