/* SPDX-License-Identifier: MIT */
/*
 * Fetches of header fields: of one comma-separated value each, or of whole
 * fields ("full").
 */
#include <ctype.h>

#include "worker/rules/fetch.h"

/* Up to the next comma that stands in no quoted string. */
static struct sv
hdr_elem(struct sv s)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			quoted = !quoted;
		else if (quoted && s.p[i] == '\\' && i + 1 < s.n)
			i++;
		else if (!quoted && s.p[i] == ',')
			break;
	}
	return sv_of(s.p, i);
}

bool
fetch_hdr_next(struct sv *rest, struct sv *elem_r)
{
	struct sv e;

	if (!rest->p)
		return false;
	e = hdr_elem(*rest);
	/* Behind the last one there is none; behind a comma there is. */
	*rest = e.n < rest->n ? sv_from(*rest, e.n + 1) : SV_NULL;
	*elem_r = sv_trim(e);
	return true;
}

/*
 * Walk the values called `name` (all fields if it is empty). Visits number
 * `want` (FETCH_LAST: the last) and returns true, or counts them.
 */
static bool
hdr_walk(const struct http_head *h, struct sv name, bool full, int want,
    struct sv *value_r, int *count_r)
{
	int count = 0, i;

	for (i = 0; i < h->hdr_count; i++) {
		struct sv rest = h->hdr[i].value, e = rest;

		if (name.n && !sv_ieq(h->hdr[i].name, name))
			continue;
		if (full) {
			*value_r = e;
			if (count++ == want)
				return true;
			continue;
		}
		if (!rest.p)
			rest.p = "";
		while (fetch_hdr_next(&rest, &e)) {
			*value_r = e;
			if (count++ == want)
				return true;
		}
	}
	*count_r = count;
	return want == FETCH_LAST && count > 0;
}

/* Occurrence 1.. from the start, -1.. from the end; 0: all in turn. */
static bool
hdr_get(const struct http_head *h, const struct fetch_arg *a, int argc, int n,
    bool full, struct sv *value_r)
{
	struct sv name = argc > 0 ? a[0].s : SV_NULL;
	long long occ = argc > 1 ? a[1].i : 0;
	int count = 0;

	if (!h)
		return false;
	if (occ == 0)
		return hdr_walk(h, name, full, n, value_r, &count);
	if (n > 0)
		return false;
	if (occ < 0) {
		hdr_walk(h, name, full, FETCH_LAST, value_r, &count);
		occ += count + 1;
	}
	if (occ < 1 || occ > 1000000)
		return false;
	return hdr_walk(h, name, full, (int)occ - 1, value_r, &count);
}

static bool
hdr_str(const struct http_head *h, const struct fetch_arg *a, int argc, int n,
    bool full, struct sample *out)
{
	out->type = SMP_STR;
	return hdr_get(h, a, argc, n, full, &out->s);
}

static bool
hdr_count(const struct http_head *h, const struct fetch_arg *a, int argc, int n,
    bool full, struct sample *out)
{
	struct sv value;
	int count = 0;

	if (!h || n > 0)
		return false;
	hdr_walk(
	    h, argc > 0 ? a[0].s : SV_NULL, full, FETCH_LAST, &value, &count);
	return sample_set_int(out, count);
}

static bool
hdr_names(struct txn *t, const struct http_head *h, const struct fetch_arg *a,
    int argc, int n, struct sample *out)
{
	struct sv delim = argc > 0 ? a[0].s : SV(",");
	size_t total = 0, k;
	char *p;
	int i;

	if (!h || n > 0)
		return false;
	for (i = 0; i < h->hdr_count; i++)
		total += h->hdr[i].name.n + delim.n;
	p = sample_mem(t, total);
	if (!p)
		return false;
	out->type = SMP_STR;
	out->s = sv_of(p, total ? total - delim.n : 0);
	for (i = 0; i < h->hdr_count; i++) {
		for (k = 0; k < h->hdr[i].name.n; k++)
			*p++ =
			    (char)tolower((unsigned char)h->hdr[i].name.p[k]);
		if (i + 1 < h->hdr_count && delim.n)
			memcpy(p, delim.p, delim.n);
		p += delim.n;
	}
	return true;
}

static bool
hdr_val(const struct http_head *h, const struct fetch_arg *a, int argc, int n,
    struct sample *out)
{
	return hdr_str(h, a, argc, n, false, out) && sample_to_int(out);
}

static bool
hdr_ip(struct txn *t, const struct http_head *h, const struct fetch_arg *a,
    int argc, int n, struct sample *out)
{
	return hdr_str(h, a, argc, n, false, out) &&
	    sample_cast(t, out, SMP_ADDR);
}

/* The same for either side. */
#define HDR_FETCHES(side, head)                                                \
	bool fetch_hdr_##side(struct txn *t, const struct fetch_arg *a,        \
	    int argc, int n, struct sample *out)                               \
	{                                                                      \
		return hdr_str(head, a, argc, n, false, out);                  \
	}                                                                      \
	bool fetch_hdr_##side##_full(struct txn *t, const struct fetch_arg *a, \
	    int argc, int n, struct sample *out)                               \
	{                                                                      \
		return hdr_str(head, a, argc, n, true, out);                   \
	}                                                                      \
	bool fetch_hdr_##side##_count(struct txn *t,                           \
	    const struct fetch_arg *a, int argc, int n, struct sample *out)    \
	{                                                                      \
		return hdr_count(head, a, argc, n, false, out);                \
	}                                                                      \
	bool fetch_hdr_##side##_full_count(struct txn *t,                      \
	    const struct fetch_arg *a, int argc, int n, struct sample *out)    \
	{                                                                      \
		return hdr_count(head, a, argc, n, true, out);                 \
	}                                                                      \
	bool fetch_hdr_##side##_val(struct txn *t, const struct fetch_arg *a,  \
	    int argc, int n, struct sample *out)                               \
	{                                                                      \
		return hdr_val(head, a, argc, n, out);                         \
	}                                                                      \
	bool fetch_hdr_##side##_ip(struct txn *t, const struct fetch_arg *a,   \
	    int argc, int n, struct sample *out)                               \
	{                                                                      \
		return hdr_ip(t, head, a, argc, n, out);                       \
	}                                                                      \
	bool fetch_hdr_##side##_names(struct txn *t,                           \
	    const struct fetch_arg *a, int argc, int n, struct sample *out)    \
	{                                                                      \
		return hdr_names(t, head, a, argc, n, out);                    \
	}

HDR_FETCHES(req, t->req)
HDR_FETCHES(res, t->res)
