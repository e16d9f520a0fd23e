/* SPDX-License-Identifier: MIT */
/*
 * Ending what goes through a server: `shutdown sessions server`, and
 * `on-marked-down`, `on-marked-up` of server lines.
 */
#ifndef WORKER_SHUT_H
#define WORKER_SHUT_H

#include <stdint.h>

/*
 * Requests that have a connection to the server, and tunnels; why: the letter
 * of their log lines.  Those that wait for one go elsewhere.  How many it
 * were.
 */
unsigned shut_server(void *arg, uint32_t server, char why);

#endif
