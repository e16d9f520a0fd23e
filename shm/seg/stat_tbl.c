/* SPDX-License-Identifier: MIT */
/*
 * The tables of counters.
 */
#include "shm/seg/stat_tbl.h"

#define PROC(field, doc)                                       \
	{                                                      \
#field, offsetof(struct stat_proc, field), doc \
	}
#define PROXY(field, doc)                                       \
	{                                                       \
#field, offsetof(struct stat_proxy, field), doc \
	}
#define SERVER(field, doc)                                       \
	{                                                        \
#field, offsetof(struct stat_server, field), doc \
	}
#define STATUS(kind, name, i, doc)                         \
	{                                                  \
		name,                                      \
		    offsetof(struct stat_##kind, status) + \
		    (i) * sizeof(stat_t),                  \
		    doc                                    \
	}
#define AT(kind, name, field, doc)                             \
	{                                                      \
		name, offsetof(struct stat_##kind, field), doc \
	}
#define TUNNELS(kind)                                            \
	AT(kind, "tunnel_bytes_in", tunnel_bytes[STAT_IN],       \
	    "bytes from clients through tunnels"),               \
	    AT(kind, "tunnel_bytes_out", tunnel_bytes[STAT_OUT], \
		"bytes to clients through tunnels"),             \
	    MESSAGES(kind, "in", STAT_IN, "from clients"),       \
	    MESSAGES(kind, "out", STAT_OUT, "to clients")
#define MESSAGES(kind, word, way, whence)                        \
	AT(kind, "ws_text_" word, ws[way][STAT_WS_TEXT],         \
	    "WebSocket text messages " whence),                  \
	    AT(kind, "ws_binary_" word, ws[way][STAT_WS_BINARY], \
		"WebSocket binary messages " whence),            \
	    AT(kind, "ws_ping_" word, ws[way][STAT_WS_PING],     \
		"WebSocket pings " whence),                      \
	    AT(kind, "ws_pong_" word, ws[way][STAT_WS_PONG],     \
		"WebSocket pongs " whence),                      \
	    AT(kind, "ws_close_" word, ws[way][STAT_WS_CLOSE],   \
		"WebSocket closes " whence)

const struct stat_row stat_tbl_proc[] = {
	PROC(accepted, "client connections accepted"),
	PROC(accept_paused,
	    "times accept was paused: connections or descriptors used up"),
	PROC(requests, "requests read"),
	PROC(bytes_in, "bytes from clients"),
	PROC(bytes_out, "bytes to clients"),
	PROC(own_reuse,
	    "connections taken from the own idle list, without a message"),
	PROC(leases, "LEASEs sent"),
	PROC(grants, "GRANTs received"),
	PROC(lease_fails, "LEASEs that failed"),
	PROC(revokes, "own idle connections taken away"),
	PROC(sweeps, "SWEEPs received"),
	PROC(lease_us_sum, "microseconds from LEASE to its answer, summed"),
	PROC(lease_max_us, "the longest of them"),
	PROC(log_dropped, "log lines dropped"),
	PROC(log_lines, "log lines written"),
	PROC(violations, "violations by a peer"),
	PROC(quarantines, "slots quarantined"),
	PROC(tls_front, "TLS handshakes of clients done"),
	PROC(tls_front_resumed, "of them resumed"),
	PROC(tls_front_fails, "TLS handshakes of clients that failed"),
	PROC(h2_front, "client connections that spoke HTTP/2"),
	PROC(h2_streams, "their streams"),
	TUNNELS(proc),
	PROC(tunnels, "connections that became tunnels"),
	PROC(even_left,
	    "times waiting clients were left to a worker with fewer"),
	PROC(even_taken, "client connections taken over from another worker"),
	PROC(steals, "idle connections given to another worker"),
	PROC(loop_us_sum, "microseconds of work in turns of the loop, summed"),
	{ NULL, 0, NULL },
};

const struct stat_row stat_tbl_proxy[] = {
	PROXY(sessions, "connections (frontend) or streams (backend)"),
	PROXY(requests, "requests"),
	PROXY(bytes_in, "bytes from clients"),
	PROXY(bytes_out, "bytes to clients"),
	PROXY(req_denied, "requests denied by a rule"),
	PROXY(req_errors, "requests that were no valid ones"),
	PROXY(res_denied, "responses denied by a rule"),
	PROXY(res_errors, "responses that failed"),
	PROXY(conn_errors, "connections to servers that failed"),
	STATUS(proxy, "status_other", 0, "responses with another status"),
	STATUS(proxy, "status_1xx", 1, "responses 1xx"),
	STATUS(proxy, "status_2xx", 2, "responses 2xx"),
	STATUS(proxy, "status_3xx", 3, "responses 3xx"),
	STATUS(proxy, "status_4xx", 4, "responses 4xx"),
	STATUS(proxy, "status_5xx", 5, "responses 5xx"),
	PROXY(retries, "attempts repeated"),
	PROXY(redispatches, "attempts repeated at another server"),
	PROXY(client_aborts, "transfers aborted by the client"),
	PROXY(server_aborts, "transfers aborted by the server"),
	PROXY(tunnels, "connections that became tunnels"),
	PROXY(time_queue_us, "microseconds in the queue, summed"),
	PROXY(time_connect_us, "microseconds to connect, summed"),
	PROXY(time_response_us, "microseconds to the response, summed"),
	PROXY(time_total_us,
	    "microseconds in all, of tunnels to their begin, summed"),
	TUNNELS(proxy),
	PROXY(tunnel_us_sum, "microseconds of tunnels that ended, summed"),
	{ NULL, 0, NULL },
};

const struct stat_row stat_tbl_server[] = {
	SERVER(sessions, "streams sent here"),
	SERVER(requests, "requests"),
	SERVER(bytes_in, "bytes from clients"),
	SERVER(bytes_out, "bytes to clients"),
	SERVER(conn_errors, "connections that failed"),
	SERVER(res_errors, "responses that failed"),
	SERVER(retries, "attempts repeated"),
	SERVER(redispatches, "attempts repeated at another server"),
	SERVER(client_aborts, "transfers aborted by the client"),
	SERVER(server_aborts, "transfers aborted by the server"),
	STATUS(server, "status_other", 0, "responses with another status"),
	STATUS(server, "status_1xx", 1, "responses 1xx"),
	STATUS(server, "status_2xx", 2, "responses 2xx"),
	STATUS(server, "status_3xx", 3, "responses 3xx"),
	STATUS(server, "status_4xx", 4, "responses 4xx"),
	STATUS(server, "status_5xx", 5, "responses 5xx"),
	SERVER(connects, "fresh connections used"),
	SERVER(prewarmed, "fresh connections that were made ahead of need"),
	SERVER(reuses, "connections reused"),
	SERVER(tunnels, "connections that became tunnels"),
	SERVER(time_queue_us, "microseconds in the queue, summed"),
	SERVER(time_connect_us, "microseconds to connect, summed"),
	SERVER(time_response_us, "microseconds to the response, summed"),
	SERVER(time_total_us,
	    "microseconds in all, of tunnels to their begin, summed"),
	SERVER(last_session_us, "wall clock of the last stream"),
	TUNNELS(server),
	SERVER(stale_retries,
	    "requests repeated as a reused connection had ended"),
	{ NULL, 0, NULL },
};
