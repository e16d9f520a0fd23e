/* SPDX-License-Identifier: MIT */
#include "tools/top/save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shm/seg/board.h"
#include "shm/seg/memfd.h"
#include "tools/top/find.h"

#define SAVE_MAGIC 0x3145564153425357ull /* "WSBSAVE1" */

enum { BLOCK = 65536 };

struct trailer {
	uint64_t magic, now_us, board_bytes;
};

static int PRINTF_LIKE(2, 3) fail(char *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, FIND_WHY_MAX, fmt, ap);
	va_end(ap);
	return -1;
}

static bool
is_zero(const char *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* Copies all of `from`, leaving holes where it is empty. */
static int
copy(int from, int to, uint64_t bytes)
{
	static char block[BLOCK];
	uint64_t at = 0;
	off_t data;
	ssize_t n;

	while (at < bytes) {
		data = lseek(from, (off_t)at, SEEK_DATA);
		if (data < 0)
			break; /* nothing more but holes */
		at = (uint64_t)data;
		if (at >= bytes)
			break;
		n = pread(from, block, bytes - at < BLOCK ? bytes - at : BLOCK,
		    (off_t)at);
		if (n <= 0)
			return -1;
		if (!is_zero(block, (size_t)n) &&
		    pwrite(to, block, (size_t)n, (off_t)at) != n)
			return -1;
		at += (uint64_t)n;
	}
	return 0;
}

int
save_write(int board_fd, size_t bytes, const char *path, char *why)
{
	struct trailer t = { SAVE_MAGIC, 0, bytes };
	struct timespec ts;
	bool ok;
	int fd;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(why, "%s: %s", path, strerror(errno));
	clock_gettime(CLOCK_MONOTONIC, &ts);
	t.now_us = (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
	ok = copy(board_fd, fd, bytes) == 0 &&
	    pwrite(fd, &t, sizeof(t), (off_t)bytes) == (ssize_t)sizeof(t);
	ok = (close(fd) == 0) && ok;
	return ok ? 0 : fail(why, "%s: %s", path, strerror(errno));
}

bool
save_is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

int
save_read(const char *path, uint64_t *now_us_r, char *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), mem;
	struct trailer t;
	struct stat st;

	if (fd < 0)
		return fail(why, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(t) ||
	    pread(fd, &t, sizeof(t), st.st_size - (off_t)sizeof(t)) !=
		(ssize_t)sizeof(t) ||
	    t.magic != SAVE_MAGIC ||
	    t.board_bytes != (uint64_t)st.st_size - sizeof(t)) {
		close(fd);
		return fail(why, "%s is no saved board", path);
	}
	*now_us_r = t.now_us;
	if (memfd_make(BOARD_MEMFD_NAME, t.board_bytes, &mem) < 0)
		mem = -1;
	if (mem < 0 || copy(fd, mem, t.board_bytes) < 0) {
		fail(why, "%s: %s", path, strerror(errno));
		if (mem >= 0)
			close(mem);
		mem = -1;
	}
	close(fd);
	return mem;
}
