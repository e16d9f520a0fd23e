/* SPDX-License-Identifier: MIT */
/*
 * Dates and timers of log lines.
 */
#ifndef WORKER_RULES_LOG_TIME_H
#define WORKER_RULES_LOG_TIME_H

#include "worker/rules/logfmt_out.h"

/* The timers of o's transaction; worked out once per line. */
const struct log_time *log_time_get(struct logfmt_out *o);
/* clock_us() when the timers begin. */
uint64_t log_time_from_us(const struct txn *t);
/* Wall clock, microseconds: the wait began (%t), the first byte came (%tr). */
uint64_t log_time_accept_us(const struct txn *t);
uint64_t log_time_request_us(const struct txn *t);

/* "24/Nov/2026:07:59:56.949" in local time. */
void log_time_put_ms(struct logfmt_out *o, uint64_t wall_us);
/* "24/Nov/2026:07:59:56 +0000" */
void log_time_put_gmt(struct logfmt_out *o, uint64_t wall_us);
void log_time_put_local(struct logfmt_out *o, uint64_t wall_us);

#endif
