/* SPDX-License-Identifier: MIT */
/*
 * The inside of handover*.c: what the protocol (handover.c) knows of what
 * moves.
 */
#ifndef WORKER_HANDOVER_INT_H
#define WORKER_HANDOVER_INT_H

#include "worker/pool.h"

struct duct;

/* --- handover_duct.c, where it comes from --- */
/* One that may move, or NULL. */
struct duct *handover_duct_next(void);
/* Out of the loop, its bytes and descriptors at rest; pass names its slot. */
void handover_duct_freeze(struct duct *d, struct pool_pass *pass, int fd[2]);
/* A frozen one in bytes, malloc()ed, to be wiped; NULL: no memory. */
uint8_t *handover_duct_pack(struct duct *d, size_t *n_r);
/* It goes on here; for_good: it is not to be asked again. */
void handover_duct_stays(struct duct *d, bool for_good);
/* It goes on elsewhere: nothing of it is touched. */
void handover_duct_gone(struct duct *d, struct pool_pass *pass);

/* --- and where it goes --- */
/*
 * A frozen one from bytes, which may be forged; takes the descriptors.  0;
 * -WSE_CORRUPT: no worker in order says so; else why it cannot be had.
 */
MUST_USE int
handover_duct_unpack(const uint8_t *p, size_t n, int fd[2], struct duct **d_r);
struct pool_tunnel handover_duct_slot(const struct duct *d);
/* It is ours: counted, in the loop. */
void handover_duct_adopt(struct duct *d, struct pool_pass *pass);
/* It is not to be had: its descriptors are closed, the connections are not. */
void handover_duct_drop(struct duct *d);

#endif
