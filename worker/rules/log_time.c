/* SPDX-License-Identifier: MIT */
#include "worker/rules/log_time.h"

#include <stdio.h>
#include <time.h>

#include "shm/base/clock.h"

/* From the wait's begin to `at`; -1 for what was not reached. */
static long long
time_ms(uint64_t from_us, uint64_t at_us)
{
	if (!at_us)
		return -1;
	return at_us > from_us ? (long long)(at_us - from_us) / 1000 : 0;
}

/* Where HAProxy's "accept" lies: later requests begin with the wait. */
uint64_t
log_time_from_us(const struct txn *t)
{
	if (t->cli && t->cli->request_count <= 1 && t->cli->accept_us)
		return t->cli->accept_us;
	return t->at.idle_us;
}

static void
time_timers(const struct txn *t, struct log_time *lt)
{
	uint64_t from = log_time_from_us(t);
	const struct txn_times *at = &t->at;

	lt->handshake_ms = at->idle_us > from ? time_ms(from, at->idle_us) : 0;
	lt->request_ms = time_ms(from, at->request_us);
	lt->queue_ms = time_ms(from, at->assigned_us);
	lt->connect_ms = time_ms(from, at->connect_us);
	lt->data_ms = time_ms(from, at->response_us);
	/* A line under way (option logasap): up to now. */
	lt->close_ms = time_ms(from, at->end_us ? at->end_us : clock_us());
	if (lt->close_ms < 0)
		lt->close_ms = 0;
	/* Without a first byte all of it was waiting for a request. */
	lt->idle_ms = time_ms(from, at->first_us) - lt->handshake_ms;
	if (lt->idle_ms < 0)
		lt->idle_ms = 0;
}

const struct log_time *
log_time_get(struct logfmt_out *o)
{
	if (!o->has_times)
		time_timers(o->t, &o->times);
	o->has_times = true;
	return &o->times;
}

static uint64_t
time_wall(const struct txn *t, uint64_t at_us)
{
	if (!t->cli)
		return 0;
	return t->cli->accept_wall_us + (at_us - t->cli->accept_us);
}

uint64_t
log_time_accept_us(const struct txn *t)
{
	return time_wall(t, log_time_from_us(t));
}

uint64_t
log_time_request_us(const struct txn *t)
{
	if (t->at.first_us)
		return time_wall(t, t->at.first_us);
	return log_time_accept_us(t);
}

/* Text of the last second asked for. */
struct time_cache {
	time_t second;
	size_t n;
	char text[40];
};

static void
time_format(struct time_cache *c, time_t second, const struct tm *tm, bool zone)
{
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	long off = tm->tm_gmtoff / 60, minutes = off < 0 ? -off : off;
	int n;

	n = snprintf(c->text, sizeof(c->text), "%02d/%s/%04d:%02d:%02d:%02d",
	    tm->tm_mday, months[tm->tm_mon], tm->tm_year + 1900, tm->tm_hour,
	    tm->tm_min, tm->tm_sec);
	if (zone)
		n += snprintf(c->text + n, sizeof(c->text) - (size_t)n,
		    " %c%02ld%02ld", off < 0 ? '-' : '+', minutes / 60,
		    minutes % 60);
	c->n = (size_t)n;
	c->second = second;
}

static struct sv
time_text(struct time_cache *c, time_t second, bool gmt, bool zone)
{
	struct tm tm;

	if (c->n == 0 || c->second != second) {
		if (!(gmt ? gmtime_r(&second, &tm) : localtime_r(&second, &tm)))
			return SV_NULL;
		time_format(c, second, &tm, zone);
	}
	return sv_of(c->text, c->n);
}

void
log_time_put_ms(struct logfmt_out *o, uint64_t wall_us)
{
	static struct time_cache cache;
	unsigned ms = (unsigned)(wall_us / 1000 % 1000);

	logfmt_put(
	    o, time_text(&cache, (time_t)(wall_us / 1000000), false, false));
	logfmt_put_char(o, '.');
	logfmt_put_char(o, (char)('0' + ms / 100));
	logfmt_put_char(o, (char)('0' + ms / 10 % 10));
	logfmt_put_char(o, (char)('0' + ms % 10));
}

void
log_time_put_gmt(struct logfmt_out *o, uint64_t wall_us)
{
	static struct time_cache cache;

	logfmt_put(
	    o, time_text(&cache, (time_t)(wall_us / 1000000), true, true));
}

void
log_time_put_local(struct logfmt_out *o, uint64_t wall_us)
{
	static struct time_cache cache;

	logfmt_put(
	    o, time_text(&cache, (time_t)(wall_us / 1000000), false, true));
}
