/* SPDX-License-Identifier: MIT */
/*
 * Searching, comparing and converting string views.
 */
#include "shm/base/sv.h"

#include "shm/base/mem.h"

static unsigned char
lower(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 'A' && u <= 'Z' ? u | 0x20 : u;
}

static bool
mem_ieq(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

bool
sv_ieq(struct sv a, struct sv b)
{
	return a.n == b.n && mem_ieq(a.p, b.p, a.n);
}

bool
sv_starts(struct sv s, struct sv prefix)
{
	return s.n >= prefix.n && sv_eq(sv_of(s.p, prefix.n), prefix);
}

bool
sv_ends(struct sv s, struct sv suffix)
{
	return s.n >= suffix.n &&
	    (suffix.n == 0 ||
		sv_eq(sv_of(s.p + s.n - suffix.n, suffix.n), suffix));
}

bool
sv_istarts(struct sv s, struct sv prefix)
{
	return s.n >= prefix.n && mem_ieq(s.p, prefix.p, prefix.n);
}

ssize_t
sv_find_char(struct sv s, char c, size_t from)
{
	const char *q;

	if (from >= s.n)
		return -1;
	q = memchr(s.p + from, c, s.n - from);
	return q ? q - s.p : -1;
}

ssize_t
sv_find(struct sv s, struct sv needle)
{
	const char *q;

	if (needle.n == 0)
		return 0;
	if (s.n < needle.n)
		return -1;
	q = memmem(s.p, s.n, needle.p, needle.n);
	return q ? q - s.p : -1;
}

struct sv
sv_trim(struct sv s)
{
	while (s.n && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

struct sv
sv_from(struct sv s, size_t from)
{
	if (from > s.n)
		from = s.n;
	if (from == 0)
		return s;
	return sv_of(s.p + from, s.n - from);
}

/* Bytes up to the comma that ends the first element; quotes hide commas. */
static size_t
elem_end(struct sv s)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < s.n; i++) {
		if (quoted && s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (s.p[i] == ',' && !quoted)
			break;
	}
	return i < s.n ? i : s.n;
}

bool
sv_next_elem(struct sv *s, struct sv *elem_r)
{
	while (s->n) {
		size_t end = elem_end(*s);
		struct sv e = sv_trim(sv_of(s->p, end));

		*s = sv_from(*s, end + 1);
		if (e.n) {
			*elem_r = e;
			return true;
		}
	}
	return false;
}

int
sv_to_u64(struct sv s, uint64_t *v_r)
{
	uint64_t v = 0;

	if (s.n == 0)
		return -WSE_SYNTAX;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return -WSE_SYNTAX;
	for (size_t i = 0; i < s.n; i++)
		if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return -WSE_RANGE;
	*v_r = v;
	return 0;
}

char *
sv_dup(struct sv s)
{
	char *p = mem_alloc(s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	return p;
}

uint64_t
sv_hash(struct sv s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < s.n; i++) {
		h ^= (unsigned char)s.p[i];
		h *= UINT64_C(0x100000001b3);
	}
	return h;
}
