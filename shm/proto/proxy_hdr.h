/* SPDX-License-Identifier: MIT */
/*
 * The PROXY protocol, versions 1 and 2: who the client is, told by a proxy
 * in front, or told to a server behind.
 */
#ifndef SHM_PROTO_PROXY_HDR_H
#define SHM_PROTO_PROXY_HDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "shm/base/err.h"

/* v1 is at most 107 bytes; v2 at most this with the extensions we take. */
enum { PROXY_HDR_MAX = 536 };

struct proxy_peer {
	struct sockaddr_storage ss;
	socklen_t len; /* 0: not told (LOCAL, UNKNOWN) */
};

/*
 * Parse a header at p, n bytes so far. Bytes it takes; 0: need more;
 * -WSE_SYNTAX, or -WSE_TOOBIG for a v2 header over PROXY_HDR_MAX bytes.
 */
MUST_USE ssize_t proxy_hdr_parse(const char *p, size_t n,
    struct proxy_peer *src_r, struct proxy_peer *dst_r);

/*
 * Write a header of version 1 or 2. An address family the version cannot
 * name, or two that differ, is written as UNKNOWN or LOCAL. Bytes, or
 * -WSE_TOOBIG.
 */
MUST_USE ssize_t proxy_hdr_write(unsigned version, const struct sockaddr *src,
    const struct sockaddr *dst, char *out, size_t room);

#endif
