/* SPDX-License-Identifier: MIT */
/*
 * The selection table; see ws.h.
 */
#include "shm/conf/ws.h"

#include <string.h>

enum {
	H1 = WS_TAG_H1,
	H2WS = WS_TAG_H2WS,
	ANY_H2 = WS_TAG_H2 | WS_TAG_H2WS,
	ANY = H1 | ANY_H2
};

/* What a server line says of protocols, but for `ws`. */
enum line {
	LINE_H1, /* proto h1, or neither proto nor ALPN */
	LINE_H2, /* proto h2 */
	LINE_ALPN_H1,
	LINE_ALPN_H2, /* a list with h2 and without http/1.1 */
	LINE_ALPN_BOTH,
	LINE_N
};

static const uint8_t ordinary[LINE_N] = {
	[LINE_H1] = H1,
	[LINE_H2] = ANY_H2,
	[LINE_ALPN_H1] = H1,
	[LINE_ALPN_H2] = ANY, /* it may know no ALPN */
	[LINE_ALPN_BOTH] = ANY,
};

/*
 * An unknown server is asked by offering all there is: the answer, and the
 * SETTINGS that follow, say whether it is to be h2ws.
 */
static const uint8_t websocket[LINE_N][WS_N][WS_ABLE_N] = {
	/* unknown, no, yes */
	[LINE_H1] = {
		[WS_AUTO] = { H1, H1, H1 },
		[WS_H1] = { H1, H1, H1 },
		[WS_H2] = { H2WS, H2WS, H2WS },
		[WS_PREFER_H2] = { H1, H1, H1 },
	},
	[LINE_H2] = {
		[WS_AUTO] = { H2WS, H2WS, H2WS },
		[WS_H1] = { H1, H1, H1 },
		[WS_H2] = { H2WS, H2WS, H2WS },
		[WS_PREFER_H2] = { H2WS, H1, H2WS },
	},
	[LINE_ALPN_H1] = {
		[WS_AUTO] = { H1, H1, H1 },
		[WS_H1] = { H1, H1, H1 },
		[WS_H2] = { H2WS, H2WS, H2WS },
		[WS_PREFER_H2] = { H1, H1, H1 },
	},
	[LINE_ALPN_H2] = {
		[WS_AUTO] = { H2WS, H2WS, H2WS },
		[WS_H1] = { H1, H1, H1 },
		[WS_H2] = { H2WS, H2WS, H2WS },
		[WS_PREFER_H2] = { H2WS, H1, H2WS },
	},
	[LINE_ALPN_BOTH] = {
		[WS_AUTO] = { H1, H1, H1 },
		[WS_H1] = { H1, H1, H1 },
		[WS_H2] = { H2WS, H2WS, H2WS },
		[WS_PREFER_H2] = { H1 | H2WS, H1, H2WS },
	},
};

bool
ws_has_alpn(const struct server *s)
{
	return s->tls.enabled && s->tls.opts.alpn.n > 0;
}

static enum line
line_of(const struct server *s)
{
	const struct tls_alpn *a = &s->tls.opts.alpn;

	if (s->proto_h2)
		return LINE_H2;
	if (s->proto_h1 || !ws_has_alpn(s))
		return LINE_H1;
	if (!tls_alpn_has(a, SV("h2")))
		return LINE_ALPN_H1;
	return tls_alpn_has(a, SV("http/1.1")) ? LINE_ALPN_BOTH : LINE_ALPN_H2;
}

uint8_t
ws_tags(const struct server *s, enum ws_use use, enum ws_able able)
{
	enum line line = line_of(s);

	switch (use) {
	case WS_USE_WEBSOCKET:
		return websocket[line][s->ws][able];
	case WS_USE_UPGRADE:
		if (line == LINE_ALPN_BOTH)
			return H1;
		break; /* where there is no HTTP/1, it is not asked for */
	case WS_USE_ORDINARY:
	case WS_USE_N:
		break;
	}
	return ordinary[line];
}

uint8_t
ws_tags_ever(const struct server *s)
{
	uint8_t tags = 0;
	int able;

	for (able = 0; able < WS_ABLE_N; able++)
		tags |= ws_tags(s, WS_USE_WEBSOCKET, (enum ws_able)able);
	return tags | ws_tags(s, WS_USE_ORDINARY, WS_ABLE_UNKNOWN) |
	    ws_tags(s, WS_USE_UPGRADE, WS_ABLE_UNKNOWN);
}

static void
add(struct tls_alpn *a, struct sv proto)
{
	if (proto.n + 1u > (size_t)TLS_ALPN_MAX - a->n)
		return; /* cannot be: it was parsed */
	a->wire[a->n] = (uint8_t)proto.n;
	memcpy(a->wire + a->n + 1, proto.p, proto.n);
	a->n = (uint8_t)(a->n + proto.n + 1u);
}

/* Of the line's list, what `proto` and `tags` let pass. */
static void
pick(const struct server *s, uint8_t tags, struct tls_alpn *alpn_r)
{
	const struct tls_alpn *from = &s->tls.opts.alpn;
	unsigned at;

	for (at = 0; at < from->n; at += 1u + from->wire[at]) {
		struct sv p =
		    sv_of((const char *)from->wire + at + 1, from->wire[at]);
		bool h1 = p.n > 7 && memcmp(p.p, "http/1.", 7) == 0;

		if (sv_eq(p, SV("h2")) ? (tags & ANY_H2) && !s->proto_h1
				       : h1 && (tags & H1) && !s->proto_h2)
			add(alpn_r, p);
	}
}

void
ws_offer(const struct server *s, uint8_t tags, struct tls_alpn *alpn_r)
{
	alpn_r->n = 0;
	if (!ws_has_alpn(s))
		return;
	if (!(tags & H1))
		add(alpn_r, SV("h2"));
	else if (!(tags & ANY_H2) && line_of(s) != LINE_ALPN_H1 &&
	    line_of(s) != LINE_H1)
		add(alpn_r, SV("http/1.1"));
	else
		pick(s, tags, alpn_r);
}

bool
ws_is_full_offer(const struct server *s, uint8_t tags)
{
	struct tls_alpn offer, full;

	ws_offer(s, tags, &offer);
	ws_offer(s, ws_tags(s, WS_USE_ORDINARY, WS_ABLE_UNKNOWN), &full);
	return offer.n == full.n && memcmp(offer.wire, full.wire, full.n) == 0;
}

bool
ws_is_prior_h2(const struct server *s, uint8_t tags)
{
	if (s->proto_h2 || !ws_has_alpn(s))
		return (tags & ANY_H2) && (!(tags & H1) || s->proto_h2);
	return false;
}

int
ws_msg_kind(const char *name)
{
	static const char *const names[] = { "text", "binary", "ping", "pong",
		"close" };

	for (int k = 0; k < (int)(sizeof(names) / sizeof(*names)); k++)
		if (strcmp(name, names[k]) == 0)
			return k;
	return -1;
}
