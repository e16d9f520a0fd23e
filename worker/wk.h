/* SPDX-License-Identifier: MIT */
/*
 * What the whole worker process shares: its loop, its segments, its counts.
 */
#ifndef WORKER_WK_H
#define WORKER_WK_H

#include <event2/event.h>

#include "shm/base/clock.h"
#include "shm/base/list.h"
#include "shm/base/wheel.h"
#include "shm/conf/conf.h"
#include "shm/seg/board.h"
#include "shm/seg/limit.h"
#include "shm/seg/stat.h"
#include "shm/seg/vault.h"
#include "worker/pool.h"

struct wk {
	struct event_base *base;
	const struct conf *conf;
	struct board board;
	struct vault vault;
	struct pool *pool;
	struct wheel *wheel;
	struct stat_proc *stat; /* this process's block */
	struct board_proc *row; /* this process's row */
	uint32_t instance, proc;
	struct list conns;                  /* every struct fconn */
	unsigned clients, streams, tunnels; /* now */
	unsigned carried;                   /* tunnels on h2 connections */
	uint64_t turns;                     /* of the loop */
	uint64_t calls;                     /* within turns */
	bool clock_fresh; /* clock_update() was called this turn */
	bool draining;    /* no new work; close what falls idle */
	bool stop;        /* leave the loop */
};

extern struct wk wk;

enum { WK_CALLS_A_BEAT = 256 };

/* A sign of life: a turn may be long, but it goes on. */
static inline void
wk_beat(void)
{
	atomic_store_explicit(
	    &wk.row->heartbeat_us, clock_update(), memory_order_relaxed);
}

/* First thing in every callback of the loop: one clock reading per turn. */
static inline void
wk_turn(void)
{
	if (!wk.clock_fresh) {
		clock_update();
		wk.clock_fresh = true;
	} else if (++wk.calls % WK_CALLS_A_BEAT == 0) {
		wk_beat();
	}
}

static inline struct board_server *
wk_server_row(const struct server *srv)
{
	return &wk.board.server[srv->row];
}

#endif
