/* SPDX-License-Identifier: MIT */
/*
 * The master process: starts the others, watches them, replaces the dead.
 */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/types.h>

#include "master/hang.h"
#include "master/listener.h"
#include "master/options.h"
#include "master/segments.h"
#include "shm/conf/conf.h"
#include "shm/ipc/chan.h"

enum master_state {
	MASTER_STARTING, /* waiting for the first READY of all */
	MASTER_RUNNING,
	MASTER_DRAINING, /* SIGUSR1: workers finish what they have */
	MASTER_STOPPING, /* children were told to end */
	MASTER_STATE_N
};

enum child_state {
	CHILD_STARTING, /* forked, not READY */
	CHILD_READY,
	CHILD_SWEPT, /* worker is dead, DEAD_DONE of the broker awaited */
	CHILD_GONE,  /* dead; only a respawn timer may be running */
	CHILD_STATE_N
};

/* A child process, or the place a next one will take. */
struct child {
	struct master *m;
	enum proc_role role;
	enum child_state state;
	uint32_t index; /* worker number, 0.. */
	uint32_t instance;
	uint32_t proc; /* row on the board */
	pid_t pid;
	int pidfd;
	int vault_fd;         /* workers: kept for the next broker */
	struct event death;   /* pidfd is readable */
	struct event respawn; /* timer */
	struct chan *chan;
	uint64_t started_us;
	unsigned quick_deaths; /* deaths within RESPAWN_QUICK_MS, in a row */
	bool violated;         /* killed by us for a violation */
	bool drains;           /* worker: told to, while others serve on */
	bool awaits;           /* leaving: drains once its successor serves */
	struct child *next;    /* in master.leaving */
};

/* A dead worker whose slots the broker still has to sweep. */
struct grave {
	struct grave *next;
	uint32_t index, instance, proc;
	pid_t pid;
	int wait_status;
	uint32_t clients; /* connections it had */
	bool violated;
	bool drained; /* it was to end, and left nobody behind */
};

struct master {
	struct conf *conf;
	const struct options *opts;
	struct event_base *base;
	struct segments seg;
	struct listener *listeners;
	enum master_state state;
	unsigned close_code; /* of a drain, to WebSockets */
	int exit_status;
	uint32_t next_instance;
	struct child broker;
	struct child *workers; /* conf->global.nbproc of them */
	struct child *leaving; /* workers whose place another has taken */
	int worker_count;
	int *bells; /* eventfd of each worker; NULL: they are not evened */
	struct grave *graves;
	struct event signals[8];
	struct event start_timer, stop_timer, beat_timer;
	struct hang_watch hang;
	bool foreground;
};

/* Runs to the end; returns the exit status. `c` is checked. */
int master_run(struct conf *c, const struct options *o);
/* Something cannot go on: end all and exit with status. */
void master_stop(struct master *m, int status);
/* Accept no more clients, finish, end. */
void master_drain(struct master *m, bool restarts);
/* A child became ready, or an awaited one ended: look what is due. */
void master_progress(struct master *m);

/* child.c: fork a child into *ch (role, index set). 0 or -WSE_*. */
MUST_USE int child_start(struct child *ch);
/* Send to a child, log when that cannot be. */
void child_send(struct child *ch, const struct ipc_msg *msg);
void child_signal(const struct child *ch, int sig);
bool child_is_alive(const struct child *ch);
/* A living worker leaves its place for another, to be started: it is in
 * m->leaving now, and freed after its death. */
struct child *child_leave(struct child *ch);
/* None came: it is back in its place, and freed. */
void child_return(struct child *old);
/* All workers, those that leave, too; after NULL the first. NULL: the last was
 * `after`. */
struct child *child_next_worker(struct master *m, const struct child *after);
/* As process 1: take the status of orphans of others. */
void child_watch_orphans(struct event_base *base);

/* supervise.c */
int supervise_message(struct chan *c, struct ipc_msg *m, void *arg);
void supervise_channel_end(struct chan *c, int err, const char *why, void *arg);
/* The child's process has ended. */
void supervise_death(struct child *ch, int wait_status);
/* Tell the broker of a worker: its channel and its vault. */
void supervise_introduce(struct master *m, struct child *worker, int *chan_fd);

#endif
