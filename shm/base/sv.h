/* SPDX-License-Identifier: MIT */
/*
 * String views: bytes owned by somebody else.  Not NUL-terminated.
 */
#ifndef SHM_BASE_SV_H
#define SHM_BASE_SV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "shm/base/err.h"

struct sv {
	const char *p; /* may be NULL when n is 0 */
	size_t n;      /* bytes */
};

#define SV(lit)   ((struct sv){ (lit), sizeof(lit) - 1 })
#define SV_NULL   ((struct sv){ NULL, 0 })
#define SV_FMT    "%.*s"
#define SV_ARG(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct sv
sv_of(const char *p, size_t n)
{
	return (struct sv){ p, n };
}

static inline struct sv
sv_str(const char *s)
{
	return (struct sv){ s, s ? strlen(s) : 0 };
}

static inline bool
sv_eq(struct sv a, struct sv b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Compare without regard to ASCII case. */
bool sv_ieq(struct sv a, struct sv b);
bool sv_starts(struct sv s, struct sv prefix);
bool sv_ends(struct sv s, struct sv suffix);
bool sv_istarts(struct sv s, struct sv prefix);
/* Offset of the first c in s at or after `from`, or -1. */
ssize_t sv_find_char(struct sv s, char c, size_t from);
/* Offset of the first occurrence of needle, or -1. */
ssize_t sv_find(struct sv s, struct sv needle);
/* Without the blanks (space, tab) at both ends. */
struct sv sv_trim(struct sv s);
/* s from byte `from` on (clamped). */
struct sv sv_from(struct sv s, size_t from);

/*
 * Take the next element of a comma-separated list (RFC 9110 5.6.1) off *s,
 * trimmed; empty elements are passed over.  False at the end.
 */
bool sv_next_elem(struct sv *s, struct sv *elem_r);

/* Whole of s as an unsigned decimal. 0, -WSE_SYNTAX or -WSE_RANGE. */
MUST_USE int sv_to_u64(struct sv s, uint64_t *v_r);

/* A malloc'ed NUL-terminated copy (aborts when out of memory). */
char *sv_dup(struct sv s);

/* FNV-1a, 64 bits: for hash tables, not for secrets. */
uint64_t sv_hash(struct sv s);

#endif
