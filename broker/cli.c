/* SPDX-License-Identifier: MIT */
/*
 * The runtime API.  Filled in by the next change; no socket is served yet.
 */
#include "broker/cli.h"

void
cli_start(void)
{
}
