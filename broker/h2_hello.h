/* SPDX-License-Identifier: MIT */
/*
 * The HTTP/2 part of a dial: preface and SETTINGS out, the server's SETTINGS
 * in, which say what the connection is good for.
 */
#ifndef BROKER_H2_HELLO_H
#define BROKER_H2_HELLO_H

#include "broker/state.h"
#include "shm/base/sv.h"

/*
 * Slot DIALING, connected, its TLS state in hand if it has one; early: what
 * the server has said after the handshake.  dial_finish() or dial_fail()
 * follows, perhaps before it returns.
 */
void h2_hello_start(uint32_t slot, struct sv early);

#endif
