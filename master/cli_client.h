/* SPDX-License-Identifier: MIT */
/*
 * The master's command socket (-S).
 */
#ifndef MASTER_CLI_CLIENT_H
#define MASTER_CLI_CLIENT_H

#include "shm/base/err.h"

struct master;

/*
 * Bind what -S says ("/run/x.sock,mode,660,level,admin"), or by default the
 * socket in the run directory where that exists.  0, or -WSE_* after a log
 * line.
 */
MUST_USE int cli_client_bind(const char *text);
/* Serve it. */
void cli_client_start(struct master *m);
/* Close all, remove the socket. */
void cli_client_end(void);

#endif
