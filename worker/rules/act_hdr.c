/* SPDX-License-Identifier: MIT */
/*
 * Actions on header fields.  The two fields that frame a message are never
 * touched: what they say is settled before rules run.
 */
#include <ctype.h>

#include "shm/conf/regx.h"
#include "worker/rules/act.h"
#include "worker/rules/fetch.h"
#include "worker/rules/logfmt_out.h"

enum { HDR_VALUE_BYTES_MAX = 16384 };

static bool
hdr_is_framing(const struct http_hdr *h)
{
	return h->id == HID_CONTENT_LENGTH || h->id == HID_TRANSFER_ENCODING;
}

static void
hdr_del_all(struct http_head *h, struct sv name)
{
	int i = 0;

	while ((i = http_find(h, name, (unsigned)i)) >= 0)
		http_del(h, (unsigned)i);
}

bool
act_hdr_add(const struct action_args *a, struct txn *t, struct http_head *h)
{
	struct sv value;

	return logfmt_eval(a->fmt, t, &value) &&
	    http_add(h, sv_str(a->name), sv_trim(value)) == 0;
}

bool
act_hdr_set(const struct action_args *a, struct txn *t, struct http_head *h)
{
	struct sv name = sv_str(a->name), value;
	int at;

	/* The old value may be part of the new one. */
	if (!logfmt_eval(a->fmt, t, &value))
		return false;
	value = sv_trim(value);
	at = http_find(h, name, 0);
	if (at < 0)
		return http_add(h, name, value) == 0;
	hdr_del_all(h, name);
	return http_add(h, name, value) == 0;
}

/* As HAProxy shows names to a pattern; text holds 256 bytes. */
static struct sv
lower(struct sv name, char *text)
{
	size_t n = name.n < 256 ? name.n : 256;

	for (size_t i = 0; i < n; i++)
		text[i] = (char)tolower((unsigned char)name.p[i]);
	return sv_of(text, n);
}

static bool
hdr_name_matches(const struct action_args *a, struct sv name)
{
	struct sv want = sv_str(a->name), part = name;
	char text[256];
	size_t i;

	switch (a->match) {
	case ACL_BEG:
		return sv_istarts(name, want);
	case ACL_END:
		part = sv_from(name, name.n > want.n ? name.n - want.n : 0);
		return sv_ieq(part, want);
	case ACL_SUB:
		for (i = 0; i + want.n <= name.n; i++) {
			if (sv_ieq(sv_of(name.p + i, want.n), want))
				return true;
		}
		return false;
	case ACL_REG:
		return regx_match(a->re, lower(name, text), NULL);
	default:
		return sv_ieq(name, want);
	}
}

bool
act_hdr_del(const struct action_args *a, struct http_head *h)
{
	unsigned i = 0;

	while (i < h->hdr_count) {
		if (!hdr_is_framing(&h->hdr[i]) &&
		    hdr_name_matches(a, h->hdr[i].name))
			http_del(h, i);
		else
			i++;
	}
	return true;
}

/* Replacement of a whole match at out; bytes, -1: no match, -2: too big. */
static ssize_t
hdr_replace_one(const struct action_args *a, struct txn *t, struct sv value,
    char *out, size_t room)
{
	struct regx_groups g;
	struct sv with;
	ssize_t n;

	if (!regx_match(a->re, value, &g))
		return -1;
	if (!logfmt_eval(a->fmt, t, &with))
		return -2;
	n = regx_expand(with, &g, out, room);
	return n < 0 ? -2 : n;
}

/* Each comma-separated value on its own; out as hdr_replace_one(). */
static ssize_t
hdr_replace_values(const struct action_args *a, struct txn *t, struct sv value,
    char *out, size_t room)
{
	struct sv rest = value, e;
	bool changed = false;
	size_t n = 0;
	ssize_t rc;

	while (fetch_hdr_next(&rest, &e)) {
		if (n + e.n + 2 > room)
			return -2;
		if (n) {
			out[n++] = ',';
			out[n++] = ' ';
		}
		rc = hdr_replace_one(a, t, e, out + n, room - n);
		if (rc == -2)
			return rc;
		if (rc == -1) {
			if (e.n > room - n)
				return -2;
			memcpy(out + n, e.p, e.n);
			rc = (ssize_t)e.n;
		} else {
			changed = true;
		}
		n += (size_t)rc;
	}
	return changed ? (ssize_t)n : -1;
}

bool
act_hdr_replace(const struct action_args *a, struct txn *t, struct http_head *h,
    bool each_value)
{
	char out[HDR_VALUE_BYTES_MAX];
	ssize_t n;
	int i;

	for (i = 0; i < h->hdr_count; i++) {
		struct sv value = h->hdr[i].value;

		if (!sv_ieq(h->hdr[i].name, sv_str(a->name)))
			continue;
		n = each_value
		    ? hdr_replace_values(a, t, value, out, sizeof(out))
		    : hdr_replace_one(a, t, value, out, sizeof(out));
		if (n == -2)
			return false;
		if (n >= 0 &&
		    !sample_dup(
			t, sv_trim(sv_of(out, (size_t)n)), &h->hdr[i].value))
			return false;
	}
	return true;
}
