/* SPDX-License-Identifier: MIT */
/*
 * Addresses as the configuration writes them; see also addr_parse() and
 * addr_text() in shm/conf/conf.h.
 */
#ifndef SHM_CONF_ADDR_H
#define SHM_CONF_ADDR_H

#include "shm/conf/conf.h"

/* What an address may look like, bits. */
enum {
	ADDR_F_RESOLVE = 1, /* host names are looked up, blocking */
	ADDR_F_OFFLINE = 2, /* ... but none is found (tests) */
	ADDR_F_RANGE = 4,   /* a range of ports is allowed */
};

/*
 * As addr_parse(); *port_end_r is the last port of a range (the address holds
 * the first), or 0 without one. -WSE_NOTFOUND: a host name without address.
 */
MUST_USE int addr_parse_ext(const char *s, unsigned flags, struct addr *a_r,
    int *port_end_r, char *err, size_t err_room);
/* Port in host order; 0 when the kind has none. */
int addr_port(const struct addr *a);
void addr_set_port(struct addr *a, int port);
/* "10.0.0.0/8", "::1": 0 or -WSE_SYNTAX. */
MUST_USE int addr_parse_net(const char *s, struct addr *a_r, uint8_t *bits_r);
/* Same place? */
bool addr_is_equal(const struct addr *a, const struct addr *b);

#endif
