/* SPDX-License-Identifier: MIT */
/*
 * The runtime API on the stats sockets of the config.
 */
#ifndef BROKER_CLI_H
#define BROKER_CLI_H

#include <stdint.h>

/* Serve the sockets the master bound. */
void cli_start(void);
/* A client the master sent, of this level; takes the descriptor (-1: it was
 * lost). */
void cli_adopt(int *fd, uint32_t level);
/* Once a second: peaks and rates. */
void cli_tick(void);

#endif
