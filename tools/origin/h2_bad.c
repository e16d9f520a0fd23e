/* SPDX-License-Identifier: MIT */
/* What the demo origin does to HTTP/2 clients when it is told to. */
#include <string.h>

#include "tools/origin/h2_int.h"

#define HOLD_MS     200 /* streams wait for more, before the GOAWAY */
#define HEAD_BYTES  9
#define FRAMES_ONCE 2 /* late ones on a stream */

/* A frame beside nghttp2's own. */
static void
put_frame(
    struct h2 *h, uint8_t type, int32_t id, const char *payload, size_t len)
{
	uint32_t n = (uint32_t)id;
	char head[HEAD_BYTES] = { (char)(len >> 16), (char)(len >> 8),
		(char)len, (char)type, 0, (char)(n >> 24), (char)(n >> 16),
		(char)(n >> 8), (char)n };

	h2_buf_put(&h->raw, head, sizeof(head));
	h2_buf_put(&h->raw, payload, len);
}

static bool
is_over(struct h2 *h, int64_t id)
{
	return id > 0 &&
	    !nghttp2_session_get_stream_user_data(h->session, (int32_t)id);
}

static void
put_late(struct h2 *h, int64_t id)
{
	if (!is_over(h, id))
		return;
	put_frame(h, NGHTTP2_WINDOW_UPDATE, (int32_t)id, "\0\0\0\1", 4);
	put_frame(h, NGHTTP2_RST_STREAM, (int32_t)id, "\0\0\0\x8", 4);
	h2_stat.late_frames += FRAMES_ONCE;
}

void
h2_bad_closed(struct h2 *h, int32_t id)
{
	h->closed_id = id;
	if (h2_options.late && !h->c->admin)
		put_late(h, (int64_t)id - 2 * (int64_t)h2_options.late);
}

void
h2_bad_empties(struct h2_stream *s)
{
	uint64_t n = s->plan.h2.empties;

	s->plan.h2.empties = 0;
	while (n--)
		put_frame(s->h, NGHTTP2_DATA, s->id, NULL, 0);
}

void
h2_bad_reset(struct h2_stream *s, uint32_t code)
{
	s->reset = true;
	nghttp2_submit_rst_stream(
	    s->h->session, NGHTTP2_FLAG_NONE, s->id, code);
}

void
h2_bad_break(struct h2_stream *s)
{
	struct h2 *h = s->h;
	const struct plan *plan = &s->plan;

	if (plan->kind == PLAN_ABORT) {
		h->c->plan.kind = PLAN_ABORT;
		h->c->plan.rst = plan->rst;
		h->cut = true;
		return;
	}
	h2_bad_reset(s,
	    plan->h2.reset == PLAN_UNSET ? NGHTTP2_CANCEL
					 : (uint32_t)plan->h2.reset);
}

void
h2_bad_goaway(struct h2 *h, int32_t last_id, uint32_t code)
{
	struct h2_stream *s;

	if (last_id < 0)
		last_id = 0;
	if (h->told && last_id > h->last_id)
		last_id = h->last_id;
	h->told = true;
	h->last_id = last_id;
	LIST_FOREACH(s, &h->streams, entry)
	if (s->id > last_id && !h->c->admin)
		h2_stat.unprocessed++;
	nghttp2_submit_goaway(
	    h->session, NGHTTP2_FLAG_NONE, last_id, code, NULL, 0);
}

static void
hold(struct h2 *h)
{
	static const struct timeval pause = { 0, HOLD_MS * 1000 };

	evtimer_add(&h->hold, &pause);
}

static void
release(struct h2 *h)
{
	evtimer_del(&h->hold);
	if (h->told)
		return;
	if (h->noticed)
		h->last_id =
		    nghttp2_session_get_last_proc_stream_id(h->session);
	h2_bad_goaway(h, h->last_id, NGHTTP2_NO_ERROR);
}

static void
on_hold(evutil_socket_t fd, short what, void *arg)
{
	struct h2 *h = arg;

	(void)fd;
	(void)what;
	if (h->c->state != CONN_H2)
		return;
	release(h);
	conn_run(h->c);
}

/* GOAWAY after so many streams; false for those that are not answered. */
static bool
count_down(struct h2_stream *s)
{
	struct h2 *h = s->h;
	uint32_t limit =
	    h2_options.goaway ? h2_options.goaway : conn_options.close_after;

	if (!limit || h->begun < limit || h->noticed)
		return true;
	if (h->begun == limit && h2_options.notice) {
		h->noticed = true;
		nghttp2_submit_shutdown_notice(h->session);
		hold(h);
		return true;
	}
	if (h->begun == limit) {
		h->last_id = s->id;
		if (h2_options.unprocessed == 0)
			release(h);
		return true;
	}
	if (h->begun >= limit + h2_options.unprocessed)
		release(h);
	else
		hold(h);
	return false;
}

static void
beat(struct h2 *h)
{
	struct timeval tv = { h2_options.idle_frames / 1000,
		h2_options.idle_frames % 1000 * 1000 };

	if (h2_options.idle_frames && !h->c->admin)
		evtimer_add(&h->beat, &tv);
}

static void
on_beat(evutil_socket_t fd, short what, void *arg)
{
	struct h2 *h = arg;

	(void)fd;
	(void)what;
	if (h->c->state != CONN_H2)
		return;
	beat(h);
	if (!LIST_EMPTY(&h->streams))
		return;
	put_frame(h, NGHTTP2_PING, 0, "originat", 8);
	nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, NULL, 0);
	put_late(h, h->closed_id);
	conn_run(h->c);
}

void
h2_bad_start(struct h2 *h)
{
	conn_timer_assign(&h->hold, on_hold, h);
	conn_timer_assign(&h->beat, on_beat, h);
	beat(h);
}

void
h2_bad_stop(struct h2 *h)
{
	evtimer_del(&h->hold);
	evtimer_del(&h->beat);
}

static void
flood(struct h2_stream *s)
{
	const struct plan_h2 *plan = &s->plan.h2;
	struct h2 *h = s->h;
	uint64_t pings = plan->pings;

	if (!h->c->admin)
		pings += h2_options.pings;
	while (pings--)
		put_frame(h, NGHTTP2_PING, 0, "originat", 8);
	for (uint64_t n = plan->changes; n; n--)
		nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, NULL, 0);
	if (plan->setting != PLAN_UNSET) {
		const nghttp2_settings_entry iv = { (int32_t)plan->setting,
			(uint32_t)plan->value };

		nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, &iv, 1);
	}
}

static void
disturb_others(struct h2_stream *s)
{
	const struct plan_h2 *plan = &s->plan.h2;
	int64_t id = s->id;

	if (plan->late)
		put_late(s->h, id - 2 * (int64_t)plan->late);
	if (plan->late_data && is_over(s->h, id - 2 * (int64_t)plan->late_data))
		put_frame(s->h, NGHTTP2_DATA,
		    (int32_t)(id - 2 * (int64_t)plan->late_data), "x", 1);
}

bool
h2_bad_begin(struct h2_stream *s)
{
	struct h2 *h = s->h;
	const struct plan_h2 *plan = &s->plan.h2;

	h->begun++;
	flood(s);
	disturb_others(s);
	if (plan->goaway != PLAN_UNSET) {
		h2_bad_goaway(
		    h, s->id - 2 * (int32_t)plan->back, (uint32_t)plan->goaway);
		return plan->back == 0;
	}
	if (h->c->admin)
		return true;
	if (h2_options.refuse && h->begun % h2_options.refuse == 0) {
		h2_stat.refused++;
		h2_bad_reset(s, NGHTTP2_REFUSED_STREAM);
		return false;
	}
	return count_down(s);
}
