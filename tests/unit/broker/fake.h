/* SPDX-License-Identifier: MIT */
/*
 * Workers of the tests that speak the broker's language themselves, message
 * by message and vault entry by vault entry: what a connection of HTTP/2 is
 * to the broker, without a pool that knows what to do with it.
 */
#ifndef TESTS_UNIT_BROKER_FAKE_H
#define TESTS_UNIT_BROKER_FAKE_H

#include "shm/proto/h2_port.h"
#include "shm/proto/tls_rec.h"
#include "tests/unit/broker/rig.h"

enum { FAKE_LEASES = 1024 };

/* A lease, and the connection it became. */
struct fake_lease {
	bool granted, failed;
	struct ipc_lease asked;
	struct ipc_grant g;
	struct ipc_fail f;
	int fd; /* -1: none */
	/* taken from the vault by fake_open() */
	uint32_t kind;
	struct tls_rec rec;
	struct h2_port port;
};

struct fake {
	struct rig *rig;
	struct chan *chan;
	struct vault vault;
	int vault_fd;
	uint32_t instance, proc;
	unsigned revokes, keeps, shares;
	bool may_share; /* a lease that shares is over with its GRANT */
	unsigned n;     /* leases asked for; their numbers are 1.. */
	struct fake_lease l[FAKE_LEASES];
};

/* The i-th of the rig, which has no worker of its own in that place. */
void fake_start(struct rig *r, struct fake *f, unsigned i);
/* Its channel closes; with `die` the master says DEAD. */
void fake_stop(struct fake *f, bool die);
/* A new broker: HELLO, and HOLD for what its leases hold. */
void fake_again(struct fake *f);
struct fake_lease *fake_ask(struct fake *f, uint32_t server, uint8_t tags);
/* Run until it was answered. */
void fake_await(struct fake *f, struct fake_lease *l);
/* Take over what the grant brought; all of it must be in order. */
void fake_open(struct fake *f, struct fake_lease *l);
/* A PING to the server and its answer; the state moves on. */
void fake_ping(struct fake_lease *l);
/* Idle from now on, at this worker, with this tag. */
void fake_release(struct fake *f, struct fake_lease *l, enum slot_tag tag);
/* Closed; the broker is told. */
void fake_close(struct fake *f, struct fake_lease *l);

#endif
