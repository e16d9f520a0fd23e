/* SPDX-License-Identifier: MIT */
/*
 * What is left of an HTTP/2 connection between processes: numbers, no HPACK
 * table and no half frame.  For vaults and handover messages; see h2_move.h
 * for sessions and h2_idle.h for doing without one.
 */
#ifndef SHM_PROTO_H2_PORT_H
#define SHM_PROTO_H2_PORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "shm/base/err.h"

enum {
	H2_PORT_STREAMS_MAX = 256,
	H2_PORT_IDLE_BYTES = 44, /* packed, without streams */
	H2_PORT_STREAM_BYTES = 17,
	H2_PORT_BYTES_MAX =
	    H2_PORT_IDLE_BYTES + H2_PORT_STREAMS_MAX * H2_PORT_STREAM_BYTES
};

/* A tunnel: CONNECT of either kind, accepted. */
struct h2_port_stream {
	uint32_t id;
	uint32_t send_window; /* bytes we may send */
	uint32_t own_window;  /* the peer's at its fullest */
	uint32_t held_bytes;  /* taken in, not given back to the peer yet */
	bool in_ended;        /* END_STREAM came */
	bool out_ended;       /* END_STREAM went */
};

/* The peer's settings; of a value never sent, its default (RFC 9113 6.5.2). */
struct h2_port_peer {
	bool ready;       /* the first SETTINGS came */
	bool connects;    /* ENABLE_CONNECT_PROTOCOL */
	uint32_t streams; /* MAX_CONCURRENT_STREAMS */
	uint32_t window;  /* INITIAL_WINDOW_SIZE */
	uint32_t frame;   /* MAX_FRAME_SIZE */
	uint32_t head;    /* MAX_HEADER_LIST_SIZE */
};

struct h2_port {
	bool is_server;    /* our role */
	bool window_grown; /* own_conn_window is in force, else 65,535 */
	bool own_connects; /* server: we announced RFC 8441 */
	uint8_t unacked;   /* SETTINGS of ours the peer owes an ACK for */
	struct h2_port_peer peer;
	uint32_t last_id;     /* highest used: client ours, server the peer's */
	uint32_t send_window; /* of the connection */
	uint32_t own_window;  /* of a stream, as announced */
	uint32_t own_conn_window;
	uint32_t held_bytes; /* of the connection, not given back yet */
	uint16_t budget;     /* struct h2_calm */
	uint16_t stream_count;
	struct h2_port_stream stream[H2_PORT_STREAMS_MAX]; /* ascending ids */
};

/* As at the start of a client's connection. */
void h2_port_begin(struct h2_port *p, uint32_t window, uint32_t conn_window);
/* Bytes written to out, -WSE_TOOBIG.  Big-endian, versioned. */
MUST_USE ssize_t h2_port_pack(
    const struct h2_port *p, uint8_t *out, size_t room);
/* Back from exactly n bytes, which may be forged. 0 or -WSE_CORRUPT. */
MUST_USE int h2_port_unpack(struct h2_port *p, const uint8_t *in, size_t n);

#endif
