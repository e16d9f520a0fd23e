/* SPDX-License-Identifier: MIT */
/*
 * What rules and log lines ask of the worker around them.
 */
#ifndef WORKER_RULE_HOOKS_H
#define WORKER_RULE_HOOKS_H

#include <stdint.h>

/*
 * Set txn_hooks.  Before the process gives up its rights: what rules may need
 * of files later (host name, library configuration) is read here.
 */
void rule_hooks_set(uint32_t master_pid, uint32_t worker_index);

#endif
