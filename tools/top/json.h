/* SPDX-License-Identifier: MIT */
/* Everything on the board as one JSON object. */
#ifndef TOOLS_TOP_JSON_H
#define TOOLS_TOP_JSON_H

#include <stdio.h>

#include "tools/top/snap.h"

void json_print(FILE *out, const struct snap *s);

#endif
