/* SPDX-License-Identifier: MIT */
/*
 * The runtime state of servers on the disk (`state-dir`): what operators
 * turned, what was learned and counted, and who changed what when.
 *
 * A change is on the board at once, where all workers see it, and on the disk
 * before its command is answered; if it cannot be saved it is in force all the
 * same, and the answer says so.  Check results and totals are written within
 * seconds.
 */
#ifndef BROKER_STORE_H
#define BROKER_STORE_H

#include "broker/state.h"
#include "shm/base/sv.h"

/*
 * Once the board is attached and before anything is served: open the file and
 * put what it holds on the board, where the config has not changed meanwhile.
 */
void store_start(void);
/* Write what is pending; before the process exits. */
void store_stop(void);
/* Every 100 ms. */
void store_tick(void);

/* A command is about to change this server. */
void store_mark(uint32_t server);
/*
 * Save what marked servers have changed, with a line for the log of changes.
 * False: nothing changed, or there is no state-dir.  Else done() is called
 * from the loop, with NULL or why it was not saved.
 */
bool store_save(const char *who, const char *what,
    void (*done)(const char *why, void *arg), void *arg);
/* arg is gone: do not call. */
void store_forget(const void *arg);

/* "off", "ok", or what is wrong. */
const char *store_status(void);
/* Wall clock of the last save that succeeded, 0: none. */
uint64_t store_saved_us(void);
/* The i-th newest change, "" beyond the last: time, who, what. */
const char *store_change(unsigned i);

#endif
