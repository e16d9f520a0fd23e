/* SPDX-License-Identifier: MIT */
/*
 * HTTP/2 frame headers and numbers (RFC 9113 4.1, 6, 7), bytes only.
 */
#ifndef SHM_PROTO_H2_FRAME_H
#define SHM_PROTO_H2_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum h2_type {
	H2_DATA,
	H2_HEADERS,
	H2_PRIORITY,
	H2_RST_STREAM,
	H2_SETTINGS,
	H2_PUSH_PROMISE,
	H2_PING,
	H2_GOAWAY,
	H2_WINDOW_UPDATE,
	H2_CONTINUATION,
	H2_TYPE_N
};

enum h2_flag {
	H2_END_STREAM = 1, /* DATA, HEADERS */
	H2_ACK = 1,        /* SETTINGS, PING */
	H2_END_HEADERS = 4,
	H2_PADDED = 8,
	H2_WITH_PRIORITY = 0x20
};

enum h2_error {
	H2_NO_ERROR,
	H2_PROTOCOL_ERROR,
	H2_INTERNAL_ERROR,
	H2_FLOW_CONTROL_ERROR,
	H2_SETTINGS_TIMEOUT,
	H2_STREAM_CLOSED,
	H2_FRAME_SIZE_ERROR,
	H2_REFUSED_STREAM,
	H2_CANCEL,
	H2_COMPRESSION_ERROR,
	H2_CONNECT_ERROR,
	H2_ENHANCE_YOUR_CALM,
	H2_INADEQUATE_SECURITY,
	H2_HTTP_1_1_REQUIRED,
	H2_ERROR_N
};

enum h2_setting {
	H2_SET_TABLE = 1,
	H2_SET_PUSH,
	H2_SET_STREAMS,
	H2_SET_WINDOW,
	H2_SET_FRAME,
	H2_SET_HEAD,
	H2_SET_CONNECT = 8 /* RFC 8441 */
};

enum {
	H2_HD_BYTES = 9,
	H2_FRAME_MAX = 16384, /* payload we take, SETTINGS_MAX_FRAME_SIZE */
	H2_FRAME_TOP = 16777215,
	H2_WINDOW = 65535, /* before any setting or update */
	H2_WINDOW_MAX = 0x7fffffff,
	H2_ID_MAX = 0x7fffffff,
	H2_MAGIC_BYTES = 24
};

#define H2_MAGIC "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

struct h2_hd {
	uint32_t len; /* of the payload */
	uint8_t type; /* enum h2_type, or one we do not know */
	uint8_t flags;
	uint32_t id; /* stream; the reserved bit is dropped */
};

static inline uint32_t
h2_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

static inline uint8_t *
h2_put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
	return p + 4;
}

/* A header from H2_HD_BYTES at p. */
static inline struct h2_hd
h2_hd_get(const uint8_t *p)
{
	return (struct h2_hd){
		(uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2],
		p[3],
		p[4],
		h2_get32(p + 5) & H2_ID_MAX,
	};
}

static inline uint8_t *
h2_hd_put(uint8_t *p, uint32_t len, uint8_t type, uint8_t flags, uint32_t id)
{
	p[0] = (uint8_t)(len >> 16);
	p[1] = (uint8_t)(len >> 8);
	p[2] = (uint8_t)len;
	p[3] = type;
	p[4] = flags;
	return h2_put32(p + 5, id);
}

/* One entry of a SETTINGS payload, 6 bytes. */
static inline uint8_t *
h2_setting_put(uint8_t *p, uint16_t name, uint32_t value)
{
	p[0] = (uint8_t)(name >> 8);
	p[1] = (uint8_t)name;
	return h2_put32(p + 2, value);
}

/* A WINDOW_UPDATE or RST_STREAM: 4 bytes of payload. */
static inline uint8_t *
h2_put_word(uint8_t *p, uint8_t type, uint32_t id, uint32_t v)
{
	return h2_put32(h2_hd_put(p, 4, type, 0, id), v);
}

#endif
