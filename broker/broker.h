/* SPDX-License-Identifier: MIT */
/*
 * The broker process: dials the backends, owns the slot table, serves leases.
 */
#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include "shm/conf/conf.h"
#include "shm/conf/tls_update.h"
#include "shm/ipc/chan.h"

/* All a broker inherits from the master; it closes whatever else is open. */
struct broker_heritage {
	struct conf *conf;
	const struct tls_update *certs; /* replaced since the start */
	unsigned cert_count;
	int board_fd;    /* read-write */
	int board_ro_fd; /* read-only re-open, given to tools */
	int master_fd;   /* channel to the master */
	uint32_t instance, proc;
	uint32_t master_pid;
	bool adopt; /* a former broker died: adopt board and slots */
	bool foreground;
};

/* Runs the process until it ends; never returns. */
NORETURN void broker_main(const struct broker_heritage *h);

#endif
