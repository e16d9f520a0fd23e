/* SPDX-License-Identifier: MIT */
/*
 * See h2_hello.h.  `timeout connect` counts from the start of the dial.
 */
#include "broker/h2_hello.h"

#include <errno.h>

#include "broker/dial.h"
#include "broker/wire.h"
#include "shm/base/clock.h"
#include "shm/proto/h2_idle.h"

enum {
	CONN_WINDOW = 1 << 24, /* of all streams of a connection */
	HEAD_MAX = 16384,      /* unless tune.bufsize says otherwise */
	PART_WAIT_US = 20000   /* for the rest of a TLS record */
};

static void on_io(evutil_socket_t fd, short what, void *arg);

/* Until `timeout connect`; false: it has passed. */
static bool
time_left(const struct bslot *s, uint64_t *us_r)
{
	uint32_t ms = broker.board.server[s->pool->server].transport.connect_ms;
	uint64_t until = s->start_us + (uint64_t)ms * 1000;

	*us_r = UINT64_MAX;
	if (ms == 0)
		return true;
	*us_r = until > clock_us() ? until - clock_us() : 0;
	return *us_r > 0;
}

/* part: of a record, which would wake us all the time. */
static void
wait_io(struct bslot *s, bool part)
{
	short what = EV_READ;
	struct timeval tv;
	uint64_t us;

	(void)time_left(s, &us);
	if (part && us > PART_WAIT_US)
		us = PART_WAIT_US;
	tv.tv_sec = (time_t)(us / 1000000);
	tv.tv_usec = (suseconds_t)(us % 1000000);
	if (s->kept->out_bytes > 0)
		what |= EV_WRITE;
	if (part)
		what &= ~EV_READ;
	event_assign(
	    state_watch(s), broker.base, what ? s->fd : -1, what, on_io, s);
	event_add(s->ev, us < UINT64_MAX ? &tv : NULL);
}

static void
fail(uint32_t slot, enum lease_fail why, const char *text)
{
	dial_complain(broker.slots[slot].pool->server, "HTTP/2", text);
	dial_fail(slot, why, 0, text);
}

static void
fail_read(uint32_t slot, int e)
{
	switch (-e) {
	case WSE_EOF:
		fail(slot, LFAIL_PROTO,
		    "the server ended it instead of sending SETTINGS");
		break;
	case WSE_RESET:
		fail(slot, LFAIL_RESET,
		    "the connection was reset before the server's SETTINGS");
		break;
	case WSE_TIMEOUT:
		fail(slot, LFAIL_TIMEOUT, "part of a frame, and no more");
		break;
	default:
		fail(slot, LFAIL_PROTO, "what the server sends is not HTTP/2");
	}
}

static void
go_on(uint32_t slot, int r)
{
	struct bslot *s = &broker.slots[slot];
	bool connects;
	uint64_t us;

	if (r != 0 && r != -WSE_AGAIN)
		fail_read(slot, r);
	else if (wire_is_ready(s, &connects))
		dial_finish(slot, connects ? TAG_H2WS : TAG_H2);
	else if (!time_left(s, &us))
		fail(slot, LFAIL_TIMEOUT, "no SETTINGS from the server");
	else
		wait_io(s, r == -WSE_AGAIN);
}

static void
on_io(evutil_socket_t fd, short what, void *arg)
{
	struct bslot *s = arg;

	(void)fd;
	(void)what;
	clock_update();
	state_unwatch(s);
	go_on(state_index(s), wire_read(s));
}

void
h2_hello_start(uint32_t slot, struct sv early)
{
	unsigned head = broker.conf->global.bufsize_bytes;
	struct h2_cfg cfg = {
		.max_streams = UINT16_MAX,
		.window_bytes = H2_WINDOW,
		.conn_window_bytes = CONN_WINDOW,
		.head_max_bytes = head ? head : HEAD_MAX,
	};

	go_on(slot, wire_hello(&broker.slots[slot], &cfg, early));
}
