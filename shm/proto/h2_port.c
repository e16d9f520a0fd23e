/* SPDX-License-Identifier: MIT */
/*
 * See h2_port.h.  The form:
 *
 *   'H', form 1, flags, unacked, peer: streams window frame head, last_id,
 *   send_window, own_window, own_conn_window, held_bytes (u32 each), budget,
 *   stream_count (u16 each), then per stream: id, send_window, own_window,
 *   held_bytes (u32 each), flags
 */
#include "shm/proto/h2_port.h"

#include <string.h>

#include "shm/base/chk.h"
#include "shm/proto/h2_calm.h"

enum { MAGIC = 'H', FORM = 1, UNACKED_MAX = 1 };

enum flag {
	F_SERVER = 1,
	F_GROWN = 2,
	F_OWN_CONNECTS = 4,
	F_READY = 8,
	F_PEER_CONNECTS = 16,
	F_ALL = 31
};

enum stream_flag { SF_IN_ENDED = 1, SF_OUT_ENDED = 2, SF_ALL = 3 };

void
h2_port_begin(struct h2_port *p, uint32_t window, uint32_t conn_window)
{
	memset(p, 0, offsetof(struct h2_port, stream));
	p->unacked = 1;
	p->peer.streams = UINT32_MAX;
	p->peer.window = H2_WINDOW;
	p->peer.frame = H2_FRAME_MAX;
	p->peer.head = UINT32_MAX;
	p->send_window = H2_WINDOW;
	p->own_window = window;
	p->own_conn_window = conn_window;
	p->budget = H2_CALM_MAX;
}

static unsigned
flags_of(const struct h2_port *p)
{
	return (p->is_server ? F_SERVER : 0u) |
	    (p->window_grown ? F_GROWN : 0u) |
	    (p->own_connects ? F_OWN_CONNECTS : 0u) |
	    (p->peer.ready ? F_READY : 0u) |
	    (p->peer.connects ? F_PEER_CONNECTS : 0u);
}

ssize_t
h2_port_pack(const struct h2_port *p, uint8_t *out, size_t room)
{
	size_t n =
	    H2_PORT_IDLE_BYTES + (size_t)p->stream_count * H2_PORT_STREAM_BYTES;
	uint8_t *o = out;

	CHK(p->stream_count <= H2_PORT_STREAMS_MAX);
	if (room < n)
		return -WSE_TOOBIG;
	*o++ = MAGIC;
	*o++ = FORM;
	*o++ = (uint8_t)flags_of(p);
	*o++ = p->unacked;
	o = h2_put32(o, p->peer.streams);
	o = h2_put32(o, p->peer.window);
	o = h2_put32(o, p->peer.frame);
	o = h2_put32(o, p->peer.head);
	o = h2_put32(o, p->last_id);
	o = h2_put32(o, p->send_window);
	o = h2_put32(o, p->own_window);
	o = h2_put32(o, p->own_conn_window);
	o = h2_put32(o, p->held_bytes);
	o = h2_put32(o, (uint32_t)p->budget << 16 | p->stream_count);
	for (unsigned i = 0; i < p->stream_count; i++) {
		const struct h2_port_stream *s = &p->stream[i];

		o = h2_put32(o, s->id);
		o = h2_put32(o, s->send_window);
		o = h2_put32(o, s->own_window);
		o = h2_put32(o, s->held_bytes);
		*o++ = (uint8_t)((s->in_ended ? SF_IN_ENDED : 0u) |
		    (s->out_ended ? SF_OUT_ENDED : 0u));
	}
	CHK(o == out + n);
	return (ssize_t)n;
}

static uint32_t
take(const uint8_t **in)
{
	uint32_t v = h2_get32(*in);

	*in += 4;
	return v;
}

static void
fixed_read(struct h2_port *p, const uint8_t *in)
{
	unsigned flags = in[2];

	p->is_server = flags & F_SERVER;
	p->window_grown = flags & F_GROWN;
	p->own_connects = flags & F_OWN_CONNECTS;
	p->peer.ready = flags & F_READY;
	p->peer.connects = flags & F_PEER_CONNECTS;
	p->unacked = in[3];
	in += 4;
	p->peer.streams = take(&in);
	p->peer.window = take(&in);
	p->peer.frame = take(&in);
	p->peer.head = take(&in);
	p->last_id = take(&in);
	p->send_window = take(&in);
	p->own_window = take(&in);
	p->own_conn_window = take(&in);
	p->held_bytes = take(&in);
	p->budget = (uint16_t)(in[0] << 8 | in[1]);
	p->stream_count = (uint16_t)(in[2] << 8 | in[3]);
}

/* What the numbers must be for a session to be made of them. */
static bool
is_sound(const struct h2_port *p)
{
	uint32_t conn = p->window_grown ? p->own_conn_window : H2_WINDOW;

	if (p->peer.window > H2_WINDOW_MAX || p->peer.frame < H2_FRAME_MAX ||
	    p->peer.frame > H2_FRAME_TOP)
		return false;
	if (p->last_id > H2_ID_MAX - 2 || (p->last_id && !(p->last_id & 1)))
		return false;
	if (p->send_window > H2_WINDOW_MAX || p->own_window >= H2_WINDOW_MAX ||
	    p->own_conn_window > H2_WINDOW_MAX || p->held_bytes > conn ||
	    (p->window_grown && p->own_conn_window < H2_WINDOW))
		return false;
	if (p->budget == 0 || p->budget > H2_CALM_MAX + H2_CALM_WORK ||
	    p->unacked > UNACKED_MAX)
		return false;
	/* used up only by a stream; taking in needs one as well */
	if (p->last_id == 0 && (p->send_window < H2_WINDOW || p->held_bytes))
		return false;
	if ((p->last_id || p->is_server) && !p->peer.ready)
		return false;
	if (p->own_connects && !p->is_server)
		return false;
	return p->stream_count == 0 ||
	    (p->stream_count <= H2_PORT_STREAMS_MAX && p->unacked == 0);
}

static bool
is_stream_read(struct h2_port *p, unsigned i, const uint8_t *in)
{
	struct h2_port_stream *s = &p->stream[i];
	unsigned flags = in[16];

	s->id = take(&in);
	s->send_window = take(&in);
	s->own_window = take(&in);
	s->held_bytes = take(&in);
	s->in_ended = flags & SF_IN_ENDED;
	s->out_ended = flags & SF_OUT_ENDED;
	return flags < SF_ALL && (s->id & 1) && s->id <= p->last_id &&
	    (i == 0 || s->id > s[-1].id) && s->send_window <= H2_WINDOW_MAX &&
	    s->own_window >= p->own_window && s->own_window <= H2_WINDOW_MAX &&
	    s->held_bytes <= s->own_window;
}

int
h2_port_unpack(struct h2_port *p, const uint8_t *in, size_t n)
{
	uint64_t held = 0;
	unsigned i;

	memset(p, 0, offsetof(struct h2_port, stream));
	if (n < H2_PORT_IDLE_BYTES || in[0] != MAGIC || in[1] != FORM ||
	    in[2] > F_ALL)
		return -WSE_CORRUPT;
	fixed_read(p, in);
	if (!is_sound(p) ||
	    n !=
		H2_PORT_IDLE_BYTES +
		    (size_t)p->stream_count * H2_PORT_STREAM_BYTES)
		return -WSE_CORRUPT;
	in += H2_PORT_IDLE_BYTES;
	for (i = 0; i < p->stream_count; i++) {
		if (!is_stream_read(p, i, in))
			return -WSE_CORRUPT;
		held += p->stream[i].held_bytes;
		in += H2_PORT_STREAM_BYTES;
	}
	return held == p->held_bytes ? 0 : -WSE_CORRUPT;
}
