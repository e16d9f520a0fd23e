/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of the process as a whole.  Called at start-up, single-threaded.
 */
#include "shm/base/fds.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shm/base/mem.h"

static int
fds_cmp(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void
fds_close_except(const int *keep, int n)
{
	int *sorted = mem_alloc(((size_t)n + 1) * sizeof(*sorted));
	unsigned from = 3;

	if (n)
		memcpy(sorted, keep, (size_t)n * sizeof(*sorted));
	qsort(sorted, (size_t)n, sizeof(*sorted), fds_cmp);
	for (int i = 0; i < n; i++) {
		if (sorted[i] < (int)from)
			continue;
		if (sorted[i] > (int)from)
			close_range(from, (unsigned)sorted[i] - 1, 0);
		from = (unsigned)sorted[i] + 1;
	}
	close_range(from, UINT_MAX, 0);
	free(sorted);
}

uint64_t
fds_raise_limit(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) < 0)
		return 1024;
	if (rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &rl) < 0)
			(void)getrlimit(RLIMIT_NOFILE, &rl);
	}
	return rl.rlim_cur;
}

int
fds_set_nonblock(int fd)
{
	int fl = fcntl(fd, F_GETFL);

	if (fl < 0 || fcntl(fd, F_SETFL, fl | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -WSE_SYS;
	return 0;
}

int
fds_std_null(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -WSE_SYS;
	for (int i = 0; i < 3; i++)
		if (dup2(fd, i) < 0) {
			close(fd);
			return -WSE_SYS;
		}
	if (fd > 2)
		close(fd);
	return 0;
}
