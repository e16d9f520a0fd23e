/* SPDX-License-Identifier: MIT */
/*
 * See offer.h.  A server with `ssl` and `alpn` speaks what was negotiated, any
 * other what its `proto` says.
 */
#include "broker/offer.h"

#include "broker/srv.h"
#include "shm/base/sv.h"

enum {
	H1 = TAG_BIT(TAG_H1),
	H2 = TAG_BIT(TAG_H2) | TAG_BIT(TAG_H2WS) /* the server says which */
};

static bool
has_alpn(const struct server *c)
{
	return c && c->tls.enabled && c->tls.opts.alpn.n > 0;
}

/* Tags of one protocol of ALPN; 0: it is not spoken here. */
static uint8_t
tags_of(const struct server *c, struct sv proto)
{
	if (sv_eq(proto, SV("h2")))
		return c->proto_h1 ? 0 : H2;
	return proto.n > 7 && memcmp(proto.p, "http/1.", 7) == 0 ? H1 : 0;
}

void
offer_alpn(uint32_t server, uint8_t want, struct tls_alpn *alpn_r)
{
	const struct server *c = srv_conf(server);
	const struct tls_alpn *from = has_alpn(c) ? &c->tls.opts.alpn : NULL;
	unsigned at, n;

	alpn_r->n = 0;
	for (at = 0; from && at < from->n; at += n) {
		struct sv proto =
		    sv_of((const char *)from->wire + at + 1, from->wire[at]);

		n = 1u + from->wire[at];
		if (!(tags_of(c, proto) & want))
			continue;
		memcpy(alpn_r->wire + alpn_r->n, from->wire + at, n);
		alpn_r->n = (uint8_t)(alpn_r->n + n);
	}
}

bool
offer_is_prior(uint32_t server)
{
	const struct server *c = srv_conf(server);

	return c && c->proto_h2 && !has_alpn(c);
}

uint8_t
offer_can(uint32_t server, uint8_t want)
{
	const struct server *c = srv_conf(server);
	const struct tls_alpn *a;
	unsigned at, can = 0, all = 0, t;

	if (!has_alpn(c)) {
		t = c && c->proto_h2 ? H2 : H1;
		return (uint8_t)(t & want ? t : 0);
	}
	a = &c->tls.opts.alpn;
	for (at = 0; at < a->n; at += 1u + a->wire[at]) {
		t = tags_of(
		    c, sv_of((const char *)a->wire + at + 1, a->wire[at]));
		all |= t;
		can |= t & want ? t : 0;
	}
	/* a list of other protocols only: nothing is offered */
	return (uint8_t)(all ? can : H1 & want);
}

uint8_t
offer_tags(uint32_t server)
{
	return offer_can(server, H1 | H2);
}
