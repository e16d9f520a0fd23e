/* SPDX-License-Identifier: MIT */
/*
 * A new broker takes over the board of a dead one.
 */
#ifndef BROKER_ADOPT_H
#define BROKER_ADOPT_H

/* Read the slot table; what lives with a worker waits for its HOLD. */
void adopt_board(void);

#endif
