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
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Write end of the pipe on which the starting process waits, or -1. */
static int ready_fd = -1;
/* The pid file, locked for as long as this process lives, or -1. */
static int pidfile_fd = -1;

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

/* The number in it, or 0. */
static int
pidfile_read(int fd)
{
	char text[32] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 ? atoi(text) : 0;
}

/* Is what is open still what the path names? */
static bool
pidfile_is_current(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int
daemon_pidfile_lock(const char *path, int *other_r)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd;

	*other_r = 0;
	for (;;) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
		if (fd < 0)
			return -WSE_SYS;
		if (fcntl(fd, F_OFD_SETLK, &fl) < 0) {
			int saved = errno;

			*other_r = pidfile_read(fd);
			close(fd);
			errno = saved;
			return saved == EAGAIN || saved == EACCES ? -WSE_EXISTS
								  : -WSE_SYS;
		}
		if (pidfile_is_current(fd, path))
			break;
		close(fd); /* its owner has just ended and removed it */
	}
	/* What is in it is stale, unless this is our own next program. */
	if (pidfile_read(fd) != (int)getpid() && ftruncate(fd, 0) < 0) {
		close(fd);
		return -WSE_SYS;
	}
	if (pidfile_fd >= 0)
		close(pidfile_fd);
	pidfile_fd = fd;
	return 0;
}

int
daemon_pidfile_write(void)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (pidfile_fd < 0)
		return 0;
	if (pwrite(pidfile_fd, text, (size_t)n, 0) != n)
		return -WSE_SYS;
	return ftruncate(pidfile_fd, n) < 0 ? -WSE_SYS : 0;
}

void
daemon_pidfile_remove(const char *path)
{
	if (pidfile_fd < 0)
		return;
	/* The lock is ours until the name is gone. */
	if (pidfile_is_current(pidfile_fd, path))
		(void)unlink(path);
	close(pidfile_fd);
	pidfile_fd = -1;
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
