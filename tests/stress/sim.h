/* SPDX-License-Identifier: MIT */
/*
 * A small broker and small workers on the real segments: slots, vaults,
 * limits and the attention protocol, without any network.  Workers are
 * threads (for ThreadSanitizer) or processes (for kill -9).
 *
 * Each checks, with CHK: never two holders of a slot, `ready` taken once, the
 * limit never exceeded.  A lost wakeup shows as a run that does not end.
 */
#ifndef TESTS_STRESS_SIM_H
#define TESTS_STRESS_SIM_H

#include "shm/seg/limit.h"
#include "shm/seg/slot.h"
#include "shm/seg/vault.h"

/* Fewer slots than would be comfortable, a limit that makes most wait. */
enum { SIM_WORKERS = 5, SIM_SLOTS = 6, SIM_MAXCONN = 3 /* at first */ };

/* What all share beside the segments: who uses a slot right now. */
struct sim_proof {
	_Atomic uint32_t owner[SIM_SLOTS]; /* instance, 0: nobody */
	_Atomic uint32_t in_flight;        /* requests; threads only */
	_Atomic uint32_t stop;
	_Atomic uint64_t requests, own_reuses, queued;
	_Atomic uint64_t round_done; /* requests done, all workers */
};

struct sim {
	struct board board;
	int board_fd;
	struct vault vault[SIM_WORKERS];
	int vault_fd[SIM_WORKERS];
	struct sim_proof *proof;
	bool count_in_flight; /* false where workers are killed */
	uint32_t maxconn;
	bool in_rounds; /* one request each, then wait for all: nobody
			   else's message heals a lost wakeup */
	/* broker's own */
	int fd[SIM_WORKERS]; /* channels, -1: closed */
	uint32_t instance[SIM_WORKERS];
	int queue[SIM_WORKERS]; /* workers that wait, first come first served */
	int queued;
	uint64_t deaths, parked, reaped;
};

enum { SIM_SERVER = 0 };

static inline uint32_t
sim_proc(int w)
{
	return (uint32_t)w + 1; /* process row 0 is the master's */
}

void sim_open(struct sim *s);
void sim_close(struct sim *s);
/* A worker until proof->stop, or EOF on fd; closes fd. */
void sim_worker(struct sim *s, int w, uint32_t instance, int fd, unsigned seed);
/* The broker: serve what is there, waiting up to timeout_ms. False when all
 * channels are closed. */
bool sim_broker_turn(struct sim *s, int timeout_ms);
/* A worker's channel was read to its end (or it is dead): sweep. */
void sim_broker_dead(struct sim *s, int w);
/* After all ended: nothing lost, nothing counted. */
void sim_check_end(struct sim *s);

#endif
