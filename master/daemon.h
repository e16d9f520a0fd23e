/* SPDX-License-Identifier: MIT */
/*
 * Going to the background, the pid file, word to the service manager.
 */
#ifndef MASTER_DAEMON_H
#define MASTER_DAEMON_H

#include <stdbool.h>

#include "shm/base/err.h"

/*
 * Fork; the parent waits for daemon_ready() of the child and exits with its
 * status.  Returns in the child, standard descriptors on /dev/null except
 * stderr, which stays until daemon_ready().
 */
MUST_USE int daemon_start(void);
/* Tell the waiting parent to exit with `status`. Harmless without one. */
void daemon_ready(int status);
/* stderr too goes to /dev/null (before children are forked); what is said from
 * then on goes nowhere. */
void daemon_detach_stderr(void);

/* Write the pid and a newline to path, in one piece. 0 or -WSE_SYS. */
MUST_USE int daemon_pidfile_write(const char *path);
/* Remove it if it still holds our pid. */
void daemon_pidfile_remove(const char *path);

/* sd_notify(3): `state` such as "READY=1" to $NOTIFY_SOCKET, if set. */
void daemon_notify(const char *state);

#endif
