/* SPDX-License-Identifier: MIT */
/* See h2_idle.h. */
#include "shm/proto/h2_idle.h"

#include <string.h>

#include "shm/base/chk.h"
#include "shm/proto/h2_calm.h"

size_t
h2_idle_begin(const struct h2_cfg *cfg, struct h2_port *p, uint8_t *out)
{
	uint8_t *o = out + H2_MAGIC_BYTES + H2_HD_BYTES;

	h2_port_begin(p, cfg->window_bytes, cfg->conn_window_bytes);
	memcpy(out, H2_MAGIC, H2_MAGIC_BYTES);
	o = h2_setting_put(o, H2_SET_PUSH, 0);
	o = h2_setting_put(o, H2_SET_TABLE, 0);
	if (cfg->window_bytes != H2_WINDOW)
		o = h2_setting_put(o, H2_SET_WINDOW, cfg->window_bytes);
	o = h2_setting_put(o, H2_SET_HEAD, cfg->head_max_bytes);
	h2_hd_put(out + H2_MAGIC_BYTES,
	    (uint32_t)(o - out - H2_MAGIC_BYTES - H2_HD_BYTES), H2_SETTINGS, 0,
	    0);
	return (size_t)(o - out);
}

void
h2_idle_bye(uint8_t out[H2_IDLE_BYE_BYTES])
{
	h2_put32(h2_put32(h2_hd_put(out, 8, H2_GOAWAY, 0, 0), 0), H2_NO_ERROR);
}

/* Of our streams, one that was used: late frames on it mean nothing. */
static bool
is_finished(const struct h2_port *p, uint32_t id)
{
	return (id & 1) && id <= p->last_id;
}

static bool
setting_take(struct h2_port *p, unsigned name, uint32_t v)
{
	switch (name) {
	case H2_SET_PUSH:
		return v == 0; /* a server's, RFC 9113 6.5.2 */
	case H2_SET_STREAMS:
		p->peer.streams = v;
		return true;
	case H2_SET_WINDOW:
		p->peer.window = v;
		return v <= H2_WINDOW_MAX;
	case H2_SET_FRAME:
		p->peer.frame = v;
		return v >= H2_FRAME_MAX && v <= H2_FRAME_TOP;
	case H2_SET_HEAD:
		p->peer.head = v;
		return true;
	case H2_SET_CONNECT:
		if (v > 1 || (p->peer.connects && v == 0))
			return false; /* RFC 8441 3 */
		p->peer.connects = v == 1;
		return true;
	default:
		return true; /* our encoder has no table; the unknown */
	}
}

/* The functions below: bytes written to o (0 to 17), or -WSE_*. */

static int
settings_take(
    struct h2_port *p, const struct h2_hd *hd, const uint8_t *b, uint8_t *o)
{
	if (hd->id || hd->len % 6)
		return -WSE_PROTO;
	if (hd->flags & H2_ACK) {
		if (hd->len || !p->unacked)
			return -WSE_PROTO;
		p->unacked--;
		return 0;
	}
	for (uint32_t at = 0; at < hd->len; at += 6)
		if (!setting_take(p, (unsigned)(b[at] << 8 | b[at + 1]),
			h2_get32(b + at + 2)))
			return -WSE_PROTO;
	p->peer.ready = true;
	h2_hd_put(o, 0, H2_SETTINGS, H2_ACK, 0);
	return H2_HD_BYTES;
}

static int
ping_take(const struct h2_hd *hd, const uint8_t *b, uint8_t *o)
{
	if (hd->id || hd->len != 8)
		return -WSE_PROTO;
	if (hd->flags & H2_ACK)
		return 0;
	memcpy(h2_hd_put(o, 8, H2_PING, H2_ACK, 0), b, 8);
	return H2_HD_BYTES + 8;
}

static int
update_take(struct h2_port *p, const struct h2_hd *hd, const uint8_t *b)
{
	uint32_t n;

	if (hd->len != 4)
		return -WSE_PROTO;
	n = h2_get32(b) & H2_WINDOW_MAX;
	if (hd->id)
		return is_finished(p, hd->id) ? 0 : -WSE_PROTO;
	if (n == 0 || n > H2_WINDOW_MAX - p->send_window)
		return -WSE_PROTO;
	p->send_window += n;
	return 0;
}

/* The tail of a response we gave up: its bytes count for the connection. */
static int
data_take(const struct h2_port *p, const struct h2_hd *hd, uint8_t *o)
{
	if (!is_finished(p, hd->id))
		return -WSE_PROTO;
	if (hd->len == 0)
		return 0;
	h2_put_word(o, H2_WINDOW_UPDATE, 0, hd->len);
	return H2_HD_BYTES + 4;
}

static int
frame_take(
    struct h2_port *p, const struct h2_hd *hd, const uint8_t *b, uint8_t *o)
{
	if (!p->peer.ready && (hd->type != H2_SETTINGS || (hd->flags & H2_ACK)))
		return -WSE_PROTO;
	switch (hd->type) {
	case H2_SETTINGS:
		return settings_take(p, hd, b, o);
	case H2_PING:
		return ping_take(hd, b, o);
	case H2_WINDOW_UPDATE:
		return update_take(p, hd, b);
	case H2_RST_STREAM:
		return hd->len == 4 && is_finished(p, hd->id) ? 0 : -WSE_PROTO;
	case H2_PRIORITY:
		return hd->len == 5 && hd->id ? 0 : -WSE_PROTO;
	case H2_DATA:
		return data_take(p, hd, o);
	case H2_HEADERS: /* nothing in it that a decoder would remember */
		return is_finished(p, hd->id) && (hd->flags & H2_END_HEADERS)
		    ? 0
		    : -WSE_PROTO;
	case H2_GOAWAY:
		return -WSE_EOF;
	case H2_PUSH_PROMISE:
	case H2_CONTINUATION:
		return -WSE_PROTO;
	default:
		return 0;
	}
}

/* Judged by the same budget as a session's frames. */
static bool
is_calm(struct h2_port *p, const struct h2_hd *hd, const uint8_t *b,
    uint64_t quiet_ms)
{
	struct h2_calm c = { .budget = p->budget };

	if (!h2_calm_frame(&c, hd, b, H2_FRAME_MAX, quiet_ms))
		return false;
	p->budget = (uint16_t)c.budget;
	return true;
}

ssize_t
h2_idle_feed(struct h2_port *p, const void *in, size_t n, uint64_t quiet_ms,
    uint8_t *out, size_t room, size_t *out_r)
{
	const uint8_t *b = in;
	size_t at = 0;
	struct h2_hd hd;
	int got;

	CHK(!p->is_server && p->stream_count == 0);
	*out_r = 0;
	while (n - at >= H2_HD_BYTES && room - *out_r >= H2_IDLE_OUT_MIN / 2) {
		hd = h2_hd_get(b + at);
		if (hd.len > H2_FRAME_MAX)
			return -WSE_PROTO;
		if (n - at < H2_HD_BYTES + hd.len)
			break;
		if (!is_calm(p, &hd, b + at + H2_HD_BYTES, quiet_ms))
			return -WSE_PROTO;
		got = frame_take(p, &hd, b + at + H2_HD_BYTES, out + *out_r);
		if (got < 0)
			return got;
		quiet_ms = 0;
		*out_r += (size_t)got;
		at += H2_HD_BYTES + hd.len;
	}
	return (ssize_t)at;
}

bool
h2_idle_is_quiet(const struct h2_port *p, size_t rest_bytes)
{
	return p->peer.ready && rest_bytes == 0;
}
