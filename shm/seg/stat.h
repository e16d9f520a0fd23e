/* SPDX-License-Identifier: MIT */
/*
 * Statistics: one block per process row, a single writer each, summed by
 * readers without lock, message or system call.
 */
#ifndef SHM_SEG_STAT_H
#define SHM_SEG_STAT_H

#include "shm/seg/board.h"

typedef _Atomic uint64_t stat_t; /* single writer: relaxed load + store */

static inline void
stat_add(stat_t *c, uint64_t n)
{
	atomic_store_explicit(c,
	    atomic_load_explicit(c, memory_order_relaxed) + n,
	    memory_order_relaxed);
}

/* Messages of WebSockets, counted as they end; and directions. */
enum {
	STAT_WS_TEXT,
	STAT_WS_BINARY,
	STAT_WS_PING,
	STAT_WS_PONG,
	STAT_WS_CLOSE,
	STAT_WS_N
};
enum { STAT_IN, STAT_OUT, STAT_WAYS }; /* from clients; to them */
enum { STAT_HIST_N = 22 };             /* counts of a histogram, hist.h */

/* Of the process as a whole. */
struct stat_proc {
	_Alignas(128) stat_t accepted; /* aligned: this one alone */
	stat_t accept_paused, requests, bytes_in, bytes_out;
	stat_t own_reuse; /* leases served from the own idle list */
	stat_t leases, grants, lease_fails, revokes, sweeps;
	stat_t lease_us_sum, lease_max_us;
	stat_t log_dropped, log_lines;
	stat_t violations, quarantines;
	/* clients' TLS handshakes: done, of them resumed; failed */
	stat_t tls_front, tls_front_resumed, tls_front_fails;
	stat_t h2_front, h2_streams; /* clients' connections, their streams */
	/* through tunnels, as they pass */
	stat_t tunnel_bytes[STAT_WAYS], ws[STAT_WAYS][STAT_WS_N];
	stat_t tunnels;               /* begun */
	stat_t even_left, even_taken; /* worker/even.c */
	stat_t steals; /* idle connections given to another worker; broker */
	stat_t loop_us_sum; /* turns of the loop, from waking up on */
	/* hist.h: LEASE to its answer; what loop_us_sum sums */
	stat_t lease_hist[STAT_HIST_N], loop_hist[STAT_HIST_N];
};

/* Frontend or backend. */
struct stat_proxy {
	_Alignas(128) stat_t sessions;
	stat_t requests, bytes_in, bytes_out;
	stat_t req_denied, req_errors, res_denied, res_errors, conn_errors;
	stat_t status[6]; /* other, 1xx..5xx */
	stat_t retries, redispatches, client_aborts, server_aborts, tunnels;
	stat_t time_queue_us, time_connect_us, time_response_us, time_total_us;
	stat_t tunnel_bytes[STAT_WAYS], ws[STAT_WAYS][STAT_WS_N];
	stat_t tunnel_us_sum; /* lives of tunnels that ended */
	/* hist.h: of what time_total_us and tunnel_us_sum sum */
	stat_t request_hist[STAT_HIST_N], tunnel_hist[STAT_HIST_N];
};

struct stat_server {
	_Alignas(128) stat_t sessions;
	stat_t requests, bytes_in, bytes_out;
	stat_t conn_errors, res_errors, retries, redispatches;
	stat_t client_aborts, server_aborts, status[6];
	stat_t connects, prewarmed, reuses,
	    tunnels; /* fresh connections used, of them those made ahead of
			need, reused ones */
	stat_t time_queue_us, time_connect_us, time_response_us, time_total_us;
	stat_t last_session_us;
	stat_t tunnel_bytes[STAT_WAYS], ws[STAT_WAYS][STAT_WS_N];
	stat_t stale_retries; /* on a reused connection that had ended */
	stat_t response_hist[STAT_HIST_N]; /* of what time_response_us sums */
};

/* Bytes of one process's block. */
size_t stat_stride(const struct board_dims *d);
struct stat_proc *stat_proc(const struct board *b, uint32_t proc);
struct stat_proxy *
stat_proxy(const struct board *b, uint32_t proc, uint32_t row);
struct stat_server *
stat_server(const struct board *b, uint32_t proc, uint32_t row);
/* Sum of all process rows, field by field (the structs are arrays of stat_t).
 */
void stat_sum_proc(const struct board *b, struct stat_proc *out);
void
stat_sum_proxy(const struct board *b, uint32_t row, struct stat_proxy *out);
void
stat_sum_server(const struct board *b, uint32_t row, struct stat_server *out);
/* The same of one counter, by its offset in the struct. */
uint64_t stat_sum_proc_at(const struct board *b, size_t offset);
uint64_t stat_sum_proxy_at(const struct board *b, uint32_t row, size_t offset);
uint64_t stat_sum_server_at(const struct board *b, uint32_t row, size_t offset);
/* A dead process's counts are added to row 0 (the master's) so that totals
 * stay. */
void stat_retire(const struct board *b, uint32_t proc);

#endif
