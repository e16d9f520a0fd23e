/* SPDX-License-Identifier: MIT */
/*
 * A tunnel between two connections, each of its own: what is left of a stream
 * once both ends do nothing but pass bytes.  Tunnels are many and live long,
 * so a duct is small: the request, its connections' other state and their
 * events are given up, the log line is written as far as it is known.
 *
 * Ends on a shared connection (HTTP/2) are worker/tunnel.c's.
 */
#ifndef WORKER_DUCT_H
#define WORKER_DUCT_H

#include <stdbool.h>
#include <stdint.h>

struct server;
struct stream;
struct ws_watch;

/* Before the first; and before the system call filter. 0 or -WSE_*. */
int duct_init(void);
/*
 * A 101, or a 2xx to CONNECT, is queued in s: a duct goes on with it, and s and
 * its client's connection are gone.  False: s is no tunnel for a duct, and
 * untouched.
 */
bool duct_start(struct stream *s);
/*
 * Call fn for each; true: it has planned another end of it (ws_bye.h), or
 * undone it.
 */
void duct_each(bool (*fn)(struct ws_watch *w, const struct server *srv));
/* End those through this server; why: the letter of the log line. */
unsigned duct_shut(uint32_t server, char why);

#endif
