/* SPDX-License-Identifier: MIT */
/*
 * See handover_msg.h.
 */
#include "worker/handover_msg.h"

#include <string.h>

#include "shm/base/log.h"

_Static_assert(sizeof(struct moved_end) == 40, "no padding to leak");
_Static_assert(sizeof(struct moved_tunnel) ==
	32 + 8 * 4 + 2 * WS_KIND_N * 4 + 4 + 2 + 6 + 4 +
	    2 * sizeof(struct ws_frame) + 2 * sizeof(struct moved_end),
    "no padding to leak");
_Static_assert(sizeof(struct moved_tunnel) + MOVE_LINE_MAX + MOVE_PING_MAX +
	    MOVE_ENDS * (3 * MOVE_BUF_MAX + TLS_STATE_BYTES_MAX) <=
	MOVE_BYTES_MAX,
    "the largest one fits");

size_t
handover_msg_bytes(const struct moved_tunnel *t)
{
	size_t n = sizeof(*t) + t->line_bytes + t->ping_bytes;

	for (int i = 0; i < MOVE_ENDS; i++) {
		const struct moved_end *e = &t->end[i];

		n += (size_t)e->pend_bytes + e->tls_bytes + e->in_bytes +
		    e->out_bytes;
	}
	return n;
}

static uint8_t *
put(uint8_t *out, struct sv part)
{
	if (part.n)
		memcpy(out, part.p, part.n);
	return out + part.n;
}

void
handover_msg_put(
    const struct moved_tunnel *t, const struct moved_parts *parts, uint8_t *out)
{
	memcpy(out, t, sizeof(*t));
	out = put(out + sizeof(*t), parts->line);
	out = put(out, parts->ping);
	for (int i = 0; i < MOVE_ENDS; i++) {
		out = put(out, parts->end[i].pend);
		out = put(out, parts->end[i].tls);
		out = put(out, parts->end[i].in);
		out = put(out, parts->end[i].out);
	}
}

static bool
is_flag(uint8_t b)
{
	return b <= 1;
}

static bool
is_end_sound(const struct moved_end *e)
{
	static const uint8_t zero[sizeof(e->pad)];

	if (e->pend_bytes > MOVE_BUF_MAX || e->in_bytes > MOVE_BUF_MAX ||
	    e->out_bytes > MOVE_BUF_MAX || e->plain_bytes > e->in_bytes ||
	    e->tls_bytes > TLS_STATE_BYTES_MAX)
		return false;
	if (!e->tls_bytes &&
	    (e->in_bytes || e->out_bytes || e->tls_end || e->has_more ||
		e->is_truncated))
		return false;
	return is_flag(e->in_done) && is_flag(e->shut) &&
	    is_flag(e->write_dead) && is_flag(e->has_more) &&
	    is_flag(e->is_truncated) &&
	    (e->tls_end == 0 || e->tls_end == WSE_EOF ||
		e->tls_end == WSE_RESET) &&
	    memcmp(e->pad, zero, sizeof(zero)) == 0;
}

/* A letter of a log line. */
static bool
is_letter(char c)
{
	return c == '-' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool
is_sound(const struct moved_tunnel *t)
{
	for (int i = 0; i < 2; i++)
		if (!is_end_sound(&t->end[i]) || !is_letter(t->term[i]) ||
		    !(t->cookie[i] == 0 || is_letter(t->cookie[i])) ||
		    !ws_frame_is_sound(&t->frame[i]))
			return false;
	if (!is_flag(t->is_ws) || !is_flag(t->is_lost) || !is_flag(t->counted))
		return false;
	return t->line_bytes <= MOVE_LINE_MAX &&
	    t->ping_bytes <= MOVE_PING_MAX && t->level <= LOGL_DEBUG &&
	    t->slot != UINT32_MAX && t->gen != 0 &&
	    (t->closed_by == 0 || t->closed_by == 'C' || t->closed_by == 'S' ||
		t->closed_by == 'P');
}

static struct sv
take(const uint8_t **p, size_t n)
{
	struct sv part = sv_of((const char *)*p, n);

	*p += n;
	return part;
}

int
handover_msg_get(const uint8_t *p, size_t n, struct moved_tunnel *t,
    struct moved_parts *parts_r, struct tls_state tls_r[MOVE_ENDS])
{
	if (n < sizeof(*t))
		return -WSE_CORRUPT;
	memcpy(t, p, sizeof(*t));
	if (t->form != MOVE_FORM)
		return -WSE_UNSUPP;
	if (!is_sound(t) || n != handover_msg_bytes(t))
		return -WSE_CORRUPT;
	p += sizeof(*t);
	parts_r->line = take(&p, t->line_bytes);
	parts_r->ping = take(&p, t->ping_bytes);
	for (int i = 0; i < MOVE_ENDS; i++) {
		const struct moved_end *e = &t->end[i];

		parts_r->end[i].pend = take(&p, e->pend_bytes);
		parts_r->end[i].tls = take(&p, e->tls_bytes);
		parts_r->end[i].in = take(&p, e->in_bytes);
		parts_r->end[i].out = take(&p, e->out_bytes);
	}
	for (int i = 0; i < MOVE_ENDS; i++) {
		if (!t->end[i].tls_bytes)
			continue;
		if (tls_state_unpack(&tls_r[i],
			(const uint8_t *)parts_r->end[i].tls.p,
			t->end[i].tls_bytes) == 0)
			continue;
		while (i-- > 0)
			tls_state_wipe(&tls_r[i]);
		return -WSE_CORRUPT;
	}
	return 0;
}
