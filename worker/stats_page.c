/* SPDX-License-Identifier: MIT */
/*
 * The status page: a static text, and the figures it reads again and again.
 */
#include "worker/stats_page.h"

#include <stdlib.h>
#include <string.h>

#include "shm/base/clock.h"
#include "shm/conf/conf.h"
#include "shm/seg/hist.h"
#include "shm/seg/limit.h"
#include "shm/seg/slot.h"
#include "shm/seg/stat_tbl.h"

enum { SLICE = 8192, SCAN_SLOTS = 2048, REFRESH_MS = 2000 };

typedef uint32_t tag_counts[TAG_N][SLOT_STATE_N];

/* --- the page --- */

static bool
page_next(struct svc *v, struct svc_out *o)
{
	size_t rest = strlen(stats_html + v->at.n);
	size_t n = rest < SLICE ? rest : SLICE;

	svc_put_sv(o, sv_of(stats_html + v->at.n, n));
	v->at.n += (uint32_t)n;
	return n == rest;
}

/* Nothing from elsewhere, nothing sent elsewhere, in no frame. */
static const struct svc_kind kind_page = { "text/html; charset=utf-8",
	"default-src 'none'; script-src 'unsafe-inline'; "
	"style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	page_next };

/* --- the figures, as JSON --- */

static void
put_text(struct svc_out *o, const char *key, const char *s, size_t max)
{
	size_t i;

	svc_put(o, "\"%s\":\"", key);
	for (i = 0; i < max && s[i]; i++) {
		if (s[i] == '"' || s[i] == '\\' || s[i] == '<')
			svc_put(o, "\\u%04x", (unsigned)s[i]);
		else if (s[i] < ' ' || s[i] > '~')
			svc_put_sv(o, SV("?"));
		else
			svc_put_sv(o, sv_of(&s[i], 1));
	}
	svc_put_sv(o, SV("\""));
}

static void
put_n(struct svc_out *o, const char *key, uint64_t n)
{
	svc_put(o, ",\"%s\":", key);
	svc_put_u64(o, n);
}

static void
put_counters(struct svc_out *o, const struct board *b, uint32_t row,
    const struct stat_row *r,
    uint64_t (*sum)(const struct board *, uint32_t, size_t))
{
	for (; r->name; r++)
		put_n(o, r->name, sum(b, row, r->offset));
}

static uint64_t
sum_proc(const struct board *b, uint32_t row, size_t offset)
{
	(void)row;
	return stat_sum_proc_at(b, offset);
}

static void
put_head(struct svc *v, struct svc_out *o)
{
	const struct board *b = v->b;
	const struct board_hdr *h = b->hdr;
	const struct proxy_stats *st = &v->px->stats;
	struct stat_proc p;
	uint64_t n[STAT_HIST_N];

	svc_put_sv(o, SV("{"));
	put_text(o, "version", st->hide_version ? "" : PACKAGE_VERSION, 32);
	svc_put_sv(o, SV(","));
	put_text(o, "node", st->show_node ? h->node : "", BOARD_NAME_MAX);
	put_n(o, "refresh_ms", st->refresh_ms ? st->refresh_ms : REFRESH_MS);
	put_n(o, "now_us", clock_us());
	put_n(o, "uptime_s",
	    clock_us() > h->start_us ? (clock_us() - h->start_us) / 1000000
				     : 0);
	put_n(o, "generation", atomic_load(&h->generation));
	put_n(o, "clients", limit_sum(b, LIM_GLOBAL, 0));
	put_n(o, "maxconn", h->maxconn);
	stat_sum_proc(b, &p);
	hist_diff(p.lease_hist, NULL, n);
	put_n(o, "lease_p50_us", hist_percentile(n, HIST_LEASE_UNIT_US, 50));
	put_n(o, "lease_p99_us", hist_percentile(n, HIST_LEASE_UNIT_US, 99));
	put_counters(o, b, 0, stat_tbl_proc, sum_proc);
}

static void
put_worker(struct svc *v, struct svc_out *o, uint32_t row)
{
	static const char *const states[PROC_STATE_N] = { "free", "start",
		"run", "drain", "dead" };
	const struct board_proc *p = &v->b->proc[row];
	uint32_t st = atomic_load(&p->state);

	if (!atomic_load(&p->instance) || p->role != ROLE_WORKER ||
	    st >= PROC_STATE_N)
		return;
	svc_put(
	    o, "%s{\"worker\":%u", v->at.sub++ ? "," : "", p->worker_index + 1);
	put_n(o, "pid", p->pid);
	put_n(o, "generation", p->generation);
	svc_put_sv(o, SV(","));
	put_text(o, "state", states[st], 8);
	put_n(o, "clients", atomic_load(&p->clients));
	put_n(o, "streams", atomic_load(&p->streams));
	put_n(o, "tunnels", atomic_load(&p->tunnels));
	put_n(o, "requests", stat_proc(v->b, row)->requests);
	put_n(o, "loop_us", stat_proc(v->b, row)->loop_us_sum);
	svc_put_sv(o, SV("}"));
}

static void
put_frontend(struct svc *v, struct svc_out *o, uint32_t row)
{
	const struct board_proxy *p = &v->b->proxy[row];

	if (!p->is_frontend)
		return;
	svc_put(o, "%s{", v->at.sub++ ? "," : "");
	put_text(o, "name", p->name, BOARD_NAME_MAX);
	put_n(o, "clients", limit_sum(v->b, LIM_FRONTEND, row));
	put_counters(o, v->b, row, stat_tbl_proxy, stat_sum_proxy_at);
	svc_put_sv(o, SV("}"));
}

static const char *
server_state(const struct board_server *s)
{
	uint32_t admin = atomic_load(&s->admin_state);

	if (admin & (SRV_FMAINT | SRV_IMAINT | SRV_CMAINT | SRV_RMAINT))
		return "MAINT";
	if (admin & (SRV_FDRAIN | SRV_IDRAIN))
		return "DRAIN";
	return atomic_load(&s->op_state) == SRV_STOPPED ? "DOWN" : "UP";
}

static void
put_addr(struct svc_out *o, const struct board_transport *t)
{
	char text[80];
	struct addr a;

	memset(&a, 0, sizeof(a));
	a.len = t->addr_len < sizeof(a.u) ? t->addr_len : sizeof(a.u);
	memcpy(
	    &a.u, t->addr, a.len < sizeof(t->addr) ? a.len : sizeof(t->addr));
	a.has_port = true;
	svc_put_sv(o, SV(","));
	put_text(o, "addr", a.len ? addr_text(&a, text, sizeof(text)) : "",
	    sizeof(text));
}

static void
put_server(struct svc *v, struct svc_out *o, uint32_t row)
{
	const struct board_server *s = &v->b->server[row];
	const tag_counts *c = v->mem;
	int t;

	if (atomic_load(&s->row_state) != 1 ||
	    s->proxy >= v->b->cap.proxy_count)
		return;
	svc_put(o, "%s{", v->at.sub++ ? "," : "");
	put_text(o, "backend", v->b->proxy[s->proxy].name, BOARD_NAME_MAX);
	svc_put_sv(o, SV(","));
	put_text(o, "name", s->name, BOARD_NAME_MAX);
	svc_put_sv(o, SV(","));
	put_text(o, "state", server_state(s), 8);
	svc_put_sv(o, SV(","));
	put_text(o, "check", s->check.text, sizeof(s->check.text));
	if (v->px->stats.show_legends)
		put_addr(o, &s->transport);
	put_n(o, "active", limit_sum(v->b, LIM_SERVER, row));
	put_n(o, "open_tunnels", limit_sum(v->b, LIM_TUNNEL, row));
	put_n(o, "maxconn", s->maxconn);
	put_n(o, "queue", atomic_load(&s->queue_count));
	put_n(o, "weight", atomic_load(&s->weight));
	svc_put_sv(o, SV(",\"tags\":{"));
	for (t = TAG_H1; t < TAG_N && c; t++)
		svc_put(o, "%s\"%s\":[%u,%u,%u]", t > TAG_H1 ? "," : "",
		    slot_tag_name((enum slot_tag)t), c[row][t][SLOT_IDLE],
		    c[row][t][SLOT_LEASED], c[row][t][SLOT_TUNNEL]);
	svc_put_sv(o, SV("}"));
	put_counters(o, v->b, row, stat_tbl_server, stat_sum_server_at);
	svc_put_sv(o, SV("}"));
}

/* Some of the slot table; false: there is more. */
static bool
scan(struct svc *v)
{
	const struct board *b = v->b;
	tag_counts *c = v->mem;
	uint32_t server, k;

	if (!c)
		v->mem = c = calloc(b->cap.server_count, sizeof(*c));
	for (k = 0; c && k < SCAN_SLOTS && v->at.n < b->cap.slot_count;
	     k++, v->at.n++) {
		struct slot_view w = slot_unpack(atomic_load_explicit(
		    &b->slot[v->at.n].word, memory_order_relaxed));

		server = b->slot[v->at.n].server;
		if (w.state != SLOT_FREE && w.state < SLOT_STATE_N &&
		    w.tag < TAG_N && server < b->cap.server_count)
			c[server][w.tag][w.state]++;
	}
	return !c || v->at.n == b->cap.slot_count;
}

enum live_part {
	LIVE_SCAN,
	LIVE_HEAD,
	LIVE_WORKERS,
	LIVE_FRONTENDS,
	LIVE_SERVERS,
	LIVE_N
};

static uint32_t
rows(const struct board *b, uint32_t part)
{
	uint32_t n, cap;

	if (part == LIVE_WORKERS)
		return b->cap.proc_count;
	n = atomic_load(part == LIVE_SERVERS ? &b->hdr->used_servers
					     : &b->hdr->used_proxies);
	cap = part == LIVE_SERVERS ? b->cap.server_count : b->cap.proxy_count;
	return n < cap ? n : cap;
}

static bool
live_next(struct svc *v, struct svc_out *o)
{
	static const char *const names[LIVE_N] = { [LIVE_WORKERS] = "workers",
		[LIVE_FRONTENDS] = "frontends",
		[LIVE_SERVERS] = "servers" };
	uint32_t part = v->at.part;

	if (part == LIVE_SCAN) {
		v->at.part += scan(v);
		return false;
	}
	if (part == LIVE_HEAD) {
		put_head(v, o);
		v->at.part++;
		return false;
	}
	if (v->at.row == 0)
		svc_put(o, ",\"%s\":[", names[part]);
	if (v->at.row < rows(v->b, part)) {
		if (part == LIVE_WORKERS)
			put_worker(v, o, v->at.row++);
		else if (part == LIVE_FRONTENDS)
			put_frontend(v, o, v->at.row++);
		else
			put_server(v, o, v->at.row++);
		return false;
	}
	svc_put_sv(o, SV("]"));
	v->at.part++;
	v->at.row = v->at.sub = 0;
	if (v->at.part < LIVE_N)
		return false;
	svc_put_sv(o, SV("}\n"));
	return true;
}

static const struct svc_kind kind_live = { "application/json", NULL,
	live_next };

const struct svc_kind *
stats_page_kind(const struct proxy *px, struct sv target)
{
	struct sv uri;

	if (!px->stats.enabled)
		return NULL;
	uri = sv_str(px->stats.uri);
	if (target.n < uri.n || memcmp(target.p, uri.p, uri.n) != 0)
		return NULL;
	target = sv_from(target, uri.n);
	if (sv_eq(target, SV(";live")))
		return &kind_live;
	return target.n == 0 || target.p[0] == '?' ||
		sv_eq(target, SV(";norefresh"))
	    ? &kind_page
	    : NULL;
}
