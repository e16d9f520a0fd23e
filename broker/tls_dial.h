/* SPDX-License-Identifier: MIT */
/*
 * The TLS part of a dial: between the connected socket and the end of the
 * handshake.
 */
#ifndef BROKER_TLS_DIAL_H
#define BROKER_TLS_DIAL_H

#include "broker/state.h"

/* Contexts and threads, if any server speaks TLS. */
MUST_USE int tls_dial_start(void);
/* Whether connections to this server speak TLS. */
bool tls_dial_is_wanted(uint32_t server);
/* Slot DIALING, connected: dial_finish() or dial_fail() follows, later. */
void tls_dial_shake(uint32_t slot);
/* tls_dial_start() found a server that speaks TLS, and all is set up. */
bool tls_dial_is_started(void);
/* Slots in the hands of a handshake. */
unsigned tls_dial_count(void);
/*
 * The SNI of connections nobody has asked for (prewarming): that of an
 * expression which is a constant; false: it depends on the request.
 */
bool tls_dial_default_sni(uint32_t server, struct sv *sni_r);

#endif
