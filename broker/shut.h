/* SPDX-License-Identifier: MIT */
/*
 * Having all workers end what goes through a server.
 */
#ifndef BROKER_SHUT_H
#define BROKER_SHUT_H

#include "broker/state.h"

struct cli;

/*
 * Ask them; why: the letter of their log lines.  c, if not NULL, is answered
 * when all have done it, or names those that have not in time; false: there
 * is nobody to wait for.
 */
bool shut_ask(uint32_t server, char why, struct cli *c);
/* That client is gone. */
void shut_forget(const struct cli *c);
/* A worker has joined: what was asked before is not for it. */
void shut_joined(struct peer *p);
/* Say what it was not told yet. True: its channel is full. */
bool shut_flush(struct peer *p);
/* SHUT_DONE. 0 or -WSE_*. */
int shut_done(struct peer *p, const struct ipc_shut *m);
/* One may be gone, or time has passed: who waits may be answered. */
void shut_look(void);

#endif
