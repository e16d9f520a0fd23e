/* SPDX-License-Identifier: MIT */
/*
 * What -v and -vv show.
 */
#ifndef MASTER_VERSION_H
#define MASTER_VERSION_H

#include <stdbool.h>
#include <stdio.h>

void version_print(FILE *out, bool in_full);

#endif
