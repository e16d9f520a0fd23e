/* SPDX-License-Identifier: MIT */
/*
 * Converters of numbers and addresses.  Arithmetic saturates.
 */
#include <arpa/inet.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>

#include "worker/rules/conv.h"
#include "worker/rules/var.h"

/* A number, or a variable's value. */
static bool
int_operand(const struct txn *t, const struct fetch_arg *a, long long *v_r)
{
	struct sample s;

	if (!a->is_var) {
		*v_r = a->i;
		return true;
	}
	if (!var_get(t, a->scope, a->s, &s) || !sample_to_int(&s))
		return false;
	*v_r = s.i;
	return true;
}

static long long
int_add(long long x, long long y)
{
	long long r;

	if (!__builtin_add_overflow(x, y, &r))
		return r;
	return x < 0 ? LLONG_MIN : LLONG_MAX;
}

static long long
int_mul(long long x, long long y)
{
	long long r;

	if (!__builtin_mul_overflow(x, y, &r))
		return r;
	return (x < 0) != (y < 0) ? LLONG_MIN : LLONG_MAX;
}

static long long
int_sub(long long x, long long y)
{
	long long r;

	if (!__builtin_sub_overflow(x, y, &r))
		return r;
	return x < 0 ? LLONG_MIN : LLONG_MAX;
}

static long long
int_div(long long x, long long y)
{
	if (y == 0)
		return x == LLONG_MIN ? LLONG_MIN : LLONG_MAX;
	return x == LLONG_MIN && y == -1 ? LLONG_MAX : x / y;
}

static long long
int_mod(long long x, long long y)
{
	return y == 0 || y == -1 ? 0 : x % y;
}

#define INT_OPERATION(name, expression)                                \
	bool conv_int_##name(struct txn *t, const struct fetch_arg *a, \
	    int argc, struct sample *io)                               \
	{                                                              \
		long long y;                                           \
                                                                       \
		(void)argc;                                            \
		if (!int_operand(t, a, &y))                            \
			return false;                                  \
		return sample_set_int(io, expression);                 \
	}

INT_OPERATION(add, int_add(io->i, y))
INT_OPERATION(sub, int_sub(io->i, y))
INT_OPERATION(mul, int_mul(io->i, y))
INT_OPERATION(div, int_div(io->i, y))
INT_OPERATION(mod, int_mod(io->i, y))
INT_OPERATION(and, io->i &y)
INT_OPERATION(or, io->i | y)
INT_OPERATION(xor, io->i ^ y)

#define INT_FUNCTION(name, set, expression)                            \
	bool conv_int_##name(struct txn *t, const struct fetch_arg *a, \
	    int argc, struct sample *io)                               \
	{                                                              \
		(void)t;                                               \
		(void)a;                                               \
		(void)argc;                                            \
		return set(io, expression);                            \
	}

INT_FUNCTION(cpl, sample_set_int, ~io->i)
INT_FUNCTION(neg, sample_set_int, int_sub(0, io->i))
INT_FUNCTION(odd, sample_set_bool, io->i & 1)
INT_FUNCTION(even, sample_set_bool, !(io->i & 1))
INT_FUNCTION(bool, sample_set_bool, io->i != 0)
INT_FUNCTION(not, sample_set_bool, io->i == 0)

/* "24" or "255.255.255.0" as bits. */
static int
int_mask_bits(struct sv s, int max)
{
	uint64_t n;
	struct in_addr m;
	int bits = 0;

	if (sv_to_u64(s, &n) == 0)
		return n <= (uint64_t)max ? (int)n : max;
	if (inet_pton(AF_INET, s.p, &m) != 1)
		return max;
	while (bits < 32 && ntohl(m.s_addr) << bits & 0x80000000u)
		bits++;
	return bits;
}

/* ipmask(v4[,v6]) */
bool
conv_int_ipmask(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	uint8_t *p = (uint8_t *)&io->addr.u.in4.sin_addr;
	int bytes = 4, bits, k;

	(void)t;
	if (io->addr.u.sa.sa_family == AF_INET6) {
		p = (uint8_t *)&io->addr.u.in6.sin6_addr;
		bytes = 16;
		if (argc < 2)
			return false;
	}
	bits = int_mask_bits(a[bytes == 16].s, bytes * 8);
	for (k = 0; k < bytes; k++, bits -= 8) {
		if (bits <= 0)
			p[k] = 0;
		else if (bits < 8)
			p[k] &= (uint8_t)(0xff << (8 - bits));
	}
	return true;
}

static bool
int_time(struct txn *t, struct sample *io, const char *fmt, bool local)
{
	time_t at = (time_t)io->i;
	char text[256];
	struct tm tm;
	size_t n;

	if (!(local ? localtime_r(&at, &tm) : gmtime_r(&at, &tm)))
		return false;
	n = strftime(text, sizeof(text), fmt, &tm);
	io->type = SMP_STR;
	return n > 0 && sample_dup(t, sv_of(text, n), &io->s);
}

/* http_date([offset[,s|ms|us]]), RFC 9110 5.6.7 */
bool
conv_int_http_date(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu",
		"Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	char fmt[64];
	struct tm tm;
	time_t at;

	if (argc > 1 && sv_eq(a[1].s, SV("ms")))
		io->i /= 1000;
	else if (argc > 1 && sv_eq(a[1].s, SV("us")))
		io->i /= 1000000;
	if (argc > 0 && a[0].is_int)
		io->i = int_add(io->i, a[0].i);
	at = (time_t)io->i;
	if (!gmtime_r(&at, &tm))
		return false;
	/* Names must not depend on the locale. */
	memcpy(fmt, "___, %d ___ %Y %H:%M:%S GMT", 28);
	memcpy(fmt, days[tm.tm_wday], 3);
	memcpy(fmt + 8, months[tm.tm_mon], 3);
	return int_time(t, io, fmt, false);
}

bool
conv_int_ltime(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	if (argc > 1)
		io->i = int_add(io->i, a[1].i);
	return int_time(t, io, a[0].s.p, true);
}

bool
conv_int_utime(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	if (argc > 1)
		io->i = int_add(io->i, a[1].i);
	return int_time(t, io, a[0].s.p, false);
}
