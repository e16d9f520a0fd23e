/* SPDX-License-Identifier: MIT */
/*
 * The workers' bells: made by the master, since they outlive a worker and its
 * successor must hear what its predecessor did not.
 */
#include "master/bells.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "shm/base/log.h"
#include "shm/base/mem.h"

enum { SOCKETS_MAX = 1024 }; /* a worker holds, the others' included */

static unsigned
sockets(const struct conf *c)
{
	return (unsigned)c->bind_count * (unsigned)c->global.nbproc;
}

static bool
are_evened(const struct conf *c)
{
	return c->global.multi_queue && c->global.nbproc > 1 &&
	    sockets(c) <= SOCKETS_MAX;
}

unsigned
bells_descriptors(const struct conf *c)
{
	return are_evened(c) ? sockets(c) + (unsigned)c->global.nbproc
			     : (unsigned)c->bind_count;
}

int *
bells_make(const struct conf *c)
{
	int n = c->global.nbproc;
	int *bells;

	if (!are_evened(c)) {
		if (c->global.multi_queue && n > 1)
			log_msg(LOGL_NOTICE,
			    "workers are not kept even: each would hold %u "
			    "listening sockets, more than %d; have fewer "
			    "workers or bind lines",
			    sockets(c), SOCKETS_MAX);
		return NULL;
	}
	bells = mem_alloc((size_t)n * sizeof(*bells));
	for (int i = 0; i < n; i++) {
		bells[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (bells[i] >= 0)
			continue;
		log_msg(LOGL_WARN, "workers are not kept even: eventfd: %s",
		    strerror(errno));
		while (i-- > 0)
			close(bells[i]);
		free(bells);
		return NULL;
	}
	return bells;
}
