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

/*
 * Take the pid file for this process: open, empty and lock it (an open file
 * description lock, F_OFD_GETLK tells it), so that a second instance is an
 * error and a number left behind by a dead one means nothing.  0; -WSE_EXISTS
 * while another process has it, whose number is *other_r (0: it is still
 * starting); -WSE_SYS.
 */
MUST_USE int daemon_pidfile_lock(const char *path, int *other_r);
/* Write the pid and a newline to it, in one piece. 0 (also without a pid file)
 * or -WSE_SYS. */
MUST_USE int daemon_pidfile_write(void);
/* Remove it, if it was taken and is still there. */
void daemon_pidfile_remove(const char *path);

/* sd_notify(3): `state` such as "READY=1" to $NOTIFY_SOCKET, if set. */
void daemon_notify(const char *state);

#endif
