/* SPDX-License-Identifier: MIT */
/*
 * A connection as it moves from one worker to another: what MOVE and MOVE_MORE
 * carry beside its descriptors.  Bytes in, bytes out; what comes in is checked
 * like network input, since the sender parses what clients say.
 *
 * The form is a fixed struct in host order, then the parts whose sizes it
 * tells: line, ping, and for each end pend, tls, in, out.  Times are
 * CLOCK_MONOTONIC, which all processes share.
 */
#ifndef WORKER_HANDOVER_MSG_H
#define WORKER_HANDOVER_MSG_H

#include "shm/base/sv.h"
#include "shm/proto/tls_state.h"
#include "shm/proto/ws_frame.h"

enum move_kind { MOVE_TUNNEL, MOVE_KIND_N };

enum {
	MOVE_FORM = 1, /* changes with what follows */
	MOVE_LINE_MAX = 8300,
	MOVE_PING_MAX = 256,
	MOVE_BUF_MAX = 65536, /* BUF_LARGE */
	MOVE_BYTES_MAX = 512 * 1024,
	MOVE_ENDS = 2 /* the client's, the server's */
};

/* One end of a tunnel. */
struct moved_end {
	uint64_t heard_ms;
	uint32_t pend_bytes;  /* for it, that it did not take */
	uint32_t tls_bytes;   /* 0: plain */
	uint32_t in_bytes;    /* as struct xtls */
	uint32_t plain_bytes; /* of them opened */
	uint32_t out_bytes;
	uint8_t in_done, shut, write_dead; /* as struct duct_end */
	uint8_t tls_end;                   /* as xtls.end */
	uint8_t has_more, is_truncated;
	uint8_t pad[6];
};

struct moved_tunnel {
	uint64_t begun_us;
	uint64_t bytes[2];
	uint64_t line_format; /* logfmt_identity() of what line is of */
	uint32_t form;
	uint32_t bind;   /* number of the listener */
	uint32_t server; /* row */
	uint32_t slot, gen;
	uint32_t line_bytes; /* 0: none is wanted */
	uint32_t head_bytes[2];
	uint32_t msgs[2][WS_KIND_N];
	uint32_t ping_bytes; /* 0: nobody is pinged */
	uint16_t close_code;
	uint8_t closed_by, is_ws, is_lost;
	uint8_t counted, level, retries;
	char term[2], cookie[2];
	struct ws_frame frame[2];
	struct moved_end end[MOVE_ENDS];
};

struct moved_parts {
	struct sv line, ping;
	struct {
		struct sv pend, tls, in, out;
	} end[MOVE_ENDS];
};

/* Bytes of the whole, as the sizes in t say. */
size_t handover_msg_bytes(const struct moved_tunnel *t);
/* Write them; parts are as long as t says. */
void handover_msg_put(const struct moved_tunnel *t,
    const struct moved_parts *parts, uint8_t *out);
/*
 * Back from exactly n bytes; parts_r points into them, tls_r[] is of the ends
 * that have TLS.  0, -WSE_UNSUPP: another form, -WSE_CORRUPT.
 */
MUST_USE int
handover_msg_get(const uint8_t *p, size_t n, struct moved_tunnel *t,
    struct moved_parts *parts_r, struct tls_state tls_r[MOVE_ENDS]);

#endif
