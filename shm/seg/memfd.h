/* SPDX-License-Identifier: MIT */
/*
 * Sealed anonymous files, the ground of every segment.
 */
#ifndef SHM_SEG_MEMFD_H
#define SHM_SEG_MEMFD_H

#include <stddef.h>

#include "shm/base/err.h"

/*
 * A sparse memfd of `bytes` zeros, sealed against resizing, close-on-exec,
 * mode 0600: who got a read-only descriptor cannot re-open it for writing
 * unless it runs as the creator or as root.
 */
MUST_USE int memfd_make(const char *name, size_t bytes, int *fd_r);
/* Size of a descriptor that is sealed against resizing, else -WSE_DENIED. */
MUST_USE int memfd_size(int fd, size_t *bytes_r);

#endif
