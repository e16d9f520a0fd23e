/* SPDX-License-Identifier: MIT */
#include "worker/ws_watch.h"

#include <string.h>

#include "worker/hop.h"
#include "worker/wk.h"

_Static_assert((int)WS_KIND_N == (int)STAT_WS_N &&
	(int)WS_TEXT == STAT_WS_TEXT && (int)WS_CLOSE == STAT_WS_CLOSE,
    "kinds of messages are counted as they are followed");

/* An element of these fields begins so. */
static bool
has_element(const struct http_head *h, struct sv name, struct sv word)
{
	int i = -1;

	while ((i = http_find(h, name, (unsigned)(i + 1))) >= 0) {
		struct sv list = h->hdr[i].value, e;

		while (sv_next_elem(&list, &e))
			if (sv_istarts(e, word))
				return true;
	}
	return false;
}

/* The reserved bits that what the server agreed to may use. */
static uint8_t
rsv_of(const struct http_head *res)
{
	struct sv name = SV("Sec-WebSocket-Extensions");

	if (http_find(res, name, 0) < 0)
		return 0;
	return has_element(res, name, SV("permessage-deflate")) ? WS_RSV1
								: WS_RSV_ALL;
}

static bool
is_offered(const struct http_head *h)
{
	return hop_upgrade_offers(h, SV("websocket"));
}

void
ws_watch_start(struct ws_watch *w, const struct txn *t)
{
	uint8_t rsv = rsv_of(t->res);

	memset(w, 0, sizeof(*w));
	w->sum.begun_us = clock_us();
	w->sum.is_ws = t->res->status == 101 && is_offered(t->req) &&
	    (http_find_id(t->res, HID_UPGRADE, 0) < 0 || is_offered(t->res));
	if (!w->sum.is_ws)
		return;
	ws_frame_start(&w->frame[WS_IN], true, rsv);
	ws_frame_start(&w->frame[WS_OUT], false, rsv);
}

static void
count_bytes(
    int way, uint64_t n, const struct proxy *fe, const struct server *srv)
{
	struct stat_proxy *f =
	    stat_proxy(&wk.board, wk.proc, (uint32_t)fe->row);
	struct stat_proxy *b =
	    stat_proxy(&wk.board, wk.proc, (uint32_t)srv->px->row);
	struct stat_server *s =
	    stat_server(&wk.board, wk.proc, (uint32_t)srv->row);

	stat_add(&wk.stat->tunnel_bytes[way], n);
	stat_add(&f->tunnel_bytes[way], n);
	if (b != f)
		stat_add(&b->tunnel_bytes[way], n);
	stat_add(&s->tunnel_bytes[way], n);
}

static void
count_message(int way, enum ws_kind kind, const struct proxy *fe,
    const struct server *srv)
{
	struct stat_proxy *f =
	    stat_proxy(&wk.board, wk.proc, (uint32_t)fe->row);
	struct stat_proxy *b =
	    stat_proxy(&wk.board, wk.proc, (uint32_t)srv->px->row);
	struct stat_server *s =
	    stat_server(&wk.board, wk.proc, (uint32_t)srv->row);

	stat_add(&wk.stat->ws[way][kind], 1);
	stat_add(&f->ws[way][kind], 1);
	if (b != f)
		stat_add(&b->ws[way][kind], 1);
	stat_add(&s->ws[way][kind], 1);
}

void
ws_watch_bytes(struct ws_watch *w, int way, const void *bytes, size_t n,
    const struct proxy *fe, const struct server *srv)
{
	struct ws_frame *f = &w->frame[way];
	const char *p = bytes;
	enum ws_kind kind;
	size_t k;

	if (n == 0)
		return;
	w->sum.bytes[way] += n;
	count_bytes(way, n, fe, srv);
	while (n > 0 && !ws_frame_is_lost(f)) {
		k = ws_frame_follow(f, p, n, &kind);
		if (kind != WS_KIND_N) {
			w->sum.msgs[way][kind]++;
			count_message(way, kind, fe, srv);
		}
		p += k;
		n -= k;
	}
	if (ws_frame_is_closed(f) && !w->sum.close_code) {
		w->sum.close_code = f->code;
		ws_watch_ended(w, way == WS_IN ? 'C' : 'S');
	}
	w->sum.is_lost |= w->sum.is_ws && ws_frame_is_lost(f);
}

void
ws_watch_ended(struct ws_watch *w, char who)
{
	if (!w->sum.closed_by)
		w->sum.closed_by = who;
}
