/* SPDX-License-Identifier: MIT */
/*
 * Which protocols a connection to a server may turn out to speak, and what is
 * offered by ALPN so that it speaks one that somebody waits for.
 */
#ifndef BROKER_OFFER_H
#define BROKER_OFFER_H

#include "broker/state.h"

/* TAG_BIT()s that suit ordinary requests; that suit WebSockets now. */
uint8_t offer_tags(uint32_t server);
uint8_t offer_tags_ws(uint32_t server);
/* Whether the server line has one of these for anybody. */
bool offer_allows(uint32_t server, uint8_t want);
/* All that a connection for waiters of these tags may turn out to speak. */
uint8_t offer_can(uint32_t server, uint8_t want);
/* Whether that is HTTP/2 if nothing is negotiated. */
bool offer_is_prior(uint32_t server, uint8_t want);
/* The list to offer for them, in the line's order; empty: no ALPN. */
void offer_alpn(uint32_t server, uint8_t want, struct tls_alpn *alpn_r);
/*
 * The dial of `slot` has shown what the server speaks, or has failed: what it
 * says about WebSockets over HTTP/2 is remembered.  HTTP/1 in answer to a
 * narrowed offer of it says nothing; SETTINGS of HTTP/2 always do.
 */
void offer_learn(uint32_t slot, enum slot_tag tag);
void offer_failed(uint32_t slot, enum lease_fail why);

#endif
