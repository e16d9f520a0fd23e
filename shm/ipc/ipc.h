/* SPDX-License-Identifier: MIT */
/*
 * Messages to bytes and back.  The bytes are in host order, as both ends run
 * on one machine; what comes in is checked like network input.
 */
#ifndef SHM_IPC_IPC_H
#define SHM_IPC_IPC_H

#include <sys/types.h>

#include "shm/ipc/ipc_tbl.h"

enum { IPC_WIRE_MAX = 6400 }; /* bytes; every message fits */

/* Bytes written, -WSE_RANGE (a field the receiver would refuse) or
 * -WSE_TOOBIG. */
MUST_USE ssize_t ipc_encode(const struct ipc_msg *m, void *out, size_t room);
/*
 * A message of n bytes that came with fd_count descriptors in this phase; m_r
 * then holds no descriptor yet (fd[] -1).  -WSE_SYNTAX: not of this form,
 * -WSE_DENIED: not permitted for this sender, receiver or phase, -WSE_RANGE: a
 * field out of range, -WSE_NOFD: not that many descriptors.
 */
MUST_USE int ipc_decode(const void *p, size_t n, enum proc_role from,
    enum proc_role to, unsigned phase, unsigned fd_count, struct ipc_msg *m_r);
/* The same for a message whose descriptors the kernel could not deliver. */
MUST_USE int ipc_decode_truncated(const void *p, size_t n, enum proc_role from,
    enum proc_role to, unsigned phase, struct ipc_msg *m_r);
/* The row's name, or "unknown". */
const char *ipc_name(unsigned type);

#endif
