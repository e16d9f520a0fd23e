/* SPDX-License-Identifier: MIT */
/*
 * `observe` of server lines: errors in a row, counted on the board over all
 * workers; the broker looks there.
 */
#ifndef WORKER_OBSERVE_H
#define WORKER_OBSERVE_H

#include "worker/wk.h"

/* Something went well: of the connection (L4), or with a response (L7). */
static inline void
observe_good(const struct server *srv, enum observe_layer layer)
{
	struct board_server *row = wk_server_row(srv);

	if (srv->watch.observe == layer && layer != OBSERVE_NONE &&
	    atomic_load_explicit(&row->errors, memory_order_relaxed))
		atomic_store_explicit(&row->errors, 0, memory_order_relaxed);
}

/* It failed: who looks at responses looks at connections, too. */
static inline void
observe_error(const struct server *srv, enum observe_layer layer)
{
	if (srv->watch.observe >= layer)
		atomic_fetch_add_explicit(
		    &wk_server_row(srv)->errors, 1, memory_order_relaxed);
}

/* A response's status: the server's own trouble, but no "cannot do that". */
static inline void
observe_status(const struct server *srv, unsigned status)
{
	if (status < 500 || status == 501 || status == 505)
		observe_good(srv, OBSERVE_L7);
	else
		observe_error(srv, OBSERVE_L7);
}

#endif
