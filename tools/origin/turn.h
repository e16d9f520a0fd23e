/* SPDX-License-Identifier: MIT */
/* One request after the other, from a connection's buffers into them. */
#ifndef ORIGIN_TURN_H
#define ORIGIN_TURN_H

#include <stdbool.h>

struct conn;

/* Goes on with what the buffers allow; false: waits for an event. */
bool turn_step(struct conn *c);

#endif
