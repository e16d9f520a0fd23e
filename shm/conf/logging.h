/* SPDX-License-Identifier: MIT */
/*
 * log lines: the targets of the whole configuration, each once.
 */
#ifndef SHM_CONF_LOGGING_H
#define SHM_CONF_LOGGING_H

#include "shm/conf/conf.h"

/* "log ADDR [len N] [format F] FACILITY [MAX [MIN]]": its bit of the masks. */
MUST_USE int logging_parse_target(struct conf_parse *cp, uint64_t *bit_r);

#endif
