/* SPDX-License-Identifier: MIT */
#include "tools/top/find.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "shm/seg/board.h"

enum { TIMEOUT_S = 3, PATH_ROOM = 300 };

static int PRINTF_LIKE(2, 3) fail(char *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, FIND_WHY_MAX, fmt, ap);
	va_end(ap);
	return -1;
}

/* --- by socket --- */

static int
dial(const char *path, char *why)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct timeval tv = { TIMEOUT_S, 0 };
	int fd;

	if (strlen(path) >= sizeof(sun.sun_path))
		return fail(why, "%s: path too long", path);
	memcpy(sun.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(why, "socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		fail(why, "%s: %s", path, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

/* One answer: its text (ended, one line), and a descriptor or -1. */
static ssize_t
answer(int sock, char *text, size_t room, int *fd_r)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} cb;
	struct iovec iov = { text, room - 1 };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cm;
	ssize_t n;

	mh.msg_control = cb.room;
	mh.msg_controllen = sizeof(cb.room);
	*fd_r = -1;
	n = recvmsg(sock, &mh, MSG_CMSG_CLOEXEC);
	if (n < 0)
		return n;
	text[n] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	cm = CMSG_FIRSTHDR(&mh);
	if (cm && cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_RIGHTS &&
	    cm->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd_r, CMSG_DATA(cm), sizeof(int));
	return n;
}

int
find_by_socket(const char *path, char *why)
{
	static const char ask[] = "_board\n";
	char text[256] = "";
	int sock, fd = -1;
	ssize_t n;

	sock = dial(path, why);
	if (sock < 0)
		return -1;
	if (send(sock, ask, sizeof(ask) - 1, MSG_NOSIGNAL) !=
	    (ssize_t)sizeof(ask) - 1) {
		fail(why, "%s: %s", path, strerror(errno));
	} else {
		n = answer(sock, text, sizeof(text), &fd);
		if (n < 0)
			fail(why, "%s: %s", path, strerror(errno));
		else if (fd < 0)
			fail(why, "%s gives no board: %s", path,
			    n == 0 ? "closed without an answer" : text);
	}
	close(sock);
	return fd;
}

/* --- by process --- */

static bool
is_board(const char *fd_path)
{
	static const char want[] = "/memfd:" BOARD_MEMFD_NAME;
	char link[PATH_ROOM];
	ssize_t n = readlink(fd_path, link, sizeof(link) - 1);

	if (n < 0)
		return false;
	link[n] = '\0';
	return strncmp(link, want, sizeof(want) - 1) == 0 &&
	    (link[sizeof(want) - 1] == '\0' || link[sizeof(want) - 1] == ' ');
}

/* A board among a process's descriptors, opened read-only; -1 with errno (0:
 * it has none). */
static int
board_of(pid_t pid)
{
	char path[PATH_ROOM];
	struct dirent *e;
	int fd = -1, err = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	if (!d)
		return -1;
	while (fd < 0 && (e = readdir(d)) != NULL) {
		snprintf(
		    path, sizeof(path), "/proc/%d/fd/%.200s", pid, e->d_name);
		if (e->d_name[0] == '.' || !is_board(path))
			continue;
		/* whatever it was opened for there, here it is read-only */
		fd = open(path, O_RDONLY | O_CLOEXEC);
		err = fd < 0 ? errno : 0;
	}
	closedir(d);
	errno = err;
	return fd;
}

static pid_t
parent_of(pid_t pid)
{
	char path[PATH_ROOM], text[512], *p;
	int parent = 0;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	p = strrchr(text, ')');
	if (!p || sscanf(p, ") %*c %d", &parent) != 1)
		return 0;
	return parent;
}

int
find_by_pid(pid_t pid, char *why)
{
	int fd = board_of(pid), err = errno;
	pid_t parent;

	if (fd >= 0)
		return fd;
	/* a worker may have closed what it mapped */
	parent = parent_of(pid);
	if (parent > 1)
		fd = board_of(parent);
	if (fd >= 0)
		return fd;
	if (err != 0)
		return fail(why, "process %d: %s", pid, strerror(err));
	return fail(why, "process %d has no board", pid);
}

/* Processes with a board whose parents have none. */
static unsigned
masters(pid_t *pid_r, char *list, size_t room)
{
	unsigned found = 0;
	struct dirent *e;
	size_t at = 0;
	pid_t pid;
	int fd, up;
	DIR *d = opendir("/proc");

	while (d && (e = readdir(d)) != NULL) {
		pid = atoi(e->d_name);
		fd = pid > 0 ? board_of(pid) : -1;
		if (fd < 0)
			continue;
		close(fd);
		up = board_of(parent_of(pid));
		if (up >= 0) {
			close(up);
			continue;
		}
		found++;
		*pid_r = pid;
		if (at < room)
			at +=
			    (size_t)snprintf(list + at, room - at, " %d", pid);
	}
	if (d)
		closedir(d);
	return found;
}

int
find_default(const char *path, char *why)
{
	char list[200] = "", first[FIND_WHY_MAX];
	pid_t pid = 0;
	unsigned n;
	int fd;

	fd = find_by_socket(path, first);
	if (fd >= 0)
		return fd;
	n = masters(&pid, list, sizeof(list));
	if (n == 1)
		return find_by_pid(pid, why);
	if (n == 0)
		return fail(why,
		    "%.200s; and no wsbroker seen running (are "
		    "its user's rights needed?)",
		    first);
	return fail(why, "%.200s; %u of them run, choose one by --pid:%s",
	    first, n, list);
}
