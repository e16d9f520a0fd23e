/* SPDX-License-Identifier: MIT */
/*
 * Log targets of the config: opened by the master, inherited by all.
 */
#ifndef MASTER_LOGS_H
#define MASTER_LOGS_H

#include "shm/conf/conf.h"

/* Open all; one that cannot be opened now is warned about and tried again. */
void logs_open(const struct conf *c);
/* Standard descriptors were detached: targets on them follow. */
void logs_detach(const struct conf *c);
/* A fresh descriptor for a target in *fd_r. 0, -WSE_RANGE, -WSE_UNSUPP (not a
 * socket), -WSE_SYS. */
MUST_USE int logs_reopen(const struct conf *c, unsigned index, int *fd_r);

#endif
