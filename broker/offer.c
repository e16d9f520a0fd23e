/* SPDX-License-Identifier: MIT */
/*
 * See offer.h; what fits whom is the table of shm/conf/ws.c.
 */
#include "broker/offer.h"

#include <stdio.h>

#include "broker/srv.h"
#include "shm/base/clock.h"
#include "shm/conf/ws.h"
#include "shm/seg/able.h"

enum {
	H1 = TAG_BIT(TAG_H1),
	H2 = TAG_BIT(TAG_H2) | TAG_BIT(TAG_H2WS) /* the server says which */
};

_Static_assert(WS_TAG_H1 == TAG_BIT(TAG_H1) && WS_TAG_H2 == TAG_BIT(TAG_H2) &&
	WS_TAG_H2WS == TAG_BIT(TAG_H2WS) && (int)WS_ABLE_NO == ABLE_NO &&
	(int)WS_ABLE_YES == ABLE_YES,
    "shm/conf/ws.h follows shm/seg");

void
offer_alpn(uint32_t server, uint8_t want, struct tls_alpn *alpn_r)
{
	const struct server *c = srv_conf(server);

	alpn_r->n = 0;
	if (c)
		ws_offer(c, want, alpn_r);
}

bool
offer_is_prior(uint32_t server, uint8_t want)
{
	const struct server *c = srv_conf(server);

	return c && ws_is_prior_h2(c, want);
}

bool
offer_allows(uint32_t server, uint8_t want)
{
	const struct server *c = srv_conf(server);

	return (c ? ws_tags_ever(c) : H1) & want;
}

uint8_t
offer_can(uint32_t server, uint8_t want)
{
	struct tls_alpn a;
	uint8_t can = offer_is_prior(server, want) ? H2 : H1;
	unsigned at;

	offer_alpn(server, want, &a);
	for (at = 0; at < a.n; at += 1u + a.wire[at])
		can |= a.wire[at] == 2 ? H2 : H1;
	return can;
}

uint8_t
offer_tags(uint32_t server)
{
	const struct server *c = srv_conf(server);

	return c ? ws_tags(c, WS_USE_ORDINARY, WS_ABLE_UNKNOWN) : H1;
}

static enum able
able(uint32_t server, const struct server *c)
{
	const struct board_server *row = &broker.board.server[server];

	return able_get(&row->ws_able, atomic_load(&row->epoch), clock_us(),
	    c->px->http.ws_learn_ttl_ms);
}

uint8_t
offer_tags_ws(uint32_t server)
{
	const struct server *c = srv_conf(server);

	return c ? ws_tags(c, WS_USE_WEBSOCKET, (enum ws_able)able(server, c))
		 : H1;
}

static void
learn(uint32_t server, uint32_t epoch, bool yes)
{
	struct board_server *row = &broker.board.server[server];
	const struct server *c = srv_conf(server);
	char line[256];
	bool was;

	if (!c)
		return;
	was = able(server, c) == ABLE_YES;
	able_set(&row->ws_able, yes ? ABLE_YES : ABLE_NO, epoch, clock_us());
	if (was == yes || c->ws != WS_PREFER_H2 ||
	    epoch != atomic_load(&row->epoch))
		return;
	snprintf(line, sizeof(line), "Server %s/%s: WebSockets go over %s.",
	    srv_proxy_name(server), srv_name(server),
	    yes ? "HTTP/2" : "HTTP/1.1 from now on");
	srv_log(server, LOGL_NOTICE, line);
}

void
offer_learn(uint32_t slot, enum slot_tag tag)
{
	const struct bslot *s = &broker.slots[slot];
	const struct server *c = srv_conf(s->pool->server);

	if (tag != TAG_H1)
		learn(s->pool->server, s->epoch, tag == TAG_H2WS);
	else if (c && (s->offer & H2) &&
	    (s->offer == TAG_BIT(TAG_H2WS) || ws_is_full_offer(c, s->offer)))
		learn(s->pool->server, s->epoch, false);
}

void
offer_failed(uint32_t slot, enum lease_fail why)
{
	const struct bslot *s = &broker.slots[slot];

	if (s->offer == TAG_BIT(TAG_H2WS) &&
	    (why == LFAIL_TLS || why == LFAIL_PROTO))
		learn(s->pool->server, s->epoch, false);
}
