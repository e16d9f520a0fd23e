/* SPDX-License-Identifier: MIT */
/*
 * Certificates replaced at run time: one transaction at a time, and how it is
 * brought to all processes.
 *
 * The text goes to the master in sealed memory.  The master keeps it for
 * children yet to come and gives it to all workers, whose confirmations come
 * back here.  So a certificate is in use everywhere before the answer, or the
 * answer says where it is not.
 */
#ifndef BROKER_CERT_H
#define BROKER_CERT_H

#include "broker/state.h"
#include "shm/base/sv.h"

struct cert_result {
	int err;        /* 0, or why nothing was changed */
	char why[512];  /* of an error */
	char late[512]; /* "": all confirmed; else who did not, in words */
};

/* Before anything is dialled: what was replaced before this broker began. */
void cert_inherit(const struct broker_heritage *h);

/* File of the transaction, NULL: none; *pem_r: its text. */
const char *cert_pending(struct sv *pem_r);
/* Begin one, or put another text into the one for this file. Copies. */
void cert_set(const char *name, struct sv pem);
/* Forget it, wiped. */
void cert_abort(void);
/* A commit is under way: nothing of the above may be called. */
bool cert_is_busy(void);
/*
 * Bring the transaction, which was checked, to all; it ends.  done() is
 * called from the loop.
 */
void
cert_commit(void (*done)(const struct cert_result *r, void *arg), void *arg);
/* arg is gone: do not call. */
void cert_forget(const void *arg);

/* CERT_ACK of the master. */
void cert_acked(const struct ipc_cert *ack);

#endif
