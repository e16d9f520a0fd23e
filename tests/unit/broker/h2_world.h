/* SPDX-License-Identifier: MIT */
/*
 * What tests of the broker's HTTP/2 have in common: the rig with fake
 * workers, whose first server is an origin that speaks it.
 */
#ifndef TESTS_UNIT_BROKER_H2_WORLD_H
#define TESTS_UNIT_BROKER_H2_WORLD_H

#include "tests/unit/broker/fake.h"
#include "tests/unit/broker/h2_origin.h"

enum {
	H1 = TAG_BIT(TAG_H1),
	WS = TAG_BIT(TAG_H2WS),
	H2 = TAG_BIT(TAG_H2) | WS,
	ANY = H1 | H2,
	WORKERS = 4
};

extern struct rig rig;
extern struct h2_origin origin;
extern struct fake fake[WORKERS];

/* alpn: what the server line says; NULL: plain, with `proto h2`; "": the
 * same over TLS. */
void world_set_up(const char *alpn, enum h2o_mode mode, int max_version);
void world_go(unsigned workers);
/* Nothing is left over, and nobody broke the rules. */
void world_tear_down(void);
/* Ask, await, and open what was granted. */
struct fake_lease *world_get(unsigned worker, uint8_t tags);
/* The same, with a PING to the server, and released. */
void world_use(unsigned worker, uint8_t tags);

#endif
