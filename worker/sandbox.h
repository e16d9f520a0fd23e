/* SPDX-License-Identifier: MIT */
/*
 * What a worker gives up before it reads a client's first byte.
 */
#ifndef WORKER_SANDBOX_H
#define WORKER_SANDBOX_H

#include "worker/worker.h"

/* Close what is not ours; chroot, user, no way back. 0 or -WSE_SYS. */
MUST_USE int sandbox_drop(const struct worker_heritage *h);
/* Only the system calls that serving needs; last step of the set-up. */
MUST_USE int sandbox_filter(void);

#endif
