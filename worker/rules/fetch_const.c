/* SPDX-License-Identifier: MIT */
/*
 * Fetches that ask neither connection nor message: constants, variables, time,
 * chance, the process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "shm/base/clock.h"
#include "worker/rules/fetch.h"
#include "worker/rules/var.h"

#define UNUSED_ARGS \
	(void)t;    \
	(void)a;    \
	(void)argc

bool
fetch_const_str(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 && sample_set_str(out, a[0].s);
}

bool
fetch_const_int(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 && sample_set_int(out, a[0].i);
}

bool
fetch_const_bool(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 &&
	    sample_set_bool(
		out, sv_ieq(a[0].s, SV("true")) || sv_eq(a[0].s, SV("1")));
}

bool
fetch_const_ip(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 && sample_set_str(out, a[0].s) &&
	    sample_cast(t, out, SMP_ADDR);
}

bool
fetch_const_meth(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	sample_set_str(out, a[0].s);
	out->type = SMP_METH;
	return n <= 0;
}

static int
const_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 32) >= 'a' && (c | 32) <= 'f')
		return (c | 32) - 'a' + 10;
	return -1;
}

bool
fetch_const_bin(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	char *p = sample_mem(t, a[0].s.n / 2);
	size_t i;

	UNUSED_ARGS;
	if (!p || n > 0)
		return false;
	for (i = 0; i + 1 < a[0].s.n; i += 2) {
		int hi = const_hex(a[0].s.p[i]);
		int lo = const_hex(a[0].s.p[i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		p[i / 2] = (char)(hi << 4 | lo);
	}
	out->type = SMP_BIN;
	out->s = sv_of(p, a[0].s.n / 2);
	return true;
}

bool
fetch_const_true(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 && sample_set_bool(out, true);
}

bool
fetch_const_false(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 && sample_set_bool(out, false);
}

bool
fetch_const_var(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	if (n > 0)
		return false;
	if (var_get(t, a[0].scope, a[0].s, out))
		return true;
	/* var(name,default) */
	return argc > 1 && sample_set_str(out, a[1].s);
}

bool
fetch_const_env(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	const char *v = getenv(a[0].s.p);

	UNUSED_ARGS;
	return n <= 0 && v && sample_set_str(out, sv_str(v));
}

/* date([offset[,s|ms|us]]): seconds since the epoch. */
bool
fetch_const_date(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	long long us = (long long)clock_wall_us();
	long long unit = 1000000;

	UNUSED_ARGS;
	if (argc > 1 && sv_eq(a[1].s, SV("ms")))
		unit = 1000;
	else if (argc > 1 && sv_eq(a[1].s, SV("us")))
		unit = 1;
	us /= unit;
	if (argc > 0 && a[0].is_int)
		us += a[0].i;
	return n <= 0 && sample_set_int(out, us);
}

bool
fetch_const_date_us(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 &&
	    sample_set_int(out, (long long)(clock_wall_us() % 1000000));
}

/* splitmix64, seeded when first asked: in a worker, never before the fork. */
static uint64_t
const_random(void)
{
	static uint64_t state;
	static bool seeded;
	uint64_t z;

	if (!seeded &&
	    getrandom(&state, sizeof(state), GRND_NONBLOCK) != sizeof(state))
		state = clock_wall_us() ^ (uint64_t)getpid() << 32;
	seeded = true;
	z = (state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

bool
fetch_const_rand(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	uint64_t r = const_random() >> 32;

	UNUSED_ARGS;
	if (argc > 0 && a[0].i > 0)
		r = (r * (uint64_t)a[0].i) >> 32;
	return n <= 0 && sample_set_int(out, (long long)r);
}

bool
fetch_const_uuid(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	uint64_t hi = const_random(), lo = const_random();
	char *p = sample_mem(t, 37);

	UNUSED_ARGS;
	if (!p || n > 0)
		return false;
	/* RFC 9562 version 4. */
	snprintf(p, 37, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(hi >> 32),
	    (unsigned)(hi >> 16 & 0xffff), (unsigned)(hi & 0xfff) | 0x4000,
	    (unsigned)(lo >> 48 & 0x3fff) | 0x8000,
	    (unsigned long long)(lo & 0xffffffffffff));
	return sample_set_str(out, sv_of(p, 36));
}

bool
fetch_const_hostname(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 && sample_set_str(out, txn_hooks.hostname);
}

bool
fetch_const_nbproc(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 &&
	    sample_set_int(out, t->conf ? t->conf->global.nbproc : 1);
}

bool
fetch_const_proc(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 && sample_set_int(out, txn_hooks.worker_number);
}

bool
fetch_const_pid(struct txn *t, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	UNUSED_ARGS;
	return n <= 0 && sample_set_int(out, getpid());
}
