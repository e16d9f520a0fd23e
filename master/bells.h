/* SPDX-License-Identifier: MIT */
/*
 * What workers wake each other with to stay even.
 */
#ifndef MASTER_BELLS_H
#define MASTER_BELLS_H

#include "shm/conf/conf.h"

/* Descriptors a worker holds to accept and to be kept even. */
unsigned bells_descriptors(const struct conf *c);
/*
 * An eventfd for each worker, or NULL where they are not evened: one worker,
 * switched off, more listening sockets than each of them should hold.
 */
int *bells_make(const struct conf *c);

#endif
