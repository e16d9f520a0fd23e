/* SPDX-License-Identifier: MIT */
#include "broker/observe.h"

#include <stdio.h>

#include "broker/check.h"
#include "broker/srv.h"
#include "shm/base/mem.h"

static const struct server **observed;
static unsigned count;

static void
act(const struct server *s, unsigned errors)
{
	uint32_t row = (uint32_t)s->row;
	char why[96];

	snprintf(why, sizeof(why),
	    "Detected %u consecutive errors, last one was: %s", errors,
	    s->watch.observe == OBSERVE_L4 ? "L4 unsuccessful"
					   : "Wrong http response");
	switch (s->watch.on_error) {
	case OBSERVE_FASTINTER:
		check_hurry(row);
		break;
	case OBSERVE_FAIL_CHECK:
		check_fail(row, false, why);
		break;
	case OBSERVE_SUDDEN_DEATH:
		check_fail(row, true, why);
		break;
	case OBSERVE_MARK_DOWN:
		check_force(row, false, true, NULL);
		check_fail(row, false, why);
		break;
	}
}

void
observe_tick(void)
{
	struct board_server *row;
	uint32_t errors;
	unsigned i;

	for (i = 0; i < count; i++) {
		row = &broker.board.server[observed[i]->row];
		errors = atomic_load(&row->errors);
		if (errors < (uint32_t)observed[i]->watch.error_limit)
			continue;
		atomic_store(&row->errors, 0);
		act(observed[i], errors);
	}
}

void
observe_start(void)
{
	const struct proxy *px;
	const struct server *s;

	for (px = broker.conf->proxies; px; px = px->next)
		for (s = px->disabled ? NULL : px->servers; s; s = s->next) {
			if (s->watch.observe == OBSERVE_NONE ||
			    !state_has_server((uint32_t)s->row))
				continue;
			observed = mem_realloc(
			    observed, (count + 1) * sizeof(*observed));
			observed[count++] = s;
		}
}
