/* SPDX-License-Identifier: MIT */
/*
 * Certificates replaced at run time, in a worker.
 */
#ifndef WORKER_CERTS_H
#define WORKER_CERTS_H

#include "shm/ipc/ipc_tbl.h"
#include "worker/worker.h"

/* Before the contexts are prepared: what was replaced before this worker was
 * there. */
void certs_inherit(const struct worker_heritage *h);
/*
 * CERT_USE: new handshakes use the new one; those under way, connections and
 * session tickets go on.  0 or -WSE_*: nothing has changed, it was logged.
 */
MUST_USE int certs_use(struct conf *c, struct ipc_msg *m);

#endif
