/* SPDX-License-Identifier: MIT */
/*
 * See fake.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka wants those first */
#include <cmocka.h>

#include <poll.h>
#include <unistd.h>

#include "shm/base/clock.h"
#include "shm/proto/h2_frame.h"
#include "shm/seg/limit.h"
#include "tests/unit/broker/fake.h"

static struct fake_lease *
lease_of(struct fake *f, uint64_t id)
{
	assert_true(id > 0 && id <= f->n);
	return &f->l[id - 1];
}

static void
permit_back(struct fake *f, uint32_t server)
{
	assert_int_equal(
	    limit_take_back(&f->rig->board, LIM_SERVER, server, f->proc), 0);
}

/* Told to share what it holds: unless it does, it asks again. */
static void
share(struct fake *f, struct fake_lease *l)
{
	struct ipc_msg m = { .type = IPC_LEASE };

	if (f->may_share) {
		l->granted = true;
		permit_back(f, l->asked.server);
		f->shares++;
		return;
	}
	permit_back(f, l->asked.server);
	f->shares++;
	m.u.lease = l->asked;
	assert_int_equal(chan_send(f->chan, &m), 0);
}

static void
on_grant(struct fake *f, struct ipc_msg *m)
{
	const struct ipc_grant *g = &m->u.grant;
	struct fake_lease *l = lease_of(f, g->lease);
	unsigned i;

	assert_false(l->granted || l->failed);
	if (g->slot == UINT32_MAX) {
		share(f, l);
		return;
	}
	l->granted = true;
	l->g = *g;
	if (!(g->flags & GRANT_F_HELD)) {
		l->fd = m->fd[0];
		m->fd[0] = -1;
		return;
	}
	for (i = 0; i < f->n; i++) {
		if (&f->l[i] == l || f->l[i].fd < 0 ||
		    f->l[i].g.slot != g->slot || f->l[i].g.gen != g->gen)
			continue;
		l->fd = f->l[i].fd;
		f->l[i].fd = -1;
	}
	assert_true(l->fd >= 0);
}

static void
on_revoke(struct fake *f, const struct ipc_slot *m)
{
	unsigned i;

	f->revokes++;
	for (i = 0; i < f->n; i++)
		if (f->l[i].fd >= 0 && f->l[i].g.slot == m->slot &&
		    f->l[i].g.gen == m->gen) {
			close(f->l[i].fd);
			f->l[i].fd = -1;
		}
}

static int
on_msg(struct chan *c, struct ipc_msg *m, void *arg)
{
	struct fake *f = arg;
	struct fake_lease *l;

	switch ((int)m->type) {
	case IPC_WELCOME:
		chan_phase(c, PHASE_OPEN);
		break;
	case IPC_GRANT:
		on_grant(f, m);
		break;
	case IPC_FAIL:
		l = lease_of(f, m->u.fail.lease);
		l->failed = true;
		l->f = m->u.fail;
		break;
	case IPC_REVOKE:
		on_revoke(f, &m->u.slot);
		break;
	case IPC_KEEP:
		f->keeps++;
		break;
	}
	return 0;
}

static void
on_end(struct chan *c, int err, const char *why, void *arg)
{
	(void)c;
	(void)arg;
	if (err)
		fail_msg("the broker broke the rules: %s", why);
}

static void
connect_broker(struct fake *f)
{
	struct ipc_msg m = { .type = IPC_CHILD, .fd_count = 2 };
	int pair[2];

	chan_free(&f->chan);
	assert_int_equal(chan_pair(pair), 0);
	m.fd[0] = pair[0];
	m.fd[1] = f->vault_fd;
	m.u.child.instance = f->instance;
	m.u.child.proc = f->proc;
	m.u.child.pid = (uint32_t)getpid();
	assert_int_equal(chan_send(f->rig->to_broker, &m), 0);
	close(pair[0]);
	f->chan = chan_new(f->rig->base, &pair[1], ROLE_WORKER, ROLE_BROKER,
	    on_msg, on_end, f);
	m = (struct ipc_msg){ .type = IPC_HELLO };
	m.u.hello.instance = f->instance;
	m.u.hello.abi = BOARD_ABI;
	assert_int_equal(chan_send(f->chan, &m), 0);
}

static void
hold(struct fake *f)
{
	struct ipc_msg m = { .type = IPC_HOLD };
	unsigned i;

	for (i = 0; i < f->n; i++) {
		struct fake_lease *l = &f->l[i];

		if (l->fd < 0)
			continue;
		m.u.slot =
		    (struct ipc_slot){ l->g.slot, l->g.gen, l->g.server, 0 };
		m.fd_count = 1;
		m.fd[0] = l->fd;
		assert_int_equal(chan_send(f->chan, &m), 0);
	}
	m = (struct ipc_msg){ .type = IPC_HOLD_END };
	assert_int_equal(chan_send(f->chan, &m), 0);
	rig_run(f->rig, 20);
}

void
fake_start(struct rig *r, struct fake *f, unsigned i)
{
	struct board_proc *row;

	memset(f, 0, sizeof(*f));
	f->rig = r;
	f->instance = ++r->last_instance;
	f->proc = 2 + i;
	row = &r->board.proc[f->proc];
	row->role = ROLE_WORKER;
	atomic_store(&row->state, PROC_RUNNING);
	atomic_store(&row->instance, f->instance);
	assert_int_equal(vault_create(r->slot_count, &f->vault_fd), 0);
	assert_int_equal(
	    vault_attach(f->vault_fd, r->slot_count, &f->vault), 0);
	connect_broker(f);
	hold(f);
}

void
fake_again(struct fake *f)
{
	connect_broker(f);
	hold(f);
}

void
fake_stop(struct fake *f, bool die)
{
	struct ipc_msg m = { .type = IPC_DEAD };
	unsigned i;

	chan_free(&f->chan);
	for (i = 0; i < f->n; i++) {
		if (f->l[i].fd >= 0)
			close(f->l[i].fd);
		tls_rec_wipe(&f->l[i].rec);
	}
	vault_detach(&f->vault);
	close(f->vault_fd);
	if (!die)
		return;
	atomic_store(&f->rig->board.proc[f->proc].state, PROC_DEAD);
	m.u.dead.instance = f->instance;
	m.u.dead.proc = f->proc;
	assert_int_equal(chan_send(f->rig->to_broker, &m), 0);
}

struct fake_lease *
fake_ask(struct fake *f, uint32_t server, uint8_t tags)
{
	struct ipc_msg m = { .type = IPC_LEASE };
	struct fake_lease *l;

	assert_true(f->n < FAKE_LEASES);
	l = &f->l[f->n++];
	memset(l, 0, sizeof(*l));
	l->fd = -1;
	m.u.lease.lease = f->n;
	m.u.lease.arrival_us = clock_update();
	m.u.lease.server = server;
	m.u.lease.epoch = 1;
	m.u.lease.tags = tags;
	m.u.lease.reuse = LEASE_ANY;
	l->asked = m.u.lease;
	assert_int_equal(chan_send(f->chan, &m), 0);
	return l;
}

void
fake_await(struct fake *f, struct fake_lease *l)
{
	rig_until(f->rig, l->granted || l->failed, 8000);
}

void
fake_open(struct fake *f, struct fake_lease *l)
{
	uint8_t b[VAULT_STATE_MAX];
	bool tls = l->g.flags & GRANT_F_TLS, h2 = l->g.flags & GRANT_F_H2;
	ssize_t n, k = h2 ? H2_PORT_IDLE_BYTES : 0;
	struct slot_view v = slot_get(&f->rig->board, l->g.slot);

	if (!l->granted)
		fail_msg("not granted: %s", l->f.text);
	assert_true(v.state == SLOT_LEASED && v.holder == f->instance);
	assert_true(v.tag == l->g.tag && v.gen == l->g.gen);
	assert_true(h2 == (v.tag != TAG_H1));
	if (!tls && !h2)
		return;
	assert_true(vault_take(&f->vault, l->g.slot, l->g.gen));
	n = vault_copy(&f->vault, l->g.slot, &l->kind, b, sizeof(b));
	assert_true(n >= k);
	assert_int_equal(!!(l->kind & VAULT_H2), h2);
	assert_int_equal(
	    l->kind & VAULT_KIND_MASK, tls ? VAULT_TLS : VAULT_PLAIN);
	if (tls)
		assert_int_equal(
		    tls_state_unpack(&l->rec.st, b, (size_t)(n - k)), 0);
	else
		assert_int_equal(n, k);
	if (!h2)
		return;
	assert_int_equal(h2_port_unpack(&l->port, b + n - k, (size_t)k), 0);
	assert_true(l->port.peer.ready && !l->port.is_server);
	assert_int_equal(l->port.stream_count, 0);
	assert_true(v.tag == TAG_H2 || l->port.peer.connects);
}

static size_t
seal(struct fake_lease *l, uint8_t *p, size_t n)
{
	uint8_t out[512];
	struct iovec v = { p, n };
	ssize_t k;

	if (!(l->g.flags & GRANT_F_TLS))
		return n;
	k = tls_rec_seal(&l->rec, &v, 1, out, sizeof(out));
	assert_true(k > 0);
	memcpy(p, out, (size_t)k);
	return (size_t)k;
}

/* The next bytes of plain text, at least one; byte by byte off the socket. */
static size_t
read_some(struct fake_lease *l, uint8_t *out)
{
	uint8_t buf[1024];
	struct pollfd p = { l->fd, POLLIN, 0 };
	enum tls_got got;
	struct sv data;
	uint8_t alert;
	size_t have = 0;
	ssize_t n;

	for (;;) {
		assert_int_equal(poll(&p, 1, 8000), 1);
		assert_int_equal(recv(l->fd, buf + have, 1, 0), 1);
		have++;
		if (!(l->g.flags & GRANT_F_TLS)) {
			*out = buf[0];
			return 1;
		}
		n = tls_rec_open(&l->rec, buf, have, &got, &data, &alert);
		assert_true(n >= 0);
		if (n == 0)
			continue;
		have = 0;
		if (got == TLS_GOT_DATA && data.n > 0) {
			memcpy(out, data.p, data.n);
			return data.n;
		}
	}
}

void
fake_ping(struct fake_lease *l)
{
	uint8_t b[1024], want[17];
	size_t n = 17, have = 0;

	memcpy(h2_hd_put(b, 8, H2_PING, 0, 0), "abcdefgh", 8);
	memcpy(want, b, n);
	want[4] = H2_ACK;
	n = seal(l, b, n);
	assert_int_equal(send(l->fd, b, n, MSG_NOSIGNAL), n);
	while (have < sizeof(want))
		have += read_some(l, b + have);
	/* an ACK of the broker's SETTINGS may come first */
	if (b[3] == H2_SETTINGS) {
		memmove(b, b + 9, have -= 9);
		while (have < sizeof(want))
			have += read_some(l, b + have);
		l->port.unacked = 0;
	}
	assert_int_equal(have, sizeof(want));
	assert_memory_equal(b, want, sizeof(want));
}

void
fake_release(struct fake *f, struct fake_lease *l, enum slot_tag tag)
{
	struct ipc_msg m = { .type = IPC_RELEASED };
	uint8_t b[VAULT_STATE_MAX];
	ssize_t n = 0, k = 0;

	if (l->kind & VAULT_TLS)
		n = tls_state_pack(&l->rec.st, b, sizeof(b));
	assert_true(n >= 0);
	if (l->kind & VAULT_H2)
		k = h2_port_pack(&l->port, b + n, sizeof(b) - (size_t)n);
	assert_true(k >= 0);
	vault_put(
	    &f->vault, l->g.slot, l->g.gen, l->kind, b, (uint32_t)(n + k));
	atomic_fetch_add(&f->rig->board.slot[l->g.slot].uses, 1);
	assert_int_equal(slot_release(&f->rig->board, l->g.slot, l->g.gen,
			     f->instance, tag, clock_update()),
	    0);
	permit_back(f, l->g.server);
	if (!atomic_load(&f->rig->board.server[l->g.server].attention))
		return;
	m.u.slot = (struct ipc_slot){ l->g.slot, l->g.gen, l->g.server, 0 };
	assert_int_equal(chan_send(f->chan, &m), 0);
}

void
fake_close(struct fake *f, struct fake_lease *l)
{
	struct ipc_msg m = { .type = IPC_CLOSE };

	assert_int_equal(
	    slot_close(&f->rig->board, l->g.slot, l->g.gen, f->instance), 0);
	close(l->fd);
	l->fd = -1;
	m.u.slot = (struct ipc_slot){ l->g.slot, l->g.gen, l->g.server, 0 };
	assert_int_equal(chan_send(f->chan, &m), 0);
	permit_back(f, l->g.server);
	rig_run(f->rig, 2);
}
