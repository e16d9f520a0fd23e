/* SPDX-License-Identifier: MIT */
/*
 * See rig.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka wants those first */
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/base/clock.h"
#include "shm/base/fds.h"
#include "shm/seg/limit.h"
#include "shm/seg/stat.h"
#include "tests/unit/broker/rig.h"

void
rig_init(struct rig *r)
{
	unsigned i;

	memset(r, 0, sizeof(*r));
	signal(SIGPIPE, SIG_IGN);
	clock_update();
	log_stderr(getenv("RIG_LOG") ? LOGL_DEBUG : -1);
	r->base = event_base_new();
	r->slot_count = 64;
	r->px.name = (char *)"be";
	r->px.cap = PX_BACKEND;
	r->px.id = 2;
	r->px.tmo.connect_ms = 2000;
	r->px.servers = &r->srv[0];
	r->px.server_count = RIG_SERVERS;
	r->conf.proxies = &r->px;
	r->conf.proxy_count = 1;
	r->conf.server_count = RIG_SERVERS;
	r->conf.global.uid = r->conf.global.gid = -1;
	for (i = 0; i < RIG_SERVERS; i++) {
		static char names[RIG_SERVERS][8];

		snprintf(names[i], sizeof(names[i]), "s%u", i + 1);
		r->srv[i].px = &r->px;
		r->srv[i].name = names[i];
		r->srv[i].id = (int)i + 1;
		r->srv[i].row = (int)i;
		r->srv[i].weight = 1;
		r->srv[i].pool.max_conn = -1;
		r->srv[i].pool.purge_delay_ms = 60000;
		if (i + 1 < RIG_SERVERS)
			r->srv[i].next = &r->srv[i + 1];
		r->o[i].rig = r;
		r->o[i].fd = -1;
		rig_origin_open(r, i);
	}
}

static void
fill_board(struct rig *r)
{
	struct board_server *row;
	struct sockaddr_in sin = { .sin_family = AF_INET };
	const struct server *s;
	unsigned i;

	strcpy(r->board.proxy[0].name, "be");
	r->board.proxy[0].is_backend = 1;
	atomic_store(&r->board.hdr->used_proxies, 1);
	atomic_store(&r->board.hdr->used_servers, RIG_SERVERS);
	for (i = 0; i < RIG_SERVERS; i++) {
		row = &r->board.server[i];
		s = &r->srv[i];
		strcpy(row->name, s->name);
		row->id = i + 1;
		sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		sin.sin_port = htons((uint16_t)r->o[i].port);
		memcpy(row->transport.addr, &sin, sizeof(sin));
		row->transport.addr_len = sizeof(sin);
		row->transport.connect_ms = r->px.tmo.connect_ms;
		row->pool.max_conn = s->pool.max_conn;
		row->pool.low_conn = s->pool.low_conn;
		row->pool.purge_delay_ms = s->pool.purge_delay_ms;
		row->pool.prewarm = s->pool.prewarm;
		row->pool.prewarm_ws = s->pool.prewarm_ws;
		row->maxconn = (uint32_t)s->maxconn;
		row->maxqueue = (uint32_t)s->maxqueue;
		row->has_check = s->check.enabled;
		atomic_store(&row->epoch, 1);
		atomic_store(&row->op_state, SRV_RUNNING);
		atomic_store(&row->weight, 1);
		atomic_store(&row->iweight, 1);
		atomic_store(&row->row_state, 1);
	}
}

static int
on_broker(struct chan *c, struct ipc_msg *m, void *arg)
{
	struct rig *r = arg;

	(void)c;
	switch ((int)m->type) {
	case IPC_READY:
		r->ready = true;
		break;
	case IPC_DEAD_DONE:
		r->dead_done++;
		r->kept = m->u.dead.kept;
		r->lost = m->u.dead.lost;
		break;
	case IPC_VIOLATION:
		r->violations++;
		if (getenv("RIG_LOG"))
			print_message("violation: %s\n", m->u.violation.text);
		break;
	default:
		break;
	}
	return 0;
}

static void
on_broker_end(struct chan *c, int err, const char *why, void *arg)
{
	(void)c;
	(void)err;
	(void)why;
	(void)arg;
}

void
rig_broker_start(struct rig *r, bool adopt)
{
	struct broker_heritage h = { 0 };
	int up[2];

	assert_int_equal(chan_pair(up), 0);
	r->ready = false;
	r->broker_proc = 1;
	h.conf = &r->conf;
	h.board_fd = r->board_fd;
	h.board_ro_fd = r->ro_fd;
	h.master_fd = up[1];
	h.instance = ++r->last_instance;
	h.proc = r->broker_proc;
	h.master_pid = (uint32_t)getpid();
	h.adopt = adopt;
	r->board.proc[1].role = ROLE_BROKER;
	atomic_store(&r->board.proc[1].state, PROC_RUNNING);
	atomic_store(&r->board.proc[1].instance, h.instance);
	r->broker_pid = fork();
	assert_true(r->broker_pid >= 0);
	if (r->broker_pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		broker_main(&h);
	}
	close(up[1]);
	r->to_broker = chan_new(r->base, &up[0], ROLE_MASTER, ROLE_BROKER,
	    on_broker, on_broker_end, r);
	chan_phase(r->to_broker, PHASE_OPEN);
	rig_until(r, r->ready, 3000);
}

void
rig_broker_kill(struct rig *r)
{
	kill(r->broker_pid, SIGKILL);
	assert_int_equal(waitpid(r->broker_pid, NULL, 0), r->broker_pid);
	r->broker_pid = 0;
	chan_free(&r->to_broker);
}

static void
introduce(struct rig *r, struct rig_worker *w)
{
	struct ipc_msg m = { .type = IPC_CHILD, .fd_count = 2 };
	int pair[2];

	assert_int_equal(chan_pair(pair), 0);
	m.fd[0] = pair[0];
	m.fd[1] = w->vault_fd;
	m.u.child.instance = w->instance;
	m.u.child.proc = w->proc;
	m.u.child.pid = (uint32_t)getpid();
	assert_int_equal(chan_send(r->to_broker, &m), 0);
	close(pair[0]);
	pool_broker(w->pool, &pair[1]);
}

static void
tell_dead(struct rig *r, struct rig_worker *w)
{
	struct ipc_msg m = { .type = IPC_DEAD };

	w->is_grave = true;
	m.u.dead.instance = w->instance;
	m.u.dead.proc = w->proc;
	if (!r->to_broker)
		return;
	w->is_grave = false;
	assert_int_equal(chan_send(r->to_broker, &m), 0);
}

void
rig_broker_again(struct rig *r)
{
	unsigned i;

	rig_broker_start(r, true);
	for (i = 0; i < RIG_WORKERS; i++) {
		if (r->w[i].pool)
			introduce(r, &r->w[i]);
		else if (r->w[i].is_grave)
			tell_dead(r, &r->w[i]);
	}
}

static void
on_violation(void *arg, const struct ipc_violation *v)
{
	struct rig_worker *w = arg;

	w->violations++;
	if (getenv("RIG_LOG"))
		print_message("violation by the broker: %s\n", v->text);
}

void
rig_worker_start(struct rig *r, unsigned i)
{
	struct rig_worker *w = &r->w[i];
	struct board_proc *row;

	w->rig = r;
	w->instance = ++r->last_instance;
	w->proc = 2 + i;
	row = &r->board.proc[w->proc];
	row->role = ROLE_WORKER;
	atomic_store(&row->state, PROC_RUNNING);
	atomic_store(&row->instance, w->instance);
	assert_int_equal(vault_create(r->slot_count, &w->vault_fd), 0);
	assert_int_equal(
	    vault_attach(w->vault_fd, r->slot_count, &w->vault), 0);
	w->pool = pool_new(
	    r->base, &r->conf, &r->board, &w->vault, w->instance, w->proc);
	pool_on_violation(w->pool, on_violation, w);
	introduce(r, w);
}

void
rig_worker_die(struct rig *r, unsigned i)
{
	struct rig_worker *w = &r->w[i];

	pool_free(&w->pool);
	vault_detach(&w->vault);
	close(w->vault_fd);
	atomic_store(&r->board.proc[w->proc].state, PROC_DEAD);
	tell_dead(r, w);
}

void
rig_start(struct rig *r, unsigned workers)
{
	struct board_dims d = { r->slot_count, 2, RIG_SERVERS, 8 };
	unsigned i;

	assert_int_equal(board_create(&d, &r->board, &r->board_fd), 0);
	assert_int_equal(board_reopen_readonly(r->board_fd, &r->ro_fd), 0);
	fill_board(r);
	rig_broker_start(r, false);
	for (i = 0; i < workers; i++)
		rig_worker_start(r, i);
	rig_run(r, 20);
}

void
rig_stop(struct rig *r)
{
	unsigned i;

	for (i = 0; i < RIG_WORKERS; i++) {
		if (!r->w[i].pool)
			continue;
		assert_int_equal(r->w[i].violations, 0);
		pool_free(&r->w[i].pool);
		vault_detach(&r->w[i].vault);
		close(r->w[i].vault_fd);
	}
	assert_int_equal(r->violations, 0);
	if (r->broker_pid) {
		/* it must be alive and well until now */
		assert_int_equal(waitpid(r->broker_pid, NULL, WNOHANG), 0);
		rig_broker_kill(r);
	}
	for (i = 0; i < RIG_SERVERS; i++)
		rig_origin_close(r, i);
	board_detach(&r->board);
	close(r->board_fd);
	close(r->ro_fd);
	event_base_free(r->base);
}

/* --- origins --- */

static void
conn_close(struct rig_conn *c)
{
	event_del(&c->ev);
	close(c->fd);
	c->fd = -1;
	c->o->open--;
	if (c->busy)
		c->o->busy--;
	c->busy = false;
}

static void
conn_answer(struct rig_conn *c)
{
	c->busy = false;
	c->o->busy--;
	(void)!send(c->fd, "r", 1, MSG_NOSIGNAL);
}

static void
on_conn(evutil_socket_t fd, short what, void *arg)
{
	struct rig_conn *c = arg;
	char b[64];
	ssize_t n = recv(fd, b, sizeof(b), MSG_DONTWAIT);

	(void)what;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		conn_close(c);
		return;
	}
	assert_int_equal(n, 1); /* one request at a time */
	assert_false(c->busy);
	c->busy = true;
	if (++c->o->busy > c->o->busy_peak)
		c->o->busy_peak = c->o->busy;
	if (!c->o->hold)
		conn_answer(c);
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct rig_origin *o = arg;
	struct rig_conn *c;
	unsigned i;
	int cfd;

	(void)what;
	cfd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (cfd < 0)
		return;
	o->accepted++;
	if (++o->open > o->open_peak)
		o->open_peak = o->open;
	for (i = 0; i < RIG_CONNS; i++) {
		c = &o->conns[i];
		if (c->o && c->fd >= 0)
			continue;
		c->o = o;
		c->fd = cfd;
		c->busy = false;
		event_assign(&c->ev, o->rig->base, cfd, EV_READ | EV_PERSIST,
		    on_conn, c);
		event_add(&c->ev, NULL);
		return;
	}
	fail_msg("too many connections");
}

void
rig_origin_open(struct rig *r, unsigned i)
{
	struct rig_origin *o = &r->o[i];
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t n = sizeof(sin);
	int one = 1;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons((uint16_t)o->port);
	o->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(o->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(o->fd, (struct sockaddr *)&sin, n), 0);
	assert_int_equal(listen(o->fd, 512), 0);
	assert_int_equal(getsockname(o->fd, (struct sockaddr *)&sin, &n), 0);
	o->port = ntohs(sin.sin_port);
	event_assign(
	    &o->ev, r->base, o->fd, EV_READ | EV_PERSIST, on_accept, o);
	event_add(&o->ev, NULL);
}

void
rig_origin_close(struct rig *r, unsigned i)
{
	struct rig_origin *o = &r->o[i];
	unsigned k;

	for (k = 0; k < RIG_CONNS; k++)
		if (o->conns[k].o && o->conns[k].fd >= 0)
			conn_close(&o->conns[k]);
	if (o->fd < 0)
		return;
	event_del(&o->ev);
	close(o->fd);
	o->fd = -1;
}

void
rig_answer(struct rig_origin *o, unsigned n)
{
	unsigned k;

	for (k = 0; k < RIG_CONNS && n > 0; k++)
		if (o->conns[k].o && o->conns[k].fd >= 0 && o->conns[k].busy) {
			conn_answer(&o->conns[k]);
			n--;
		}
}

void
rig_origin_hang_up(struct rig_origin *o)
{
	unsigned k;

	for (k = 0; k < RIG_CONNS; k++)
		if (o->conns[k].o && o->conns[k].fd >= 0 && !o->conns[k].busy)
			conn_close(&o->conns[k]);
}

static void
on_run_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

void
rig_run(struct rig *r, unsigned ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };
	struct event ev;

	event_assign(&ev, r->base, -1, 0, on_run_over, r->base);
	event_add(&ev, &tv);
	event_base_dispatch(r->base);
	event_del(&ev);
	clock_update();
}

/* --- streams --- */

static void
on_lease(struct pool_lease *l, struct bconn *bc, enum pool_fail why, int errnum)
{
	struct rig_req *q = l->arg;

	q->waiting = false;
	q->bc = bc;
	q->failed = !bc;
	q->why = why;
	q->errnum = errnum;
	q->fresh = bc && bc->fresh;
	q->dialed = l->was_dialed;
	q->got_us = clock_update();
}

void
rig_ask(struct rig *r, unsigned worker, unsigned server, enum lease_reuse reuse,
    struct rig_req *q)
{
	struct pool_want want = {
		.srv = &r->srv[server], .reuse = reuse, .tags = TAG_BIT(TAG_H1)
	};
	int rc;

	memset(q, 0, sizeof(*q));
	q->w = &r->w[worker];
	q->l.fn = on_lease;
	q->l.arg = q;
	clock_update();
	rc = pool_get(q->w->pool, &want, NULL, &q->l, &q->bc);
	if (rc == 0) {
		q->fresh = q->bc->fresh;
		q->got_us = clock_us();
		return;
	}
	assert_int_equal(rc, -WSE_AGAIN);
	q->waiting = true;
}

void
rig_await(struct rig *r, struct rig_req *q)
{
	rig_until(r, !q->waiting, 5000);
}

static void
on_answer(struct bconn *bc, void *arg)
{
	struct rig_req *q = arg;
	char b[8];
	ssize_t n = recv(bc->fd, b, sizeof(b), MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n == 1) {
		pool_release(q->w->pool, &q->bc);
		q->done = true;
		return;
	}
	pool_close(q->w->pool, &q->bc, 0);
	q->failed = true;
}

void
rig_send(struct rig_req *q)
{
	assert_non_null(q->bc);
	q->bc->on_read = on_answer;
	q->bc->arg = q;
	assert_int_equal(send(q->bc->fd, "q", 1, MSG_NOSIGNAL), 1);
}

void
rig_await_done(struct rig *r, struct rig_req *q)
{
	rig_until(r, q->done || q->failed, 5000);
}

void
rig_roundtrip(
    struct rig *r, unsigned worker, unsigned server, struct rig_req *q)
{
	rig_ask(r, worker, server, LEASE_ANY, q);
	rig_await(r, q);
	assert_false(q->failed);
	rig_send(q);
	rig_await_done(r, q);
	assert_true(q->done);
}

unsigned
rig_count(const struct rig *r, enum slot_state st)
{
	unsigned i, n = 0;

	for (i = 0; i < r->slot_count; i++)
		n += slot_get(&r->board, i).state == st;
	return n;
}

void
rig_check_rest(struct rig *r)
{
	unsigned i;

	rig_run(r, 30);
	/* what is dialled ahead of need takes what time it takes */
	rig_until(r, rig_count(r, SLOT_DIALING) == 0, 4000);
	for (i = 0; i < r->slot_count; i++) {
		enum slot_state st = slot_get(&r->board, i).state;

		assert_true(st == SLOT_FREE || st == SLOT_IDLE);
	}
	for (i = 0; i < RIG_SERVERS; i++) {
		assert_int_equal(limit_sum(&r->board, LIM_SERVER, i), 0);
		assert_int_equal(r->board.server[i].attention, 0);
		assert_int_equal(r->board.server[i].queue_count, 0);
		assert_int_equal(r->board.server[i].dial_count, 0);
	}
	for (i = 0; i < RIG_WORKERS; i++)
		if (r->w[i].pool)
			assert_int_equal(pool_waiting(r->w[i].pool), 0);
}
