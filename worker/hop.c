/* SPDX-License-Identifier: MIT */
/*
 * Removing hop-by-hop fields in one pass.
 */
#include "worker/hop.h"

static bool
is_h2_token(struct sv e)
{
	return sv_ieq(e, SV("h2c")) || sv_ieq(e, SV("h2"));
}

/* Whether some Connection field names `name`. */
static bool
is_named(const struct http_head *h, struct sv name)
{
	int i = -1;

	while ((i = http_find_id(h, HID_CONNECTION, (unsigned)(i + 1))) >= 0) {
		struct sv list = h->hdr[i].value, e;

		while (sv_next_elem(&list, &e))
			if (sv_ieq(e, name))
				return true;
	}
	return false;
}

static bool
has_elem(struct sv list, struct sv elem)
{
	struct sv e;

	while (sv_next_elem(&list, &e))
		if (sv_ieq(e, elem))
			return true;
	return false;
}

static bool
is_plain_number(struct sv v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] < '0' || v.p[i] > '9')
			return false;
	return v.n > 0;
}

/* Whether this field stays; may change its value. */
static bool
stays(const struct http_head *h, struct http_hdr *f, bool keep_upgrade,
    bool *length_seen)
{
	switch (f->id) {
	case HID_CONNECTION:
		return true; /* needed to the end of the pass */
	case HID_KEEP_ALIVE:
	case HID_PROXY_CONNECTION:
	case HID_TRANSFER_ENCODING:
	case HID_HTTP2_SETTINGS:
		return false;
	case HID_CONTENT_LENGTH:
		if (*length_seen || !h->has_length ||
		    !is_plain_number(f->value))
			return false;
		*length_seen = true;
		return true;
	case HID_TE:
		if (!has_elem(f->value, SV("trailers")))
			return false;
		f->value = SV("trailers");
		return true;
	case HID_UPGRADE:
		return keep_upgrade;
	case HID_HOST:
		return true; /* whatever Connection says */
	case HID_OTHER:
	case HID_EXPECT:
	case HID_TRAILER:
	case HID_X_FORWARDED_FOR:
	case HID_COOKIE:
	case HID_SET_COOKIE:
	case HID_DATE:
	case HID_SEC_WEBSOCKET_KEY:
	case HID_SEC_WEBSOCKET_ACCEPT:
	case HID_SEC_WEBSOCKET_VERSION:
	case HID_N:
		break;
	}
	return !h->conn_other || !is_named(h, f->name);
}

static void
compact(struct http_head *h, const bool *gone)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h->hdr_count; i++) {
		if (gone[i])
			continue;
		if (n != i)
			h->hdr[n] = h->hdr[i];
		n++;
	}
	h->hdr_count = (uint16_t)n;
}

void
hop_strip(struct http_head *h, bool keep_upgrade)
{
	bool gone[HTTP_HDR_MAX], length_seen = false, any = false;

	for (unsigned i = 0; i < h->hdr_count; i++) {
		gone[i] = !stays(h, &h->hdr[i], keep_upgrade, &length_seen);
		any |= gone[i];
	}
	for (unsigned i = 0; i < h->hdr_count; i++)
		if (h->hdr[i].id == HID_CONNECTION)
			gone[i] = any = true;
	if (any)
		compact(h, gone);
}

/* The value without h2 tokens, or an empty view. */
static struct sv
filtered(struct sv value, struct arena *a)
{
	struct sv list = value, e;
	size_t n = 0;
	char *out;

	out = arena_get(a, 2 * value.n + 2);
	if (!out)
		return SV_NULL;
	while (sv_next_elem(&list, &e)) {
		if (is_h2_token(e))
			continue;
		if (n) {
			memcpy(out + n, ", ", 2);
			n += 2;
		}
		/* "a,b" grows to "a, b" at most. */
		if (n + e.n > 2 * value.n + 2)
			return SV_NULL;
		memcpy(out + n, e.p, e.n);
		n += e.n;
	}
	return sv_of(out, n);
}

bool
hop_upgrade_filter(struct http_head *h, struct arena *a)
{
	bool left = false;
	int i = -1;

	while ((i = http_find_id(h, HID_UPGRADE, (unsigned)(i + 1))) >= 0) {
		struct sv *v = &h->hdr[i].value;

		if (has_elem(*v, SV("h2c")) || has_elem(*v, SV("h2")))
			*v = filtered(*v, a);
		if (v->n == 0) {
			http_del(h, (unsigned)i);
			i--;
			continue;
		}
		left = true;
	}
	return left;
}

bool
hop_upgrade_offers(const struct http_head *h, struct sv protocol)
{
	int i = -1;

	while ((i = http_find_id(h, HID_UPGRADE, (unsigned)(i + 1))) >= 0)
		if (has_elem(h->hdr[i].value, protocol))
			return true;
	return false;
}
