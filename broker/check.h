/* SPDX-License-Identifier: MIT */
/*
 * Health checks and agents of servers.  What they found is on the board
 * (struct board_check), so that all workers see it at once and a new broker
 * goes on from there; how they go about it is here.
 */
#ifndef BROKER_CHECK_H
#define BROKER_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/conf/check.h"

struct check;

/* Start checking what the config wants checked. */
void check_start(void);
/* The server has a check (an agent) of its own, and it is not paused. */
bool check_is_set(uint32_t server, bool is_agent);
bool check_is_on(uint32_t server, bool is_agent);
/* enable|disable health|agent. False: there is none. */
bool check_pause(uint32_t server, bool is_agent, bool pause);
/*
 * As if checks had found it up, or down: `why` for the log, or NULL for none.
 * Of a server without checks as well.
 */
void check_force(uint32_t server, bool is_agent, bool up, const char *why);
/* A failed check that none was: errors of requests. */
void check_fail(uint32_t server, bool sudden, const char *why);
/* The next one soon, at fastinter. */
void check_hurry(uint32_t server);
/* "L4OK", "L4TOUT" ... or "" */
const char *check_name(enum check_status r);
/* "Layer4 check passed" and so on. */
const char *check_text(enum check_status r);
bool check_is_good(enum check_status r);

#endif
