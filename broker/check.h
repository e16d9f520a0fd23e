/* SPDX-License-Identifier: MIT */
/*
 * Health checks of servers with `check`: that it accepts a connection, and,
 * of a server with `ssl`, that it shakes hands.
 */
#ifndef BROKER_CHECK_H
#define BROKER_CHECK_H

#include <stdbool.h>
#include <stdint.h>

enum check_result {
	CHECK_NONE, /* not checked, or no check has ended yet */
	CHECK_L4OK,
	CHECK_L4TOUT,
	CHECK_L4CON,
	CHECK_L6OK,
	CHECK_L6TOUT,
	CHECK_L6RSP, /* no handshake: check_view.why */
	CHECK_RESULT_N
};

struct check;

/* What the runtime API shows of a server's check. */
struct check_view {
	enum check_result result;
	unsigned duration_ms; /* of the last check that ended */
	const char *why;      /* in words, or "" */
	unsigned health, rise, fall;
	uint64_t fails, downs; /* failed checks; times it went down */
};

/* Start checking what the config wants checked. */
void check_start(void);
/* False: this server is not checked. */
bool check_get(uint32_t server, struct check_view *v_r);
/* The handshake is over, *fd is the check's again; why: of a failure. */
void
check_shaken(struct check *k, int *fd, enum check_result r, const char *why);
/* "L4OK", "L4TOUT" ... or "" */
const char *check_name(enum check_result r);
/* "Layer4 check passed" and so on. */
const char *check_text(enum check_result r);

#endif
