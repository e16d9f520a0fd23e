/* SPDX-License-Identifier: MIT */
/*
 * Starting and stopping.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/ctl/ctl.h"

enum {
	ARGS_MAX = CTL_EXTRA_MAX + 16,
	TERM_LIMIT_S = 15, /* the master gives its children 2 s */
	KILL_LIMIT_S = 5,
};

int
run_program(const struct ctl *c, const char *const *first, bool quiet)
{
	const char *argv[ARGS_MAX];
	int n = 0, status;
	pid_t pid;

	argv[n++] = c->program;
	while (*first)
		argv[n++] = *first++;
	argv[n++] = "-f";
	argv[n++] = c->config;
	for (int i = 0; i < c->extra_count; i++)
		argv[n++] = c->extra[i];
	argv[n] = NULL;
	if (access(c->program, X_OK) < 0) {
		ctl_complain("%s: %s", c->program, strerror(errno));
		return CTL_MISSING;
	}
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		(void)dup2(null, 0);
		if (quiet)
			(void)dup2(null, 1);
		execv(c->program, (char *const *)argv);
		_exit(CTL_MISSING);
	}
	if (pid < 0) {
		ctl_complain("fork: %s", strerror(errno));
		return CTL_FAILED;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return CTL_FAILED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : CTL_FAILED;
}

int
run_check(const struct ctl *c)
{
	static const char *const words[] = { "-c", "-q", NULL };
	int rc;

	if (access(c->config, R_OK) < 0) {
		ctl_complain("%s: %s", c->config, strerror(errno));
		return CTL_CONFIG;
	}
	rc = run_program(c, words, true);
	if (rc == CTL_OK || rc == CTL_MISSING)
		return rc;
	ctl_complain("the configuration %s has errors (see above); nothing "
		     "was changed",
	    c->config);
	return CTL_CONFIG;
}

int
run_configtest(const struct ctl *c, int argc, char **argv)
{
	static const char *const words[] = { "-c", "-V", NULL };
	int rc;

	(void)argc;
	(void)argv;
	if (access(c->config, R_OK) < 0) {
		ctl_complain("%s: %s", c->config, strerror(errno));
		return CTL_CONFIG;
	}
	rc = run_program(c, words, false);
	return rc == CTL_FAILED ? CTL_CONFIG : rc;
}

/* The folder of a file, if it is missing (only the last part of it). */
static bool
run_make_folder(const char *file)
{
	char dir[CTL_PATH_MAX];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", file);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return true;
	*slash = '\0';
	if (mkdir(dir, 0755) == 0 || errno == EEXIST)
		return true;
	ctl_complain("%s: %s", dir, strerror(errno));
	return false;
}

static int
run_launch(const struct ctl *c)
{
	const char *words[] = { "-D", "-S", c->socket, "-p", c->pidfile, NULL };
	pid_t pid;
	int rc;

	if (!run_make_folder(c->pidfile) || !run_make_folder(c->socket))
		return errno == EACCES ? CTL_DENIED : CTL_FAILED;
	rc = run_program(c, words, false);
	if (rc != CTL_OK) {
		ctl_complain("wsbroker did not start");
		return rc == CTL_MISSING ? rc : CTL_FAILED;
	}
	if (state_settled(c, &pid) != RUN_UP) {
		ctl_complain(
		    "wsbroker has ended again: see its log, or run %s -d -f %s",
		    c->program, c->config);
		return CTL_FAILED;
	}
	printf("wsbroker runs (process %d)\n", (int)pid);
	return CTL_OK;
}

static int
run_unknown(const struct ctl *c)
{
	ctl_complain("%s: %s", c->pidfile, strerror(errno));
	return CTL_DENIED;
}

int
run_start(const struct ctl *c, int argc, char **argv)
{
	pid_t pid;
	int rc;

	(void)argc;
	(void)argv;
	switch (state_settled(c, &pid)) {
	case RUN_UP:
		printf("wsbroker runs already (process %d)\n", (int)pid);
		return CTL_OK;
	case RUN_STARTING:
		ctl_complain("another process has %s and does not get ready",
		    c->pidfile);
		return CTL_FAILED;
	case RUN_UNKNOWN:
		return run_unknown(c);
	case RUN_DOWN:
	case RUN_STALE:
		break;
	}
	rc = run_check(c);
	return rc ? rc : run_launch(c);
}

/* Over the socket WebSockets can be told that it comes back. */
static int
run_drain(const struct ctl *c, int fd, bool again)
{
	char *answer;

	if (again && access(c->socket, W_OK) == 0 &&
	    ask(c, "drain restart", false, &answer) == CTL_OK) {
		bool done = strncmp(answer, "Draining", 8) == 0;

		free(answer);
		if (done)
			return 0;
	}
	return state_signal(fd, SIGUSR1);
}

/* First with patience, then without. */
static int
run_end(const struct ctl *c, pid_t pid, bool again)
{
	int fd = state_open(c, pid), rc = CTL_OK;

	if (fd < 0 && (errno == ESRCH || state_read(c, &pid) != RUN_UP))
		return CTL_OK;
	if (fd < 0) {
		ctl_complain("process %d: %s", (int)pid, strerror(errno));
		return CTL_FAILED;
	}
	if (c->drain_s && run_drain(c, fd, again) < 0 && errno != ESRCH) {
		ctl_complain("process %d: %s%s", (int)pid, strerror(errno),
		    errno == EPERM ? "; only its user and root may stop it"
				   : "");
		rc = errno == EPERM ? CTL_DENIED : CTL_FAILED;
	} else if (!c->drain_s || !state_has_ended(fd, c->drain_s)) {
		if (c->drain_s)
			printf("clients are left after %u s: ending them\n",
			    c->drain_s);
		(void)fflush(stdout);
		if (state_signal(fd, SIGTERM) < 0 && errno != ESRCH)
			rc = errno == EPERM ? CTL_DENIED : CTL_FAILED;
		if (rc)
			ctl_complain(
			    "process %d: %s", (int)pid, strerror(errno));
		else if (!state_has_ended(fd, TERM_LIMIT_S)) {
			ctl_complain(
			    "process %d does not end; killing it", (int)pid);
			(void)state_signal(fd, SIGKILL);
			if (!state_has_ended(fd, KILL_LIMIT_S))
				rc = CTL_FAILED;
		}
	}
	close(fd);
	return rc;
}

static int
run_stop_for(const struct ctl *c, bool again)
{
	pid_t pid;
	int rc;

	switch (state_settled(c, &pid)) {
	case RUN_DOWN:
		printf("wsbroker does not run\n");
		return CTL_OK;
	case RUN_STALE:
		printf(
		    "wsbroker does not run; %s was left behind\n", c->pidfile);
		(void)unlink(c->pidfile);
		return CTL_OK;
	case RUN_STARTING:
		ctl_complain("another process has %s and does not get ready",
		    c->pidfile);
		return CTL_FAILED;
	case RUN_UNKNOWN:
		return run_unknown(c);
	case RUN_UP:
		break;
	}
	rc = run_end(c, pid, again);
	if (rc == CTL_OK)
		printf("wsbroker has ended\n");
	return rc;
}

int
run_stop(const struct ctl *c, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return run_stop_for(c, false);
}

int
run_restart(const struct ctl *c, int argc, char **argv)
{
	/* An error in the file must not stop a proxy that works. */
	int rc = run_check(c);

	(void)argc;
	(void)argv;
	if (rc == CTL_OK)
		rc = run_stop_for(c, true);
	return rc ? rc : run_launch(c);
}
