/* SPDX-License-Identifier: MIT */
/*
 * Dates and timers of log lines.
 */
#ifndef WORKER_RULES_LOG_TIME_H
#define WORKER_RULES_LOG_TIME_H

#include "worker/rules/logfmt_out.h"

/*
 * HAProxy's timers in milliseconds, each from the moment waiting for the
 * request began (idle_us); -1: not reached.
 */
struct log_time {
	long long handshake_ms; /* TLS, PROXY header; before idle_us */
	long long idle_ms;      /* to the first byte */
	long long request_ms;   /* to the end of the request head */
	long long queue_ms;     /* to the end of queueing */
	long long connect_ms;   /* to the connection */
	long long data_ms;      /* to the response head */
	long long close_ms;     /* to the end */
};

void log_time_get(const struct txn *t, struct log_time *lt);
/* Wall clock, microseconds: the wait began (%t), the first byte came (%tr). */
uint64_t log_time_accept_us(const struct txn *t);
uint64_t log_time_request_us(const struct txn *t);

/* "24/Nov/2026:07:59:56.949" in local time. */
void log_time_put_ms(struct logfmt_out *o, uint64_t wall_us);
/* "24/Nov/2026:07:59:56 +0000" */
void log_time_put_gmt(struct logfmt_out *o, uint64_t wall_us);
void log_time_put_local(struct logfmt_out *o, uint64_t wall_us);

#endif
