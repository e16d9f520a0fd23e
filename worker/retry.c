/* SPDX-License-Identifier: MIT */
/*
 * Trying again.  A request that may have been executed is never repeated: it
 * goes out anew only if no byte of it has left, or its method is idempotent
 * (RFC 9110 9.2.2), or the server said that it refused it.
 */
#include "worker/cookie.h"
#include "worker/lb.h"
#include "worker/observe.h"
#include "worker/stream_parts.h"

enum { PAUSE_MS = 1000 };

static struct stat_proxy *
be_stat(const struct stream *s)
{
	return stat_proxy(&wk.board, wk.proc, (uint32_t)s->t.be->row);
}

static struct stat_server *
srv_stat(const struct stream *s)
{
	return stat_server(&wk.board, wk.proc, (uint32_t)s->t.srv->row);
}

bool
retry_is_idempotent(enum http_method m)
{
	switch (m) {
	case HTTP_GET:
	case HTTP_HEAD:
	case HTTP_PUT:
	case HTTP_DELETE:
	case HTTP_OPTIONS:
	case HTTP_TRACE:
		return true;
	case HTTP_POST:
	case HTTP_CONNECT:
	case HTTP_PATCH:
	case HTTP_OTHER:
	case HTTP_METHOD_N:
		break;
	}
	return false;
}

/* All bytes of it are still here, and it did no harm, or will do none. */
static bool
is_repeatable(const struct stream *s)
{
	return s->up.keep && !s->res_begun &&
	    (!s->b.any_sent || retry_is_idempotent(s->t.req->method));
}

static void
count_retry(struct stream *s)
{
	s->b.tries_done++;
	s->t.log.retries = s->b.tries_done;
	stat_add(&be_stat(s)->retries, 1);
	stat_add(&srv_stat(s)->retries, 1);
}

/* The request, not the load, says which server is meant. */
static bool
is_hash(enum lb_algo algo)
{
	return algo == LB_SOURCE || algo == LB_URI || algo == LB_HDR;
}

/* option redispatch: whether this retry may go to another server. */
static bool
redispatches(const struct stream *s)
{
	const struct proxy *be = s->t.be;
	int every = be->http.redispatch_every ? be->http.redispatch_every : -1;
	int period = every > 0 ? every : be->http.retries + 1 + every;

	if (!be->http.redispatch || s->t.srv->redispatch_off)
		return false;
	if (!lb_is_usable(s->t.srv))
		return true;
	if (period > 0 && s->b.tries_done % period == 0)
		return true;
	/* At once where any server would do. */
	return !s->b.by_rule && !is_hash(be->lb.algo) &&
	    lb_usable_count(be) > 1;
}

static void
redispatch(struct stream *s)
{
	const struct server *old = s->t.srv;

	stat_add(&be_stat(s)->redispatches, 1);
	stat_add(&srv_stat(s)->redispatches, 1);
	if (s->t.cookie.srv)
		s->b.by_rule = false;
	cookie_leave(&s->t);
	s->t.srv = lb_choose(&s->t, old);
	if (!s->t.srv) {
		s->t.srv = old;
		stream_term(s, 'S', 'C');
		reply_status(s, 503);
		return;
	}
	if (s->t.srv != old) {
		s->t.log.redispatched = true;
		s->b.ws_fell_back = false;
	}
	s->b.chosen_us = clock_us();
	back_lease(s);
}

static void
pause_begin(struct stream *s)
{
	unsigned connect = stream_be_tmo(s)->connect_ms;
	unsigned ms = connect && connect < PAUSE_MS ? connect : PAUSE_MS;

	stream_set_state(s, ST_PAUSE);
	s->due.state_ms = clock_ms() + ms;
	stream_arm(s);
}

void
retry_resume(struct stream *s)
{
	if (lb_is_usable(s->t.srv))
		back_lease(s);
	else
		back_assign(s);
}

static void
give_up(struct stream *s, enum pool_fail why)
{
	char where = why == PFAIL_QUEUE_FULL ? 'Q' : 'C';

	stream_term(s, why == PFAIL_TIMEOUT ? 's' : 'S', where);
	/* it is there, but not who it should be, or speaks no TLS */
	reply_status(s,
	    why == PFAIL_TLS || why == PFAIL_CERT || why == PFAIL_UNFIT ? 502
									: 503);
}

static bool
was_tried(enum pool_fail why)
{
	switch (why) {
	case PFAIL_CONNECT:
	case PFAIL_TIMEOUT:
	case PFAIL_TLS:
	case PFAIL_CERT:
	case PFAIL_UNFIT:
		return true;
	case PFAIL_QUEUE_FULL:
	case PFAIL_DOWN:
	case PFAIL_INTERNAL:
	case PFAIL_N:
		break;
	}
	return false;
}

/*
 * A refused certificate will be so again, HAProxy pauses and tries again; and
 * what the server speaks.
 */
static bool
is_final(const struct stream *s, enum pool_fail why)
{
	const struct proxy *be = s->t.be;

	return why == PFAIL_QUEUE_FULL || why == PFAIL_INTERNAL ||
	    ((why == PFAIL_CERT || why == PFAIL_UNFIT) &&
		(!be->http.redispatch || s->t.srv->redispatch_off ||
		    lb_usable_count(be) < 2));
}

void
retry_connect(struct stream *s, enum pool_fail why)
{
	bool tried = was_tried(why);

	back_waited(s);
	if (tried) {
		observe_error(s->t.srv, OBSERVE_L4);
		stat_add(&srv_stat(s)->conn_errors, 1);
		stat_add(&be_stat(s)->conn_errors, 1);
	}
	if (is_final(s, why) || s->b.tries_left <= 0 ||
	    (tried && !(s->t.be->http.retry_on & RETRY_CONN_FAILURE))) {
		give_up(s, why);
		return;
	}
	s->b.tries_left--;
	count_retry(s);
	if (why == PFAIL_DOWN || why == PFAIL_CERT || why == PFAIL_UNFIT ||
	    redispatches(s))
		redispatch(s);
	else if (why == PFAIL_CONNECT)
		pause_begin(s);
	else
		back_lease(s);
}

/* Everything of the try at hand is undone; then another one. */
static void
again(struct stream *s)
{
	back_drop(s, 0);
	buf_put(&s->to_srv);
	buf_put(&s->dbuf);
	flow_end(&s->down);
	flow_rewind(&s->up);
	s->t.res = NULL;
	s->t.at.response_us = 0;
	count_retry(s);
	if (redispatches(s))
		redispatch(s);
	else
		back_lease(s);
}

void
retry_broken(struct stream *s, int err)
{
	unsigned on = s->t.be->http.retry_on;
	bool safe = is_repeatable(s);
	bool refused = err == WSE_DENIED;
	bool stale = s->t.reused && (!s->b.x.mux || s->b.x.mux->gone);

	/*
	 * An idle connection's end crossed our request: RFC 9112 9.3.1.  Or the
	 * server did nothing of it, RFC 9113 8.7: any other connection will do.
	 */
	if (safe && (stale || refused) && !s->b.stale_retried) {
		s->b.stale_retried = true;
		stat_add(&srv_stat(s)->stale_retries, stale);
		s->b.want_fresh = !refused;
		again(s);
		return;
	}
	if (safe && s->b.tries_left > 0 &&
	    ((on & RETRY_EMPTY_RESPONSE) ||
		((on & RETRY_CONN_FAILURE) && !s->b.any_sent))) {
		s->b.tries_left--;
		s->b.want_fresh |= refused;
		again(s);
		return;
	}
	stat_add(&be_stat(s)->res_errors, 1);
	stat_add(&srv_stat(s)->res_errors, 1);
	observe_error(s->t.srv, OBSERVE_L7);
	stream_term(s, 'S', 'H');
	back_drop(s, err);
	reply_status(s, 502);
}

static const struct {
	uint16_t status;
	unsigned bit;
	bool refused; /* the server did not process the request */
} status_bits[] = {
	{ 401, RETRY_401, false },
	{ 403, RETRY_403, false },
	{ 404, RETRY_404, false },
	{ 408, RETRY_408, true },
	{ 425, RETRY_425, true },
	{ 429, RETRY_429, true },
	{ 500, RETRY_500, false },
	{ 501, RETRY_501, false },
	{ 502, RETRY_502, false },
	{ 503, RETRY_503, true },
	{ 504, RETRY_504, false },
};

unsigned
retry_status_bit(unsigned status)
{
	for (size_t i = 0; i < sizeof(status_bits) / sizeof(*status_bits); i++)
		if (status_bits[i].status == status)
			return status_bits[i].bit;
	return 0;
}

static bool
is_refusal(unsigned bit)
{
	for (size_t i = 0; i < sizeof(status_bits) / sizeof(*status_bits); i++)
		if (status_bits[i].bit == bit)
			return status_bits[i].refused;
	return false;
}

bool
retry_response(struct stream *s, unsigned retry_bit)
{
	if (!(s->t.be->http.retry_on & retry_bit) || s->b.tries_left <= 0 ||
	    !s->up.keep || s->res_begun)
		return false;
	if (!is_repeatable(s) && !is_refusal(retry_bit))
		return false;
	s->b.tries_left--;
	again(s);
	return true;
}
