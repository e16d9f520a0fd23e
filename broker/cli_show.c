/* SPDX-License-Identifier: MIT */
/*
 * show info, show pools, show servers state, show version, _board.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "broker/check.h"
#include "broker/cli_parts.h"
#include "broker/srv.h"
#include "broker/tls_dial.h"
#include "shm/base/clock.h"
#include "shm/base/log.h"
#include "shm/seg/rate.h"
#include "shm/seg/stat.h"

static const char *
version(void)
{
	static char out[sizeof(broker.board.hdr->version) + 1];

	memcpy(out, broker.board.hdr->version, sizeof(out) - 1);
	return out;
}

void
cli_show_version(struct cli *c, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	cli_print(c, "%s\n", version());
}

void
cli_give_board(struct cli *c, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (c->out_bytes > 0) {
		cli_say(c, LOGL_ERR, "_board has to be the first command\n");
		return;
	}
	cli_print(c, "board\n");
	c->send_fd = broker.heritage->board_ro_fd;
}

static unsigned
worker_count(uint32_t *clients_r)
{
	unsigned n = 0;
	uint32_t i;

	*clients_r = 0;
	for (i = 0; i < broker.board.cap.proc_count; i++) {
		const struct board_proc *p = &broker.board.proc[i];

		if (atomic_load(&p->instance) == 0 || p->role != ROLE_WORKER)
			continue;
		n++;
		*clients_r += atomic_load(&p->clients);
	}
	return n;
}

static void
show_uptime(struct cli *c)
{
	uint64_t s = (clock_us() - broker.board.hdr->start_us) / 1000000;

	cli_print(c, "Uptime: %ud %uh%02um%02us\n", (unsigned)(s / 86400),
	    (unsigned)(s / 3600 % 24), (unsigned)(s / 60 % 60),
	    (unsigned)(s % 60));
	cli_print(c, "Uptime_sec: %llu\n", (unsigned long long)s);
}

/* TLS with clients. */
static void
show_tls(struct cli *c, const struct stat_proc *sum)
{
	const struct conf_global *g = &broker.conf->global;
	struct board *b = &broker.board;

	cli_print(c, "MaxSslConns: %d\nCurrSslConns: %u\nCumSslConns: %llu\n",
	    g->maxsslconn, limit_sum(b, LIM_TLS, 0),
	    (unsigned long long)(sum->tls_front + sum->tls_front_fails));
	cli_print(c, "SslRate: %u\nSslRateLimit: %d\n",
	    rate_now(&b->hdr->tls_rate, clock_us()), g->maxsslrate);
}

/* WebSocket messages other than pings and their like. */
static void
show_tunnels(struct cli *c, const struct stat_proc *sum)
{
	const stat_t *in = sum->ws[STAT_IN], *out = sum->ws[STAT_OUT];
	const struct board *b = &broker.board;
	uint32_t now = 0, i;

	for (i = 0; i < b->cap.proc_count; i++)
		if (atomic_load(&b->proc[i].instance))
			now += atomic_load(&b->proc[i].tunnels);
	cli_print(c, "CurrTunnels: %u\nCumTunnels: %llu\n", now,
	    (unsigned long long)sum->tunnels);
	cli_print(c, "WsMsgsIn: %llu\nWsMsgsOut: %llu\n",
	    (unsigned long long)(in[STAT_WS_TEXT] + in[STAT_WS_BINARY]),
	    (unsigned long long)(out[STAT_WS_TEXT] + out[STAT_WS_BINARY]));
	cli_print(c, "TunnelBytesIn: %llu\nTunnelBytesOut: %llu\n",
	    (unsigned long long)sum->tunnel_bytes[STAT_IN],
	    (unsigned long long)sum->tunnel_bytes[STAT_OUT]);
}

/* hatop wants all of these; there are no pipes, and no queue of tasks. */
static void
show_work(struct cli *c)
{
	const struct board *b = &broker.board;
	uint32_t tasks = 0, i;

	for (i = 0; i < b->cap.proc_count; i++)
		if (atomic_load(&b->proc[i].instance))
			tasks += atomic_load(&b->proc[i].streams) +
			    atomic_load(&b->proc[i].tunnels);
	cli_print(c,
	    "Maxpipes: 0\nPipesUsed: 0\nPipesFree: 0\nTasks: %u\n"
	    "Run_queue: 0\n",
	    tasks);
}

void
cli_show_info(struct cli *c, int argc, char **argv)
{
	const struct board_hdr *h = broker.board.hdr;
	struct stat_proc sum;
	struct rlimit rl = { 0, 0 };
	uint32_t clients;
	unsigned workers = worker_count(&clients);

	(void)argc;
	(void)argv;
	memset(&sum, 0, sizeof(sum));
	stat_sum_proc(&broker.board, &sum);
	(void)getrlimit(RLIMIT_NOFILE, &rl);
	cli_print(c, "Name: wsbroker\nVersion: %s\nRelease_date: 2026/11/24\n",
	    version());
	cli_print(c, "Nbthread: 1\nNbproc: %u\nProcess_num: 1\nPid: %u\n",
	    workers, h->master_pid);
	show_uptime(c);
	cli_print(c, "Ulimit-n: %llu\nMaxconn: %u\nHard_maxconn: %u\n",
	    (unsigned long long)rl.rlim_cur, h->maxconn,
	    (unsigned)broker.conf->global.maxconn);
	cli_print(c, "CurrConns: %u\nCumConns: %llu\nCumReq: %llu\n", clients,
	    (unsigned long long)sum.accepted, (unsigned long long)sum.requests);
	show_tls(c, &sum);
	show_work(c);
	cli_print(c, "Idle_pct: 100\nnode: %.*s\nStopping: %d\n",
	    BOARD_NAME_MAX, h->node, broker.draining);
	cli_print(c, "DroppedLogs: %llu\nTotalBytesOut: %llu\n",
	    (unsigned long long)sum.log_dropped,
	    (unsigned long long)sum.bytes_out);
	cli_print(c,
	    "Leases: %llu\nGrants: %llu\nOwnReuse: %llu\nRevokes: %llu\n"
	    "Violations: %llu\n",
	    (unsigned long long)sum.leases, (unsigned long long)sum.grants,
	    (unsigned long long)sum.own_reuse, (unsigned long long)sum.revokes,
	    (unsigned long long)sum.violations);
	show_tunnels(c, &sum);
	cli_show_store(c);
	cli_print(c, "Start_time_sec: %llu\n",
	    (unsigned long long)(h->start_wall_us / 1000000));
}

/* --- show pools --- */

static const char *
holder_text(uint32_t holder, char *out, size_t room)
{
	const struct peer *p;

	if (holder == HOLDER_BROKER)
		return "broker";
	p = state_peer(holder);
	if (p)
		snprintf(out, room, "w%u", p->worker_index + 1);
	else
		snprintf(out, room, "#%u", holder);
	return out;
}

static void
show_slot(struct cli *c, uint32_t i)
{
	const struct slot *s = &broker.board.slot[i];
	struct slot_view v = slot_get(&broker.board, i);
	uint64_t now = clock_us(), born, idle;
	uint32_t row =
	    broker.slots[i].pool ? broker.slots[i].pool->server : s->server;
	char who[16];

	if (v.state == SLOT_FREE || row >= broker.board.cap.server_count ||
	    (c->filter != UINT32_MAX && c->filter != row))
		return;
	born = atomic_load(&s->born_us);
	idle = atomic_load(&s->idle_us);
	cli_print(c, "%u %s/%s %s %s %s %u %llu %lld\n", i, srv_proxy_name(row),
	    srv_name(row), slot_tag_name(v.tag), slot_state_name(v.state),
	    holder_text(v.holder, who, sizeof(who)), atomic_load(&s->uses),
	    (unsigned long long)(now - born) / 1000,
	    v.state == SLOT_IDLE ? (long long)(now - idle) / 1000 : -1ll);
}

static bool
step_pools(struct cli *c)
{
	unsigned n;

	for (n = 0; n < 256 && c->pos < broker.slots_touched; n++)
		show_slot(c, c->pos++);
	return c->pos >= broker.slots_touched;
}

void
cli_show_pools(struct cli *c, int argc, char **argv)
{
	char *slash = argc > 2 ? strchr(argv[2], '/') : NULL;

	c->pos = 0;
	c->filter = UINT32_MAX;
	if (argc > 2) {
		if (slash)
			*slash = '\0';
		c->filter = slash ? srv_find(argv[2], slash + 1) : UINT32_MAX;
		if (c->filter == UINT32_MAX) {
			cli_say(c, LOGL_ERR, "No such server.\n");
			return;
		}
	}
	cli_print(c, "# slot server tag state holder uses age_ms idle_ms\n");
	c->step = step_pools;
}

/* --- show servers state --- */

static void
addr_and_port(uint32_t row, char *addr, size_t room, unsigned *port_r)
{
	const struct board_transport *t = &broker.board.server[row].transport;
	struct sockaddr_storage ss;
	const void *raw = NULL;

	memset(&ss, 0, sizeof(ss));
	memcpy(&ss, t->addr,
	    t->addr_len < BOARD_ADDR_MAX ? t->addr_len : BOARD_ADDR_MAX);
	*port_r = 0;
	if (ss.ss_family == AF_INET) {
		raw = &((struct sockaddr_in *)&ss)->sin_addr;
		*port_r = ntohs(((struct sockaddr_in *)&ss)->sin_port);
	} else if (ss.ss_family == AF_INET6) {
		raw = &((struct sockaddr_in6 *)&ss)->sin6_addr;
		*port_r = ntohs(((struct sockaddr_in6 *)&ss)->sin6_port);
	}
	if (!raw || !inet_ntop(ss.ss_family, raw, addr, (socklen_t)room))
		snprintf(addr, room, "-");
}

/* HAProxy's numbers: a result; 2 + 4 of a check that is set and on. */
static unsigned
result_number(enum check_status r)
{
	if (r <= CHECK_START)
		return 0;
	if (r == CHECK_CHECKED)
		return 1;
	if (r == CHECK_L7OKC)
		return 4;
	return check_is_good(r) ? 3 : 2;
}

static unsigned
state_number(uint32_t row, bool is_agent)
{
	unsigned n = is_agent ? 0x10 : 0;

	if (!check_is_set(row, is_agent))
		return 0;
	return n + (check_is_on(row, is_agent) ? 6 : 2);
}

static void
place_text(const struct board_place *at, char *out, size_t room)
{
	struct sockaddr_storage ss;
	const void *raw = NULL;

	memset(&ss, 0, sizeof(ss));
	memcpy(&ss, at->addr,
	    at->addr_len < BOARD_ADDR_MAX ? at->addr_len : BOARD_ADDR_MAX);
	if (ss.ss_family == AF_INET)
		raw = &((struct sockaddr_in *)&ss)->sin_addr;
	else if (ss.ss_family == AF_INET6)
		raw = &((struct sockaddr_in6 *)&ss)->sin6_addr;
	if (!raw || !inet_ntop(ss.ss_family, raw, out, (socklen_t)room))
		snprintf(out, room, "-");
}

static void
show_state(struct cli *c, uint32_t row)
{
	const struct board_server *s = &broker.board.server[row];
	char addr[INET6_ADDRSTRLEN], check[INET6_ADDRSTRLEN],
	    agent[INET6_ADDRSTRLEN];
	enum check_status r = (enum check_status)atomic_load(&s->check.status);
	uint32_t admin = atomic_load(&s->admin_state);
	uint32_t op = atomic_load(&s->op_state);
	bool is_set = check_is_set(row, false);
	unsigned port;

	/* as HAProxy has it, maintenance stops a server that is up */
	if (admin & (SRV_FMAINT | SRV_IMAINT | SRV_CMAINT | SRV_RMAINT))
		op = SRV_STOPPED;
	addr_and_port(row, addr, sizeof(addr), &port);
	place_text(&s->check_at, check, sizeof(check));
	place_text(&s->agent_at, agent, sizeof(agent));
	cli_print(c,
	    "%u %s %u %s %s %u %u %u %u %llu %u %u %u %u %u 0 0 - %u - %u %u "
	    "%s %s %u\n",
	    s->proxy < broker.board.cap.proxy_count
		? broker.board.proxy[s->proxy].id
		: 0,
	    srv_proxy_name(row), s->id, srv_name(row), addr, op, admin,
	    atomic_load(&s->weight), atomic_load(&s->iweight),
	    (unsigned long long)(clock_wall_us() -
		atomic_load(&s->changed_us)) /
		1000000,
	    is_set ? r : CHECK_INI, is_set ? result_number(r) : 0,
	    is_set ? atomic_load(&s->check.health) : 2,
	    state_number(row, false), state_number(row, true), port,
	    tls_dial_is_wanted(row), s->check_at.port, check, agent,
	    s->agent_at.port);
}

/* A part of the servers of the backend that was asked for, or of all. */
static bool
step_rows(struct cli *c, void (*show)(struct cli *c, uint32_t row))
{
	uint32_t n = atomic_load(&broker.board.hdr->used_servers);
	unsigned i;

	if (n > broker.board.cap.server_count)
		n = broker.board.cap.server_count;
	for (i = 0; i < 64 && c->pos < n; i++, c->pos++)
		if (state_has_server(c->pos) &&
		    (c->filter == UINT32_MAX ||
			broker.board.server[c->pos].proxy == c->filter))
			show(c, c->pos);
	return c->pos >= n;
}

static bool
step_state(struct cli *c)
{
	return step_rows(c, show_state);
}

/* The third word, the name of a backend, as a filter. */
static bool
take_filter(struct cli *c, int argc, char **argv)
{
	const struct proxy *px;

	c->pos = 0;
	c->filter = UINT32_MAX;
	if (argc <= 3)
		return true;
	px = conf_find_proxy(broker.conf, argv[3], PX_BACKEND);
	if (px)
		c->filter = (uint32_t)px->row;
	else
		cli_say(c, LOGL_ERR, "Can't find backend.\n");
	return px;
}

/* --- show servers conn --- */

static void
show_conn(struct cli *c, uint32_t row)
{
	const struct board_server *s = &broker.board.server[row];
	uint32_t idle = atomic_load(&s->idle_count);
	uint32_t all = atomic_load(&s->slot_count);
	uint32_t used = all > idle ? all - idle : 0;
	char addr[INET6_ADDRSTRLEN];
	unsigned port;

	addr_and_port(row, addr, sizeof(addr), &port);
	cli_print(c, "%s/%s %u/%u %s %u - %u %u %u %u 0 %u %d %u %u\n",
	    srv_proxy_name(row), srv_name(row),
	    s->proxy < broker.board.cap.proxy_count
		? broker.board.proxy[s->proxy].id
		: 0,
	    s->id, addr, port, s->pool.purge_delay_ms, used,
	    state_server(row)->used_peak > used ? state_server(row)->used_peak
						: used,
	    all, idle, s->pool.max_conn, idle, idle);
}

static bool
step_conn(struct cli *c)
{
	return step_rows(c, show_conn);
}

void
cli_show_conn(struct cli *c, int argc, char **argv)
{
	if (!take_filter(c, argc, argv))
		return;
	cli_print(c,
	    "# bkname/svname bkid/svid addr port - purge_delay used_cur "
	    "used_max need_est unsafe_nb safe_nb idle_lim idle_cur "
	    "idle_per_thr[1]\n");
	c->step = step_conn;
}

void
cli_show_state(struct cli *c, int argc, char **argv)
{
	if (!take_filter(c, argc, argv))
		return;
	cli_print(c,
	    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state "
	    "srv_admin_state srv_uweight srv_iweight "
	    "srv_time_since_last_change srv_check_status srv_check_result "
	    "srv_check_health srv_check_state srv_agent_state bk_f_forced_id "
	    "srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl "
	    "srv_check_port srv_check_addr srv_agent_addr srv_agent_port\n");
	c->step = step_state;
}
