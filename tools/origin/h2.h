/* SPDX-License-Identifier: MIT */
/*
 * HTTP/2 (RFC 9113) and WebSocket over it (RFC 8441) in the demo origin: a
 * server session of nghttp2 for a connection. It reads from the
 * connection's input and writes to its output.
 */
#ifndef ORIGIN_H2_H
#define ORIGIN_H2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define H2_PREFACE_BYTES 24

struct conn;
struct h2;

/* The command line's words. Numbers: 0 for never, or as nghttp2 does. */
struct h2_options {
	bool off;          /* --no-h2: not without ALPN */
	bool no_websocket; /* does not announce extended CONNECT */
	bool abrupt;       /* closes without GOAWAY */
	bool stay;         /* does not close after GOAWAY */
	bool notice;       /* before it one that names no last stream */
	uint32_t window;   /* bytes, of a stream */
	uint32_t conn_window;
	uint32_t max_streams;
	uint32_t max_frame;      /* bytes */
	uint32_t header_table;   /* bytes */
	uint32_t settings_delay; /* ms */
	uint32_t goaway;         /* after so many streams */
	uint32_t unprocessed;    /* and so many more are not answered */
	uint32_t refuse;         /* every so manieth stream */
	uint32_t late;           /* frames on the so manieth stream before */
	uint32_t pings;          /* with each request */
	uint32_t idle_frames;    /* ms between them */
	uint32_t padding;        /* bytes, of DATA and HEADERS */
};

extern struct h2_options h2_options;

enum h2_preface { H2_PREFACE_NONE, H2_PREFACE_PART, H2_PREFACE_WHOLE };

/* Whether a connection begins, or may begin, as one of HTTP/2. */
enum h2_preface h2_preface_find(const char *buf, size_t len);

/* The connection's state becomes CONN_H2. False: out of memory. */
bool h2_start(struct conn *c);

/* Counts what is open as over. NULL is fine. */
void h2_free(struct h2 **h_r);

/*
 * Takes all of the input, and writes as much as there is room for. The
 * connection's state is CONN_CLOSE after it if nothing follows.
 */
void h2_step(struct conn *c);

/* The connection's timer: nothing happened for so long. */
void h2_timeout(struct conn *c);

#endif
