/* SPDX-License-Identifier: MIT */
/*
 * Processes that do not answer any more: alive, but their loop does not turn.
 */
#ifndef MASTER_HANG_H
#define MASTER_HANG_H

#include <stdbool.h>
#include <stdint.h>

struct hang_watch {
	uint64_t looked_us;      /* when the clocks were compared last */
	uint64_t quiet_until_us; /* nobody is judged before */
};

enum { HANG_LOOK_MS = 500 };

/*
 * Before a look at the children: false, nobody is to be judged now, because
 * this process itself was late, with all others perhaps, or somebody was ended
 * less than the limit ago.
 */
bool hang_may_judge(struct hang_watch *h, uint64_t now_us, uint64_t limit_us);
/* One was ended: the next not before the limit is over. */
void hang_ended_one(struct hang_watch *h, uint64_t now_us, uint64_t limit_us);

struct master;
/* Each HANG_LOOK_MS: end a child that has not been heard of for hang-limit. */
void hang_look(struct master *m);

#endif
