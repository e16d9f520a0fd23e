/* SPDX-License-Identifier: MIT */
/*
 * See srv_admin.h.  All that is changed is on the board: workers see it at
 * their next decision, a new broker goes on from it.
 */
#include "broker/srv_admin.h"

#include <stdio.h>

#include "broker/check.h"
#include "broker/lease.h"
#include "broker/shut.h"
#include "shm/base/clock.h"

enum {
	MAINT = SRV_FMAINT | SRV_CMAINT,
	ANY_MAINT = SRV_FMAINT | SRV_IMAINT | SRV_CMAINT | SRV_RMAINT,
	ANY_DRAIN = SRV_FDRAIN | SRV_IDRAIN,
	WEIGHT_MAX = 256,
	STEP_PERCENT = 5 /* of a slow start: each makes workers think anew */
};

static bool any_tracks;   /* some server tracks another */
static unsigned starting; /* servers in SRV_STARTING */

static uint32_t
rows(void)
{
	uint32_t n = atomic_load(&broker.board.hdr->used_servers);

	return n < broker.board.cap.server_count
	    ? n
	    : broker.board.cap.server_count;
}

static uint32_t
admin_of(uint32_t server)
{
	return atomic_load(&broker.board.server[server].admin_state);
}

static uint32_t
op_of(uint32_t server)
{
	return atomic_load(&broker.board.server[server].op_state);
}

/* --- log lines --- */

static void
say_left(uint32_t server, const char *what, unsigned requeued)
{
	struct board_server *row = &broker.board.server[server];
	char line[900];
	unsigned active, backup;

	srv_count_active(row->proxy, &active, &backup);
	snprintf(line, sizeof(line),
	    "%sServer %s/%s is %s. %u active and %u backup servers "
	    "left.%s %u sessions active, %u requeued, %u remaining in queue.",
	    row->is_backup ? "Backup " : "", srv_proxy_name(server),
	    srv_name(server), what, active, backup,
	    backup && !active ? " Running on backup." : "",
	    limit_sum(&broker.board, LIM_SERVER, server), requeued,
	    atomic_load(&row->queue_count));
	srv_log(server, LOGL_ALERT, line);
	if (active + backup > 0)
		return;
	snprintf(line, sizeof(line), "%s %s has no server available!",
	    srv_conf(server) && srv_conf(server)->px->cap & PX_FRONTEND
		? "proxy"
		: "backend",
	    srv_proxy_name(server));
	srv_log(server, LOGL_EMERG, line);
}

static void
say_online(uint32_t server, const char *what)
{
	struct board_server *row = &broker.board.server[server];
	char line[900];
	unsigned active, backup;

	srv_count_active(row->proxy, &active, &backup);
	snprintf(line, sizeof(line),
	    "%sServer %s/%s %s. %u active and %u backup servers "
	    "online.%s 0 sessions requeued, %u total in queue.",
	    row->is_backup ? "Backup " : "", srv_proxy_name(server),
	    srv_name(server), what, active, backup,
	    backup && !active ? " Running on backup." : "",
	    atomic_load(&row->queue_count));
	srv_log(server, LOGL_NOTICE, line);
}

/* --- up and down --- */

/* " via b/s": of those that track it. */
static const char *
via(uint32_t server, char *out, size_t room)
{
	snprintf(
	    out, room, " via %s/%s", srv_proxy_name(server), srv_name(server));
	return out;
}

static void
each_tracker(uint32_t server, void (*fn)(uint32_t server, const char *why))
{
	const struct server *cfg = srv_conf(server), *c;
	char why[160];
	uint32_t i;

	if (!any_tracks || !cfg)
		return;
	via(server, why, sizeof(why));
	for (i = 0; i < rows(); i++) {
		c = state_has_server(i) ? srv_conf(i) : NULL;
		if (c && c->watch.track == cfg)
			fn(i, why);
	}
}

static void
end_start(uint32_t server)
{
	atomic_store(&broker.board.server[server].throttle, 0);
	if (op_of(server) == SRV_STARTING && starting > 0)
		starting--;
}

/* on-marked-down shutdown-sessions */
static void
shut_marked_down(uint32_t server)
{
	const struct server *cfg = srv_conf(server);

	if (cfg && cfg->watch.down_shuts)
		(void)shut_ask(server, 'D', NULL);
}

/* on-marked-up shutdown-backup-sessions */
static void
shut_backups(uint32_t server)
{
	const struct server *cfg = srv_conf(server), *s;

	if (!cfg || !cfg->watch.up_shuts_backups)
		return;
	for (s = cfg->px->servers; s; s = s->next)
		if (s->backup && state_has_server((uint32_t)s->row))
			(void)shut_ask((uint32_t)s->row, 'U', NULL);
}

void
srv_down(uint32_t server, const char *why)
{
	struct board_server *row = &broker.board.server[server];
	struct bserver *sv = state_server(server);
	bool in_maint = admin_of(server) & ANY_MAINT;
	char what[512];
	unsigned waiting;

	if (op_of(server) == SRV_STOPPED)
		return;
	waiting = sv->queue_count + sv->conn_waiters;
	end_start(server);
	atomic_fetch_add(&row->downs, 1);
	srv_set_op(server, SRV_STOPPED);
	snprintf(what, sizeof(what), "DOWN%s", why);
	if (!in_maint)
		say_left(server, what, waiting);
	shut_marked_down(server);
	each_tracker(server, srv_down);
}

/* Running, or on the way to it. */
static void
start(uint32_t server)
{
	const struct server *cfg = srv_conf(server);

	if (cfg && cfg->watch.slowstart_ms && !srv_is_static(server)) {
		atomic_store(&broker.board.server[server].throttle, 1);
		if (op_of(server) != SRV_STARTING)
			starting++;
		srv_set_op(server, SRV_STARTING);
		return;
	}
	end_start(server);
	srv_set_op(server, SRV_RUNNING);
}

void
srv_up(uint32_t server, const char *why)
{
	char what[512];

	if (op_of(server) != SRV_STOPPED && op_of(server) != SRV_STOPPING)
		return;
	start(server);
	snprintf(what, sizeof(what), "is UP%s", why);
	if (!(admin_of(server) & ANY_MAINT)) {
		say_online(server, what);
		shut_backups(server);
	}
	each_tracker(server, srv_up);
}

void
srv_stopping(uint32_t server, const char *why)
{
	char what[512];

	if (op_of(server) == SRV_STOPPING)
		return;
	end_start(server);
	srv_set_op(server, SRV_STOPPING);
	snprintf(what, sizeof(what), "is stopping%s", why);
	say_online(server, what);
	each_tracker(server, srv_stopping);
}

/* --- admin state --- */

/* It left maintenance: up, but the first failed check takes it down. */
static void
left_maint(uint32_t server)
{
	const struct server *cfg = srv_conf(server), *t;
	bool is_drain = admin_of(server) & ANY_DRAIN;
	char what[96];

	t = cfg ? cfg->watch.track : NULL;
	if (t && op_of((uint32_t)t->row) == SRV_STOPPED) {
		end_start(server);
		srv_set_op(server, SRV_STOPPED);
	} else {
		check_force(server, false, true, NULL);
		start(server);
	}
	snprintf(what, sizeof(what), "is %s/%s (leaving forced maintenance)",
	    op_of(server) == SRV_STOPPED ? "DOWN" : "UP",
	    is_drain ? "DRAIN" : "READY");
	say_online(server, what);
}

static void
set_admin(uint32_t server, uint32_t set, uint32_t clear, const char *by);

static void
inherit(uint32_t server)
{
	const struct server *cfg = srv_conf(server), *c;
	uint32_t now = admin_of(server), bits = 0, i;
	char why[160];

	if (!any_tracks || !cfg)
		return;
	if (now & ANY_MAINT)
		bits = SRV_IMAINT;
	else if (now & ANY_DRAIN)
		bits = SRV_IDRAIN;
	via(server, why, sizeof(why));
	for (i = 0; i < rows(); i++) {
		c = state_has_server(i) ? srv_conf(i) : NULL;
		if (c && c->watch.track == cfg)
			set_admin(
			    i, bits, (SRV_IMAINT | SRV_IDRAIN) & ~bits, why);
	}
}

static void
set_admin(uint32_t server, uint32_t set, uint32_t clear, const char *by)
{
	uint32_t old = admin_of(server), now = (old & ~clear) | set;
	struct bserver *sv = state_server(server);
	unsigned waiting = sv->queue_count + sv->conn_waiters;
	char what[256];

	if (now == old)
		return;
	srv_set_admin(server, set, clear);
	if (now & ANY_MAINT && !(old & ANY_MAINT)) {
		end_start(server);
		snprintf(
		    what, sizeof(what), "going DOWN for maintenance%s", by);
		say_left(server, what, waiting);
		shut_marked_down(server);
	} else if (old & ANY_MAINT && !(now & ANY_MAINT)) {
		left_maint(server);
	} else if (!(now & ANY_MAINT) && now & ANY_DRAIN &&
	    !(old & ANY_DRAIN)) {
		snprintf(what, sizeof(what), "enters drain state%s", by);
		say_online(server, what);
	} else if (!(now & (ANY_MAINT | ANY_DRAIN)) && old & ANY_DRAIN) {
		snprintf(
		    what, sizeof(what), "is UP (leaving forced drain)%s", by);
		say_online(server, what);
	}
	inherit(server);
}

void
srv_admin(uint32_t server, uint32_t set, uint32_t clear)
{
	set_admin(server, set, clear, "");
}

/* --- weight and maxconn --- */

bool
srv_is_static(uint32_t server)
{
	const struct server *s = srv_conf(server);

	if (!s)
		return false;
	switch (s->px->lb.algo) {
	case LB_STATIC_RR:
		return true;
	case LB_SOURCE:
	case LB_URI:
	case LB_HDR:
		return !s->px->lb.consistent;
	case LB_ROUNDROBIN:
	case LB_LEASTCONN:
	case LB_RANDOM:
	case LB_FIRST:
	case LB_N:
		break;
	}
	return false;
}

void
srv_weight(uint32_t server, unsigned weight)
{
	atomic_store(&broker.board.server[server].weight,
	    weight > WEIGHT_MAX ? WEIGHT_MAX : weight);
}

void
srv_weight_percent(uint32_t server, unsigned percent)
{
	uint64_t w = atomic_load(&broker.board.server[server].iweight);

	if (srv_is_static(server) && percent != 0 && percent != 100)
		return;
	w = w * percent / 100;
	srv_weight(server, w > WEIGHT_MAX ? WEIGHT_MAX : (unsigned)w);
}

void
srv_maxconn(uint32_t server, unsigned maxconn)
{
	__atomic_store_n(
	    &broker.board.server[server].maxconn, maxconn, __ATOMIC_SEQ_CST);
	lease_run(server);
}

bool
srv_check_tls(uint32_t server, const struct server *cfg)
{
	(void)server;
	return check_wants_tls(cfg);
}

/* --- slow starts --- */

static void
grow(uint32_t server)
{
	struct board_server *row = &broker.board.server[server];
	const struct server *cfg = srv_conf(server);
	uint64_t now = clock_wall_us(), from = atomic_load(&row->changed_us);
	uint64_t all = cfg ? (uint64_t)cfg->watch.slowstart_ms * 1000 : 0;
	uint64_t part = all && now > from ? (now - from) * 100 / all : 0;

	if (all == 0 || part >= 100) {
		end_start(server);
		/* no change of its state as users see it */
		atomic_store(&row->op_state, SRV_RUNNING);
		lease_run(server);
		return;
	}
	part -= part % STEP_PERCENT;
	if (part <= atomic_load(&row->throttle))
		return;
	atomic_store(&row->throttle, (uint32_t)part);
	lease_run(server);
}

void
srv_admin_tick(void)
{
	uint32_t i;

	for (i = 0; starting > 0 && i < rows(); i++)
		if (state_has_server(i) && op_of(i) == SRV_STARTING)
			grow(i);
}

void
srv_admin_start(void)
{
	const struct server *c;
	uint32_t i;

	for (i = 0; i < rows(); i++) {
		c = state_has_server(i) ? srv_conf(i) : NULL;
		any_tracks |= c && c->watch.track;
		starting += c && op_of(i) == SRV_STARTING;
	}
	/* what happened while there was no broker */
	for (i = 0; any_tracks && i < rows(); i++) {
		c = state_has_server(i) ? srv_conf(i) : NULL;
		if (!c || !c->watch.track)
			continue;
		if (op_of((uint32_t)c->watch.track->row) == SRV_STOPPED)
			srv_set_op(i, SRV_STOPPED);
		else if (op_of(i) == SRV_STOPPED)
			srv_set_op(i, SRV_RUNNING);
		inherit((uint32_t)c->watch.track->row);
	}
}
