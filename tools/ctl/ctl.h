/* SPDX-License-Identifier: MIT */
/*
 * wsbroker-ctl: starts, stops and commands a wsbroker, as init scripts and
 * operators do.
 */
#ifndef TOOLS_CTL_CTL_H
#define TOOLS_CTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Exit codes, those of LSB init scripts. */
enum {
	CTL_OK = 0,
	CTL_FAILED = 1, /* status: dead, and its pid file is left */
	CTL_USAGE = 2,
	CTL_STOPPED = 3, /* status: not running */
	CTL_DENIED = 4,  /* no right to; status: cannot be told */
	CTL_MISSING = 5, /* the program is not there */
	CTL_CONFIG = 6,  /* the configuration is missing or wrong */
	CTL_DOWN = 7,    /* what needs a running service found none */
};

enum { CTL_EXTRA_MAX = 64, CTL_PATH_MAX = 512 };

struct ctl {
	char program[CTL_PATH_MAX];
	char config[CTL_PATH_MAX];
	char socket[CTL_PATH_MAX]; /* the master's */
	char pidfile[CTL_PATH_MAX];
	char defaults[CTL_PATH_MAX];      /* /etc/default/wsbroker */
	const char *extra[CTL_EXTRA_MAX]; /* options of the program */
	int extra_count;
	unsigned drain_s; /* stop: so long for what is under way, 0: none */
	unsigned wait_s;  /* for an answer */
};

/* --- main.c --- */
/* "wsbroker-ctl: ..." on stderr. */
void ctl_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- settings.c --- */
/* Paths by default, or of the instance. */
void settings_instance(struct ctl *c, const char *name);
/*
 * CONFIG, EXTRAOPTS, DRAIN_TIME of the file of defaults; a missing file is
 * none.  False after a complaint.  Options win: call it before them.
 */
bool settings_read(struct ctl *c);
/* "30", "30s", "2m"; false: it is none. */
bool settings_seconds(const char *text, unsigned *s_r);

/* --- state.c --- */
enum run_state {
	RUN_DOWN,     /* no pid file */
	RUN_STALE,    /* one nobody holds */
	RUN_STARTING, /* held, without a number yet */
	RUN_UP,
	RUN_UNKNOWN /* it cannot be read: errno */
};

enum run_state state_read(const struct ctl *c, pid_t *pid_r);
/* As state_read(), but waits while it is starting. */
enum run_state state_settled(const struct ctl *c, pid_t *pid_r);
/* A descriptor of that very process, or -1: it is gone. */
int state_open(const struct ctl *c, pid_t pid);
/* Has it ended within so many seconds? */
bool state_has_ended(int pidfd, unsigned seconds);
int state_signal(int pidfd, int sig);

/* --- ask.c --- */
/*
 * Sends a line, and with `payload` what stands on stdin, to the master's
 * socket; the answer, without the empty line at its end, into *answer_r
 * (allocated), or to stdout if that is NULL.  An exit code, after a
 * complaint.
 */
int ask(const struct ctl *c, const char *line, bool payload, char **answer_r);

/* --- run.c --- */
/* The program on its configuration, with `first` before that. Exit code of it,
 * or CTL_*; `quiet`: without its stdout. */
int run_program(const struct ctl *c, const char *const *first, bool quiet);
int run_start(const struct ctl *c, int argc, char **argv);
int run_stop(const struct ctl *c, int argc, char **argv);
int run_restart(const struct ctl *c, int argc, char **argv);
int run_configtest(const struct ctl *c, int argc, char **argv);
/* Check the configuration, complain: CTL_OK, CTL_CONFIG, CTL_MISSING. */
int run_check(const struct ctl *c);

/* --- order.c --- */
struct order {
	const char *name, *args, *doc;
	int arg_max; /* words after it, -1: any number */
	int (*fn)(const struct ctl *c, int argc, char **argv);
};

extern const struct order orders[]; /* name NULL: the end */

#endif
