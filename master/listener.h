/* SPDX-License-Identifier: MIT */
/*
 * Listening sockets: created and kept by the master, so that a respawned
 * worker inherits the same accept queue.
 */
#ifndef MASTER_LISTENER_H
#define MASTER_LISTENER_H

#include "shm/conf/conf.h"

/* The sockets of one bind line. */
struct listener {
	struct listener *next;
	const struct bind *bind;
	bool shared;  /* one socket for all workers (Unix, fd@) */
	int fd_count; /* 1 if shared, else the number of workers */
	int *fds;     /* listening; -1 after listener_close_all() */
};

/*
 * Bind every bind line of the config for `workers` workers. Each failure is
 * logged with file and line; 0, -WSE_SYS, or
 * -WSE_NOTFOUND (the config has none).
 */
MUST_USE int
listener_bind_all(const struct conf *c, int workers, struct listener **list_r);
/* Bind one; `what` names it in the log line of a failure. 0 or -WSE_SYS. */
MUST_USE int listener_bind_socket(struct stats_socket *s, const char *what);
void listener_close_socket(struct stats_socket *s);
/* Bind the stats sockets; fills in their fd. 0 or -WSE_SYS. */
MUST_USE int listener_bind_stats(struct conf *c);
/* The descriptor worker `index` accepts on. */
int listener_fd(const struct listener *l, int index);
/* Close all, remove Unix socket files. */
void listener_close_all(struct listener **list);
void listener_close_stats(struct conf *c);

#endif
