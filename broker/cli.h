/* SPDX-License-Identifier: MIT */
/*
 * The runtime API on the stats sockets of the config.
 */
#ifndef BROKER_CLI_H
#define BROKER_CLI_H

/* Serve the sockets the master bound. */
void cli_start(void);
/* Once a second: peaks and rates. */
void cli_tick(void);

#endif
