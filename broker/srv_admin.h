/* SPDX-License-Identifier: MIT */
/*
 * Changes of a server's state and what follows from them: log lines, servers
 * that track it, slow starts.
 */
#ifndef BROKER_SRV_ADMIN_H
#define BROKER_SRV_ADMIN_H

#include "broker/srv.h"

/* At start, and ten times a second. */
void srv_admin_start(void);
void srv_admin_tick(void);
/*
 * It went down, or came up; why goes behind "is DOWN" in the log: ", reason:
 * ..." Those that track it follow.  Harmless if it was so already.
 */
void srv_down(uint32_t server, const char *why);
void srv_up(uint32_t server, const char *why);
void srv_stopping(uint32_t server, const char *why);
/* Bits of admin_state, logged; those that track it inherit. */
void srv_admin(uint32_t server, uint32_t set, uint32_t clear);
/* Weight, all of it (0 to 256). */
void srv_weight(uint32_t server, unsigned weight);
void srv_weight_percent(uint32_t server, unsigned percent);
void srv_maxconn(uint32_t server, unsigned maxconn);
/* Only its weight 0 or the configured one is possible. */
bool srv_is_static(uint32_t server);
/* Its checks speak TLS, as the server line has it. */
bool srv_check_tls(uint32_t server, const struct server *cfg);

#endif
