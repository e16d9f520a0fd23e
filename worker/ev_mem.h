/* SPDX-License-Identifier: MIT */
/*
 * Memory of the event loop.
 */
#ifndef WORKER_EV_MEM_H
#define WORKER_EV_MEM_H

/*
 * Before the first event base: what libevent keeps for each descriptor, small
 * and for ever, gets a place of its own instead of one page of the heap each.
 */
void ev_mem_init(void);

#endif
