/* SPDX-License-Identifier: MIT */
/*
 * A channel: one end of a SOCK_SEQPACKET socketpair in the event loop.
 *
 * Sending never blocks: what the socket does not take waits in a bounded
 * queue.  Reading never stops because of writing.  Every message is checked
 * against ipc_tbl before the handler sees it.  System calls: recvmsg, sendmsg,
 * poll, fcntl, close.
 */
#ifndef SHM_IPC_CHAN_H
#define SHM_IPC_CHAN_H

#include "shm/ipc/ipc.h"

struct event_base;
struct chan;

enum { CHAN_QUEUE_MAX = 16384, CHAN_TURN_MAX = 64 /* messages read a turn */ };

/*
 * A permitted message.  The handler may chan_free() the channel.  Non-zero
 * (-WSE_*): the handler calls it a violation.
 *
 * m->truncated: this process had no descriptor left for those that came along
 * (fd_count is 0).  A GRANT is then answered with CLOSE, its stream gets 503.
 */
typedef int chan_msg_fn(struct chan *c, struct ipc_msg *m, void *arg);
/*
 * Called once: EOF (err 0, why NULL), or a violation by the peer (err < 0 and a
 * text that is valid during the call).  Nothing is read any more; the channel
 * stays the owner's to free, here or later.
 */
typedef void chan_end_fn(struct chan *c, int err, const char *why, void *arg);

/* Makes a nonblocking, close-on-exec SOCK_SEQPACKET pair. */
MUST_USE int chan_pair(int fd[2]);
/* Takes *fd. `self` receives, `peer` is the only sender. Phase starts at
 * PHASE_NEW. */
struct chan *chan_new(struct event_base *base, int *fd, enum proc_role self,
    enum proc_role peer, chan_msg_fn *on_msg, chan_end_fn *on_end, void *arg);
void chan_free(struct chan **c);
void chan_phase(struct chan *c, unsigned phase);
/* What handlers are given from now on. */
void chan_arg(struct chan *c, void *arg);
/*
 * Send or queue.  The descriptors in m->fd are the caller's to keep (sent as
 * copies; queued ones are dup'ed).  -WSE_FULL: queue full, see chan_on_room().
 * -WSE_EOF: peer gone (on_end follows from the loop, after what the peer had
 * still sent).  -WSE_NOFD: it had to be queued and no descriptor was left.
 * -WSE_RANGE, -WSE_DENIED: not a message this end may send.
 */
MUST_USE int chan_send(struct chan *c, const struct ipc_msg *m);
/* Most messages that may be queued, CHAN_QUEUE_MAX unless told; 0: what is not
 * refused was sent. */
void chan_limit(struct chan *c, unsigned count);
/* After a chan_send() was refused with -WSE_FULL: called, from the loop, once
 * half of the queue is free. May send and may chan_free(). */
void chan_on_room(struct chan *c, void (*fn)(struct chan *c, void *arg));
/* Messages queued now. */
unsigned chan_queued(const struct chan *c);
/* Read and dispatch all that is there right now, until EAGAIN or EOF (to drain
 * a dead peer's channel). */
void chan_drain(struct chan *c);
int chan_fd(const struct chan *c);

#endif
