/* SPDX-License-Identifier: MIT */
/*
 * Keeping the workers even: which of them takes a waiting client.
 */
#ifndef WORKER_EVEN_H
#define WORKER_EVEN_H

#include "worker/worker.h"

/* Whose queue it is, and which of its listeners (bit: number modulo 64). */
struct even_call {
	uint32_t worker;
	uint64_t listeners;
	uint32_t load; /* of the one that calls */
};

/* Before the system call filter: have the kernel tell of our death. */
void even_init(void);
/* Once accepting may begin; another may have called already. */
void even_start(const struct worker_heritage *h);
void even_stop(void);
/* How many clients more this worker may take as things stand; 0: others are to
 * have them. To be asked before each. */
unsigned even_room(void);
/* One was taken. */
void even_took(void);
/* What waits at the own listener of this number is left to another worker. It
 * ends with accept_resume(). */
void even_leave(int listener);
/* Clients, and what weighs as much. */
uint32_t even_load(void);

#endif
