/* SPDX-License-Identifier: MIT */
/*
 * How much a peer may make us do for nothing: frames that cost it little and
 * carry no message (RFC 9113 10.5) are paid from a budget, which time and
 * useful work refill.  An empty budget ends the connection with
 * ENHANCE_YOUR_CALM.
 */
#ifndef SHM_PROTO_H2_CALM_H
#define SHM_PROTO_H2_CALM_H

#include <stdbool.h>

#include "shm/proto/h2_frame.h"

enum {
	H2_CALM_MAX = 4000,  /* the budget, full */
	H2_CALM_PER_S = 200, /* what a second refills */
	H2_CALM_RESET = 8,   /* a stream reset before its end */
	H2_CALM_PING = 2,    /* what wants an answer */
	H2_CALM_SETTINGS = 8,
	H2_CALM_EMPTY = 4,      /* DATA that neither carries nor ends */
	H2_CALM_OTHER = 1,      /* the rest */
	H2_CALM_WORK = 3,       /* earned by a message, DATA in or out */
	H2_CONTINUATION_MAX = 8 /* frames of one field section */
};

struct h2_calm {
	int32_t budget;       /* at most H2_CALM_MAX, above 0 */
	uint64_t at_ms;       /* refilled at */
	uint32_t block_bytes; /* of the field section that comes in */
	uint16_t block_frames;
};

void h2_calm_begin(struct h2_calm *c, uint64_t now_ms);
/* Spend; false: the peer went too far. */
bool h2_calm_pay(struct h2_calm *c, int32_t cost);
void h2_calm_earn(struct h2_calm *c);
/* A frame came in whole, not judged yet. False: the peer went too far. */
bool h2_calm_frame(struct h2_calm *c, const struct h2_hd *hd,
    const uint8_t *payload, uint32_t block_max, uint64_t now_ms);

#endif
