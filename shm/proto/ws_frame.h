/* SPDX-License-Identifier: MIT */
/*
 * Follows the frame headers of one direction of a WebSocket (RFC 6455 section
 * 5) as its bytes pass by: where frames begin, what was said, the close code.
 * It never alters a byte and keeps none but what a header needs.
 *
 * What is no WebSocket makes it lose its way for good (ws_frame_is_lost());
 * the bytes are not its business.
 */
#ifndef SHM_PROTO_WS_FRAME_H
#define SHM_PROTO_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/base/err.h"

/* Kinds of messages; fragments belong to the one they continue. */
enum ws_kind { WS_TEXT, WS_BINARY, WS_PING, WS_PONG, WS_CLOSE, WS_KIND_N };

enum {
	WS_NO_CODE = 1005,    /* RFC 6455 7.4.1: a Close without a code */
	WS_CONTROL_MAX = 125, /* payload of a control frame */
	WS_RSV1 = 0x40,       /* bits an extension may give a meaning */
	WS_RSV_ALL = 0x70,
	WS_HEADER_MAX = 14
};

/* Zeroed and started by ws_frame_start(). */
struct ws_frame {
	uint64_t left;  /* of the payload, or of the length being read */
	uint16_t code;  /* with ws_frame_is_closed(): of the first Close */
	uint8_t key[2]; /* the first of the mask, for the close code */
	uint8_t first;  /* first byte of the frame at hand */
	uint8_t at;     /* enum ws_at, in ws_frame.c */
	uint8_t more;   /* bytes to come of the length, or of the mask */
	uint8_t how;    /* bits, in ws_frame.c */
};

/*
 * masked: of a client's direction; rsv: the reserved bits that the agreed
 * extensions use.
 */
void ws_frame_start(struct ws_frame *f, bool masked, uint8_t rsv);
/*
 * These bytes pass.  Returns how many of them it followed: up to the end of
 * the first message, whose kind is in *kind_r then (a frame of its own, or the
 * last fragment), else all, with WS_KIND_N.  Call again with the rest.
 */
MUST_USE size_t ws_frame_follow(
    struct ws_frame *f, const void *p, size_t n, enum ws_kind *kind_r);
/*
 * The same, but up to the end of the frame at hand, fragment or not; what kind
 * it was is not told.
 */
MUST_USE size_t ws_frame_skip(struct ws_frame *f, const void *p, size_t n);
/* The same for all of them, counted: *count[kind]++ for each message. */
void ws_frame_count(
    struct ws_frame *f, const void *p, size_t n, uint32_t count[WS_KIND_N]);
/* It stopped following; or never started. */
bool ws_frame_is_lost(const struct ws_frame *f);
/* The next byte begins a frame: another may be put in before it. */
bool ws_frame_is_between(const struct ws_frame *f);
/* Fragments of a message are to come, perhaps after control frames. */
bool ws_frame_is_inside(const struct ws_frame *f);
/* It may be what this process left: one of another process is input. */
bool ws_frame_is_sound(const struct ws_frame *f);
/* A Close has passed, or its code: nothing may follow it. */
bool ws_frame_is_closed(const struct ws_frame *f);

#endif
