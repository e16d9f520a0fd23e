/* SPDX-License-Identifier: MIT */
/*
 * `observe` of server lines: workers count errors in a row on the board, the
 * broker acts when there are `error-limit` of them.
 */
#ifndef BROKER_OBSERVE_H
#define BROKER_OBSERVE_H

void observe_start(void);
/* Ten times a second. */
void observe_tick(void);

#endif
