/* SPDX-License-Identifier: MIT */
/*
 * Sealed anonymous files, made by the master, attached by everybody.
 */
#include "shm/seg/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

enum { SEALS = F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL };

int
memfd_make(const char *name, size_t bytes, int *fd_r)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd, saved;

	/* vm.memfd_noexec=2 insists on the flag, older kernels refuse it */
	fd = memfd_create(name, flags | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, flags);
	if (fd < 0)
		return -WSE_SYS;
	if (fchmod(fd, 0600) < 0 || ftruncate(fd, (off_t)bytes) < 0 ||
	    fcntl(fd, F_ADD_SEALS, SEALS) < 0) {
		saved = errno;
		close(fd);
		errno = saved;
		return -WSE_SYS;
	}
	*fd_r = fd;
	return 0;
}

int
memfd_size(int fd, size_t *bytes_r)
{
	struct stat st;
	int seals;

	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 ||
	    (seals & (F_SEAL_GROW | F_SEAL_SHRINK)) !=
		(F_SEAL_GROW | F_SEAL_SHRINK))
		return -WSE_DENIED;
	if (fstat(fd, &st) < 0)
		return -WSE_SYS;
	if (st.st_size < 0)
		return -WSE_RANGE;
	*bytes_r = (size_t)st.st_size;
	return 0;
}
