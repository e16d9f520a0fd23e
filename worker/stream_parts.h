/* SPDX-License-Identifier: MIT */
/*
 * The parts of a stream's way: stream_req.c (request), back.c (connection),
 * retry.c (trying again), push.c (writing), stream_res.c (response),
 * tunnel.c, reply.c (our own answers), hop.c and h1_head.c (heads on the way
 * out), access_log.c (line and counts at the end).
 */
#ifndef WORKER_STREAM_PARTS_H
#define WORKER_STREAM_PARTS_H

#include "worker/stream.h"
#include "worker/svc.h"

/* stream_req.c: bytes for ST_HEAD are in fc->in. May end the stream. */
void stream_req_parse(struct stream *s);
/* More body for ST_BUFFER. May end the stream. */
void stream_req_buffered(struct stream *s);
/* More body from the client. May end the stream. */
void stream_req_read_body(struct stream *s);

/* back.c: choose a server, ask for a connection. May end the stream. */
void back_assign(struct stream *s);
/* Ask again on the server at hand. May end the stream. */
void back_lease(struct stream *s);
void back_read_on(struct stream *s);
void back_read_off(struct stream *s);
void back_write_on(struct stream *s);
void back_write_off(struct stream *s);
/* The exchange is complete: to the pool, or closed where it must be. */
void back_done(struct stream *s);
/* It waited in a queue, or for a dial, till now: for the log. */
void back_waited(struct stream *s);
/* End it, and whatever waits for one. */
void back_drop(struct stream *s, int why);

/* retry.c: no connection was had. May end the stream. */
void retry_connect(struct stream *s, enum pool_fail why);
/* It broke before a byte of the response; err WSE_DENIED: the server said that
 * it did nothing. May end the stream. */
void retry_broken(struct stream *s, int err);
/* The pause is over. May end the stream. */
void retry_resume(struct stream *s);
/* Junk, a timeout, a status: true if another try began (or the stream ended).
 */
bool retry_response(struct stream *s, unsigned retry_bit);
/* May be repeated whether it was executed or not (RFC 9110 9.2.2). */
bool retry_is_idempotent(enum http_method m);
/* The retry-on bit of a status, or 0. */
unsigned retry_status_bit(unsigned status);

/* push.c: send what can be sent. May end the stream. */
void push_client(struct stream *s);
void push_server(struct stream *s);

/* stream_res.c: the server can be read. May end the stream. */
void stream_res_readable(struct stream *s);

/* The final head at hand begins a tunnel. */
bool stream_res_is_tunnel(const struct stream *s);
/* The server takes more of a request it has begun to answer. */
bool stream_res_upload_goes_on(const struct stream *s);

/* tunnel.c: a 101, or a 2xx to CONNECT, is queued. May end the stream. */
void tunnel_start(struct stream *s);
void tunnel_client_readable(struct stream *s);
void tunnel_server_readable(struct stream *s);
/* What came of writing: pass on FINs, end when both are through. */
void tunnel_progress(struct stream *s);
/* When it times out on this side, clock_ms(); 0: never. */
uint64_t tunnel_due(const struct stream *s, bool client_side);
/* The same of a tunnel without a stream. */
struct tunnel_clock {
	const struct proxy_timeouts *fe, *be;
	uint64_t client_ms, server_ms; /* when each was heard last */
	bool half;                     /* one side has ended */
};
uint64_t tunnel_due_of(const struct tunnel_clock *c, bool client_side);
/* The stream ends: no tunnel any more (harmless if it was none). */
void tunnel_ended(struct stream *s);
void tunnel_timeout(struct stream *s, bool client_side);
/*
 * It takes bytes (WS_IN: the client), and all have left: a frame of our own may
 * be put in, if ws_frame_is_between() the other's.
 */
bool tunnel_is_flushed(const struct stream *s, int to);
/*
 * Do that. 0; -WSE_AGAIN: nothing went; -WSE_NOMEM: perhaps half of it did.
 * It is no activity, and not counted.
 */
MUST_USE int tunnel_put(struct stream *s, int to, const uint8_t *p, size_t n);
/* When to call tunnel_ping(), clock_ms(); 0: never. */
uint64_t tunnel_ping_due(const struct stream *s);
/* Ping who is silent, end it with who is dead. May end the stream. */
void tunnel_ping(struct stream *s);
/* As duct_each(), for those that are streams. */
void tunnel_each(bool (*fn)(struct ws_watch *w, const struct server *srv));
/* One more through this server, or (-1) one less; carried: over a client's
 * HTTP/2 connection. */
void tunnel_count(const struct server *srv, bool carried, int by);
/* What came from `from` is over: say so. False: again when `to` is writable. */
bool tunnel_pass_end(const struct xprt *from, const struct xprt *to);

/* reply.c: answer with a default page or errorfile. May end the stream. */
void reply_status(struct stream *s, unsigned status);
/* ... with what a rule says. */
void reply_rule(struct stream *s, const struct rule_reply *r);

/* ... with what a service makes, which is taken over. */
void reply_service(struct stream *s, struct svc *v);
/* All that was made is written: 0: that was all; -WSE_AGAIN: more is made, to
 * be written in another turn; else it cannot go on. */
MUST_USE int reply_more(struct stream *s);

/* h1_head.c: serialise. 0, -WSE_NOMEM or -WSE_TOOBIG. */
MUST_USE int h1_head_request(struct stream *s);
MUST_USE int h1_head_response(struct stream *s);
MUST_USE int h1_head_interim(struct stream *s);
/* Append a head to b as it is. */
MUST_USE int h1_head_put(const struct http_head *h, struct buf *b);

/* access_log.c; refused: a connection that came to no request. */
void access_log_refused(const struct fconn *fc, const char *why);
void access_log_line(struct stream *s);
void access_log_count_request(struct stream *s);
/* A tunnel begins: all but its bytes are known. */
void access_log_count_tunnel(const struct stream *s);
void access_log_count_end(const struct txn *t);
/* A tunnel's line as far as it is known; NULL: none is wanted, or no memory. */
struct logfmt_frozen *access_log_freeze(struct stream *s);
/* Write it at the end; of t, see logfmt_freeze(). */
void access_log_thaw(const struct logfmt_frozen *z, struct txn *t);

#endif
