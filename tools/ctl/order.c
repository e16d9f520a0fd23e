/* SPDX-License-Identifier: MIT */
/*
 * The words of wsbroker-ctl.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/ctl/ctl.h"

static int
order_is_down(const struct ctl *c, enum run_state s)
{
	if (s == RUN_UNKNOWN) {
		ctl_complain("%s: %s", c->pidfile, strerror(errno));
		return CTL_DENIED;
	}
	ctl_complain("wsbroker does not run (%s)", c->pidfile);
	return CTL_DOWN;
}

static int
order_status(const struct ctl *c, int argc, char **argv)
{
	char *answer;
	pid_t pid;

	(void)argc;
	(void)argv;
	switch (state_read(c, &pid)) {
	case RUN_DOWN:
		printf("wsbroker does not run\n");
		return CTL_STOPPED;
	case RUN_STALE:
		printf("wsbroker is dead; %s was left behind\n", c->pidfile);
		return CTL_FAILED;
	case RUN_STARTING:
		printf("wsbroker is being started\n");
		return CTL_OK;
	case RUN_UNKNOWN:
		ctl_complain("%s: %s", c->pidfile, strerror(errno));
		return CTL_DENIED;
	case RUN_UP:
		break;
	}
	printf("wsbroker runs (process %d)\n", (int)pid);
	if (access(c->socket, W_OK) == 0 &&
	    ask(c, "show proc", false, &answer) == CTL_OK) {
		fputs(answer, stdout);
		free(answer);
	}
	return CTL_OK;
}

static int
order_drain_all(const struct ctl *c)
{
	pid_t pid;
	enum run_state s = state_settled(c, &pid);
	int fd;

	if (s != RUN_UP)
		return order_is_down(c, s);
	fd = state_open(c, pid);
	if (fd < 0 || state_signal(fd, SIGUSR1) < 0) {
		ctl_complain("process %d: %s", (int)pid, strerror(errno));
		return errno == EPERM ? CTL_DENIED : CTL_FAILED;
	}
	close(fd);
	printf("wsbroker (process %d) takes no more clients and ends with the "
	       "last one\n",
	    (int)pid);
	return CTL_OK;
}

static int
order_drain(const struct ctl *c, int argc, char **argv)
{
	char line[64], *answer;
	int rc;

	if (argc == 1)
		return order_drain_all(c);
	if (argc != 3 || strcmp(argv[1], "worker") != 0 ||
	    strlen(argv[2]) > 9) {
		ctl_complain("it is: wsbroker-ctl drain [worker N]");
		return CTL_USAGE;
	}
	snprintf(line, sizeof(line), "drain worker %s", argv[2]);
	rc = ask(c, line, false, &answer);
	if (rc)
		return rc;
	rc = strstr(answer, " drains.\n") ? CTL_OK : CTL_FAILED;
	fputs(answer, rc ? stderr : stdout);
	free(answer);
	return rc;
}

static int
order_cmd(const struct ctl *c, int argc, char **argv)
{
	bool payload = argc > 1 && strlen(argv[argc - 1]) >= 2 &&
	    strcmp(argv[argc - 1] + strlen(argv[argc - 1]) - 2, "<<") == 0;
	char line[16384];
	size_t n = 0;

	if (argc < 2) {
		ctl_complain("cmd needs a command, as in: wsbroker-ctl cmd "
			     "show info");
		return CTL_USAGE;
	}
	/* For the service, unless it says for whom. */
	if (argv[1][0] != '@')
		n = (size_t)snprintf(line, sizeof(line), "@1");
	for (int i = 1; i < argc && n < sizeof(line); i++)
		n += (size_t)snprintf(
		    line + n, sizeof(line) - n, "%s%s", n ? " " : "", argv[i]);
	if (n >= sizeof(line)) {
		ctl_complain("the command is too long");
		return CTL_USAGE;
	}
	return ask(c, line, payload, NULL);
}

const struct order orders[] = {
	{ "start", "", "check the configuration, start in the background", 0,
	    run_start },
	{ "stop", "", "drain, at most for --drain-time, then end", 0,
	    run_stop },
	{ "restart", "", "check the configuration, stop, start", 0,
	    run_restart },
	{ "status", "", "say whether it runs, and its processes", 0,
	    order_status },
	{ "configtest", "", "check the configuration", 0, run_configtest },
	{ "drain", "[worker N]",
	    "accept no more clients, end with the last one; or one worker", 2,
	    order_drain },
	{ "cmd", "COMMAND...", "send a runtime command, print its answer", -1,
	    order_cmd },
	{ NULL, NULL, NULL, 0, NULL },
};
