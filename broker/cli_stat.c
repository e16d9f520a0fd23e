/* SPDX-License-Identifier: MIT */
/*
 * show stat: the counters of frontends, backends and servers.
 *
 * Peaks and rates are sampled once a second by the broker.
 */
#include <stdio.h>

#include "broker/check.h"
#include "broker/cli_csv.h"
#include "broker/srv.h"
#include "shm/base/clock.h"
#include "shm/base/mem.h"
#include "shm/seg/stat.h"

/* What is sampled of one proxy row and side, or of a server row. */
struct sample {
	uint64_t total, requests; /* at the last sample */
	unsigned rate, rate_max, req_rate, req_rate_max, cur_max, queue_max;
};

static struct sample *fe_samples, *be_samples, *srv_samples;
static bool is_first; /* what was before is no rate */

static void
put_sample(const struct sample *s, uint64_t cur, bool is_front)
{
	cli_csv_put_n(F_SCUR, cur);
	cli_csv_put_n(F_SMAX, s->cur_max > cur ? s->cur_max : cur);
	cli_csv_put_n(F_RATE, s->rate);
	cli_csv_put_n(F_RATE_MAX, s->rate_max);
	if (!is_front)
		return;
	cli_csv_put_n(F_RATE_LIM, 0);
	cli_csv_put_n(F_REQ_RATE, s->req_rate);
	cli_csv_put_n(F_REQ_RATE_MAX, s->req_rate_max);
	cli_csv_put_n(F_CONN_RATE, s->rate);
	cli_csv_put_n(F_CONN_RATE_MAX, s->rate_max);
}

static void
put_statuses(const stat_t *status)
{
	int i;

	cli_csv_put_n(F_HRSP_OTHER, status[0]);
	for (i = 1; i < 6; i++)
		cli_csv_put_n((enum stat_field)(F_HRSP_1XX + i - 1), status[i]);
}

static uint64_t
average_ms(uint64_t sum_us, uint64_t count)
{
	return count ? sum_us / count / 1000 : 0;
}

static void
put_common(uint32_t px, const char *svname, int type, uint64_t sid)
{
	const struct board_proxy *row = &broker.board.proxy[px];
	char name[BOARD_NAME_MAX + 1] = "";

	memcpy(name, row->name, BOARD_NAME_MAX);
	cli_csv_put_text(F_PXNAME, name);
	cli_csv_put_text(F_SVNAME, svname);
	cli_csv_put(F_TYPE, "%d", type);
	cli_csv_put(F_PID, "1");
	cli_csv_put_n(F_IID, row->id);
	cli_csv_put_n(F_SID, sid);
	cli_csv_put(F_MODE, row->is_http ? "http" : "tcp");
}

static void
frontend_line(struct cli *c, uint32_t px)
{
	const struct board_proxy *row = &broker.board.proxy[px];
	struct stat_proxy st;

	memset(&st, 0, sizeof(st));
	stat_sum_proxy(&broker.board, px, &st);
	put_common(px, "FRONTEND", 0, 0);
	put_sample(
	    &fe_samples[px], limit_sum(&broker.board, LIM_FRONTEND, px), true);
	cli_csv_put_n(F_SLIM, row->maxconn);
	cli_csv_put_n(F_STOT, st.sessions);
	cli_csv_put_n(F_CONN_TOT, st.sessions);
	cli_csv_put_n(F_BIN, st.bytes_in);
	cli_csv_put_n(F_BOUT, st.bytes_out);
	cli_csv_put_n(F_DREQ, st.req_denied);
	cli_csv_put_n(F_DRESP, st.res_denied);
	cli_csv_put_n(F_EREQ, st.req_errors);
	cli_csv_put(F_STATUS, atomic_load(&row->state) ? "STOP" : "OPEN");
	put_statuses(st.status);
	cli_csv_put_n(F_REQ_TOT, st.requests);
	cli_csv_put(F_INTERCEPTED, "0");
	cli_csv_put(F_DCON, "0");
	cli_csv_put(F_DSES, "0");
	cli_csv_print_line(c);
}

/* What the configuration says of a backend. */
static void
put_conf(uint32_t px)
{
	static const char *const algos[LB_N] = { "roundrobin", "static-rr",
		"leastconn", "random", "first", "source", "uri", "hdr" };
	const struct proxy *p;

	for (p = broker.conf->proxies; p; p = p->next) {
		if (p->row != (int)px)
			continue;
		if (p->lb.algo < LB_N)
			cli_csv_put(F_ALGO, "%s", algos[p->lb.algo]);
		if (p->cookie.name)
			cli_csv_put_text(F_COOKIE, p->cookie.name);
	}
}

static void
put_outcome(const struct stat_proxy *st)
{
	cli_csv_put_n(F_STOT, st->sessions);
	cli_csv_put_n(F_BIN, st->bytes_in);
	cli_csv_put_n(F_BOUT, st->bytes_out);
	cli_csv_put_n(F_DREQ, st->req_denied);
	cli_csv_put_n(F_DRESP, st->res_denied);
	cli_csv_put_n(F_ECON, st->conn_errors);
	cli_csv_put_n(F_ERESP, st->res_errors);
	cli_csv_put_n(F_WRETR, st->retries);
	cli_csv_put_n(F_WREDIS, st->redispatches);
	put_statuses(st->status);
	cli_csv_put_n(F_REQ_TOT, st->requests);
	cli_csv_put_n(F_CLI_ABRT, st->client_aborts);
	cli_csv_put_n(F_SRV_ABRT, st->server_aborts);
	cli_csv_put_n(F_LBTOT, st->sessions);
	cli_csv_put_n(F_QTIME, average_ms(st->time_queue_us, st->requests));
	cli_csv_put_n(F_CTIME, average_ms(st->time_connect_us, st->requests));
	cli_csv_put_n(F_RTIME, average_ms(st->time_response_us, st->requests));
	cli_csv_put_n(F_TTIME, average_ms(st->time_total_us, st->requests));
}

static uint64_t
seconds_since(uint64_t wall_us)
{
	uint64_t now = clock_wall_us();

	return wall_us && now > wall_us ? (now - wall_us) / 1000000 : 0;
}

static void
put_times(const _Atomic uint64_t *downs, const _Atomic uint64_t *down_us,
    const _Atomic uint64_t *from_us)
{
	uint64_t from = atomic_load(from_us), now = clock_wall_us();
	uint64_t all = atomic_load(down_us);

	if (from && now > from)
		all += now - from;
	cli_csv_put_n(F_CHKDOWN, atomic_load(downs));
	cli_csv_put_n(F_DOWNTIME, all / 1000000);
}

static void
backend_line(struct cli *c, uint32_t px)
{
	const struct board_proxy *row = &broker.board.proxy[px];
	uint32_t i, n = atomic_load(&broker.board.hdr->used_servers);
	uint64_t weight = 0, connects = 0, reuses = 0;
	struct stat_server srv;
	struct stat_proxy st;
	unsigned active, backup;

	memset(&st, 0, sizeof(st));
	stat_sum_proxy(&broker.board, px, &st);
	for (i = 0; i < n && i < broker.board.cap.server_count; i++) {
		const struct board_server *s = &broker.board.server[i];

		if (!state_has_server(i) || s->proxy != px)
			continue;
		memset(&srv, 0, sizeof(srv));
		stat_sum_server(&broker.board, i, &srv);
		connects += srv.connects;
		reuses += srv.reuses;
		if (board_server_is_usable(s) && !s->is_backup)
			weight += atomic_load(&s->weight);
	}
	srv_count_active(px, &active, &backup);
	put_common(px, "BACKEND", 1, 0);
	put_sample(
	    &be_samples[px], limit_sum(&broker.board, LIM_BACKEND, px), false);
	cli_csv_put_n(F_QCUR, atomic_load(&row->queue_count));
	cli_csv_put_n(F_QMAX, be_samples[px].queue_max);
	cli_csv_put_n(F_SLIM, row->maxconn);
	put_outcome(&st);
	cli_csv_put(F_STATUS, active + backup ? "UP" : "DOWN");
	cli_csv_put_n(F_WEIGHT, weight);
	cli_csv_put_n(F_UWEIGHT, weight);
	cli_csv_put_n(F_ACT, active);
	cli_csv_put_n(F_BCK, backup);
	put_times(&row->downs, &row->down_us, &row->down_from_us);
	cli_csv_put_n(F_LASTCHG, seconds_since(atomic_load(&row->changed_us)));
	put_conf(px);
	cli_csv_put(F_LASTSESS, "-1");
	cli_csv_put_n(F_CONNECT, connects);
	cli_csv_put_n(F_REUSE, reuses);
	cli_csv_print_line(c);
}

/* Of a check, or of an agent, whose columns are elsewhere. */
static void
put_check(uint32_t row, bool is_agent)
{
	const struct board_server *s = &broker.board.server[row];
	const struct board_check *b = is_agent ? &s->agent : &s->check;
	enum check_status r = (enum check_status)atomic_load(&b->status);
	const struct server *cfg = srv_conf(row);

	if (!cfg || !check_is_on(row, is_agent))
		return;
	cli_csv_put(
	    is_agent ? F_AGENT_STATUS : F_CHECK_STATUS, "%s", check_name(r));
	cli_csv_put(
	    is_agent ? F_AGENT_DESC : F_CHECK_DESC, "%s", check_text(r));
	cli_csv_put_n(is_agent ? F_AGENT_RISE : F_CHECK_RISE,
	    is_agent ? 1 : (uint64_t)cfg->check.rise);
	cli_csv_put_n(is_agent ? F_AGENT_FALL : F_CHECK_FALL,
	    is_agent ? 1 : (uint64_t)cfg->check.fall);
	cli_csv_put_n(is_agent ? F_AGENT_HEALTH : F_CHECK_HEALTH,
	    atomic_load(&b->health));
	if (r <= CHECK_START)
		return;
	cli_csv_put_n(is_agent ? F_AGENT_DURATION : F_CHECK_DURATION,
	    atomic_load(&b->duration_ms));
	cli_csv_put_text(is_agent ? F_LAST_AGT : F_LAST_CHK, b->text);
	if (r > CHECK_L7RSP && (is_agent || atomic_load(&b->code)))
		cli_csv_put_n(is_agent ? F_AGENT_CODE : F_CHECK_CODE,
		    atomic_load(&b->code));
}

/* "UP", "DOWN 1/2", "UP 2/3", "DOWN (agent)" */
static void
put_health(uint32_t row)
{
	const struct board_server *s = &broker.board.server[row];
	const struct server *cfg = srv_conf(row);
	uint32_t op = atomic_load(&s->op_state);
	uint32_t health = atomic_load(&s->check.health);
	bool is_on = cfg && check_is_on(row, false);
	unsigned rise = cfg ? (unsigned)cfg->check.rise : 0;
	unsigned fall = cfg ? (unsigned)cfg->check.fall : 0;

	if (op == SRV_STOPPED && check_is_on(row, true) &&
	    atomic_load(&s->agent.health) == 0)
		cli_csv_put(F_STATUS, "DOWN (agent)");
	else if (op == SRV_STOPPED && is_on && health > 0)
		cli_csv_put(F_STATUS, "DOWN %u/%u", health, rise);
	else if (op == SRV_STOPPED)
		cli_csv_put(F_STATUS, "DOWN");
	else if (op == SRV_STOPPING)
		cli_csv_put(F_STATUS, "NOLB");
	else if (!s->has_check && !s->has_agent)
		cli_csv_put(F_STATUS, "no check");
	else if (is_on && health >= rise && health < rise + fall - 1)
		cli_csv_put(F_STATUS, "UP %u/%u", health - rise + 1, fall);
	else
		cli_csv_put(F_STATUS, "UP");
}

static void
put_state(uint32_t row)
{
	const struct board_server *s = &broker.board.server[row];
	const struct server *cfg = srv_conf(row);
	uint32_t admin = atomic_load(&s->admin_state);
	uint32_t part = atomic_load(&s->throttle);

	put_health(row);
	if (check_is_set(row, false)) {
		cli_csv_put_n(F_CHKFAIL, atomic_load(&s->check.fails));
		put_times(&s->downs, &s->down_us, &s->down_from_us);
	}
	put_check(row, true);
	if (part > 0 && part < 100)
		cli_csv_put_n(F_THROTTLE, part);
	if (cfg && cfg->watch.track)
		cli_csv_put(F_TRACKED, "%s/%s", cfg->watch.track->px->name,
		    cfg->watch.track->name);
	if (admin & SRV_IMAINT && cfg && cfg->watch.track)
		cli_csv_put(F_STATUS, "MAINT (via %s/%s)",
		    cfg->watch.track->px->name, cfg->watch.track->name);
	else if (admin & (SRV_FMAINT | SRV_IMAINT | SRV_CMAINT | SRV_RMAINT))
		cli_csv_put(F_STATUS, "MAINT");
	else
		put_check(row, false);
	if (!(admin & (SRV_FMAINT | SRV_IMAINT | SRV_CMAINT | SRV_RMAINT)) &&
	    admin & (SRV_FDRAIN | SRV_IDRAIN))
		cli_csv_put(F_STATUS, "DRAIN");
}

static void
put_pool(uint32_t row)
{
	const struct board_server *s = &broker.board.server[row];
	uint32_t idle = atomic_load(&s->idle_count);
	uint32_t all = atomic_load(&s->slot_count);

	cli_csv_put_n(F_SRV_ICUR, idle);
	if (s->pool.max_conn >= 0)
		cli_csv_put_n(F_SRC_ILIM, (uint64_t)s->pool.max_conn);
	cli_csv_put(F_IDLE_CONN_CUR, "0");
	cli_csv_put_n(F_SAFE_CONN_CUR, idle);
	cli_csv_put_n(F_USED_CONN_CUR, all > idle ? all - idle : 0);
	cli_csv_put_n(F_NEED_CONN_EST, all);
}

static void
server_line(struct cli *c, uint32_t row)
{
	const struct board_server *s = &broker.board.server[row];
	const struct server *cfg = srv_conf(row);
	struct stat_server st;
	struct stat_proxy as;
	char addr[80];
	int i;

	memset(&st, 0, sizeof(st));
	stat_sum_server(&broker.board, row, &st);
	memset(&as, 0, sizeof(as));
	as.sessions = st.sessions;
	as.requests = st.requests;
	as.bytes_in = st.bytes_in;
	as.bytes_out = st.bytes_out;
	as.conn_errors = st.conn_errors;
	as.res_errors = st.res_errors;
	as.retries = st.retries;
	as.redispatches = st.redispatches;
	as.client_aborts = st.client_aborts;
	as.server_aborts = st.server_aborts;
	as.time_queue_us = st.time_queue_us;
	as.time_connect_us = st.time_connect_us;
	as.time_response_us = st.time_response_us;
	as.time_total_us = st.time_total_us;
	for (i = 0; i < 6; i++)
		as.status[i] = st.status[i];
	put_common(s->proxy, srv_name(row), 2, s->id);
	put_sample(&srv_samples[row], limit_sum(&broker.board, LIM_SERVER, row),
	    false);
	put_outcome(&as);
	cli_csv_put(F_DREQ, "%s", "");
	cli_csv_put_n(F_QCUR, atomic_load(&s->queue_count));
	cli_csv_put_n(F_QMAX, srv_samples[row].queue_max);
	if (s->maxconn)
		cli_csv_put_n(F_SLIM, s->maxconn);
	if (s->maxqueue)
		cli_csv_put_n(F_QLIMIT, s->maxqueue);
	cli_csv_put_n(F_WEIGHT, atomic_load(&s->weight));
	cli_csv_put_n(F_UWEIGHT, atomic_load(&s->iweight));
	cli_csv_put(F_ACT, s->is_backup ? "0" : "1");
	cli_csv_put(F_BCK, s->is_backup ? "1" : "0");
	cli_csv_put_n(F_LASTCHG, seconds_since(atomic_load(&s->changed_us)));
	cli_csv_put(F_LASTSESS, "-1");
	if (st.last_session_us)
		cli_csv_put_n(F_LASTSESS, seconds_since(st.last_session_us));
	put_state(row);
	cli_csv_put_n(F_CONNECT, st.connects);
	cli_csv_put_n(F_REUSE, st.reuses);
	put_pool(row);
	if (cfg)
		cli_csv_put_text(
		    F_ADDR, addr_text(&cfg->addr, addr, sizeof(addr)));
	if (cfg && cfg->cookie)
		cli_csv_put_text(F_COOKIE, cfg->cookie);
	cli_csv_print_line(c);
}

/* pos: proxy row; sub: 0 frontend, then 1 + server row, then the backend. */
static bool
step_stat(struct cli *c)
{
	uint32_t proxies = atomic_load(&broker.board.hdr->used_proxies);
	uint32_t servers = atomic_load(&broker.board.hdr->used_servers);
	const struct board_proxy *px;

	if (proxies > broker.board.cap.proxy_count)
		proxies = broker.board.cap.proxy_count;
	if (servers > broker.board.cap.server_count)
		servers = broker.board.cap.server_count;
	if (c->pos >= proxies)
		return true;
	px = &broker.board.proxy[c->pos];
	if (c->sub == 0 && px->is_frontend)
		frontend_line(c, c->pos);
	for (; px->is_backend && c->sub < servers; c->sub++) {
		if (c->out_bytes >= CLI_OUT_LOW)
			return false;
		if (state_has_server(c->sub) &&
		    broker.board.server[c->sub].proxy == c->pos)
			server_line(c, c->sub);
	}
	if (px->is_backend)
		backend_line(c, c->pos);
	c->pos++;
	c->sub = 0;
	return false;
}

void
cli_show_stat(struct cli *c, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (!srv_samples)
		cli_stat_tick();
	cli_csv_print_names(c);
	c->pos = c->sub = 0;
	c->step = step_stat;
}

static void
sample(struct sample *s, uint64_t total, uint64_t requests, uint32_t cur,
    uint32_t queue)
{
	s->rate = is_first ? 0 : (unsigned)(total - s->total);
	s->req_rate = is_first ? 0 : (unsigned)(requests - s->requests);
	s->total = total;
	s->requests = requests;
	if (s->rate > s->rate_max)
		s->rate_max = s->rate;
	if (s->req_rate > s->req_rate_max)
		s->req_rate_max = s->req_rate;
	if (cur > s->cur_max)
		s->cur_max = cur;
	if (queue > s->queue_max)
		s->queue_max = queue;
}

static void
sample_proxy(uint32_t i)
{
	const struct board_proxy *row = &broker.board.proxy[i];
	struct stat_proxy st;

	memset(&st, 0, sizeof(st));
	stat_sum_proxy(&broker.board, i, &st);
	sample(&fe_samples[i], st.sessions, st.requests,
	    limit_sum(&broker.board, LIM_FRONTEND, i), 0);
	sample(&be_samples[i], st.sessions, st.requests,
	    limit_sum(&broker.board, LIM_BACKEND, i),
	    atomic_load(&row->queue_count));
}

void
cli_stat_tick(void)
{
	uint32_t i, n = atomic_load(&broker.board.hdr->used_proxies);
	struct stat_server st;

	is_first = !srv_samples;
	if (is_first) {
		fe_samples = mem_alloc(
		    broker.board.cap.proxy_count * sizeof(struct sample));
		be_samples = mem_alloc(
		    broker.board.cap.proxy_count * sizeof(struct sample));
		srv_samples = mem_alloc(
		    broker.board.cap.server_count * sizeof(struct sample));
	}
	for (i = 0; i < n && i < broker.board.cap.proxy_count; i++)
		sample_proxy(i);
	n = atomic_load(&broker.board.hdr->used_servers);
	for (i = 0; i < n && i < broker.board.cap.server_count; i++) {
		if (!state_has_server(i))
			continue;
		memset(&st, 0, sizeof(st));
		stat_sum_server(&broker.board, i, &st);
		sample(&srv_samples[i], st.sessions, st.requests,
		    limit_sum(&broker.board, LIM_SERVER, i),
		    atomic_load(&broker.board.server[i].queue_count));
	}
}
