/* SPDX-License-Identifier: MIT */
#include "worker/shut.h"

#include "worker/duct.h"
#include "worker/stream_parts.h"

struct shut {
	uint32_t server;
	char why;
	unsigned count;
};

/* A client that has not heard a byte of the response is told. */
static void
shut_stream(struct stream *s, void *arg)
{
	struct shut *h = arg;

	if (!s->t.srv || (uint32_t)s->t.srv->row != h->server || !s->b.bc)
		return;
	switch (s->state) {
	case ST_RESPONSE:
		h->count++;
		stream_term(s, h->why, 'H');
		back_drop(s, WSE_EOF);
		reply_status(s, 503);
		return;
	case ST_RELAY:
	case ST_TUNNEL:
		h->count++;
		stream_term(s, h->why, stream_where(s));
		s->aborted = true;
		stream_cut(s);
		return;
	case ST_HEAD:
	case ST_BUFFER:
	case ST_QUEUE:
	case ST_PAUSE:
	case ST_REPLY:
	case ST_DONE:
	case ST_STATE_N:
		return;
	}
}

unsigned
shut_server(void *arg, uint32_t server, char why)
{
	struct shut h = { .server = server, .why = why };

	(void)arg;
	wk_turn();
	fconn_each_stream(shut_stream, &h);
	return h.count + duct_shut(server, why);
}
