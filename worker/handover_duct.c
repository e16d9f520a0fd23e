/* SPDX-License-Identifier: MIT */
/*
 * Tunnels between two connections, as they move: taken apart in one worker,
 * put together in another.
 */
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shm/base/chk.h"
#include "worker/accept.h"
#include "worker/duct_int.h"
#include "worker/handover_int.h"
#include "worker/handover_msg.h"
#include "worker/stream_parts.h"

static struct sv
bytes_of(struct buf *b)
{
	return b && b->data ? sv_of(buf_rp(b), buf_len(b)) : SV_NULL;
}

/* Names survive a reload, numbers do not. */
static uint32_t
name_hash(uint32_t h, const char *s)
{
	for (; s && *s; s++)
		h = (h ^ (uint8_t)*s) * 0x01000193u; /* FNV-1a */
	return h;
}

static uint32_t
bind_hash(const struct bind *b)
{
	return name_hash(name_hash(0x811c9dc5u, b->px->name), b->text);
}

/* --- apart --- */

static void
end_put(struct duct *d, enum duct_side side, struct moved_end *m,
    struct moved_parts *parts, uint8_t tls[TLS_STATE_BYTES_MAX])
{
	struct duct_end *e = &d->end[side];
	const struct xtls *xt;
	ssize_t n;

	m->heard_ms = d->heard_ms[side];
	m->in_done = e->in_done;
	m->shut = e->shut;
	m->write_dead = e->write_dead;
	parts->end[side].pend = bytes_of(e->pend);
	if (e->tls) {
		xt = &e->tls->xt;
		n = tls_state_pack(&e->tls->rec.st, tls, TLS_STATE_BYTES_MAX);
		CHK(n > 0);
		parts->end[side].tls = sv_of((char *)tls, (size_t)n);
		if (xt->kept) {
			parts->end[side].in = bytes_of(&xt->kept->in);
			parts->end[side].out = bytes_of(&xt->kept->out);
		}
		m->plain_bytes = xt->plain_bytes;
		m->tls_end = xt->end;
		m->has_more = xt->has_more;
		m->is_truncated = xt->is_truncated;
	}
	m->pend_bytes = (uint32_t)parts->end[side].pend.n;
	m->tls_bytes = (uint32_t)parts->end[side].tls.n;
	m->in_bytes = (uint32_t)parts->end[side].in.n;
	m->out_bytes = (uint32_t)parts->end[side].out.n;
}

static void
fixed_put(const struct duct *d, struct moved_tunnel *m)
{
	const struct txn_tunnel *sum = &d->watch.sum;

	m->form = MOVE_FORM;
	m->begun_us = sum->begun_us;
	m->bind = bind_hash(d->bind);
	m->server = (uint32_t)d->srv->row;
	m->slot = d->slot.slot;
	m->gen = d->slot.gen;
	for (int i = 0; i < 2; i++) {
		m->bytes[i] = sum->bytes[i];
		m->head_bytes[i] = d->head_bytes[i];
		m->frame[i] = d->watch.frame[i];
		m->term[i] = d->term[i];
		m->cookie[i] = d->cookie[i];
		memcpy(m->msgs[i], sum->msgs[i], sizeof(m->msgs[i]));
	}
	m->close_code = sum->close_code;
	m->closed_by = (uint8_t)sum->closed_by;
	m->is_ws = sum->is_ws;
	m->is_lost = sum->is_lost;
	m->counted = d->counted;
	m->level = d->level;
	m->retries = d->retries;
}

uint8_t *
handover_duct_pack(struct duct *d, size_t *n_r)
{
	uint8_t tls[SIDES][TLS_STATE_BYTES_MAX], *out;
	struct moved_parts parts = { 0 };
	struct moved_tunnel m = { 0 };

	fixed_put(d, &m);
	end_put(d, CLIENT, &m.end[CLIENT], &parts, tls[CLIENT]);
	end_put(d, SERVER, &m.end[SERVER], &parts, tls[SERVER]);
	if (d->line) {
		parts.line = logfmt_frozen_bytes(d->line);
		m.line_bytes = (uint32_t)parts.line.n;
		m.line_format = logfmt_identity(duct_fe(d)->log.fmt);
	}
	if (d->watch.ping) {
		parts.ping = ws_ping_bytes(&d->watch);
		m.ping_bytes = (uint32_t)parts.ping.n;
	}
	*n_r = handover_msg_bytes(&m);
	out = malloc(*n_r);
	if (out)
		handover_msg_put(&m, &parts, out);
	OPENSSL_cleanse(tls, sizeof(tls));
	return out;
}

struct duct *
handover_duct_next(void)
{
	struct list *it;

	list_for(it, &duct_list)
	{
		struct duct *d = list_entry(it, struct duct, node);

		if (!d->stays && !ws_bye_has_begun(&d->watch))
			return d;
	}
	return NULL;
}

void
handover_duct_freeze(struct duct *d, struct pool_pass *pass, int fd[2])
{
	CHK(!d->frozen && !d->dead);
	d->frozen = true;
	list_del(&d->node);
	duct_freeze(d);
	pass->slot = d->slot.slot;
	pass->gen = d->slot.gen;
	fd[CLIENT] = d->end[CLIENT].fd;
	fd[SERVER] = d->end[SERVER].fd;
}

void
handover_duct_stays(struct duct *d, bool for_good)
{
	d->frozen = false;
	d->stays |= for_good;
	list_add_tail(&duct_list, &d->node);
	duct_resume(d);
	duct_bury();
}

void
handover_duct_gone(struct duct *d, struct pool_pass *pass)
{
	const struct bind *bind = d->bind;
	const struct server *srv = d->srv;

	CHK(d->frozen);
	tunnel_count(srv, false, -1);
	pool_pass_given(wk.pool, pass, (uint32_t)srv->row);
	if (d->counted)
		limit_drop(
		    &wk.board, LIM_BACKEND, (uint32_t)srv->px->row, wk.proc);
	close(d->end[CLIENT].fd);
	close(d->end[SERVER].fd);
	duct_free(d);
	accept_ended(bind);
}

/* --- together --- */

static const struct bind *
find_bind(uint32_t hash)
{
	for (const struct proxy *px = wk.conf->proxies; px; px = px->next)
		for (const struct bind *b = px->binds; b; b = b->next)
			if (bind_hash(b) == hash)
				return b;
	return NULL;
}

static const struct server *
find_server(uint32_t row)
{
	for (const struct proxy *px = wk.conf->proxies; px; px = px->next)
		for (const struct server *s = px->servers; s; s = s->next)
			if ((uint32_t)s->row == row)
				return s;
	return NULL;
}

/* A socket that does not block. */
static bool
is_stream_socket(int fd)
{
	socklen_t n = sizeof(int);
	int type, flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_NONBLOCK) &&
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 &&
	    type == SOCK_STREAM;
}

static uint64_t
not_later(uint64_t at, uint64_t now)
{
	return at < now ? at : now;
}

static int
end_get(struct duct *d, enum duct_side side, const struct moved_end *m,
    const struct moved_parts *parts, const struct tls_state *st)
{
	struct duct_end *e = &d->end[side];
	struct sv pend = parts->end[side].pend;
	struct xtls *xt;
	int err;

	d->heard_ms[side] = not_later(m->heard_ms, clock_ms());
	e->in_done = m->in_done;
	e->shut = m->shut;
	e->write_dead = m->write_dead;
	err = duct_pend_add(d, side, pend.p, pend.n);
	if (err < 0 || !e->tls)
		return err;
	xt = &e->tls->xt;
	e->tls->rec.st = *st;
	xprt_tls_begin(xt, &e->tls->rec, NULL);
	xt->plain_bytes = m->plain_bytes;
	xt->end = m->tls_end;
	xt->has_more = m->has_more;
	xt->is_truncated = m->is_truncated;
	return xprt_tls_refill(xt, parts->end[side].in, parts->end[side].out);
}

static void
fixed_get(struct duct *d, const struct moved_tunnel *m)
{
	struct txn_tunnel *sum = &d->watch.sum;

	sum->begun_us = not_later(m->begun_us, clock_us());
	d->slot.slot = m->slot;
	d->slot.gen = m->gen;
	for (int i = 0; i < 2; i++) {
		sum->bytes[i] = m->bytes[i];
		d->head_bytes[i] = m->head_bytes[i];
		d->watch.frame[i] = m->frame[i];
		d->term[i] = m->term[i];
		d->cookie[i] = m->cookie[i];
		memcpy(sum->msgs[i], m->msgs[i], sizeof(m->msgs[i]));
	}
	sum->close_code = m->close_code;
	sum->closed_by = (char)m->closed_by;
	sum->is_ws = m->is_ws;
	sum->is_lost = m->is_lost;
	d->counted = m->counted;
	d->level = m->level;
	d->retries = m->retries;
}

/* What may fail; d is given back by the caller then. */
static int
fill(struct duct *d, const struct moved_tunnel *m,
    const struct moved_parts *parts, const struct tls_state st[MOVE_ENDS])
{
	const struct logfmt *f = duct_fe(d)->log.fmt;
	int err;

	fixed_get(d, m);
	for (int i = 0; i < SIDES; i++) {
		err = end_get(d, (enum duct_side)i, &m->end[i], parts, &st[i]);
		if (err < 0)
			return err;
	}
	if (m->line_bytes) {
		if (logfmt_identity(f) != m->line_format)
			return -WSE_NOTFOUND; /* of another config */
		d->line = logfmt_frozen_from(f, parts->line);
		if (!d->line)
			return -WSE_CORRUPT;
	}
	return m->ping_bytes ? ws_ping_from(&d->watch, parts->ping) : 0;
}

static int
build(const struct moved_tunnel *m, const struct moved_parts *parts,
    const struct tls_state st[MOVE_ENDS], struct duct **d_r)
{
	const struct bind *bind = find_bind(m->bind);
	const struct server *srv = find_server(m->server);
	struct duct *d;
	int err;

	if (m->slot >= wk.board.cap.slot_count)
		return -WSE_CORRUPT;
	if (!bind || !srv)
		return -WSE_NOTFOUND;
	d = duct_alloc(m->end[CLIENT].tls_bytes, m->end[SERVER].tls_bytes);
	if (!d)
		return -WSE_NOMEM;
	d->bind = bind;
	d->srv = srv;
	d->frozen = true;
	err = fill(d, m, parts, st);
	if (err < 0) {
		duct_free(d);
		return err;
	}
	*d_r = d;
	return 0;
}

int
handover_duct_unpack(const uint8_t *p, size_t n, int fd[2], struct duct **d_r)
{
	struct tls_state st[MOVE_ENDS] = { 0 };
	struct moved_parts parts;
	struct moved_tunnel m;
	int err = handover_msg_get(p, n, &m, &parts, st);

	if (err == 0 && (!is_stream_socket(fd[0]) || !is_stream_socket(fd[1])))
		err = -WSE_CORRUPT;
	if (err == 0)
		err = build(&m, &parts, st, d_r);
	OPENSSL_cleanse(st, sizeof(st));
	if (err < 0)
		return err;
	for (int i = 0; i < SIDES; i++) {
		(*d_r)->end[i].fd = fd[i];
		fd[i] = -1;
	}
	return 0;
}

struct pool_tunnel
handover_duct_slot(const struct duct *d)
{
	return d->slot;
}

void
handover_duct_adopt(struct duct *d, struct pool_pass *pass)
{
	pool_pass_taken(wk.pool, pass, (uint32_t)d->srv->row);
	accept_moved(d->bind);
	tunnel_count(d->srv, false, 1);
	if (d->counted)
		limit_add(
		    &wk.board, LIM_BACKEND, (uint32_t)d->srv->px->row, wk.proc);
	d->frozen = false;
	list_add_tail(&duct_list, &d->node);
	duct_resume(d);
	duct_bury();
}

void
handover_duct_drop(struct duct *d)
{
	CHK(d->frozen);
	for (int i = 0; i < SIDES; i++)
		close(d->end[i].fd);
	duct_free(d);
}
