/* SPDX-License-Identifier: MIT */
/*
 * Error codes and result checking, used by every process.
 *
 * A function returns one of three shapes: int 0 or -WSE_*, ssize_t bytes
 * consumed (0: need more) or -WSE_*, or bool.  All but bool are MUST_USE.
 */
#ifndef SHM_BASE_ERR_H
#define SHM_BASE_ERR_H

#define MUST_USE          __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define NORETURN          __attribute__((noreturn))

enum wse {
	WSE_OK,
	WSE_AGAIN,    /* would block, or the answer comes later */
	WSE_NOMEM,    /* out of memory or of a bounded pool */
	WSE_FULL,     /* a table, queue or buffer is full */
	WSE_SYS,      /* a system call failed, errno says why */
	WSE_SYNTAX,   /* text or bytes violate their grammar */
	WSE_TOOBIG,   /* larger than the limit allows */
	WSE_RANGE,    /* a number or an index is out of range */
	WSE_PROTO,    /* the peer broke its protocol */
	WSE_DENIED,   /* not permitted for this sender or in this phase */
	WSE_NOTFOUND, /* no such name, row or slot */
	WSE_EXISTS,   /* taken already */
	WSE_STALE,    /* generation, epoch or holder is not the current one */
	WSE_TIMEOUT,  /* a time limit ran out */
	WSE_EOF,      /* the peer ended the connection in order */
	WSE_RESET,    /* the peer reset the connection */
	WSE_REFUSED,  /* the peer refused the connection */
	WSE_UNREACH,  /* no way to the peer */
	WSE_CORRUPT,  /* shared state contradicts itself */
	WSE_NOFD,     /* no descriptors left */
	WSE_UNSUPP,   /* known, but not supported */
	WSE_N
};

/* A short lower-case English text for a WSE_ code or its negative. */
const char *err_text(int err);

/* The WSE_ code (positive) that fits an errno value. */
int err_from_errno(int errnum);

#endif
