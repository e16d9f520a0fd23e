/* SPDX-License-Identifier: MIT */
/*
 * The overview: figures, history, processes, alerts.
 */
#include <stddef.h>
#include <stdio.h>

#include "shm/seg/hist.h"
#include "tools/top/text.h"
#include "tools/top/view.h"

enum { FIGURES = 7, TALL = 34, SERIES_LABEL = 22 };

/* Sum of a counter over rows of servers or frontends. */
static uint64_t
servers(const struct snap *s, size_t offset)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; s && i < s->servers; i++) {
		if (s->server[i].in_use)
			sum += view_get((const stat_t *)(const void
				*)((const char *)&s->server[i].stat + offset));
	}
	return sum;
}

static uint64_t
statuses(const struct snap *s, int class)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; s && i < s->proxies; i++) {
		if (s->proxy[i].is_frontend)
			sum += view_get(&s->proxy[i].stat.status[class]);
	}
	return sum;
}

static uint64_t
ended(const struct snap *s)
{
	uint64_t sum = 0, n[STAT_HIST_N];
	uint32_t i;

	for (i = 0; s && i < s->proxies; i++) {
		if (s->proxy[i].is_frontend)
			sum += hist_diff(s->proxy[i].stat.tunnel_hist, NULL, n);
	}
	return sum;
}

#define SERVERS_RATE(v, field)                                               \
	view_rate(v, servers((v)->now, offsetof(struct stat_server, field)), \
	    servers((v)->before, offsetof(struct stat_server, field)))

static void
traffic(const struct view *v, struct canvas *c, int row)
{
	const struct snap *s = v->now, *b = v->before;
	char x[24], y[24], in[24], out[24];
	uint32_t i, tunnels = 0;

	canvas_put(c, row, 0, INK_PLAIN,
	    "Clients   %u/%u  req/s %s  4xx/s %.1f  5xx/s %.1f  retry/s %.1f",
	    s->clients, s->maxconn,
	    view_number(v, x, sizeof(x), VIEW_RATE(v, requests)),
	    view_rate(v, statuses(s, 4), statuses(b, 4)),
	    view_rate(v, statuses(s, 5), statuses(b, 5)),
	    SERVERS_RATE(v, retries));
	for (i = 0; i < s->cap.proc_count; i++)
		tunnels += s->proc[i].tunnels;
	canvas_put(c, row + 1, 0, INK_PLAIN,
	    "Tunnels   %u  open/s %.1f  close/s %.1f  msg/s %s in %s out",
	    tunnels, VIEW_RATE(v, tunnels), view_rate(v, ended(s), ended(b)),
	    view_number(v, in, sizeof(in),
		VIEW_RATE(v, ws[STAT_IN][STAT_WS_TEXT]) +
		    VIEW_RATE(v, ws[STAT_IN][STAT_WS_BINARY])),
	    view_number(v, out, sizeof(out),
		VIEW_RATE(v, ws[STAT_OUT][STAT_WS_TEXT]) +
		    VIEW_RATE(v, ws[STAT_OUT][STAT_WS_BINARY])));
	i = (uint32_t)canvas_put(c, row + 5, 0, INK_PLAIN,
	    "Traffic   in %sB/s  out %sB/s",
	    view_number(v, x, sizeof(x), VIEW_RATE(v, bytes_in)),
	    view_number(v, y, sizeof(y), VIEW_RATE(v, bytes_out)));
	if (c->rows >= TALL)
		return; /* it has a history of its own */
	i = (uint32_t)canvas_put(c, row + 5, (int)i + 3, INK_PLAIN, "req/s ");
	canvas_spark(c, row + 5, (int)i,
	    c->cols - (int)i > 60 ? 60 : c->cols - (int)i,
	    v->series[SER_REQUESTS], v->series_count, v->ascii);
}

static void
pool(const struct view *v, struct canvas *c, int row)
{
	const struct snap *s = v->now;
	uint64_t con = servers(s, offsetof(struct stat_server, connects));
	uint64_t reuse = servers(s, offsetof(struct stat_server, reuses));
	uint32_t i, queued = 0;

	for (i = 0; i < s->servers; i++)
		queued += s->server[i].in_use ? s->server[i].queue_count : 0;
	canvas_put(c, row, 0, queued ? INK_WARN : INK_PLAIN,
	    "Pool      idle %u  leased %u  dial %u  reuse %.2f%%  queued %u  "
	    "slots %u/%u",
	    snap_count(&s->slots, SLOT_IDLE),
	    snap_count(&s->slots, SLOT_LEASED),
	    snap_count(&s->slots, SLOT_DIALING),
	    text_percent(reuse, con + reuse), queued,
	    s->cap.slot_count - snap_count(&s->slots, SLOT_FREE),
	    s->cap.slot_count);
}

static void
tls(const struct view *v, struct canvas *c, int row)
{
	const struct snap *s = v->now, *b = v->before;
	uint64_t back = 0, back_then = 0;
	uint32_t i;

	for (i = 0; i < s->servers; i++)
		back += s->server[i].tls_full + s->server[i].tls_resumed;
	for (i = 0; b && i < b->servers; i++)
		back_then += b->server[i].tls_full + b->server[i].tls_resumed;
	canvas_put(c, row, 0, INK_PLAIN,
	    "TLS       front hs/s %.1f (resumed %.0f%%)  back hs/s %.1f  "
	    "failed/s %.1f",
	    VIEW_RATE(v, tls_front),
	    text_percent(view_get(&s->stat.tls_front_resumed),
		view_get(&s->stat.tls_front)),
	    view_rate(v, back, back_then), VIEW_RATE(v, tls_front_fails));
}

static void
broker(const struct view *v, struct canvas *c, int row)
{
	const struct snap *s = v->now, *b = v->before;
	const stat_t *then = b ? b->stat.lease_hist : NULL;
	char p50[24], p99[24], rate[24], own[24];

	canvas_put(c, row, 0, INK_PLAIN,
	    "Broker    lease p50 %s p99 %s  lease/s %s  own reuse/s %s  "
	    "steal/s %.1f",
	    text_short_time(p50, sizeof(p50),
		view_percentile(
		    s->stat.lease_hist, then, HIST_LEASE_UNIT_US, 50)),
	    text_short_time(p99, sizeof(p99),
		view_percentile(
		    s->stat.lease_hist, then, HIST_LEASE_UNIT_US, 99)),
	    view_number(v, rate, sizeof(rate), VIEW_RATE(v, leases)),
	    view_number(v, own, sizeof(own), VIEW_RATE(v, own_reuse)),
	    VIEW_RATE(v, steals));
}

static int
history(const struct view *v, struct canvas *c, int row)
{
	static const char *const names[SER_N] = { "req/s", "tunnels", "msg/s",
		"out B/s", "lease p99 us" };
	char last[24];
	int k;

	for (k = 0; k < SER_N; k++) {
		double x =
		    v->series_count ? v->series[k][v->series_count - 1] : 0;

		canvas_put(c, row + k, 0, INK_PLAIN, "%-13s %8s", names[k],
		    view_number(v, last, sizeof(last), x));
		canvas_spark(c, row + k, SERIES_LABEL + 1,
		    c->cols - SERIES_LABEL - 1, v->series[k], v->series_count,
		    v->ascii);
	}
	return row + SER_N + 1;
}

/* Frontends, where there is room. */
static int
frontends(const struct view *v, struct canvas *c, int row, int end)
{
	const struct snap *s = v->now, *b = v->before;
	char req[24], in[24], out[24];
	uint32_t i;

	canvas_put(c, row++, 0, INK_KEY, "%-24s %8s %8s %8s %8s %9s %9s",
	    "FRONTEND", "CLIENTS", "REQ/S", "4XX/S", "5XX/S", "IN B/S",
	    "OUT B/S");
	for (i = 0; i < s->proxies && row < end; i++) {
		const struct stat_proxy *x = &s->proxy[i].stat;
		const struct stat_proxy *y =
		    b && i < b->proxies ? &b->proxy[i].stat : NULL;

		if (!s->proxy[i].is_frontend)
			continue;
#define RATE(f) view_rate(v, view_get(&x->f), y ? view_get(&y->f) : 0)
		canvas_put(c, row++, 0, INK_PLAIN,
		    "%-24.24s %8u %8s %8.1f %8.1f %9s %9s", s->proxy[i].name,
		    s->proxy[i].clients,
		    view_number(v, req, sizeof(req), RATE(requests)),
		    RATE(status[4]), RATE(status[5]),
		    view_number(v, in, sizeof(in), RATE(bytes_in)),
		    view_number(v, out, sizeof(out), RATE(bytes_out)));
#undef RATE
	}
	return row + 1;
}

void
draw_over(struct view *v, struct canvas *c, int row, int end)
{
	int alerts = (end - row) / 4;

	traffic(v, c, row);
	pool(v, c, row + 2);
	tls(v, c, row + 3);
	broker(v, c, row + 4);
	row += FIGURES;
	if (c->rows >= TALL) {
		row = history(v, c, row);
		row = frontends(v, c, row, row + 6);
	}
	row = draw_worker_list(v, c, row, end - alerts - 1);
	alerts_draw(v, c, row + 1, end - row - 1);
}
