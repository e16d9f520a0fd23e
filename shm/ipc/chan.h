/* SPDX-License-Identifier: MIT */
/*
 * A channel: one end of a SOCK_SEQPACKET socketpair in the event loop.
 *
 * Sending never blocks: what the socket does not take waits in a bounded
 * queue.  Reading never stops because of writing.  Every message is checked
 * against ipc_tbl before the handler sees it.
 */
#ifndef SHM_IPC_CHAN_H
#define SHM_IPC_CHAN_H

#include "shm/ipc/ipc_tbl.h"

struct event_base;
struct chan;

/* A permitted message. The handler may chan_free() the channel. Non-zero (-WSE_*): the handler calls it a violation. */
typedef int chan_msg_fn(struct chan *c, struct ipc_msg *m, void *arg);
/* EOF or a broken channel (err 0: EOF), or a violation by the peer (err < 0, text). */
typedef void chan_end_fn(struct chan *c, int err, const char *why, void *arg);

/* Makes a nonblocking, close-on-exec SOCK_SEQPACKET pair. */
MUST_USE int chan_pair(int fd[2]);
/* Takes *fd. `self` receives, `peer` is the only sender. Phase starts at PHASE_NEW. */
struct chan *chan_new(struct event_base *base, int *fd, enum proc_role self, enum proc_role peer, chan_msg_fn *on_msg, chan_end_fn *on_end, void *arg);
void chan_free(struct chan **c);
void chan_phase(struct chan *c, unsigned phase);
/* Send or queue. The descriptors in m->fd are the caller's to keep (sent as copies; queued ones are dup'ed). -WSE_FULL: queue full. -WSE_EOF: peer gone. */
MUST_USE int chan_send(struct chan *c, const struct ipc_msg *m);
/* Messages queued now. */
unsigned chan_queued(const struct chan *c);
/* Read and dispatch all that is there right now, until EAGAIN or EOF (to drain a dead peer's channel). */
void chan_drain(struct chan *c);
int chan_fd(const struct chan *c);

/* Encoding alone, for tests and fuzzers: bytes written / 0 or -WSE_*. */
MUST_USE ssize_t ipc_encode(const struct ipc_msg *m, void *out, size_t room);
MUST_USE int ipc_decode(const void *p, size_t n, enum proc_role from, enum proc_role to, unsigned phase, unsigned fd_count, struct ipc_msg *m_r);

#endif
