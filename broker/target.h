/* SPDX-License-Identifier: MIT */
/*
 * Where a lease goes: its reuse key, computed here and not believed, and the
 * pool of that key with the address to dial.
 */
#ifndef BROKER_TARGET_H
#define BROKER_TARGET_H

#include "broker/state.h"

/* The pool, made if need be; NULL: no address is known. Pin it or put it. */
struct bpool *target_pool(const struct ipc_lease *l);
/* That of the server's own address, without name and header; its constant SNI,
 * if any.  NULL also where the SNI depends on the request. */
struct bpool *target_default_pool(uint32_t server);

#endif
