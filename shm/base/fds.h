/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of the process as a whole.
 */
#ifndef SHM_BASE_FDS_H
#define SHM_BASE_FDS_H

#include <stdint.h>

#include "shm/base/err.h"

/* Close every descriptor above 2 that is not among the n in keep. */
void fds_close_except(const int *keep, int n);
/* Raise the soft limit of descriptors to the hard one; returns it. */
uint64_t fds_raise_limit(void);
/* Nonblocking and close-on-exec. 0 or -WSE_SYS. */
MUST_USE int fds_set_nonblock(int fd);
/* Point 0, 1 and 2 to /dev/null. */
MUST_USE int fds_std_null(void);

#endif
