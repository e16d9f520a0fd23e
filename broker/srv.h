/* SPDX-License-Identifier: MIT */
/*
 * Server state as the broker acts upon it.
 */
#ifndef BROKER_SRV_H
#define BROKER_SRV_H

#include "broker/state.h"
#include "shm/base/log.h"

/* Act on a changed state: close idle ones, send waiters elsewhere. */
void srv_refresh(uint32_t server);
void srv_refresh_all(void);
/* Change op_state (from checks) or admin_state bits (from the CLI); acts. */
void srv_set_op(uint32_t server, enum server_op op);
/* Where it is from now on; idle connections to where it was are closed. */
void srv_set_addr(uint32_t server, const struct sockaddr *sa, socklen_t len);
void srv_set_admin(uint32_t server, uint32_t set, uint32_t clear);
/* Names on the board end within their field whatever is written there. */
const char *srv_name(uint32_t server);
const char *srv_proxy_name(uint32_t server);
/* Row of "backend/server", or UINT32_MAX. */
uint32_t srv_find(const char *backend, const char *server);
/* The config's server of this row, or NULL. */
const struct server *srv_conf(uint32_t server);
/* A line about it to its backend's log targets, or to the global ones. */
void srv_log(uint32_t server, enum log_level level, const char *line);
/* Usable servers of the backend, without / with `backup`. */
void srv_count_active(uint32_t proxy, unsigned *active_r, unsigned *backup_r);

#endif
