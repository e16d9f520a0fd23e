/* SPDX-License-Identifier: MIT */
/*
 * wsbroker: reads the command line and the configuration, then becomes the
 * master process.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "master/bells.h"
#include "master/daemon.h"
#include "master/master.h"
#include "master/options.h"
#include "master/version.h"
#include "shm/base/clock.h"
#include "shm/base/fds.h"

enum {
	FDS_OF_PROCESS =
	    40,            /* a worker's own: channels, listeners, logs, ... */
	FDS_OF_CLIENT = 2, /* client side and server side */
};

/* maxconn from the descriptor limit, or a check of the one written. */
static int
main_limits(struct conf_parse *cp, long maxconn, bool quiet)
{
	struct conf_global *g = &cp->conf->global;
	uint64_t fds = fds_raise_limit();
	uint64_t own = FDS_OF_PROCESS / 2 + bells_descriptors(cp->conf);
	uint64_t most;

	if (fds < own + FDS_OF_CLIENT)
		return conf_error_at(cp, "limits", 0,
		    "only %llu descriptors are allowed, at least %llu are "
		    "needed: raise the limit (ulimit -n, LimitNOFILE)",
		    (unsigned long long)fds,
		    (unsigned long long)(own + FDS_OF_CLIENT));
	most = (fds - own) / FDS_OF_CLIENT * (uint64_t)g->nbproc;
	if (maxconn)
		g->maxconn = (int)maxconn;
	if (!g->maxconn)
		g->maxconn = (int)(most > 1000000 ? 1000000 : most);
	else if ((uint64_t)g->maxconn > most && !quiet) {
		cp->warning_count++;
		fprintf(stderr,
		    "[WARNING]  (%d) : %llu descriptors a process "
		    "allow %llu connections, not maxconn %d: raise "
		    "the limit (ulimit -n, LimitNOFILE)\n",
		    (int)getpid(), (unsigned long long)fds,
		    (unsigned long long)most, g->maxconn);
	}
	return 0;
}

static int
main_read(struct conf_parse *cp, const struct options *o)
{
	int bad = 0;

	cp->conf = conf_new();
	for (int i = 0; i < o->file_count; i++)
		if (conf_read(cp, o->files[i]))
			bad = -WSE_SYNTAX;
	if (conf_finish(cp))
		bad = -WSE_SYNTAX;
	if (o->pidfile) {
		free(cp->conf->global.pidfile);
		cp->conf->global.pidfile = strdup(o->pidfile);
	}
	if (!bad && main_limits(cp, o->maxconn, o->quiet))
		bad = -WSE_SYNTAX;
	if (bad || cp->error_count) {
		fprintf(stderr,
		    "[ALERT]    (%d) : config : Fatal errors found "
		    "in configuration.\n",
		    (int)getpid());
		return -WSE_SYNTAX;
	}
	if (cp->warning_count && o->warnings_fatal) {
		fprintf(stderr,
		    "[ALERT]    (%d) : config : %d warning(s), "
		    "and -dW takes them for errors\n",
		    (int)getpid(), cp->warning_count);
		return -WSE_SYNTAX;
	}
	return 0;
}

static int
main_condition(const char *text)
{
	char err[256] = "";
	int rc = conf_condition(text, err, sizeof(err));

	if (rc < 0)
		fprintf(stderr, "wsbroker: -cc: %s\n", err);
	return rc == 1 ? 0 : 1;
}

static int
main_serve(struct conf *c, struct options *o)
{
	/* -W and -Ws: the process that was started is the master. */
	o->background = !o->foreground &&
	    (o->daemon || (c->global.daemon && !o->worker_mode));
	if (o->background) {
		if (daemon_start()) {
			fprintf(stderr,
			    "wsbroker: cannot go to the "
			    "background: %s\n",
			    strerror(errno));
			return 1;
		}
	}
	log_init(
	    c->global.log_tag ? c->global.log_tag : "wsbroker", (int)getpid());
	log_stderr(o->quiet ? -1 : o->verbose ? LOGL_INFO : LOGL_WARN);
	return master_run(c, o);
}

int
main(int argc, char **argv)
{
	struct options o;
	struct conf_parse cp = { 0 };
	int rc = 1;

	clock_update();
	log_init("wsbroker", (int)getpid());
	log_stderr(LOGL_WARN);
	if (options_parse(argc, argv, &o)) {
		options_usage(stderr, argv[0]);
		return 1;
	}
	switch (o.action) {
	case OPTS_HELP:
		options_usage(stdout, argv[0]);
		return 0;
	case OPTS_VERSION:
	case OPTS_VERSION_LONG:
		version_print(stdout, o.action == OPTS_VERSION_LONG);
		return 0;
	case OPTS_DUMP_KEYWORDS:
		conf_dump_keywords(stdout);
		return 0;
	case OPTS_CONDITION:
		return main_condition(o.condition);
	case OPTS_RUN:
	case OPTS_CHECK:
	case OPTS_N:
		break;
	}
	if (main_read(&cp, &o) == 0) {
		rc = 0;
		if (o.action == OPTS_RUN)
			rc = main_serve(cp.conf, &o);
		else if (!o.quiet)
			printf("Configuration file is valid\n");
	}
	conf_free(&cp.conf);
	return rc;
}
