/* SPDX-License-Identifier: MIT */
#include "worker/tunnel_bye.h"

#include "worker/stream_parts.h"
#include "worker/ws_ping.h"

static int
way_of(const struct stream *s, const struct flow *f)
{
	return f == &s->up ? WS_IN : WS_OUT;
}

uint64_t
tunnel_bye_due(const struct stream *s, uint64_t at_ms)
{
	uint64_t due = ws_bye_due(&s->watch);

	if (ws_bye_has_begun(&s->watch) || !at_ms)
		return due ? due : at_ms;
	return due && due < at_ms ? due : at_ms;
}

/* Put the Close behind what there is in f, if it is time. True: it is new. */
static bool
say(struct stream *s, struct flow *f)
{
	uint8_t b[WS_INJECT_MAX];
	int way = way_of(s, f);
	size_t n;

	if (f->in_done || (f == &s->up && s->b.write_dead))
		ws_bye_mute(&s->watch, way);
	n = ws_bye_say(&s->watch, way, b);
	/* without room it is lost; the end follows all the same */
	return n && flow_add(f, b, (uint32_t)n) == 0;
}

void
tunnel_bye_came(struct stream *s, struct flow *f, size_t n)
{
	const char *p = f->b->data + f->pay_w - n;
	int way = way_of(s, f);
	size_t k = ws_bye_pass(&s->watch, way, p, n);
	uint8_t b[WS_INJECT_MAX];
	size_t close;

	if (k)
		ws_watch_bytes(&s->watch, way, p, k, s->t.fe, s->t.srv);
	close = ws_bye_say(&s->watch, way, b);
	ws_bye_drop(&s->watch, way, p + k, n - k);
	flow_cut(f, (uint32_t)(n - k));
	if (close && flow_add(f, b, (uint32_t)close) < 0)
		return; /* as in say() */
}

bool
tunnel_bye_broken(struct stream *s, char who)
{
	if (who == 'C')
		return false;
	s->b.write_dead = true;
	s->up_shut = true;
	back_write_off(s);
	return true;
}

/* Both directions end behind what is in them; both sides are read. */
static void
end_both(struct stream *s)
{
	s->client_closes = false; /* it reads its end, then we close */
	if (flow_eof(&s->up) < 0 || flow_eof(&s->down) < 0)
		s->up.in_done = s->down.in_done = true; /* cannot be */
	if (!ws_bye_is_over(&s->watch, WS_IN))
		fconn_read_on(s->fc);
	if (!ws_bye_is_over(&s->watch, WS_OUT))
		back_read_on(s);
}

void
tunnel_bye_sink(struct stream *s, char who)
{
	static char sink[BUF_SMALL];
	ssize_t n =
	    xprt_recv(who == 'C' ? &s->fc->x : &s->b.x, sink, sizeof(sink));

	if (n > 0 || n == -WSE_AGAIN)
		return;
	if (n == -WSE_RESET && who == 'C') {
		s->aborted = true;
		stream_cut(s);
		return;
	}
	if (who == 'C') {
		fconn_read_off(s->fc);
		s->fc->eof = true;
	} else {
		back_read_off(s);
	}
	if (n == -WSE_RESET)
		(void)tunnel_bye_broken(s, who);
	ws_bye_over(&s->watch, who == 'C' ? WS_IN : WS_OUT);
	tunnel_progress(s);
}

bool
tunnel_bye_goes_on(struct stream *s)
{
	bool is_due;

	/* what is added leaves in the next turn */
	if (say(s, &s->up))
		back_write_on(s);
	if (say(s, &s->down))
		fconn_write_on(s->fc);
	if (ws_bye_step(&s->watch, &is_due) == WS_BYE_ENDING) {
		if (!is_due) {
			end_both(s);
			return true;
		}
		if (s->up_shut && s->down_shut)
			stream_finish(s);
		else
			stream_cut(s);
		return false;
	}
	flow_detach(&s->up);
	flow_detach(&s->down);
	if (!s->up.in_done)
		fconn_read_on(s->fc);
	if (!s->down.in_done)
		back_read_on(s);
	stream_arm(s);
	return false;
}

/* What may have become the answer to a ping goes on. */
static void
unhold(struct stream *s, struct flow *f)
{
	int way = way_of(s, f);
	struct sv held;

	if (!ws_ping_flush(&s->watch, way, &held) ||
	    flow_add(f, held.p, (uint32_t)held.n) < 0)
		return;
	ws_watch_bytes(&s->watch, way, held.p, held.n, s->t.fe, s->t.srv);
	if (f == &s->up)
		back_write_on(s);
	else
		fconn_write_on(s->fc);
}

bool
tunnel_bye_timer(struct stream *s)
{
	uint64_t due = ws_bye_due(&s->watch);

	if (!ws_bye_has_begun(&s->watch)) {
		if (!due || due > clock_ms())
			return false;
		stream_term(s, 'K', 'D');
		unhold(s, &s->up);
		unhold(s, &s->down);
		ws_ping_end(&s->watch);
		ws_bye_begin(&s->watch);
		if (s->up.in_done)
			ws_bye_over(&s->watch, WS_IN);
		if (s->down.in_done)
			ws_bye_over(&s->watch, WS_OUT);
	}
	tunnel_progress(s);
	return true;
}
