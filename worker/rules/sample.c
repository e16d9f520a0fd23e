/* SPDX-License-Identifier: MIT */
/*
 * Samples: memory and conversions.
 */
#include "worker/rules/sample.h"

#include <arpa/inet.h>
#include <limits.h>

#include "worker/rules/txn.h"

struct txn_hooks txn_hooks;

char *
sample_mem(struct txn *t, size_t n)
{
	if (!t->arena.data && txn_hooks.arena_attach)
		txn_hooks.arena_attach(t);
	return arena_get(&t->arena, n ? n : 1);
}

bool
sample_dup(struct txn *t, struct sv s, struct sv *copy_r)
{
	char *p = sample_mem(t, s.n);

	if (!p)
		return false;
	if (s.n)
		memcpy(p, s.p, s.n);
	*copy_r = sv_of(p, s.n);
	return true;
}

bool
sample_set_str(struct sample *s, struct sv text)
{
	s->type = SMP_STR;
	s->s = text;
	return true;
}

bool
sample_set_int(struct sample *s, long long i)
{
	s->type = SMP_SINT;
	s->i = i;
	return true;
}

bool
sample_set_bool(struct sample *s, bool b)
{
	s->type = SMP_BOOL;
	s->i = b;
	return true;
}

size_t
sample_put_int(char *out, long long i)
{
	char tmp[SAMPLE_INT_BYTES];
	unsigned long long u = (unsigned long long)i;
	size_t n = 0, k = 0;

	if (i < 0) {
		out[k++] = '-';
		u = 0 - u;
	}
	do {
		tmp[n++] = (char)('0' + u % 10);
		u /= 10;
	} while (u);
	while (n)
		out[k++] = tmp[--n];
	return k;
}

static bool
sample_int_to_str(struct txn *t, struct sample *s)
{
	char tmp[SAMPLE_INT_BYTES];

	return sample_dup(t, sv_of(tmp, sample_put_int(tmp, s->i)), &s->s);
}

static bool
sample_addr_to_str(struct txn *t, struct sample *s)
{
	char tmp[INET6_ADDRSTRLEN];
	int family = s->addr.u.sa.sa_family;
	const void *from = family == AF_INET
	    ? (const void *)&s->addr.u.in4.sin_addr
	    : (const void *)&s->addr.u.in6.sin6_addr;

	if (family != AF_INET && family != AF_INET6)
		return false;
	if (!inet_ntop(family, from, tmp, sizeof(tmp)))
		return false;
	return sample_dup(t, sv_str(tmp), &s->s);
}

static bool
sample_addr_to_bin(struct txn *t, struct sample *s)
{
	if (s->addr.u.sa.sa_family == AF_INET)
		return sample_dup(
		    t, sv_of((char *)&s->addr.u.in4.sin_addr, 4), &s->s);
	if (s->addr.u.sa.sa_family == AF_INET6)
		return sample_dup(
		    t, sv_of((char *)&s->addr.u.in6.sin6_addr, 16), &s->s);
	return false;
}

/* The number a text begins with, 0 for none; saturating. */
static long long
sample_text_int(struct sv s)
{
	bool negative = s.n && s.p[0] == '-';
	unsigned long long v = 0;
	size_t i = negative || (s.n && s.p[0] == '+');

	for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++) {
		if (v > (unsigned long long)LLONG_MAX / 10 - 1)
			return negative ? LLONG_MIN : LLONG_MAX;
		v = v * 10 + (unsigned)(s.p[i] - '0');
	}
	return negative ? -(long long)v : (long long)v;
}

bool
sample_to_int(struct sample *s)
{
	switch (s->type) {
	case SMP_BOOL:
	case SMP_SINT:
		break;
	case SMP_STR:
	case SMP_BIN:
	case SMP_METH:
		if (s->s.n == 0)
			return false;
		s->i = sample_text_int(s->s);
		break;
	case SMP_ADDR:
		if (s->addr.u.sa.sa_family != AF_INET)
			return false;
		s->i = (long long)ntohl(s->addr.u.in4.sin_addr.s_addr);
		break;
	case SMP_ANY:
	case SMP_TYPE_N:
		return false;
	}
	s->type = SMP_SINT;
	return true;
}

static bool
sample_to_addr(struct sample *s)
{
	char text[INET6_ADDRSTRLEN];

	if (s->type == SMP_ADDR)
		return true;
	if (s->type != SMP_STR && s->type != SMP_BIN)
		return false;
	if (s->s.n == 0 || s->s.n >= sizeof(text))
		return false;
	memcpy(text, s->s.p, s->s.n);
	text[s->s.n] = '\0';
	memset(&s->addr, 0, sizeof(s->addr));
	s->addr.kind = ADDR_INET;
	if (inet_pton(AF_INET, text, &s->addr.u.in4.sin_addr) == 1) {
		s->addr.u.sa.sa_family = AF_INET;
		s->addr.len = sizeof(s->addr.u.in4);
	} else if (inet_pton(AF_INET6, text, &s->addr.u.in6.sin6_addr) == 1) {
		s->addr.u.sa.sa_family = AF_INET6;
		s->addr.len = sizeof(s->addr.u.in6);
	} else {
		return false;
	}
	s->type = SMP_ADDR;
	return true;
}

bool
sample_to_str(struct txn *t, struct sample *s)
{
	bool ok = true;

	switch (s->type) {
	case SMP_STR:
	case SMP_BIN:
	case SMP_METH:
		break;
	case SMP_BOOL:
	case SMP_SINT:
		ok = sample_int_to_str(t, s);
		break;
	case SMP_ADDR:
		ok = sample_addr_to_str(t, s);
		break;
	case SMP_ANY:
	case SMP_TYPE_N:
		return false;
	}
	s->type = SMP_STR;
	return ok;
}

static bool
sample_to_bin(struct txn *t, struct sample *s)
{
	unsigned long long v = (unsigned long long)s->i;
	char be[8];
	int k;

	if (s->type == SMP_ADDR) {
		s->type = SMP_BIN;
		return sample_addr_to_bin(t, s);
	}
	if (s->type == SMP_SINT || s->type == SMP_BOOL) {
		for (k = 7; k >= 0; k--, v >>= 8)
			be[k] = (char)(v & 0xff);
		s->type = SMP_BIN;
		return sample_dup(t, sv_of(be, 8), &s->s);
	}
	s->type = SMP_BIN;
	return true;
}

bool
sample_cast(struct txn *t, struct sample *s, enum sample_type to)
{
	switch (to) {
	case SMP_BOOL:
		if (!sample_to_int(s))
			return false;
		s->type = SMP_BOOL;
		s->i = s->i != 0;
		return true;
	case SMP_SINT:
		return sample_to_int(s);
	case SMP_ADDR:
		return sample_to_addr(s);
	case SMP_STR:
		return sample_to_str(t, s);
	case SMP_BIN:
		return sample_to_bin(t, s);
	case SMP_METH:
		return s->type == SMP_METH || s->type == SMP_STR;
	case SMP_ANY:
		return true;
	case SMP_TYPE_N:
		break;
	}
	return false;
}
