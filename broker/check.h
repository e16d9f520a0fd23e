/* SPDX-License-Identifier: MIT */
/*
 * Layer-4 health checks of servers with `check`.
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
	CHECK_RESULT_N
};

/* What the runtime API shows of a server's check. */
struct check_view {
	enum check_result result;
	unsigned duration_ms; /* of the last check that ended */
	int errnum;           /* L4CON: why */
	unsigned health, rise, fall;
	uint64_t fails, downs; /* failed checks; times it went down */
};

/* Start checking what the config wants checked. */
void check_start(void);
/* False: this server is not checked. */
bool check_get(uint32_t server, struct check_view *v_r);
/* "L4OK", "L4TOUT", "L4CON", "" */
const char *check_name(enum check_result r);
/* "Layer4 check passed" and so on. */
const char *check_text(enum check_result r);

#endif
