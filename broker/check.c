/* SPDX-License-Identifier: MIT */
/*
 * Checks: connect, see whether it is accepted, shake hands with a server that
 * speaks TLS, reset.
 *
 * health runs from 0 to rise + fall - 1 and says UP from `rise` on.  A server
 * starts UP with health = rise, so its first failure takes it down; from then
 * on `rise` successes bring it up to the top, `fall` failures down to 0.
 */
#include "broker/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/srv.h"
#include "broker/tls_dial.h"
#include "shm/base/clock.h"
#include "shm/base/log.h"
#include "shm/base/mem.h"
#include "shm/ipc/ipc_tbl.h"
#include "shm/proto/proxy_hdr.h"

struct check {
	struct check *next;
	const struct server *cfg;
	uint32_t server;    /* board row */
	struct event io;    /* while fd >= 0 */
	struct event timer; /* until the next one */
	int fd;
	uint64_t start_us;
	unsigned health, rise, fall;
	enum check_result result;
	char why[IPC_WHY_MAX]; /* of L4CON, L6RSP */
	unsigned duration_ms;
	uint64_t fails, downs;
};

static struct check *checks;

static const struct {
	const char *name, *text;
} results[CHECK_RESULT_N] = {
	[CHECK_NONE] = { "", "" },
	[CHECK_L4OK] = { "L4OK", "Layer4 check passed" },
	[CHECK_L4TOUT] = { "L4TOUT", "Layer4 timeout" },
	[CHECK_L4CON] = { "L4CON", "Layer4 connection problem" },
	[CHECK_L6OK] = { "L6OK", "Layer6 check passed" },
	[CHECK_L6TOUT] = { "L6TOUT", "Layer6 timeout" },
	[CHECK_L6RSP] = { "L6RSP", "Layer6 invalid response" },
};

const char *
check_name(enum check_result r)
{
	return results[r].name;
}

const char *
check_text(enum check_result r)
{
	return results[r].text;
}

bool
check_get(uint32_t server, struct check_view *v_r)
{
	const struct check *k;

	for (k = checks; k; k = k->next) {
		if (k->server != server)
			continue;
		v_r->result = k->result;
		v_r->duration_ms = k->duration_ms;
		v_r->why = k->why;
		v_r->health = k->health;
		v_r->rise = k->rise;
		v_r->fall = k->fall;
		v_r->fails = k->fails;
		v_r->downs = k->downs;
		return true;
	}
	return false;
}

/* "reason: …, info: "…", check duration: …ms" */
static const char *
reason(const struct check *k, char *out, size_t room)
{
	char info[160] = "";

	if (k->why[0])
		snprintf(info, sizeof(info), ", info: \"%s\"", k->why);
	snprintf(out, room, "reason: %s%s, check duration: %ums",
	    results[k->result].text, info, k->duration_ms);
	return out;
}

static void
go_down(struct check *k, unsigned requeued)
{
	struct board_server *row = &broker.board.server[k->server];
	char why[256], line[640];
	unsigned active, backup;

	srv_count_active(row->proxy, &active, &backup);
	snprintf(line, sizeof(line),
	    "%sServer %s/%s is DOWN, %s. %u active and %u backup servers "
	    "left.%s %u sessions active, %u requeued, %u remaining in queue.",
	    row->is_backup ? "Backup " : "", srv_proxy_name(k->server),
	    srv_name(k->server), reason(k, why, sizeof(why)), active, backup,
	    backup && !active ? " Running on backup." : "",
	    limit_sum(&broker.board, LIM_SERVER, k->server), requeued,
	    atomic_load(&row->queue_count));
	srv_log(k->server, LOGL_ALERT, line);
	if (active + backup > 0)
		return;
	snprintf(line, sizeof(line), "%s %s has no server available!",
	    k->cfg->px->cap & PX_FRONTEND ? "proxy" : "backend",
	    srv_proxy_name(k->server));
	srv_log(k->server, LOGL_EMERG, line);
}

static void
go_up(struct check *k)
{
	struct board_server *row = &broker.board.server[k->server];
	char why[256], line[640];
	unsigned active, backup;

	srv_count_active(row->proxy, &active, &backup);
	snprintf(line, sizeof(line),
	    "%sServer %s/%s is UP, %s. %u active and %u backup servers "
	    "online.%s 0 sessions requeued, %u total in queue.",
	    row->is_backup ? "Backup " : "", srv_proxy_name(k->server),
	    srv_name(k->server), reason(k, why, sizeof(why)), active, backup,
	    backup && !active ? " Running on backup." : "",
	    atomic_load(&row->queue_count));
	srv_log(k->server, LOGL_NOTICE, line);
}

static void
passed(struct check *k)
{
	unsigned top = k->rise + k->fall - 1;

	if (k->health < top)
		k->health++;
	if (k->health < k->rise)
		return;
	if (atomic_load(&broker.board.server[k->server].op_state) ==
	    SRV_STOPPED) {
		k->health = top;
		srv_set_op(k->server, SRV_RUNNING);
		go_up(k);
	}
}

static void
failed(struct check *k)
{
	unsigned waiting;

	k->fails++;
	if (k->health > k->rise) {
		k->health--;
		return;
	}
	k->health = 0;
	if (atomic_load(&broker.board.server[k->server].op_state) ==
	    SRV_STOPPED)
		return;
	k->downs++;
	waiting = state_server(k->server)->queue_count +
	    state_server(k->server)->conn_waiters;
	srv_set_op(k->server, SRV_STOPPED);
	go_down(k, waiting);
}

static unsigned
interval_ms(const struct check *k)
{
	const struct server_check *c = &k->cfg->check;

	if (k->health == 0)
		return c->downinter_ms ? c->downinter_ms : c->inter_ms;
	if (k->health < k->rise + k->fall - 1)
		return c->fastinter_ms ? c->fastinter_ms : c->inter_ms;
	return c->inter_ms;
}

static void
arm(struct check *k, unsigned ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	event_add(&k->timer, &tv);
}

static void
close_fd(struct check *k)
{
	struct linger now = { 1, 0 };

	if (k->fd < 0)
		return;
	event_del(&k->io);
	/* no TIME_WAIT for each check */
	(void)!setsockopt(k->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(k->fd);
	k->fd = -1;
}

static void
finish(struct check *k, enum check_result r, const char *why)
{
	close_fd(k);
	k->duration_ms = (unsigned)((clock_us() - k->start_us) / 1000);
	k->result = r;
	snprintf(k->why, sizeof(k->why), "%s", why);
	if (r == CHECK_L4OK || r == CHECK_L6OK)
		passed(k);
	else
		failed(k);
	atomic_store(&broker.board.server[k->server].check_health, k->health);
	arm(k, interval_ms(k));
}

static unsigned
timeout_ms(const struct check *k)
{
	unsigned ms = k->cfg->check.inter_ms;
	unsigned connect_ms = k->cfg->px->tmo.connect_ms;

	return connect_ms && connect_ms < ms ? connect_ms : ms;
}

void
check_shaken(struct check *k, int *fd, enum check_result r, const char *why)
{
	k->fd = *fd;
	*fd = -1;
	finish(k, r, why);
}

/* As HAProxy: not where the check has an address or port of its own. */
static bool
wants_tls(const struct check *k)
{
	return tls_dial_is_wanted(k->server) && !k->cfg->check.addr.len &&
	    !k->cfg->check.port;
}

/* A server that waits for a PROXY header shakes no hands before it. */
static int
send_header(const struct check *k)
{
	static const struct sockaddr none = { .sa_family = AF_UNSPEC };
	char h[PROXY_HDR_MAX];
	ssize_t n, sent;

	if (!k->cfg->send_proxy)
		return 0;
	n = proxy_hdr_write(k->cfg->send_proxy, &none, &none, h, sizeof(h));
	if (n < 0)
		return EINVAL;
	sent = send(k->fd, h, (size_t)n, MSG_NOSIGNAL);
	return sent == n ? 0 : sent < 0 ? errno : ECONNRESET;
}

static void
connect_failed(struct check *k, int err)
{
	if (err == ETIMEDOUT)
		finish(k, CHECK_L4TOUT, "");
	else
		finish(k, CHECK_L4CON, strerror(err));
}

static void
connected(struct check *k)
{
	uint64_t until = k->start_us + (uint64_t)timeout_ms(k) * 1000;
	int err;

	if (!wants_tls(k)) {
		finish(k, CHECK_L4OK, "");
		return;
	}
	err = send_header(k);
	if (err) {
		connect_failed(k, err);
		return;
	}
	event_del(&k->io);
	if (!tls_dial_check(k, k->server, &k->fd, until))
		finish(k, CHECK_L6RSP, "TLS was not set up");
}

static void
on_io(evutil_socket_t fd, short what, void *arg)
{
	socklen_t n = sizeof(int);
	int err = 0;

	clock_update();
	if (what & EV_TIMEOUT)
		err = ETIMEDOUT;
	else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n) < 0)
		err = errno;
	if (err)
		connect_failed(arg, err);
	else
		connected(arg);
}

/* Where to; 0: nothing is known. */
static socklen_t
target(const struct check *k, struct sockaddr_storage *ss)
{
	const struct board_transport *t =
	    &broker.board.server[k->server].transport;
	const struct server_check *c = &k->cfg->check;
	socklen_t n;

	memset(ss, 0, sizeof(*ss));
	if (c->addr.len) {
		n = c->addr.len;
		memcpy(ss, &c->addr.u, n);
	} else {
		n = t->addr_len < BOARD_ADDR_MAX ? t->addr_len : BOARD_ADDR_MAX;
		memcpy(ss, t->addr, n);
	}
	if (c->port && ss->ss_family == AF_INET)
		((struct sockaddr_in *)ss)->sin_port = htons((uint16_t)c->port);
	else if (c->port && ss->ss_family == AF_INET6)
		((struct sockaddr_in6 *)ss)->sin6_port =
		    htons((uint16_t)c->port);
	return n;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct check *k = arg;
	unsigned ms = timeout_ms(k);
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };
	struct sockaddr_storage ss;
	socklen_t n = target(k, &ss);

	(void)fd;
	(void)what;
	k->start_us = clock_update();
	/* in maintenance a server is not checked */
	if (n == 0 ||
	    atomic_load(&broker.board.server[k->server].admin_state) &
		(SRV_FMAINT | SRV_IMAINT | SRV_CMAINT | SRV_RMAINT)) {
		arm(k, k->cfg->check.inter_ms);
		return;
	}
	k->fd =
	    socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (k->fd < 0) {
		/* our shortage says nothing about the server */
		arm(k, k->cfg->check.inter_ms);
		return;
	}
	event_assign(&k->io, broker.base, k->fd, EV_WRITE, on_io, k);
	if (connect(k->fd, (struct sockaddr *)&ss, n) == 0)
		connected(k);
	else if (errno == EINPROGRESS)
		event_add(&k->io, &tv);
	else
		connect_failed(k, errno);
}

static void
add(const struct server *s)
{
	struct check *k = mem_alloc(sizeof(*k));
	uint32_t op;

	k->cfg = s;
	k->server = (uint32_t)s->row;
	k->fd = -1;
	k->rise = s->check.rise > 0 ? (unsigned)s->check.rise : 2;
	k->fall = s->check.fall > 0 ? (unsigned)s->check.fall : 3;
	op = atomic_load(&broker.board.server[k->server].op_state);
	/* a new broker goes on where its predecessor was */
	k->health = op == SRV_STOPPED ? 0 : k->rise;
	event_assign(&k->timer, broker.base, -1, 0, on_timer, k);
	k->next = checks;
	checks = k;
}

void
check_start(void)
{
	const struct proxy *px;
	const struct server *s;
	struct check *k;
	unsigned min_ms = UINT32_MAX, n = 0, i = 0;

	for (px = broker.conf->proxies; px; px = px->next)
		for (s = px->disabled ? NULL : px->servers; s; s = s->next) {
			if (!s->check.enabled ||
			    !state_has_server((uint32_t)s->row))
				continue;
			add(s);
			n++;
			if (s->check.inter_ms < min_ms)
				min_ms = s->check.inter_ms;
		}
	/* spread the starts over the shortest interval */
	for (k = checks; k; k = k->next)
		arm(k, (unsigned)((uint64_t)min_ms * i++ / n));
}
