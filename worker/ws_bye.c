/* SPDX-License-Identifier: MIT */
#include "worker/ws_bye.h"

#include "shm/base/chk.h"
#include "shm/base/clock.h"
#include "shm/base/mem.h"

enum {
	MESSAGE_MS = 3000, /* for the end of a message; then of a frame ... */
	SAY_MS = 10000,    /* ... so long */
	HEAR_MS = 5000,
	END_MS = 2000
};

struct ws_bye {
	uint64_t begun_ms;
	uint64_t due_ms; /* PLANNED: when it begins; else when it goes on */
	uint16_t code;
	uint8_t phase; /* enum ws_bye_phase, not NONE */
	bool said[2];  /* nothing more is passed on in this direction */
	bool lost;     /* one side was not told */
	bool over[2];  /* this side has ended */
};

static struct mempool bye_pool = MEMPOOL_SLABS(struct ws_bye);

enum ws_bye_phase
ws_bye_phase(const struct ws_watch *w)
{
	return w->bye ? (enum ws_bye_phase)w->bye->phase : WS_BYE_NONE;
}

bool
ws_bye_plan(struct ws_watch *w, uint64_t at_ms, unsigned code)
{
	if (ws_bye_has_begun(w))
		return false;
	if (!w->bye)
		w->bye = mempool_get(&bye_pool);
	if (!w->bye)
		return false;
	w->bye->phase = WS_BYE_PLANNED;
	w->bye->due_ms = at_ms ? at_ms : 1;
	w->bye->code = (uint16_t)code;
	return true;
}

void
ws_bye_unplan(struct ws_watch *w)
{
	if (ws_bye_phase(w) == WS_BYE_PLANNED)
		ws_bye_free(w);
}

void
ws_bye_free(struct ws_watch *w)
{
	if (w->bye)
		mempool_put(&bye_pool, w->bye);
	w->bye = NULL;
}

uint64_t
ws_bye_due(const struct ws_watch *w)
{
	const struct ws_bye *b = w->bye;
	uint64_t at;

	if (!b)
		return 0;
	at = b->begun_ms + MESSAGE_MS;
	/* a message that does not end: look at its frames */
	if (b->phase == WS_BYE_SAYING && clock_ms() < at && at < b->due_ms)
		return at;
	return b->due_ms;
}

static void
enter(struct ws_bye *b, enum ws_bye_phase phase, unsigned ms)
{
	b->phase = (uint8_t)phase;
	b->due_ms = clock_ms() + ms;
}

void
ws_bye_begin(struct ws_watch *w)
{
	struct ws_bye *b = w->bye;

	CHK(b && b->phase == WS_BYE_PLANNED);
	b->begun_ms = clock_ms();
	if (w->sum.is_ws && !ws_frame_is_lost(&w->frame[WS_IN]) &&
	    !ws_frame_is_lost(&w->frame[WS_OUT])) {
		enter(b, WS_BYE_SAYING, SAY_MS);
		return;
	}
	b->said[WS_IN] = b->said[WS_OUT] = true;
	enter(b, WS_BYE_ENDING, END_MS);
	ws_watch_ended(w, 'P');
}

bool
ws_bye_drops(const struct ws_watch *w, int way)
{
	return ws_bye_has_begun(w) && w->bye->said[way];
}

/* A Close may go out in front of what follows f. */
static bool
may_say(const struct ws_bye *b, const struct ws_frame *f)
{
	return ws_frame_is_between(f) &&
	    (!ws_frame_is_inside(f) || clock_ms() >= b->begun_ms + MESSAGE_MS);
}

size_t
ws_bye_pass(const struct ws_watch *w, int way, const void *bytes, size_t n)
{
	const char *p = bytes;
	struct ws_frame f = w->frame[way];
	size_t at = 0;

	if (w->bye->said[way])
		return 0;
	while (at < n && !may_say(w->bye, &f) && !ws_frame_is_lost(&f))
		at += ws_frame_skip(&f, p + at, n - at);
	return at;
}

size_t
ws_bye_say(struct ws_watch *w, int way, uint8_t out[WS_INJECT_MAX])
{
	struct ws_bye *b = w->bye;
	const struct ws_frame *f = &w->frame[way];
	size_t n;

	if (b->said[way])
		return 0;
	if (ws_frame_is_closed(f)) { /* the peer's own goes through */
		b->said[way] = ws_frame_is_between(f);
		return 0;
	}
	if (ws_frame_is_lost(f)) {
		ws_bye_mute(w, way);
		return 0;
	}
	if (b->phase != WS_BYE_SAYING || !may_say(b, f))
		return 0;
	n = ws_inject_close(out, b->code, way == WS_IN);
	if (!n)
		return 0; /* again, as long as there is time */
	b->said[way] = true;
	if (!w->sum.close_code)
		w->sum.close_code = b->code;
	ws_watch_ended(w, 'P');
	return n;
}

void
ws_bye_drop(struct ws_watch *w, int way, const void *bytes, size_t n)
{
	const char *p = bytes;
	enum ws_kind kind;
	size_t k;

	while (n > 0) {
		k = ws_frame_follow(&w->frame[way], p, n, &kind);
		p += k;
		n -= k;
	}
}

void
ws_bye_mute(struct ws_watch *w, int way)
{
	w->bye->lost |= !w->bye->said[way];
	w->bye->said[way] = true;
}

void
ws_bye_over(struct ws_watch *w, int side)
{
	w->bye->over[side] = true;
}

bool
ws_bye_is_over(const struct ws_watch *w, int side)
{
	return w->bye->over[side];
}

/* Its Close has come, or cannot come. */
static bool
is_heard(const struct ws_watch *w, int side)
{
	const struct ws_frame *f = &w->frame[side];

	return w->bye->over[side] || ws_frame_is_closed(f) ||
	    ws_frame_is_lost(f);
}

enum ws_bye_phase
ws_bye_step(struct ws_watch *w, bool *due_r)
{
	struct ws_bye *b = w->bye;
	bool due = clock_ms() >= b->due_ms;

	*due_r = false;
	if (b->phase == WS_BYE_SAYING && due) {
		ws_bye_mute(w, WS_IN);
		ws_bye_mute(w, WS_OUT);
		ws_watch_ended(w, 'P');
	}
	if (b->phase == WS_BYE_SAYING && b->said[WS_IN] && b->said[WS_OUT]) {
		enter(b, WS_BYE_HEARING, HEAR_MS);
		due = b->lost;
	}
	if (b->phase == WS_BYE_HEARING &&
	    (due || (is_heard(w, WS_IN) && is_heard(w, WS_OUT)))) {
		enter(b, WS_BYE_ENDING, END_MS);
		due = false;
	}
	*due_r = b->phase == WS_BYE_ENDING && due;
	return (enum ws_bye_phase)b->phase;
}
