/* SPDX-License-Identifier: MIT */
/*
 * Certificates replaced at run time: kept, as the broker sent them, for the
 * children yet to be forked, and passed on to the workers that live.
 *
 * The master does not look inside: a child checks the text and makes contexts
 * of it with its own rights.
 */
#ifndef MASTER_CERTS_H
#define MASTER_CERTS_H

#include "master/master.h"
#include "shm/conf/tls_update.h"

/* CERT_SET of the broker: keep, tell all workers, acknowledge. 0, or
 * -WSE_RANGE: no such certificate. */
MUST_USE int certs_set(struct master *m, struct ipc_msg *msg);
/* CERT_DONE of a worker: hand it on. */
void certs_done(struct child *worker, const struct ipc_cert *done);
/* What a new child inherits: the newest of each; *n_r of them. */
const struct tls_update *certs_held(unsigned *n_r);

#endif
