/* SPDX-License-Identifier: MIT */
/*
 * Ducts that we end, as ws_bye.h says.  Each side is read to its end, so that
 * nothing is reset that it has still to read.
 */
#include "worker/duct_int.h"

/* Tell who hears what this side says, if it is time. May end d. */
static void
say(struct duct *d, enum duct_side from)
{
	enum duct_side to = from == CLIENT ? SERVER : CLIENT;
	uint8_t b[WS_INJECT_MAX];
	size_t n;

	if (d->dead)
		return;
	if (d->end[to].write_dead || d->end[to].shut)
		ws_bye_mute(&d->watch, from);
	n = ws_bye_say(&d->watch, from, b);
	if (n)
		duct_send(d, to, (const char *)b, n);
}

void
duct_bye_came(struct duct *d, enum duct_side from, struct sv in)
{
	size_t k = ws_bye_pass(&d->watch, from, in.p, in.n);

	d->heard_ms[from] = clock_ms();
	if (k)
		duct_pass(d, from, sv_of(in.p, k));
	say(d, from);
	if (!d->dead)
		ws_bye_drop(&d->watch, from, in.p + k, in.n - k);
}

void
duct_bye_ended(struct duct *d, enum duct_side from, bool broken)
{
	struct duct_end *e = &d->end[from];

	e->in_done = true;
	ws_bye_over(&d->watch, from);
	if (broken) {
		e->write_dead = true;
		duct_drop_side(d, from);
	}
	say(d, from);
	if (!d->dead) /* it was within a frame: no Close can follow */
		ws_bye_mute(&d->watch, from);
}

/* Its connection ends in order. */
static void
shut(struct duct *d, enum duct_side to)
{
	struct duct_end *e = &d->end[to];
	struct xprt x = duct_xprt(d, to);
	int err;

	if (e->shut || (e->pend && !e->write_dead))
		return;
	err = e->write_dead ? -WSE_RESET : xprt_shutdown(&x);
	e->shut = err != -WSE_AGAIN;
	if (err < 0 && err != -WSE_AGAIN)
		e->in_done = e->write_dead = true;
}

void
duct_bye_step(struct duct *d)
{
	const struct duct_end *c = &d->end[CLIENT], *s = &d->end[SERVER];
	bool is_due;

	say(d, CLIENT);
	say(d, SERVER);
	if (d->dead || ws_bye_step(&d->watch, &is_due) != WS_BYE_ENDING)
		return;
	shut(d, CLIENT);
	shut(d, SERVER);
	if (is_due || (c->shut && s->shut && c->in_done && s->in_done))
		duct_finish(d);
}

void
duct_bye_timer(struct duct *d)
{
	struct sv held;

	if (ws_bye_has_begun(&d->watch))
		return; /* the step that follows does it */
	for (int i = 0; i < SIDES && !d->dead; i++)
		if (ws_ping_flush(&d->watch, i, &held))
			duct_pass(d, (enum duct_side)i, held);
	if (d->dead)
		return;
	ws_ping_end(&d->watch);
	duct_term(d, 'K', 'D');
	ws_bye_begin(&d->watch);
	/* what ended before hears no more */
	for (int i = 0; i < SIDES && !d->dead; i++)
		if (d->end[i].in_done)
			duct_bye_ended(d, (enum duct_side)i, false);
}
