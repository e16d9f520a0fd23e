/* SPDX-License-Identifier: MIT */
/* The demo origin's command line. */
#ifndef ORIGIN_OPTION_H
#define ORIGIN_OPTION_H

#include "tools/origin/conn.h"

/*
 * Reads the words into the options of conn.h, h2.h and tls_ctx.h. Calls
 * listen_on() for each address as it comes. Ends the program after --help,
 * after a probe, and when something is wrong.
 */
void option_read(int argc, char **argv,
    void (*listen_on)(const char *address, enum conn_kind kind));

#endif
