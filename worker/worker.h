/* SPDX-License-Identifier: MIT */
/*
 * The worker process: serves clients.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "shm/conf/conf.h"
#include "shm/conf/tls_update.h"
#include "shm/ipc/chan.h"

/* One listening socket this worker accepts on. */
struct worker_listener {
	int fd;
	const struct bind *bind;
	const int *queues; /* the sockets of all workers, by index; NULL: fd is
			      everybody's, or they are not evened */
};

/* All a worker inherits from the master; it closes whatever else is open. */
struct worker_heritage {
	struct conf *conf;
	const struct tls_update *certs; /* replaced since the start */
	unsigned cert_count;
	int board_fd; /* read-write */
	int vault_fd;
	int master_fd; /* channel to the master */
	int broker_fd; /* channel to the broker */
	uint32_t instance, proc, worker_index, worker_count;
	const int *bells; /* an eventfd for each worker, by index; NULL: they
			     are not evened */
	uint32_t master_pid;
	struct worker_listener *listeners;
	int listener_count;
};

/* Runs the process until it ends; never returns. */
NORETURN void worker_main(const struct worker_heritage *h);

#endif
