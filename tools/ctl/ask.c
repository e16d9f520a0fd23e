/* SPDX-License-Identifier: MIT */
/*
 * A command to the master's socket, and its answer.
 */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/ctl/ctl.h"

static int
ask_connect(const struct ctl *c)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t n = strlen(c->socket);
	int fd;

	if (n >= sizeof(sun.sun_path)) {
		ctl_complain("the socket's path is too long: %s", c->socket);
		return -CTL_USAGE;
	}
	memcpy(sun.sun_path, c->socket, n + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 &&
	    connect(fd, (struct sockaddr *)&sun,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1)) ==
		0)
		return fd;
	n = (size_t)errno;
	if (fd >= 0)
		close(fd);
	if (n == ENOENT || n == ECONNREFUSED) {
		ctl_complain(
		    "nobody answers on %s: either wsbroker does not run "
		    "(wsbroker-ctl status), or it was started without -S, or "
		    "with another path (--socket)",
		    c->socket);
		return -CTL_DOWN;
	}
	ctl_complain("%s: %s%s", c->socket, strerror((int)n),
	    n == EACCES ? "; only its owner may: try as root" : "");
	return -CTL_DENIED;
}

static bool
ask_send(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

/* What stands on stdin, and the empty line that ends it. */
static bool
ask_send_stdin(int fd)
{
	char buf[16384];
	char last = '\n';
	size_t n;
	bool good = true;

	while (good && (n = fread(buf, 1, sizeof(buf), stdin)) > 0) {
		good = ask_send(fd, buf, n);
		last = buf[n - 1];
	}
	explicit_bzero(buf, sizeof(buf));
	return good &&
	    ask_send(fd, last == '\n' ? "\n" : "\n\n", last == '\n' ? 1 : 2);
}

/* All of the answer; NULL and errno when it does not come. */
static char *
ask_read(const struct ctl *c, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t n = 0, room = 65536;
	char *text = malloc(room);

	while (text) {
		int ready = poll(&p, 1, (int)c->wait_s * 1000);
		ssize_t k = -1;

		if (ready == 0)
			errno = ETIMEDOUT;
		if (ready > 0)
			k = recv(fd, text + n, room - n - 1, 0);
		if (k == 0)
			break;
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0) {
			free(text);
			return NULL;
		}
		n += (size_t)k;
		if (n + 1 == room) {
			char *more = realloc(text, room *= 2);

			if (!more)
				free(text);
			text = more;
		}
	}
	if (!text)
		return NULL;
	if (n > 0 && text[n - 1] == '\n' && (n == 1 || text[n - 2] == '\n'))
		n--;
	text[n] = '\0';
	return text;
}

int
ask(const struct ctl *c, const char *line, bool payload, char **answer_r)
{
	int fd = ask_connect(c);
	char *text;

	if (fd < 0)
		return -fd;
	if (!ask_send(fd, line, strlen(line)) || !ask_send(fd, "\n", 1) ||
	    (payload && !ask_send_stdin(fd))) {
		ctl_complain("%s: %s", c->socket, strerror(errno));
		close(fd);
		return CTL_FAILED;
	}
	(void)shutdown(fd, SHUT_WR);
	text = ask_read(c, fd);
	close(fd);
	if (!text && errno == ETIMEDOUT) {
		ctl_complain("no answer to '%s' within %u s; --timeout "
			     "waits longer",
		    line, c->wait_s);
		return CTL_FAILED;
	}
	if (!text) {
		ctl_complain("%s: %s", c->socket, strerror(errno));
		return CTL_FAILED;
	}
	if (answer_r) {
		*answer_r = text;
		return CTL_OK;
	}
	fputs(text, stdout);
	free(text);
	return fflush(stdout) == 0 ? CTL_OK : CTL_FAILED;
}
