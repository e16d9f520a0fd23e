/* SPDX-License-Identifier: MIT */
/*
 * Which protocols a connection to a server may turn out to speak, and what is
 * offered by ALPN so that it speaks one that somebody waits for.
 */
#ifndef BROKER_OFFER_H
#define BROKER_OFFER_H

#include "broker/state.h"

/* TAG_BIT()s that the server line allows. */
uint8_t offer_tags(uint32_t server);
/* What a connection for waiters of these tags may speak; 0: there is none. */
uint8_t offer_can(uint32_t server, uint8_t want);
/* Whether that is HTTP/2 without asking (no ALPN). */
bool offer_is_prior(uint32_t server);
/* The list to offer for them, in the line's order; empty: no ALPN. */
void offer_alpn(uint32_t server, uint8_t want, struct tls_alpn *alpn_r);

#endif
