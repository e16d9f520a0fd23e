/* SPDX-License-Identifier: MIT */
/*
 * What commands changed is on the disk before they are answered, or the answer
 * says that it is not; the log of changes.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "broker/cli_parts.h"
#include "broker/store.h"
#include "shm/base/log.h"

enum { WHO_MAX = 96, CHANGES_DEFAULT = 20, CHANGES_MAX = 256 };

/* "uid=0,pid=17", or the address. */
static void
who_is(int fd, char *out)
{
	char host[INET6_ADDRSTRLEN] = "?";
	union {
		struct sockaddr sa;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
		struct sockaddr_storage ss;
	} u;
	socklen_t n = sizeof(u);
	struct ucred cred;
	socklen_t cn = sizeof(cred);

	snprintf(out, WHO_MAX, "?");
	if (getpeername(fd, &u.sa, &n) < 0)
		return;
	if (u.sa.sa_family == AF_INET) {
		inet_ntop(AF_INET, &u.in4.sin_addr, host, sizeof(host));
		snprintf(out, WHO_MAX, "%s:%u", host, ntohs(u.in4.sin_port));
	} else if (u.sa.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &u.in6.sin6_addr, host, sizeof(host));
		snprintf(out, WHO_MAX, "[%s]:%u", host, ntohs(u.in6.sin6_port));
	} else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &cn) == 0) {
		snprintf(out, WHO_MAX, "uid=%u,pid=%d", cred.uid, cred.pid);
	}
}

static void
on_saved(const char *why, void *arg)
{
	struct cli *c = arg;

	if (why)
		cli_say(c, LOGL_WARN,
		    "In force, but not saved: %s. It would be lost with this "
		    "run of the service.\n",
		    why);
	cli_resume(c);
}

void
cli_save(struct cli *c, const char *what)
{
	char who[WHO_MAX];

	who_is(c->fd, who);
	if (store_save(who, what, on_saved, c))
		c->waiting = true;
}

/* A line of the log, its seconds as a date. */
static void
print_change(struct cli *c, const char *line)
{
	time_t at = (time_t)strtoll(line, NULL, 10);
	const char *rest = strchr(line, ' ');
	struct tm tm;
	char date[40];

	if (!rest || !gmtime_r(&at, &tm) ||
	    !strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return;
	cli_print(c, "%s%s\n", date, rest);
}

void
cli_show_changes(struct cli *c, int argc, char **argv)
{
	unsigned n = CHANGES_DEFAULT;

	if (argc > 2) {
		char *end;
		unsigned long v = strtoul(argv[2], &end, 10);

		if (*end || end == argv[2] || v == 0) {
			cli_say(c, LOGL_ERR,
			    "'show changes' expects how many, from 1 to %u.\n",
			    CHANGES_MAX);
			return;
		}
		n = v > CHANGES_MAX ? CHANGES_MAX : (unsigned)v;
	}
	if (strcmp(store_status(), "off") == 0) {
		cli_say(c, LOGL_ERR,
		    "Changes are not recorded: the configuration has no "
		    "state-dir.\n");
		return;
	}
	while (n-- > 0)
		if (*store_change(n))
			print_change(c, store_change(n));
}

void
cli_show_store(struct cli *c)
{
	uint64_t saved_us = store_saved_us();

	cli_print(c, "State: %s\nState_saved_sec: %" PRIu64 "\n",
	    store_status(), saved_us / 1000000);
}
