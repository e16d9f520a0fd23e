/* SPDX-License-Identifier: MIT */
/*
 * The message table and the checks of fields that need no board.  Indices are
 * checked against the board by the handlers.
 */
#include "shm/ipc/ipc_tbl.h"

#include <string.h>
#include <sys/un.h>

enum {
	M = IPC_ROLE(ROLE_MASTER),
	B = IPC_ROLE(ROLE_BROKER),
	W = IPC_ROLE(ROLE_WORKER),
	P_WORK = PHASE_OPEN | PHASE_DRAINING,
	P_SERVE = PHASE_OPEN | PHASE_HOLDING | PHASE_DRAINING,
	TAG_BITS = TAG_BIT(TAG_H1) | TAG_BIT(TAG_H2) | TAG_BIT(TAG_H2WS),
};

static int
ok_if(bool good)
{
	return good ? 0 : -WSE_RANGE;
}

static bool
instance_is_valid(uint32_t instance)
{
	return instance > 0 && instance <= INSTANCE_MAX;
}

static int
valid_hello(const struct ipc_msg *m)
{
	return ok_if(instance_is_valid(m->u.hello.instance));
}

static int
valid_welcome(const struct ipc_msg *m)
{
	return ok_if(instance_is_valid(m->u.welcome.broker_instance) &&
	    m->u.welcome.credit > 0);
}

/* A destination: an address family we dial, with its length. */
static bool
dst_is_valid(const struct ipc_lease *l)
{
	sa_family_t family;

	if (l->dst_bytes == 0)
		return true;
	if (l->dst_bytes < sizeof(family) || l->dst_bytes > sizeof(l->dst))
		return false;
	memcpy(&family, l->dst, sizeof(family));
	switch (family) {
	case AF_INET:
		return l->dst_bytes == sizeof(struct sockaddr_in);
	case AF_INET6:
		return l->dst_bytes == sizeof(struct sockaddr_in6);
	case AF_UNIX:
		return l->dst_bytes > sizeof(family) &&
		    l->dst_bytes <= sizeof(struct sockaddr_un);
	}
	return false;
}

static int
valid_lease(const struct ipc_msg *m)
{
	const struct ipc_lease *l = &m->u.lease;
	bool permit_only = l->flags & LEASE_F_PERMIT_ONLY;

	return ok_if(l->lease != 0 && !(l->tags & ~TAG_BITS) &&
	    (l->tags != 0 || permit_only) && l->reuse < LEASE_REUSE_N &&
	    !(l->flags & ~LEASE_F_ALL) && l->name_bytes <= sizeof(l->name) &&
	    l->sni_bytes <= sizeof(l->sni) && l->pad == 0 && dst_is_valid(l));
}

static int
valid_cancel(const struct ipc_msg *m)
{
	return ok_if(m->u.cancel.lease != 0);
}

/* Connections that speak HTTP/2 have state, whatever else they have. */
static bool
grant_tag_is_valid(const struct ipc_grant *g)
{
	bool h2 = g->tag == TAG_H2 || g->tag == TAG_H2WS;

	return (g->tag == TAG_H1 || h2) && h2 == !!(g->flags & GRANT_F_H2);
}

static int
valid_grant(const struct ipc_msg *m)
{
	const struct ipc_grant *g = &m->u.grant;

	if (g->lease == 0 || g->flags & ~GRANT_F_ALL)
		return -WSE_RANGE;
	if (g->slot == UINT32_MAX) /* a permit alone */
		return ok_if(g->tag == TAG_NONE && m->fd_count == 0);
	if (g->gen == 0 || !grant_tag_is_valid(g))
		return -WSE_RANGE;
	/* either the worker holds the descriptor or it comes along */
	return ok_if(
	    m->truncated || m->fd_count == (g->flags & GRANT_F_HELD ? 0 : 1));
}

static int
valid_fail(const struct ipc_msg *m)
{
	return ok_if(m->u.fail.lease != 0 && m->u.fail.why < LFAIL_N &&
	    m->u.fail.errnum >= 0);
}

static int
valid_slot(const struct ipc_msg *m)
{
	return ok_if(m->u.slot.slot != UINT32_MAX && m->u.slot.gen != 0 &&
	    m->u.slot.why < WSE_N);
}

static int
valid_released(const struct ipc_msg *m)
{
	if (m->u.slot.slot == UINT32_MAX) /* a permit alone */
		return ok_if(m->u.slot.gen == 0 && m->u.slot.why == 0);
	return valid_slot(m);
}

static int
valid_child(const struct ipc_msg *m)
{
	return ok_if(
	    instance_is_valid(m->u.child.instance) && m->u.child.pid > 0);
}

static int
valid_dead(const struct ipc_msg *m)
{
	return ok_if(instance_is_valid(m->u.dead.instance));
}

static int
valid_cert(const struct ipc_msg *m)
{
	return ok_if(m->u.cert.serial != 0 && m->u.cert.instance == 0 &&
	    m->u.cert.err == 0);
}

static int
valid_cert_done(const struct ipc_msg *m)
{
	return ok_if(m->u.cert.serial != 0 &&
	    m->u.cert.instance <= INSTANCE_MAX && m->u.cert.err <= 0 &&
	    m->u.cert.err > -WSE_N);
}

static int
valid_shut(const struct ipc_msg *m)
{
	const struct ipc_shut *s = &m->u.shut;

	return ok_if(s->serial != 0 && s->count == 0 &&
	    (s->why == 'K' || s->why == 'D' || s->why == 'U'));
}

static int
valid_shut_done(const struct ipc_msg *m)
{
	const struct ipc_shut *s = &m->u.shut;

	return ok_if(s->serial != 0 && s->server == 0 && s->why == 0);
}

static int
valid_cli(const struct ipc_msg *m)
{
	return ok_if(m->u.cli.level <= 2);
}

static int
valid_pass(const struct ipc_msg *m)
{
	return ok_if(m->u.pass.slot != UINT32_MAX && m->u.pass.gen != 0 &&
	    m->u.pass.peer <= INSTANCE_MAX);
}

static int
valid_take(const struct ipc_msg *m)
{
	return m->u.pass.peer ? valid_pass(m) : -WSE_RANGE;
}

static int
valid_peer(const struct ipc_msg *m)
{
	return ok_if(
	    instance_is_valid(m->u.peer.instance) && m->u.peer.takes <= 1);
}

static int
valid_move(const struct ipc_msg *m)
{
	const struct ipc_move *v = &m->u.move;

	return ok_if(v->serial != 0 && v->bytes != 0 &&
	    v->bytes <= IPC_MOVE_BYTES_MAX && v->bytes <= v->total);
}

static int
valid_move_done(const struct ipc_msg *m)
{
	const struct ipc_move_done *d = &m->u.move_done;

	return ok_if(d->serial != 0 && d->err <= 0 && d->err > -WSE_N);
}

static int
valid_violation(const struct ipc_msg *m)
{
	return ok_if(instance_is_valid(m->u.violation.instance) &&
	    m->u.violation.type < IPC_TYPE_N && m->u.violation.err <= 0 &&
	    m->u.violation.err > -WSE_N);
}

#define S(x) sizeof(((struct ipc_msg *)0)->u.x)

const struct ipc_row ipc_tbl[IPC_TYPE_N] = {
	[IPC_HELLO] = { "HELLO", W, B, PHASE_NEW, 0, 0, S(hello), valid_hello,
	    "first message of a worker; answered by WELCOME" },
	[IPC_LEASE] = { "LEASE", W, B, P_WORK, 0, 0, S(lease), valid_lease,
	    "asks for a connection and a permit; GRANT or FAIL follows" },
	[IPC_CANCEL] = { "CANCEL", W, B, P_WORK, 0, 0, S(cancel), valid_cancel,
	    "a LEASE is no longer wanted; no answer" },
	[IPC_RELEASED] = { "RELEASED", W, B, P_WORK, 0, 0, S(slot),
	    valid_released, "released while attention was set" },
	[IPC_CLOSE] = { "CLOSE", W, B, P_WORK, 0, 0, S(slot), valid_slot,
	    "the word is CLOSING(worker), the connection is shut down" },
	[IPC_TUNNEL] = { "TUNNEL", W, B, P_WORK, 0, 0, S(slot), valid_slot,
	    "the word is TUNNEL(worker); the broker drops its copy" },
	[IPC_PARK] = { "PARK", W, B, P_WORK, 0, 0, S(slot), valid_slot,
	    "an idle connection goes to the broker" },
	[IPC_HOLD] = { "HOLD", W, B, PHASE_HOLDING, 0, 1, S(slot), valid_slot,
	    "a slot this worker holds, for a new broker" },
	[IPC_HOLD_END] = { "HOLD_END", W, B, PHASE_HOLDING | PHASE_OPEN, 0, 0,
	    0, NULL, "all HOLDs were sent; unanswered LEASEs follow" },
	[IPC_SHUT_DONE] = { "SHUT_DONE", W, B, PHASE_ANY, 0, 0, S(shut),
	    valid_shut_done, "a SHUT, and all before it, was obeyed" },
	[IPC_GIVE] = { "GIVE", W, B, P_WORK, 0, 0, S(pass), valid_pass,
	    "another worker may take this slot, or nobody any more" },
	[IPC_TAKE] = { "TAKE", W, B, P_WORK, 0, 0, S(pass), valid_take,
	    "takes a slot that its holder gives; MOVED or REVOKE follows" },
	[IPC_WELCOME] = { "WELCOME", B, W, PHASE_NEW, 0, 0, S(welcome),
	    valid_welcome, "answers HELLO" },
	[IPC_GRANT] = { "GRANT", B, W, P_SERVE, 0, 1, S(grant), valid_grant,
	    "a connection (LEASED to the worker), or a permit" },
	[IPC_FAIL] = { "FAIL", B, W, P_SERVE, 0, 0, S(fail), valid_fail,
	    "no connection for this LEASE" },
	[IPC_KEEP] = { "KEEP", B, W, P_SERVE, 0, 0, S(slot), valid_slot,
	    "answers RELEASED: go on using your idle slot" },
	[IPC_REVOKE] = { "REVOKE", B, W, P_SERVE, 0, 0, S(slot), valid_slot,
	    "the slot is no longer yours: drop your descriptor" },
	[IPC_SWEEP] = { "SWEEP", B, W, P_SERVE, 0, 0, 0, NULL,
	    "look at all your idle slots: some were revoked" },
	[IPC_SHUT] = { "SHUT", B, W, P_SERVE, 0, 0, S(shut), valid_shut,
	    "end what goes through a server; answered by SHUT_DONE" },
	[IPC_MOVED] = { "MOVED", B, W, P_SERVE, 0, 0, S(slot), valid_slot,
	    "answers TAKE: the slot is yours" },
	[IPC_CHILD] = { "CHILD", M, B, PHASE_ANY, 2, 2, S(child), valid_child,
	    "a worker exists: its channel and its vault" },
	[IPC_DEAD] = { "DEAD", M, B, PHASE_ANY, 0, 0, S(dead), valid_dead,
	    "a worker died; answered by DEAD_DONE" },
	[IPC_CERT_ACK] = { "CERT_ACK", M, B, PHASE_ANY, 0, 0, S(cert),
	    valid_cert_done, "the master, or a worker, has a certificate" },
	[IPC_CLI] = { "CLI", M, B, PHASE_ANY, 1, 1, S(cli), valid_cli,
	    "a client of the runtime commands, from the master's socket" },
	[IPC_DRAIN] = { "DRAIN", M, B | W, PHASE_ANY, 0, 0, S(drain), NULL,
	    "take no new work, exit when done or at the deadline" },
	[IPC_LOG_FD] = { "LOG_FD", M, B | W, PHASE_ANY, 1, 1, S(log), NULL,
	    "a new descriptor for a log target" },
	[IPC_BROKER] = { "BROKER", M, W, PHASE_ANY, 1, 1, 0, NULL,
	    "a channel to a new broker" },
	[IPC_CERT_USE] = { "CERT_USE", M, W, PHASE_ANY, 1, 1, S(cert),
	    valid_cert, "use this certificate; answered by CERT_DONE" },
	[IPC_PEER] = { "PEER", M, W, PHASE_ANY, 1, 1, S(peer), valid_peer,
	    "a channel to another worker, to give to it or to take from it" },
	[IPC_MOVE] = { "MOVE", W, W, PHASE_HOLDING, 1, 2, S(move), valid_move,
	    "a connection moves here; MOVE_DONE follows" },
	[IPC_MOVE_MORE] = { "MOVE_MORE", W, W, PHASE_HOLDING, 0, 0, S(move),
	    valid_move, "more of its description" },
	[IPC_MOVE_DONE] = { "MOVE_DONE", W, W, PHASE_OPEN, 0, 0, S(move_done),
	    valid_move_done, "it has moved, or is refused" },
	[IPC_CERT_SET] = { "CERT_SET", B, M, PHASE_ANY, 1, 1, S(cert),
	    valid_cert, "a certificate for all; answered by CERT_ACKs" },
	[IPC_CERT_DONE] = { "CERT_DONE", W, M, PHASE_ANY, 0, 0, S(cert),
	    valid_cert_done, "the certificate of a CERT_USE is in use" },
	[IPC_READY] = { "READY", B | W, M, PHASE_ANY, 0, 0, 0, NULL,
	    "set up and serving" },
	[IPC_LOG_REOPEN] = { "LOG_REOPEN", B | W, M, PHASE_ANY, 0, 0, S(log),
	    NULL, "a log target refuses; LOG_FD may follow" },
	[IPC_VIOLATION] = { "VIOLATION", B | W, M, PHASE_ANY, 0, 0,
	    S(violation), valid_violation, "a peer broke the protocol" },
	[IPC_DRAINED] = { "DRAINED", B | W, M, PHASE_ANY, 0, 0, 0, NULL,
	    "nothing left, about to exit" },
	[IPC_DEAD_DONE] = { "DEAD_DONE", B, M, PHASE_ANY, 0, 0, S(dead),
	    valid_dead, "swept; the successor may say HELLO" },
};
