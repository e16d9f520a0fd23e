/* SPDX-License-Identifier: MIT */
/*
 * Heads to field sections: what HTTP/1 says in other words or not at all is
 * translated.  See h2_head.h.
 */
#include "shm/proto/h2_head.h"

#include <string.h>

static void
put(struct h2_fields *o, struct sv name, struct sv value)
{
	o->f[o->count++] = (struct h2_field){ name, value };
}

/* Does Connection name the field? */
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
has_trailers(struct sv list)
{
	struct sv e;

	while (sv_next_elem(&list, &e))
		if (sv_ieq(e, SV("trailers")))
			return true;
	return false;
}

/* Fields with a meaning for this hop alone, or another place in HTTP/2. */
static bool
is_dropped(const struct http_head *h, const struct http_hdr *f)
{
	switch (f->id) {
	case HID_CONNECTION:
	case HID_TRANSFER_ENCODING:
	case HID_UPGRADE:
	case HID_KEEP_ALIVE:
	case HID_PROXY_CONNECTION:
	case HID_HTTP2_SETTINGS:
		return true;
	case HID_HOST:
		return !h->is_response;
	case HID_TE:
		return !has_trailers(f->value);
	case HID_OTHER:
	case HID_CONTENT_LENGTH:
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
	return h->conn_other && is_named(h, f->name);
}

/* An upgrade's length and key have no meaning in HTTP/2. */
static void
put_regular(struct h2_fields *o, const struct http_head *h, bool is_upgrade)
{
	for (unsigned i = 0; i < h->hdr_count; i++) {
		const struct http_hdr *f = &h->hdr[i];

		if (is_dropped(h, f))
			continue;
		if (is_upgrade &&
		    (f->id == HID_CONTENT_LENGTH ||
			f->id == HID_SEC_WEBSOCKET_KEY ||
			f->id == HID_SEC_WEBSOCKET_ACCEPT))
			continue;
		put(o, f->name, f->id == HID_TE ? SV("trailers") : f->value);
	}
}

struct sv
h2_head_upgrade(const struct http_head *h)
{
	int i = h->conn_upgrade ? http_find_id(h, HID_UPGRADE, 0) : -1;
	struct sv list, e;

	if (i < 0)
		return SV_NULL;
	list = h->hdr[i].value;
	return sv_next_elem(&list, &e) ? e : SV_NULL;
}

/*
 * Split an absolute-form target; without a path it gets one (RFC 9112 3.2.1,
 * 3.2.4).
 */
static int
target_split(const struct http_head *h, struct arena *a, struct sv *scheme,
    struct sv *path_r)
{
	struct sv t = h->target;
	ssize_t at = sv_find(t, SV("://"));
	size_t i;
	char *p;

	*path_r = t;
	if (t.n && (t.p[0] == '/' || sv_eq(t, SV("*"))))
		return 0;
	if (at <= 0)
		return -WSE_SYNTAX;
	*scheme = sv_of(t.p, (size_t)at);
	for (i = (size_t)at + 3; i < t.n; i++)
		if (t.p[i] == '/' || t.p[i] == '?')
			break;
	*path_r = sv_from(t, i);
	if (path_r->n == 0) {
		*path_r = h->method == HTTP_OPTIONS ? SV("*") : SV("/");
	} else if (path_r->p[0] == '?') {
		p = arena_get(a, path_r->n + 1);
		if (!p)
			return -WSE_FULL;
		p[0] = '/';
		memcpy(p + 1, path_r->p, path_r->n);
		*path_r = sv_of(p, path_r->n + 1);
	}
	return 0;
}

int
h2_head_request(const struct http_head *h, struct sv scheme, struct arena *a,
    struct h2_fields *out)
{
	int host = http_find_id(h, HID_HOST, 0), err;
	struct sv upgrade = h2_head_upgrade(h), path;

	out->count = 0;
	if (h->method == HTTP_CONNECT && !upgrade.n) {
		put(out, SV(":method"), h->method_text);
		put(out, SV(":authority"), h->target);
		put_regular(out, h, false);
		return 0;
	}
	if (upgrade.n &&
	    (h->framing != HTTP_BODY_NONE || sv_ieq(upgrade, SV("h2")) ||
		sv_ieq(upgrade, SV("h2c"))))
		return -WSE_UNSUPP;
	err = target_split(h, a, &scheme, &path);
	if (err < 0)
		return err;
	put(out, SV(":method"), upgrade.n ? SV("CONNECT") : h->method_text);
	if (upgrade.n)
		put(out, SV(":protocol"), upgrade);
	put(out, SV(":scheme"), scheme);
	put(out, SV(":path"), path);
	if (host >= 0)
		put(out, SV(":authority"), h->hdr[host].value);
	put_regular(out, h, upgrade.n > 0);
	return 0;
}

int
h2_head_response(
    const struct http_head *h, bool is_tunnel, struct h2_fields *out)
{
	bool switched = h->status == 101;
	unsigned st = switched ? 200 : h->status;

	if ((switched && !is_tunnel) || st < 100 || st > 999)
		return -WSE_PROTO;
	out->status[0] = (char)('0' + st / 100);
	out->status[1] = (char)('0' + st / 10 % 10);
	out->status[2] = (char)('0' + st % 10);
	out->count = 0;
	put(out, SV(":status"), sv_of(out->status, 3));
	put_regular(out, h, switched);
	return 0;
}

void
h2_head_trailers(const struct http_head *h, struct h2_fields *out)
{
	out->count = 0;
	for (unsigned i = 0; i < h->hdr_count; i++) {
		const struct http_hdr *f = &h->hdr[i];

		if (f->id == HID_OTHER || f->id == HID_DATE ||
		    f->id == HID_X_FORWARDED_FOR)
			put(out, f->name, f->value);
	}
}
