/* SPDX-License-Identifier: MIT */
/*
 * What is left of a request: its log line and its counts.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "shm/base/log.h"
#include "shm/seg/hist.h"
#include "worker/stream_parts.h"

/* Without `option httplog`: who came where. */
static size_t
plain_line(const struct stream *s, char *out, size_t room)
{
	const struct txn *t = &s->t;
	char src[128], dst[128];
	int n;

	n = snprintf(out, room, "Connect from %s to %s (%s/%s)",
	    addr_text(&t->cli->src, src, sizeof(src)),
	    addr_text(&t->cli->dst, dst, sizeof(dst)), t->fe->name,
	    t->fe->http.mode_http ? "HTTP" : "TCP");
	return n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

/* A bind line's name, or its number within its proxy. */
static const char *
listener(const struct bind *b, char number[12])
{
	const struct bind *it = b->px->binds;
	unsigned n = 1;

	if (b->name)
		return b->name;
	for (; it && it != b; it = it->next)
		n++;
	snprintf(number, 12, "%u", n);
	return number;
}

void
access_log_refused(const struct fconn *fc, const char *why)
{
	const struct proxy_log *l = &fconn_proxy(fc)->log;
	uint64_t at_ms = fc->cli.accept_wall_us / 1000;
	time_t second = (time_t)(at_ms / 1000);
	char line[512], src[128], date[32], number[12];
	struct tm tm;
	int n;

	localtime_r(&second, &tm);
	strftime(date, sizeof(date), "%d/%b/%Y:%H:%M:%S", &tm);
	n = snprintf(line, sizeof(line), "%s [%s.%03u] %s/%s: %s",
	    addr_text(&fc->cli.src, src, sizeof(src)), date,
	    (unsigned)(at_ms % 1000), fconn_proxy(fc)->name,
	    listener(fc->cli.bind, number), why);
	if (l->target_mask && n > 0)
		log_line(l->target_mask, LOGL_INFO,
		    sv_of(line,
			(size_t)n < sizeof(line) ? (size_t)n
						 : sizeof(line) - 1));
}

/* Connections at this moment, for %ac %fc %bc %sc. */
static void
fill_counts(struct txn *t)
{
	const struct board *b = &wk.board;

	t->log.actconn = (int)limit_sum(b, LIM_GLOBAL, 0);
	t->log.feconn = (int)limit_sum(b, LIM_FRONTEND, (uint32_t)t->fe->row);
	t->log.beconn =
	    t->be ? (int)limit_sum(b, LIM_BACKEND, (uint32_t)t->be->row) : 0;
	t->log.srvconn =
	    t->srv ? (int)limit_sum(b, LIM_SERVER, (uint32_t)t->srv->row) : 0;
}

static bool
is_normal(const struct txn *t)
{
	return t->log.term[0] == TERM_NONE && t->status < 500 &&
	    t->log.retries == 0;
}

static void
line_out(const struct txn *t, const char *line, size_t n)
{
	log_line(t->fe->log.target_mask, t->log.level, sv_of(line, n));
	stat_add(&wk.stat->log_lines, 1);
}

void
access_log_line(struct stream *s)
{
	static char line[LOG_LINE_MAX];
	const struct proxy_log *l = &s->t.fe->log;
	struct txn *t = &s->t;
	size_t n;

	if (!l->target_mask || t->log.silent)
		return;
	if (l->dontlog_normal && is_normal(t))
		return;
	if (!l->fmt && !t->req)
		return; /* the plain line tells of requests */
	fill_counts(t);
	if (l->fmt)
		n = logfmt_build(l->fmt, t, line, sizeof(line));
	else
		n = plain_line(s, line, sizeof(line));
	line_out(t, line, n);
}

struct logfmt_frozen *
access_log_freeze(struct stream *s)
{
	const struct proxy_log *l = &s->t.fe->log;
	char line[512];

	if (!l->target_mask || s->t.log.silent || s->logged)
		return NULL;
	if (l->fmt)
		return logfmt_freeze(l->fmt, &s->t);
	return logfmt_freeze_text(
	    &s->t, sv_of(line, plain_line(s, line, sizeof(line))));
}

void
access_log_thaw(const struct logfmt_frozen *z, struct txn *t)
{
	static char line[LOG_LINE_MAX];
	const struct proxy_log *l = &t->fe->log;

	if (!l->target_mask || (l->dontlog_normal && is_normal(t)))
		return;
	fill_counts(t);
	line_out(t, line, logfmt_thaw(l->fmt, z, t, line, sizeof(line)));
}

void
access_log_count_request(struct stream *s)
{
	stat_add(&wk.stat->requests, 1);
	stat_add(
	    &stat_proxy(&wk.board, wk.proc, (uint32_t)s->t.fe->row)->requests,
	    1);
}

static unsigned
status_class(unsigned status)
{
	unsigned c = status / 100;

	return c >= 1 && c <= 5 ? c : 0;
}

/* Microseconds from a to b, 0 where one was not reached. */
static uint64_t
span(uint64_t a, uint64_t b)
{
	return a && b > a ? b - a : 0;
}

/* How long the request took; a tunnel's life is none of it. */
static uint64_t
total_us(const struct txn *t)
{
	return span(
	    t->at.first_us, t->tunnel ? t->at.response_us : t->at.end_us);
}

static void
count_bytes(const struct txn *t)
{
	uint64_t in = t->log.bytes_uploaded, out = t->log.bytes_read;
	struct stat_proxy *fe =
	    stat_proxy(&wk.board, wk.proc, (uint32_t)t->fe->row);
	struct stat_proxy *be;
	struct stat_server *srv;

	stat_add(&fe->bytes_in, in);
	stat_add(&fe->bytes_out, out);
	stat_add(&wk.stat->bytes_in, in);
	stat_add(&wk.stat->bytes_out, out);
	if (t->be && t->be != t->fe) {
		be = stat_proxy(&wk.board, wk.proc, (uint32_t)t->be->row);
		stat_add(&be->bytes_in, in);
		stat_add(&be->bytes_out, out);
	}
	if (t->srv) {
		srv = stat_server(&wk.board, wk.proc, (uint32_t)t->srv->row);
		stat_add(&srv->bytes_in, in);
		stat_add(&srv->bytes_out, out);
	}
}

static void
count_server(const struct txn *t)
{
	const struct txn_times *at = &t->at;
	struct stat_server *st =
	    stat_server(&wk.board, wk.proc, (uint32_t)t->srv->row);

	stat_add(&st->requests, 1);
	stat_add(&st->status[status_class(t->status)], 1);
	stat_add(&st->time_queue_us, span(at->queue_us, at->assigned_us));
	stat_add(&st->time_connect_us, span(at->assigned_us, at->connect_us));
	stat_add(&st->time_response_us, span(at->connect_us, at->response_us));
	hist_add(st->response_hist, span(at->connect_us, at->response_us),
	    HIST_REQUEST_UNIT_US);
	stat_add(&st->time_total_us, total_us(t));
	atomic_store_explicit(
	    &st->last_session_us, clock_wall_us(), memory_order_relaxed);
}

static void
count_backend(const struct txn *t)
{
	const struct txn_times *at = &t->at;
	struct stat_proxy *st =
	    stat_proxy(&wk.board, wk.proc, (uint32_t)t->be->row);

	stat_add(&st->time_queue_us, span(at->queue_us, at->assigned_us));
	stat_add(&st->time_connect_us, span(at->assigned_us, at->connect_us));
	stat_add(&st->time_response_us, span(at->connect_us, at->response_us));
	stat_add(&st->time_total_us, total_us(t));
	if (t->be == t->fe)
		return; /* the rest is counted as the frontend's */
	stat_add(&st->requests, 1);
	stat_add(&st->status[status_class(t->status)], 1);
	hist_add(st->request_hist, total_us(t), HIST_REQUEST_UNIT_US);
}

/* The request was answered. */
static void
count_answer(const struct txn *t)
{
	struct stat_proxy *fe =
	    stat_proxy(&wk.board, wk.proc, (uint32_t)t->fe->row);

	if (t->status) {
		stat_add(&fe->status[status_class(t->status)], 1);
		hist_add(fe->request_hist, total_us(t), HIST_REQUEST_UNIT_US);
		if (t->be != t->fe)
			stat_add(&fe->time_total_us, total_us(t));
	}
	if (t->be)
		count_backend(t);
	if (t->srv)
		count_server(t);
}

void
access_log_count_tunnel(const struct stream *s)
{
	count_answer(&s->t);
}

static void
tunnel_life(const struct proxy *px, uint64_t us)
{
	struct stat_proxy *st =
	    stat_proxy(&wk.board, wk.proc, (uint32_t)px->row);

	stat_add(&st->tunnel_us_sum, us);
	hist_add(st->tunnel_hist, us, HIST_TUNNEL_UNIT_US);
}

static void
count_tunnel_end(const struct txn *t)
{
	uint64_t us = span(t->tunnel->begun_us, t->at.end_us);

	tunnel_life(t->fe, us);
	if (t->be && t->be != t->fe)
		tunnel_life(t->be, us);
}

void
access_log_count_end(const struct txn *t)
{
	count_bytes(t);
	if (!t->tunnel)
		count_answer(t);
	else /* the rest was counted when it began */
		count_tunnel_end(t);
}
