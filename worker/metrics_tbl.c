/* SPDX-License-Identifier: MIT */
/*
 * The metrics.  Those that mean what HAProxy's exporter means have its names
 * and labels; ours begin with wsbroker_.
 */
#include <stddef.h>

#include "shm/base/clock.h"
#include "shm/seg/able.h"
#include "shm/seg/hist.h"
#include "shm/seg/limit.h"
#include "worker/metrics.h"

/* --- values --- */

#define LOAD(x) ((double)atomic_load_explicit(&(x), memory_order_relaxed))

static bool
one(const struct board *b, uint32_t row, int l, double *v)
{
	(void)b;
	(void)row;
	(void)l;
	*v = 1;
	return true;
}

static bool
start_time(const struct board *b, uint32_t row, int l, double *v)
{
	(void)row;
	(void)l;
	*v = (double)(b->hdr->start_wall_us / 1000000);
	return true;
}

static bool
uptime(const struct board *b, uint32_t row, int l, double *v)
{
	(void)row;
	(void)l;
	*v = clock_us() > b->hdr->start_us
	    ? (double)((clock_us() - b->hdr->start_us) / 1000000)
	    : 0;
	return true;
}

static bool
maxconn(const struct board *b, uint32_t row, int l, double *v)
{
	(void)row;
	(void)l;
	*v = b->hdr->maxconn;
	return true;
}

static bool
clients(const struct board *b, uint32_t row, int l, double *v)
{
	(void)row;
	(void)l;
	*v = limit_sum(b, LIM_GLOBAL, 0);
	return true;
}

static bool
workers(const struct board *b, uint32_t row, int l, double *v)
{
	uint32_t i;

	(void)row;
	(void)l;
	for (*v = 0, i = 0; i < b->cap.proc_count; i++)
		*v += b->proc[i].role == ROLE_WORKER &&
		    atomic_load(&b->proc[i].state) == PROC_RUNNING;
	return true;
}

static bool
generation(const struct board *b, uint32_t row, int l, double *v)
{
	(void)row;
	(void)l;
	*v = LOAD(b->hdr->generation);
	return true;
}

static bool
reloaded(const struct board *b, uint32_t row, int l, double *v)
{
	uint64_t us = atomic_load(&b->hdr->reload_wall_us);

	(void)row;
	(void)l;
	*v = (double)(us / 1000000);
	return us != 0;
}

static bool
slots(const struct board *b, uint32_t row, int l, double *v)
{
	(void)row;
	(void)l;
	*v = b->cap.slot_count;
	return true;
}

static bool
fe_status(const struct board *b, uint32_t row, int l, double *v)
{
	bool up = atomic_load(&b->proxy[row].state) == 0;

	*v = up == (l == 1);
	return true;
}

static bool
fe_current(const struct board *b, uint32_t row, int l, double *v)
{
	(void)l;
	*v = limit_sum(b, LIM_FRONTEND, row);
	return true;
}

static bool
px_limit(const struct board *b, uint32_t row, int l, double *v)
{
	(void)l;
	*v = b->proxy[row].maxconn;
	return true;
}

/* Usable servers of a backend: active, backup, and the weight of those that
 * take part. */
struct usable {
	unsigned active, backup;
	double weight;
	uint64_t changed_us;
};

static struct usable
usable(const struct board *b, uint32_t px)
{
	uint32_t i, n = atomic_load(&b->hdr->used_servers);
	struct usable u = { 0, 0, 0, 0 };

	for (i = 0; i < n && i < b->cap.server_count; i++) {
		const struct board_server *s = &b->server[i];

		if (atomic_load(&s->row_state) != 1 || s->proxy != px ||
		    !board_server_is_usable(s))
			continue;
		u.active += !s->is_backup;
		u.backup += s->is_backup;
		u.weight += s->is_backup ? 0 : LOAD(s->weight);
	}
	return u;
}

static bool
be_status(const struct board *b, uint32_t row, int l, double *v)
{
	struct usable u = usable(b, row);

	*v = (u.active + u.backup > 0) == (l == 1);
	return true;
}

static bool
be_current(const struct board *b, uint32_t row, int l, double *v)
{
	(void)l;
	*v = limit_sum(b, LIM_BACKEND, row);
	return true;
}

static bool
be_queue(const struct board *b, uint32_t row, int l, double *v)
{
	(void)l;
	*v = LOAD(b->proxy[row].queue_count);
	return true;
}

static bool
be_active(const struct board *b, uint32_t row, int l, double *v)
{
	(void)l;
	*v = usable(b, row).active;
	return true;
}

static bool
be_backup(const struct board *b, uint32_t row, int l, double *v)
{
	(void)l;
	*v = usable(b, row).backup;
	return true;
}

static bool
be_weight(const struct board *b, uint32_t row, int l, double *v)
{
	(void)l;
	*v = usable(b, row).weight;
	return true;
}

enum { ST_DOWN, ST_UP, ST_MAINT, ST_DRAIN };

static bool
srv_status(const struct board *b, uint32_t row, int l, double *v)
{
	const struct board_server *s = &b->server[row];
	uint32_t admin = atomic_load(&s->admin_state);
	int is;

	if (admin & (SRV_FMAINT | SRV_IMAINT | SRV_CMAINT | SRV_RMAINT))
		is = ST_MAINT;
	else if (admin & (SRV_FDRAIN | SRV_IDRAIN))
		is = ST_DRAIN;
	else
		is = atomic_load(&s->op_state) == SRV_STOPPED ? ST_DOWN : ST_UP;
	*v = l == is;
	return true;
}

static bool
srv_current(const struct board *b, uint32_t row, int l, double *v)
{
	(void)l;
	*v = limit_sum(b, LIM_SERVER, row);
	return true;
}

static bool
srv_limit(const struct board *b, uint32_t row, int l, double *v)
{
	(void)l;
	*v = b->server[row].maxconn;
	return b->server[row].maxconn != 0;
}

static bool
srv_queue(const struct board *b, uint32_t row, int l, double *v)
{
	(void)l;
	*v = LOAD(b->server[row].queue_count);
	return true;
}

static bool
srv_queue_limit(const struct board *b, uint32_t row, int l, double *v)
{
	(void)l;
	*v = b->server[row].maxqueue;
	return b->server[row].maxqueue != 0;
}

static bool
srv_weight(const struct board *b, uint32_t row, int l, double *v)
{
	(void)l;
	*v = LOAD(b->server[row].weight);
	return true;
}

static bool
srv_uweight(const struct board *b, uint32_t row, int l, double *v)
{
	(void)l;
	*v = LOAD(b->server[row].iweight);
	return true;
}

static bool
srv_idle_limit(const struct board *b, uint32_t row, int l, double *v)
{
	(void)l;
	*v = b->server[row].pool.max_conn;
	return b->server[row].pool.max_conn >= 0;
}

static bool
srv_tunnels(const struct board *b, uint32_t row, int l, double *v)
{
	(void)l;
	*v = limit_sum(b, LIM_TUNNEL, row);
	return true;
}

static bool
srv_dialing(const struct board *b, uint32_t row, int l, double *v)
{
	(void)l;
	*v = LOAD(b->server[row].dial_count);
	return true;
}

static bool
srv_dials(const struct board *b, uint32_t row, int l, double *v)
{
	*v = l ? LOAD(b->server[row].dial_errors) : LOAD(b->server[row].dials);
	return true;
}

static bool
srv_handshakes(const struct board *b, uint32_t row, int l, double *v)
{
	*v = l ? LOAD(b->server[row].tls_resumed)
	       : LOAD(b->server[row].tls_full);
	return true;
}

static bool
srv_ws_h2(const struct board *b, uint32_t row, int l, double *v)
{
	const struct board_server *s = &b->server[row];
	uint64_t ms;
	enum able a = able_last(&s->ws_able, atomic_load(&s->epoch), &ms);

	(void)l;
	*v = a == ABLE_YES;
	return a != ABLE_UNKNOWN;
}

static bool
srv_last(const struct board *b, uint32_t row, int l, double *v)
{
	struct stat_server st;
	uint64_t now = clock_wall_us();

	(void)l;
	stat_sum_server(b, row, &st);
	*v = st.last_session_us && now > st.last_session_us
	    ? (double)((now - st.last_session_us) / 1000000)
	    : 0;
	return st.last_session_us != 0;
}

#define WORKER(fn, field)                                                     \
	static bool fn(const struct board *b, uint32_t row, int l, double *v) \
	{                                                                     \
		(void)l;                                                      \
		*v = LOAD(b->proc[row].field);                                \
		return true;                                                  \
	}
WORKER(wk_clients, clients)
WORKER(wk_streams, streams)
WORKER(wk_tunnels, tunnels)
WORKER(wk_fds, fds)
WORKER(wk_fd_max, fd_max)

static bool
wk_draining(const struct board *b, uint32_t row, int l, double *v)
{
	(void)l;
	*v = atomic_load(&b->proc[row].state) == PROC_DRAINING;
	return true;
}

/* --- labels --- */

static const char *const up_down[] = { "DOWN", "UP" };
static const char *const srv_states[] = { "DOWN", "UP", "MAINT", "DRAIN" };
static const char *const codes[] = { "other", "1xx", "2xx", "3xx", "4xx",
	"5xx" };
static const char *const ways[] = { "in", "out" };
static const char *const ws_types[] = { "text", "binary", "ping", "pong",
	"close" };
static const char *const dial_results[] = { "all", "failed" };
static const char *const no_yes[] = { "no", "yes" };
static const char *const version[] = { PACKAGE_VERSION };

static const struct metric_labels l_up = { "state", 2, up_down },
				  l_srv = { "state", 4, srv_states },
				  l_code = { "code", 6, codes },
				  l_way = { "direction", 2, ways },
				  l_ws = { "type", STAT_WS_N, ws_types },
				  l_dial = { "result", 2, dial_results },
				  l_resumed = { "resumed", 2, no_yes },
				  l_version = { "version", 1, version };

/* --- rows --- */

#define G METRIC_GAUGE
#define C METRIC_COUNTER
#define V(name, help, scope, type, labels, fn)                       \
	{                                                            \
		name, help, SCOPE_##scope, type, 0, 0, 0, labels, fn \
	}
#define PROC(name, help, field)                                         \
	{                                                               \
		name, help, SCOPE_GLOBAL, C,                            \
		    offsetof(struct stat_proc, field), 0, 0, NULL, NULL \
	}
#define PX(scope, name, help, field, labels)                               \
	{                                                                  \
		name, help, SCOPE_##scope, C,                              \
		    offsetof(struct stat_proxy, field), 0, 0, labels, NULL \
	}
#define SRV(name, help, field, labels)                                      \
	{                                                                   \
		name, help, SCOPE_SERVER, C,                                \
		    offsetof(struct stat_server, field), 0, 0, labels, NULL \
	}
#define HIST(kind, scope, name, help, hist, sum, unit)                  \
	{                                                               \
		name, help, SCOPE_##scope, METRIC_HISTOGRAM,            \
		    offsetof(struct stat_##kind, hist),                 \
		    offsetof(struct stat_##kind, sum), unit, NULL, NULL \
	}

const struct metric metrics_tbl[] = {
	V("haproxy_process_build_info", "Version of the software.", GLOBAL, G,
	    &l_version, one),
	V("haproxy_process_nbproc", "Worker processes that serve.", GLOBAL, G,
	    NULL, workers),
	V("haproxy_process_start_time_seconds",
	    "When the service was started, Unix time.", GLOBAL, G, NULL,
	    start_time),
	V("haproxy_process_uptime_seconds", "How long it has been running.",
	    GLOBAL, G, NULL, uptime),
	V("haproxy_process_max_connections",
	    "Client connections at a time, at most.", GLOBAL, G, NULL, maxconn),
	V("haproxy_process_current_connections", "Client connections now.",
	    GLOBAL, G, NULL, clients),
	PROC("haproxy_process_connections_total",
	    "Client connections accepted.", accepted),
	PROC("haproxy_process_requests_total", "Requests read.", requests),
	PROC("haproxy_process_bytes_out_total", "Bytes sent to clients.",
	    bytes_out),
	PROC("haproxy_process_dropped_logs_total", "Log lines dropped.",
	    log_dropped),

	V("haproxy_frontend_status", "State of the frontend, 1 at what it is.",
	    FRONTEND, G, &l_up, fe_status),
	V("haproxy_frontend_current_sessions", "Client connections now.",
	    FRONTEND, G, NULL, fe_current),
	V("haproxy_frontend_limit_sessions",
	    "Client connections at a time, at most; 0: as many as there may "
	    "be in all.",
	    FRONTEND, G, NULL, px_limit),
	PX(FRONTEND, "haproxy_frontend_sessions_total", "Client connections.",
	    sessions, NULL),
	PX(FRONTEND, "haproxy_frontend_connections_total",
	    "Client connections.", sessions, NULL),
	PX(FRONTEND, "haproxy_frontend_bytes_in_total", "Bytes from clients.",
	    bytes_in, NULL),
	PX(FRONTEND, "haproxy_frontend_bytes_out_total", "Bytes to clients.",
	    bytes_out, NULL),
	PX(FRONTEND, "haproxy_frontend_requests_denied_total",
	    "Requests denied by a rule.", req_denied, NULL),
	PX(FRONTEND, "haproxy_frontend_responses_denied_total",
	    "Responses denied by a rule.", res_denied, NULL),
	PX(FRONTEND, "haproxy_frontend_request_errors_total",
	    "Requests that were no valid ones.", req_errors, NULL),
	PX(FRONTEND, "haproxy_frontend_http_requests_total", "Requests.",
	    requests, NULL),
	PX(FRONTEND, "haproxy_frontend_http_responses_total",
	    "Responses by class of status.", status, &l_code),

	V("haproxy_backend_status",
	    "State of the backend, 1 at what it is: UP while a server can be "
	    "used.",
	    BACKEND, G, &l_up, be_status),
	V("haproxy_backend_current_sessions", "Requests and tunnels now.",
	    BACKEND, G, NULL, be_current),
	V("haproxy_backend_current_queue",
	    "Requests that wait for any of its servers.", BACKEND, G, NULL,
	    be_queue),
	V("haproxy_backend_active_servers",
	    "Usable servers that are no backups.", BACKEND, G, NULL, be_active),
	V("haproxy_backend_backup_servers", "Usable backup servers.", BACKEND,
	    G, NULL, be_backup),
	V("haproxy_backend_weight", "Weight of its usable servers.", BACKEND, G,
	    NULL, be_weight),
	PX(BACKEND, "haproxy_backend_sessions_total", "Requests sent here.",
	    sessions, NULL),
	PX(BACKEND, "haproxy_backend_loadbalanced_total", "Requests sent here.",
	    sessions, NULL),
	PX(BACKEND, "haproxy_backend_bytes_in_total", "Bytes from clients.",
	    bytes_in, NULL),
	PX(BACKEND, "haproxy_backend_bytes_out_total", "Bytes to clients.",
	    bytes_out, NULL),
	PX(BACKEND, "haproxy_backend_requests_denied_total",
	    "Requests denied by a rule.", req_denied, NULL),
	PX(BACKEND, "haproxy_backend_responses_denied_total",
	    "Responses denied by a rule.", res_denied, NULL),
	PX(BACKEND, "haproxy_backend_connection_errors_total",
	    "Connections to its servers that failed.", conn_errors, NULL),
	PX(BACKEND, "haproxy_backend_response_errors_total",
	    "Responses that failed.", res_errors, NULL),
	PX(BACKEND, "haproxy_backend_retry_warnings_total",
	    "Attempts repeated.", retries, NULL),
	PX(BACKEND, "haproxy_backend_redispatch_warnings_total",
	    "Attempts repeated at another server.", redispatches, NULL),
	PX(BACKEND, "haproxy_backend_client_aborts_total",
	    "Transfers aborted by the client.", client_aborts, NULL),
	PX(BACKEND, "haproxy_backend_server_aborts_total",
	    "Transfers aborted by the server.", server_aborts, NULL),
	PX(BACKEND, "haproxy_backend_http_requests_total", "Requests.",
	    requests, NULL),
	PX(BACKEND, "haproxy_backend_http_responses_total",
	    "Responses by class of status.", status, &l_code),

	V("haproxy_server_status", "State of the server, 1 at what it is.",
	    SERVER, G, &l_srv, srv_status),
	V("haproxy_server_current_sessions", "Requests now.", SERVER, G, NULL,
	    srv_current),
	V("haproxy_server_limit_sessions", "Requests at a time, at most.",
	    SERVER, G, NULL, srv_limit),
	V("haproxy_server_current_queue", "Requests that wait for it.", SERVER,
	    G, NULL, srv_queue),
	V("haproxy_server_queue_limit", "Requests that may wait for it.",
	    SERVER, G, NULL, srv_queue_limit),
	V("haproxy_server_weight", "Its weight.", SERVER, G, NULL, srv_weight),
	V("haproxy_server_uweight", "Its weight as configured.", SERVER, G,
	    NULL, srv_uweight),
	V("haproxy_server_last_session_seconds",
	    "Seconds since the last request was sent to it.", SERVER, G, NULL,
	    srv_last),
	V("haproxy_server_idle_connections_limit",
	    "Idle connections that are kept.", SERVER, G, NULL, srv_idle_limit),
	SRV("haproxy_server_sessions_total", "Requests sent here.", sessions,
	    NULL),
	SRV("haproxy_server_loadbalanced_total", "Requests sent here.",
	    sessions, NULL),
	SRV("haproxy_server_bytes_in_total", "Bytes from clients.", bytes_in,
	    NULL),
	SRV("haproxy_server_bytes_out_total", "Bytes to clients.", bytes_out,
	    NULL),
	SRV("haproxy_server_connection_errors_total",
	    "Connections that failed.", conn_errors, NULL),
	SRV("haproxy_server_response_errors_total", "Responses that failed.",
	    res_errors, NULL),
	SRV("haproxy_server_retry_warnings_total", "Attempts repeated.",
	    retries, NULL),
	SRV("haproxy_server_redispatch_warnings_total",
	    "Attempts repeated at another server.", redispatches, NULL),
	SRV("haproxy_server_client_aborts_total",
	    "Transfers aborted by the client.", client_aborts, NULL),
	SRV("haproxy_server_server_aborts_total",
	    "Transfers aborted by the server.", server_aborts, NULL),
	SRV("haproxy_server_connection_attempts_total",
	    "Fresh connections used.", connects, NULL),
	SRV("haproxy_server_connection_reuses_total", "Connections reused.",
	    reuses, NULL),
	SRV("haproxy_server_http_responses_total",
	    "Responses by class of status.", status, &l_code),

	V("wsbroker_config_generation",
	    "Which configuration serves, counted from 1.", GLOBAL, G, NULL,
	    generation),
	V("wsbroker_last_reload_timestamp_seconds",
	    "When the configuration was last loaded anew, Unix time.", GLOBAL,
	    G, NULL, reloaded),
	V("wsbroker_slots_max", "Connections to servers there may be in all.",
	    GLOBAL, G, NULL, slots),
	{ "wsbroker_pool_connections",
	    "Connections to servers by protocol and by what they do.",
	    SCOPE_POOL, G, 0, 0, 0, NULL, NULL },
	V("wsbroker_server_tunnels", "WebSockets and other tunnels now.",
	    SERVER, G, NULL, srv_tunnels),
	V("wsbroker_server_dialing", "Connections being made.", SERVER, G, NULL,
	    srv_dialing),
	V("wsbroker_server_dials_total",
	    "Connections tried, and those that failed.", SERVER, C, &l_dial,
	    srv_dials),
	V("wsbroker_server_tls_handshakes_total", "TLS handshakes done.",
	    SERVER, C, &l_resumed, srv_handshakes),
	V("wsbroker_server_websocket_over_h2",
	    "Whether it takes WebSockets over HTTP/2, once that is known.",
	    SERVER, G, NULL, srv_ws_h2),
	SRV("wsbroker_server_tunnels_total", "Connections that became tunnels.",
	    tunnels, NULL),
	SRV("wsbroker_server_prewarmed_total",
	    "Connections used that were made ahead of need.", prewarmed, NULL),
	SRV("wsbroker_server_stale_retries_total",
	    "Requests repeated as a reused connection had ended.",
	    stale_retries, NULL),
	HIST(proc, GLOBAL, "wsbroker_lease_duration_seconds",
	    "Time from asking for a connection to its answer; those reused "
	    "without asking are not among them.",
	    lease_hist, lease_us_sum, HIST_LEASE_UNIT_US),
	HIST(proxy, FRONTEND, "wsbroker_frontend_request_duration_seconds",
	    "Time from the first byte of a request to the last of its "
	    "response, of tunnels to their begin.",
	    request_hist, time_total_us, HIST_REQUEST_UNIT_US),
	HIST(proxy, BACKEND, "wsbroker_backend_request_duration_seconds",
	    "The same by backend.", request_hist, time_total_us,
	    HIST_REQUEST_UNIT_US),
	HIST(proxy, FRONTEND, "wsbroker_frontend_tunnel_duration_seconds",
	    "How long tunnels that ended have lived.", tunnel_hist,
	    tunnel_us_sum, HIST_TUNNEL_UNIT_US),
	PX(BACKEND, "wsbroker_backend_tunnels_total",
	    "Connections that became tunnels.", tunnels, NULL),
	PX(FRONTEND, "wsbroker_frontend_tunnel_bytes_total",
	    "Bytes through tunnels, from clients (in) and to them (out).",
	    tunnel_bytes, &l_way),
	PX(FRONTEND, "wsbroker_frontend_websocket_received_total",
	    "WebSocket messages from clients.", ws[STAT_IN], &l_ws),
	PX(FRONTEND, "wsbroker_frontend_websocket_sent_total",
	    "WebSocket messages to clients.", ws[STAT_OUT], &l_ws),
	V("wsbroker_worker_clients", "Client connections now.", WORKER, G, NULL,
	    wk_clients),
	V("wsbroker_worker_streams", "Requests now.", WORKER, G, NULL,
	    wk_streams),
	V("wsbroker_worker_tunnels", "Tunnels now.", WORKER, G, NULL,
	    wk_tunnels),
	V("wsbroker_worker_draining", "Whether it takes no new clients.",
	    WORKER, G, NULL, wk_draining),
	V("wsbroker_worker_open_fds", "Descriptors of connections.", WORKER, G,
	    NULL, wk_fds),
	V("wsbroker_worker_max_fds", "Descriptors it may have.", WORKER, G,
	    NULL, wk_fd_max),
	HIST(proc, WORKER, "wsbroker_worker_loop_duration_seconds",
	    "How long turns of the event loop took.", loop_hist, loop_us_sum,
	    HIST_LOOP_UNIT_US),
	{ NULL, NULL, SCOPE_PROC_TBL, C, 0, 0, 0, NULL, NULL },
	{ NULL, NULL, SCOPE_N, C, 0, 0, 0, NULL, NULL },
};
