/* SPDX-License-Identifier: MIT */
/*
 * See sealed.h.
 */
#include "shm/base/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ALL_SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

static bool
write_all(int fd, struct sv text)
{
	size_t n = 0;
	ssize_t r;

	while (n < text.n) {
		r = write(fd, text.p + n, text.n - n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return false;
		n += (size_t)r;
	}
	return true;
}

int
sealed_make(struct sv text, int *fd_r)
{
	int fd = memfd_create("wsb-sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -WSE_SYS;
	if (!write_all(fd, text) || fcntl(fd, F_ADD_SEALS, ALL_SEALS) < 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -WSE_SYS;
	}
	*fd_r = fd;
	return 0;
}

static int
check(int fd, size_t most, size_t *n_r)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (seals < 0 || (seals & ALL_SEALS) != ALL_SEALS)
		return -WSE_DENIED;
	if (fstat(fd, &st) < 0)
		return -WSE_SYS;
	if (st.st_size <= 0 || (uint64_t)st.st_size > most)
		return -WSE_TOOBIG;
	*n_r = (size_t)st.st_size;
	return 0;
}

int
sealed_check(int fd, size_t most)
{
	size_t n;

	return check(fd, most, &n);
}

int
sealed_map(int fd, size_t most, struct sv *text_r)
{
	size_t n;
	void *p;
	int r = check(fd, most, &n);

	if (r)
		return r;
	/* private: a shared mapping of sealed memory is refused by Linux < 6.7
	 */
	p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -WSE_SYS;
	(void)madvise(p, n, MADV_DONTDUMP);
	*text_r = sv_of(p, n);
	return 0;
}

void
sealed_unmap(struct sv *text)
{
	if (text->p)
		(void)munmap((void *)(uintptr_t)text->p, text->n);
	*text = SV_NULL;
}
