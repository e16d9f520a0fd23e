/* SPDX-License-Identifier: MIT */
/*
 * Hop-by-hop header fields (RFC 9110 7.6.1): what a proxy does not pass on.
 */
#ifndef WORKER_HOP_H
#define WORKER_HOP_H

#include "shm/base/mem.h"
#include "shm/proto/http.h"

/*
 * Remove Connection and the fields it names, Keep-Alive, Proxy-Connection,
 * Transfer-Encoding, every Content-Length but a plain first one, and TE but
 * for "trailers".  Upgrade goes unless keep_upgrade.
 */
void hop_strip(struct http_head *h, bool keep_upgrade);

/*
 * Upgrade fields without the tokens h2c and h2 (never passed on).  True if
 * any token is left.  Values are rewritten in the arena.
 */
bool hop_upgrade_filter(struct http_head *h, struct arena *a);
/* Whether some Upgrade field of the head names this protocol. */
bool hop_upgrade_offers(const struct http_head *h, struct sv protocol);

#endif
