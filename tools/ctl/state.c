/* SPDX-License-Identifier: MIT */
/*
 * Does it run?  The master holds a lock on its pid file for as long as it
 * lives, so the kernel knows: a number in a file that nobody holds is a left
 * behind one, whichever program has that number now.  Signals go through a
 * pidfd taken while the lock was there.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tools/ctl/ctl.h"

enum { START_LIMIT_S = 15, STEP_MS = 50 };

enum run_state
state_read(const struct ctl *c, pid_t *pid_r)
{
	struct flock fl = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	int fd = open(c->pidfile, O_RDONLY | O_CLOEXEC);
	char text[32] = "";
	int saved;

	*pid_r = 0;
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? RUN_DOWN
							   : RUN_UNKNOWN;
	if (fcntl(fd, F_OFD_GETLK, &fl) < 0 ||
	    pread(fd, text, sizeof(text) - 1, 0) < 0) {
		saved = errno;
		close(fd);
		errno = saved;
		return RUN_UNKNOWN;
	}
	close(fd);
	*pid_r = (pid_t)atoi(text);
	if (fl.l_type == F_UNLCK)
		return RUN_STALE;
	return *pid_r > 0 ? RUN_UP : RUN_STARTING;
}

enum run_state
state_settled(const struct ctl *c, pid_t *pid_r)
{
	const struct timespec step = { 0, STEP_MS * 1000000 };
	enum run_state s = state_read(c, pid_r);

	for (int i = 0; s == RUN_STARTING && i < START_LIMIT_S * 1000 / STEP_MS;
	     i++) {
		nanosleep(&step, NULL);
		s = state_read(c, pid_r);
	}
	return s;
}

int
state_open(const struct ctl *c, pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	pid_t again;

	/* It held the lock before and after: the number was not reused. */
	if (fd >= 0 && (state_read(c, &again) != RUN_UP || again != pid)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

bool
state_has_ended(int pidfd, unsigned seconds)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	struct timespec now, end;
	int ms, n;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += seconds;
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
		ms = (int)((end.tv_sec - now.tv_sec) * 1000 +
		    (end.tv_nsec - now.tv_nsec) / 1000000);
		n = poll(&p, 1, ms > 0 ? ms : 0);
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

int
state_signal(int pidfd, int sig)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}
