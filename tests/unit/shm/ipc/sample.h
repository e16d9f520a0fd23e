/* SPDX-License-Identifier: MIT */
/* A good message of every type, for the tests of this folder. */
#ifndef TESTS_UNIT_SHM_IPC_SAMPLE_H
#define TESTS_UNIT_SHM_IPC_SAMPLE_H

#include <string.h>

#include "shm/ipc/ipc.h"

static inline struct ipc_lease
sample_lease(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = 80 };
	struct ipc_lease l = { .lease = 5,
		.arrival_us = 6,
		.server = 1,
		.epoch = 2,
		.tags = TAG_BIT(TAG_H1),
		.reuse = LEASE_ANY,
		.flags = LEASE_F_FIRST,
		.proxy_bytes = 2,
		.dst_bytes = sizeof(sin),
		.name_bytes = 3,
		.sni_bytes = 4,
		.name = "key",
		.sni = "name",
		.proxy = "PX" };

	memcpy(l.dst, &sin, sizeof(sin));
	return l;
}

/* The rest: certificates, ends, connections that move. */
static inline void
sample_more(struct ipc_msg *m)
{
	if (m->type == IPC_CLI) {
		m->u.cli.level = 1;
	} else if (m->type == IPC_SHUT) {
		m->u.shut = (struct ipc_shut){ 4, 1, 'K', 0 };
	} else if (m->type == IPC_SHUT_DONE) {
		m->u.shut = (struct ipc_shut){ 4, 0, 0, 2 };
	} else if (m->type == IPC_GIVE || m->type == IPC_TAKE) {
		m->u.pass = (struct ipc_pass){ 3, 4, 7 };
	} else if (m->type == IPC_PEER) {
		m->u.peer = (struct ipc_peer){ 7, 1 };
	} else if (m->type == IPC_MOVE_DONE) {
		m->u.move_done = (struct ipc_move_done){ 1, -WSE_NOFD };
	} else if (m->type == IPC_MOVE || m->type == IPC_MOVE_MORE) {
		m->u.move = (struct ipc_move){ 1, 0, 9, 5 };
		m->more = "bytes";
	} else {
		m->u.cert.serial = 4;
		m->u.cert.index = 1;
	}
}

/* All fields set to something the receiver accepts; fd_count the least. */
static inline struct ipc_msg
sample_msg(enum ipc_type type)
{
	struct ipc_msg m = { .type = type, .fd = { -1, -1 } };

	m.fd_count = ipc_tbl[type].fd_min;
	switch (type) {
	case IPC_HELLO:
		m.u.hello = (struct ipc_hello){ 7, BOARD_ABI, 3 };
		break;
	case IPC_WELCOME:
		m.u.welcome = (struct ipc_welcome){ 9, 100 };
		break;
	case IPC_LEASE:
		m.u.lease = sample_lease();
		break;
	case IPC_CANCEL:
		m.u.cancel.lease = 5;
		break;
	case IPC_GRANT:
		m.u.grant = (struct ipc_grant){ .lease = 5,
			.slot = 3,
			.gen = 4,
			.tag = TAG_H1,
			.flags = GRANT_F_HELD };
		break;
	case IPC_FAIL:
		m.u.fail = (struct ipc_fail){ 5, LFAIL_REFUSED, 111, "no" };
		break;
	case IPC_RELEASED:
	case IPC_CLOSE:
	case IPC_TUNNEL:
	case IPC_PARK:
	case IPC_HOLD:
	case IPC_KEEP:
	case IPC_REVOKE:
	case IPC_MOVED:
		m.u.slot = (struct ipc_slot){ 3, 4, 1, 0 };
		break;
	case IPC_CHILD:
		m.u.child = (struct ipc_child){ 7, 2, 1234, 0 };
		break;
	case IPC_DEAD:
	case IPC_DEAD_DONE:
		m.u.dead = (struct ipc_dead){ 7, 2, 0, 1, 0 };
		break;
	case IPC_DRAIN:
		m.u.drain.deadline_ms = 100;
		break;
	case IPC_LOG_FD:
	case IPC_LOG_REOPEN:
		m.u.log.target = 1;
		break;
	case IPC_CERT_ACK:
	case IPC_CERT_DONE:
	case IPC_CERT_SET:
	case IPC_CERT_USE:
	case IPC_CLI:
	case IPC_SHUT:
	case IPC_SHUT_DONE:
	case IPC_GIVE:
	case IPC_TAKE:
	case IPC_PEER:
	case IPC_MOVE:
	case IPC_MOVE_MORE:
	case IPC_MOVE_DONE:
		sample_more(&m);
		break;
	case IPC_VIOLATION:
		m.u.violation = (struct ipc_violation){ 7, IPC_LEASE,
			-WSE_RANGE, "slot out of range" };
		break;
	case IPC_HOLD_END:
	case IPC_SWEEP:
	case IPC_BROKER:
	case IPC_READY:
	case IPC_DRAINED:
	case IPC_NONE:
	case IPC_TYPE_N:
		break;
	}
	return m;
}

/* The first role / phase in a bit set. */
static inline unsigned
sample_first(unsigned bits)
{
	return (unsigned)__builtin_ctz(bits);
}

#endif
