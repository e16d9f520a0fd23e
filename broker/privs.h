/* SPDX-License-Identifier: MIT */
/*
 * What the broker gives up before it serves.
 */
#ifndef BROKER_PRIVS_H
#define BROKER_PRIVS_H

#include "broker/broker.h"

/* Close what is not the broker's, become the configured user. */
MUST_USE int privs_drop(const struct broker_heritage *h);

#endif
