/* SPDX-License-Identifier: MIT */
/*
 * Going to the background, the pid file, word to the service manager.
 */
#include "master/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Write end of the pipe on which the starting process waits, or -1. */
static int ready_fd = -1;

int
daemon_start(void)
{
	int p[2];
	unsigned char status;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return -WSE_SYS;
	pid = fork();
	if (pid < 0) {
		close(p[0]);
		close(p[1]);
		return -WSE_SYS;
	}
	if (pid > 0) {
		ssize_t n;

		close(p[1]);
		do
			n = read(p[0], &status, 1);
		while (n < 0 && errno == EINTR);
		_exit(n == 1 ? status : 1);
	}
	close(p[0]);
	ready_fd = p[1];
	(void)setsid();
	return 0;
}

void
daemon_ready(int status)
{
	unsigned char b = (unsigned char)status;

	if (ready_fd < 0)
		return;
	if (write(ready_fd, &b, 1) < 0)
		errno = 0; /* the starter is gone: nobody to tell */
	close(ready_fd);
	ready_fd = -1;
}

void
daemon_detach_stderr(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	for (int i = 0; i < 3; i++)
		(void)dup2(fd, i);
	if (fd > 2)
		close(fd);
}

int
daemon_pidfile_write(const char *path)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t w;

	if (fd < 0)
		return -WSE_SYS;
	w = write(fd, text, (size_t)n);
	close(fd);
	return w == n ? 0 : -WSE_SYS;
}

void
daemon_pidfile_remove(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n > 0 && atoi(text) == (int)getpid())
		(void)unlink(path);
}

void
daemon_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t n = path ? strlen(path) : 0;
	socklen_t len;
	int fd;

	if (n < 2 || n >= sizeof(sun.sun_path))
		return;
	memcpy(sun.sun_path, path, n + 1);
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	if (path[0] == '@')
		sun.sun_path[0] = '\0';
	else
		len++;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL,
	    (struct sockaddr *)&sun, len);
	close(fd);
}
