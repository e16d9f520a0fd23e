/* SPDX-License-Identifier: MIT */
/*
 * The end of a worker in order: accept stops, idle clients are let go,
 * requests finish, tunnels are closed spread over a time.
 */
#ifndef WORKER_DRAIN_H
#define WORKER_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

struct ipc_drain;
struct server;
struct ws_watch;

/* Begin; wk.stop is set when nothing is left, or it is too late.  A second
 * call sets another deadline. */
void drain_begin(const struct ipc_drain *how);
/* Each second: servers that were set to drain, or are no more (on-drain). */
void drain_look_servers(void);
/* A tunnel begins: it may have to end soon. */
void drain_tunnel_begins(struct ws_watch *w);
/*
 * When a client's connection that became idle is to be closed if nothing comes,
 * clock_ms(); 0: not by a drain.  is_new: it has had no request.
 */
uint64_t drain_idle_ms(bool is_new);

#endif
