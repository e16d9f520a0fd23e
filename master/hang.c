/* SPDX-License-Identifier: MIT */
/*
 * Every process says on its row of the board when its loop turned last, and
 * within long turns, too.  Who has not for hang-limit is killed, and replaced
 * as any that dies.  A machine or a master that was paused comes late here as
 * well: then all get the whole time anew.
 */
#include "master/hang.h"

#include <signal.h>

#include "master/master.h"
#include "shm/base/clock.h"

enum { LATE_MS = 2 * HANG_LOOK_MS };

bool
hang_may_judge(struct hang_watch *h, uint64_t now_us, uint64_t limit_us)
{
	if (!h->looked_us || now_us > h->looked_us + LATE_MS * 1000ull)
		h->quiet_until_us = now_us + limit_us;
	h->looked_us = now_us;
	return now_us >= h->quiet_until_us;
}

void
hang_ended_one(struct hang_watch *h, uint64_t now_us, uint64_t limit_us)
{
	h->quiet_until_us = now_us + limit_us;
}

/* Microseconds since it was heard of. */
static uint64_t
silence_us(const struct child *ch, uint64_t now_us)
{
	const struct board_proc *row = &ch->m->seg.board.proc[ch->proc];
	uint64_t at = atomic_load(&row->heartbeat_us);

	if (at < ch->started_us) /* it has said nothing yet */
		at = ch->started_us;
	return at < now_us ? now_us - at : 0;
}

static bool
end_if_hung(struct child *ch, uint64_t now_us, uint64_t limit_us)
{
	uint64_t silent_us;

	if (!child_is_alive(ch) || ch->state != CHILD_READY)
		return false;
	silent_us = silence_us(ch, now_us);
	if (silent_us < limit_us)
		return false;
	if (ch->role == ROLE_BROKER)
		log_msg(LOGL_ALERT,
		    "broker (pid %d) has not answered for %llu ms "
		    "(hang-limit): replacing it",
		    (int)ch->pid, (unsigned long long)silent_us / 1000);
	else
		log_msg(LOGL_ALERT,
		    "worker %u (pid %d) has not answered for %llu ms "
		    "(hang-limit): replacing it",
		    ch->index + 1, (int)ch->pid,
		    (unsigned long long)silent_us / 1000);
	child_signal(ch, SIGKILL);
	return true;
}

void
hang_look(struct master *m)
{
	uint64_t limit_us = m->conf->global.life.hang_ms * 1000ull;
	uint64_t now_us = clock_us();
	bool found;

	if (!hang_may_judge(&m->hang, now_us, limit_us) || !limit_us ||
	    (m->state != MASTER_RUNNING && m->state != MASTER_DRAINING))
		return;
	found = end_if_hung(&m->broker, now_us, limit_us);
	for (int i = 0; !found && i < m->worker_count; i++)
		found = end_if_hung(&m->workers[i], now_us, limit_us);
	if (found)
		hang_ended_one(&m->hang, now_us, limit_us);
}
