/* SPDX-License-Identifier: MIT */
/*
 * What is kept of a server, as text: "name=value" separated by spaces, so that
 * a file can be read by people and by other versions, which pass over names
 * they do not know.
 */
#ifndef BROKER_STORE_ROW_H
#define BROKER_STORE_ROW_H

#include "shm/base/sv.h"

enum { STORE_ADDR_MAX = 128 };

/* What operators turned, beside what the config said then. */
struct store_admin {
	uint64_t at_us;         /* wall clock, of the change */
	uint64_t admin, cadmin; /* SRV_FMAINT, SRV_CMAINT, SRV_FDRAIN */
	uint64_t weight, cweight;
	uint64_t maxconn, cmaxconn;
	char addr[STORE_ADDR_MAX], caddr[STORE_ADDR_MAX]; /* addr_text() */
};

/* What was learned and counted. */
struct store_seen {
	uint64_t able, able_us; /* enum able, when: wall clock */
	uint64_t op, health;    /* enum server_op, of its checks */
	uint64_t dials, dial_errors, tls_full, tls_resumed;
	char addr[STORE_ADDR_MAX]; /* where it was */
};

/* Bytes; both always fit LMDB_VALUE_MAX. */
size_t store_row_put_admin(const struct store_admin *a, char *out, size_t room);
size_t store_row_put_seen(const struct store_seen *s, char *out, size_t room);
/* 0, or -WSE_SYNTAX, -WSE_RANGE: then nothing of it is to be used. */
MUST_USE int store_row_get_admin(struct sv text, struct store_admin *a_r);
MUST_USE int store_row_get_seen(struct sv text, struct store_seen *s_r);

#endif
