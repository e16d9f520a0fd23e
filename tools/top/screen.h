/* SPDX-License-Identifier: MIT */
/* The board as text. */
#ifndef TOOLS_TOP_SCREEN_H
#define TOOLS_TOP_SCREEN_H

#include <stdio.h>

#include "tools/top/snap.h"

/* Overview, processes and pools; rates since `before`, or since the start of
 * the service when it is NULL. */
void screen_print(FILE *out, const struct snap *s, const struct snap *before);
/* A line for each slot that is not free. */
void screen_slots(FILE *out, const struct snap *s);

#endif
