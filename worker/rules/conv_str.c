/* SPDX-License-Identifier: MIT */
/*
 * Converters of text.
 */
#include <ctype.h>

#include "shm/conf/regx.h"
#include "worker/rules/conv.h"
#include "worker/rules/fetch.h"
#include "worker/rules/var.h"

static bool
str_case(struct txn *t, struct sample *io, int (*to)(int))
{
	char *p = sample_mem(t, io->s.n);
	size_t i;

	if (!p)
		return false;
	for (i = 0; i < io->s.n; i++)
		p[i] = (char)to((unsigned char)io->s.p[i]);
	io->s.p = p;
	return true;
}

bool
conv_str_lower(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	(void)a;
	(void)argc;
	return str_case(t, io, tolower);
}

bool
conv_str_upper(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	(void)a;
	(void)argc;
	return str_case(t, io, toupper);
}

bool
conv_str_length(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	(void)t;
	(void)a;
	(void)argc;
	return sample_set_int(io, (long long)io->s.n);
}

/* concat([start],[var],[end]) */
bool
conv_str_concat(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	struct sv part[4] = { io->s };
	struct sample v;
	size_t total = 0, at = 0;
	char *p;
	int k;

	if (argc > 0)
		part[1] = a[0].s;
	if (argc > 1 && a[1].is_var && var_get(t, a[1].scope, a[1].s, &v) &&
	    sample_to_str(t, &v))
		part[2] = v.s;
	if (argc > 2)
		part[3] = a[2].s;
	for (k = 0; k < 4; k++)
		total += part[k].n;
	p = sample_mem(t, total);
	if (!p)
		return false;
	for (k = 0; k < 4; k++) {
		if (part[k].n)
			memcpy(p + at, part[k].p, part[k].n);
		at += part[k].n;
	}
	return sample_set_str(io, sv_of(p, total));
}

static bool
str_is_delim(char c, struct sv delims)
{
	return sv_find_char(delims, c, 0) >= 0;
}

/*
 * Parts `index`.. of s between delimiters, `count` of them (0: all that
 * follow) with what stands between them.  index < 0 counts from the end.
 * Words leave out empty parts, fields do not.
 */
static bool
str_parts(struct sv s, long long index, long long count, struct sv delims,
    bool words, struct sv *part_r)
{
	enum { PARTS_MAX = 512 };
	struct sv part[PARTS_MAX];
	long long n = 0, first, last;
	size_t from = 0, i;

	for (i = 0; i <= s.n && n < PARTS_MAX; i++) {
		if (i < s.n && !str_is_delim(s.p[i], delims))
			continue;
		if (!words || i > from)
			part[n++] = sv_of(s.p + from, i - from);
		from = i + 1;
	}
	if (index > 0) {
		first = index - 1;
		last =
		    count > 0 && count < n - first ? first + count - 1 : n - 1;
	} else {
		last = n + index;
		first = count > 0 && count <= last ? last - count + 1 : 0;
	}
	if (index == 0 || first < 0 || first >= n || last < 0)
		return false;
	*part_r = sv_of(part[first].p,
	    (size_t)(part[last].p + part[last].n - part[first].p));
	return true;
}

/* field(index,delimiters[,count]) */
bool
conv_str_field(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	(void)t;
	return str_parts(
	    io->s, a[0].i, argc > 2 ? a[2].i : 1, a[1].s, false, &io->s);
}

/* word(index,delimiters[,count]) */
bool
conv_str_word(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	(void)t;
	return str_parts(
	    io->s, a[0].i, argc > 2 ? a[2].i : 1, a[1].s, true, &io->s);
}

/* bytes(offset[,length]) */
bool
conv_str_bytes(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	(void)t;
	if (a[0].i < 0)
		return false;
	if ((unsigned long long)a[0].i >= io->s.n) {
		io->s.n = 0;
		return true;
	}
	io->s = sv_from(io->s, (size_t)a[0].i);
	if (argc > 1 && a[1].i >= 0 && (size_t)a[1].i < io->s.n)
		io->s.n = (size_t)a[1].i;
	return true;
}

bool
conv_str_ltrim(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	(void)t;
	(void)argc;
	while (io->s.n && str_is_delim(io->s.p[0], a[0].s))
		io->s = sv_from(io->s, 1);
	return true;
}

bool
conv_str_rtrim(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	(void)t;
	(void)argc;
	while (io->s.n && str_is_delim(io->s.p[io->s.n - 1], a[0].s))
		io->s.n--;
	return true;
}

/* iif(true text,false text) */
bool
conv_str_iif(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	(void)t;
	(void)argc;
	return sample_set_str(io, io->i ? a[0].s : a[1].s);
}

/* strcmp(variable): below, equal to or above 0 */
bool
conv_str_strcmp(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	struct sample v;
	size_t n;
	int d;

	(void)argc;
	if (!var_get(t, a[0].scope, a[0].s, &v) || !sample_to_str(t, &v))
		return false;
	n = io->s.n < v.s.n ? io->s.n : v.s.n;
	d = n ? memcmp(io->s.p, v.s.p, n) : 0;
	if (d == 0)
		d = (io->s.n > v.s.n) - (io->s.n < v.s.n);
	return sample_set_int(io, d < 0 ? -1 : d > 0);
}

/* regsub(regex,replacement[,flags]): g for all, i ignores case */
bool
conv_str_regsub(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	enum { OUT_MAX = 8192 };
	bool all = argc > 2 && sv_find_char(a[2].s, 'g', 0) >= 0;
	struct regx_groups g;
	struct sv rest = io->s;
	char out[OUT_MAX];
	size_t n = 0, skip;
	ssize_t rc;

	while (rest.p == io->s.p ? regx_match(a[0].re, rest, &g)
				 : regx_match_rest(a[0].re, rest, &g)) {
		skip = (size_t)(g.group[0].p - rest.p);
		if (skip > OUT_MAX - n)
			return false;
		memcpy(out + n, rest.p, skip);
		n += skip;
		rc = regx_expand(a[1].s, &g, out + n, OUT_MAX - n);
		if (rc < 0)
			return false;
		n += (size_t)rc;
		rest = sv_from(rest, skip + g.group[0].n);
		if (g.group[0].n == 0 && rest.n) {
			/* An empty match: one byte on. */
			if (n == OUT_MAX)
				return false;
			out[n++] = rest.p[0];
			rest = sv_from(rest, 1);
		} else if (g.group[0].n == 0) {
			break;
		}
		if (!all || rest.n == 0)
			break;
	}
	if (rest.n > OUT_MAX - n)
		return false;
	if (rest.n)
		memcpy(out + n, rest.p, rest.n);
	n += rest.n;
	io->type = SMP_STR;
	return sample_dup(t, sv_of(out, n), &io->s);
}

/* param(name[,delimiter]): of a query */
bool
conv_str_param(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	char delim = argc > 1 && a[1].s.n ? a[1].s.p[0] : '&';
	struct sv rest = io->s, name, value;

	(void)t;
	while (fetch_url_next_param(&rest, delim, &name, &value)) {
		if (sv_eq(name, a[0].s))
			return sample_set_str(io, value);
	}
	return false;
}

bool
conv_str_set_var(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	(void)argc;
	var_set(t, a[0].scope, a[0].s, io);
	return true;
}

bool
conv_str_unset_var(
    struct txn *t, const struct fetch_arg *a, int argc, struct sample *io)
{
	(void)argc;
	(void)io;
	var_unset(t, a[0].scope, a[0].s);
	return true;
}
