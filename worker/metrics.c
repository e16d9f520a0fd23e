/* SPDX-License-Identifier: MIT */
/*
 * The metrics of Prometheus' text format: the driver.  What there is stands in
 * metrics_tbl.c; an item is a metric's head, or one row with all its labels.
 */
#include "worker/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "shm/seg/hist.h"
#include "shm/seg/slot.h"
#include "shm/seg/stat_tbl.h"

enum { SCAN_SLOTS = 2048 }; /* of the slot table at a time */

/* Slots by server row, while the metric about them is written. */
typedef uint32_t tag_counts[TAG_N][SLOT_STATE_N];

static uint32_t
used(const _Atomic uint32_t *n, uint32_t cap)
{
	uint32_t v = atomic_load_explicit(n, memory_order_relaxed);

	return v < cap ? v : cap;
}

static uint32_t
row_count(const struct board *b, const struct metric *m)
{
	switch (m->scope) {
	case SCOPE_FRONTEND:
	case SCOPE_BACKEND:
		return used(&b->hdr->used_proxies, b->cap.proxy_count);
	case SCOPE_SERVER:
	case SCOPE_POOL:
		return used(&b->hdr->used_servers, b->cap.server_count);
	case SCOPE_WORKER:
		return b->cap.proc_count;
	case SCOPE_GLOBAL:
	case SCOPE_PROC_TBL:
	case SCOPE_N:
		break;
	}
	return 1;
}

static bool
row_is_there(const struct board *b, enum metric_scope scope, uint32_t row)
{
	const struct board_proc *p;
	uint32_t st;

	switch (scope) {
	case SCOPE_FRONTEND:
		return b->proxy[row].is_frontend;
	case SCOPE_BACKEND:
		return b->proxy[row].is_backend;
	case SCOPE_SERVER:
	case SCOPE_POOL:
		return atomic_load(&b->server[row].row_state) == 1 &&
		    b->server[row].proxy < b->cap.proxy_count;
	case SCOPE_WORKER:
		p = &b->proc[row];
		st = atomic_load(&p->state);
		return atomic_load(&p->instance) && p->role == ROLE_WORKER &&
		    st != PROC_FREE && st != PROC_DEAD;
	case SCOPE_GLOBAL:
	case SCOPE_PROC_TBL:
	case SCOPE_N:
		break;
	}
	return true;
}

/* A label's value: whatever it holds, one that the format permits. */
static void
put_label(struct svc_out *o, const char *key, const char *v, size_t max)
{
	size_t i;

	svc_put(o, "%s=\"", key);
	for (i = 0; i < max && v[i]; i++) {
		if (v[i] == '"' || v[i] == '\\')
			svc_put(o, "\\%c", v[i]);
		else if (v[i] < ' ' || v[i] > '~')
			svc_put_sv(o, SV("?"));
		else
			svc_put_sv(o, sv_of(&v[i], 1));
	}
	svc_put_sv(o, SV("\""));
}

/* The labels of a row, without the brackets; false: it has none. */
static bool
put_labels(struct svc_out *o, const struct board *b, const struct metric *m,
    uint32_t row)
{
	const struct board_server *s;

	switch (m->scope) {
	case SCOPE_FRONTEND:
	case SCOPE_BACKEND:
		put_label(o, "proxy", b->proxy[row].name, BOARD_NAME_MAX);
		return true;
	case SCOPE_SERVER:
	case SCOPE_POOL:
		s = &b->server[row];
		put_label(o, "proxy", b->proxy[s->proxy].name, BOARD_NAME_MAX);
		svc_put_sv(o, SV(","));
		put_label(o, "server", s->name, BOARD_NAME_MAX);
		return true;
	case SCOPE_WORKER:
		svc_put(o, "worker=\"%u\",pid=\"%u\"",
		    b->proc[row].worker_index + 1, b->proc[row].pid);
		return true;
	case SCOPE_GLOBAL:
	case SCOPE_PROC_TBL:
	case SCOPE_N:
		break;
	}
	return false;
}

static void
put_value(struct svc_out *o, double v)
{
	if (v == (double)(uint64_t)v)
		svc_put_u64(o, (uint64_t)v);
	else
		svc_put(o, "%.6f", v);
	svc_put_sv(o, SV("\n"));
}

static double
sum_at(const struct board *b, enum metric_scope scope, uint32_t row, size_t at)
{
	switch (scope) {
	case SCOPE_FRONTEND:
	case SCOPE_BACKEND:
		return (double)stat_sum_proxy_at(b, row, at);
	case SCOPE_SERVER:
	case SCOPE_POOL:
		return (double)stat_sum_server_at(b, row, at);
	case SCOPE_WORKER:
		return (double)atomic_load_explicit(
		    (const stat_t *)(const void *)((const char *)stat_proc(
						       b, row) +
			at),
		    memory_order_relaxed);
	case SCOPE_GLOBAL:
	case SCOPE_PROC_TBL:
	case SCOPE_N:
		break;
	}
	return (double)stat_sum_proc_at(b, at);
}

/* A sample with one label more, or none. */
static void
put_sample(struct svc_out *o, const struct board *b, const struct metric *m,
    uint32_t row, const char *key, const char *label, double v)
{
	svc_put(o, "%s%s", m->name, m->scope != SCOPE_GLOBAL || key ? "{" : "");
	if (put_labels(o, b, m, row) && key)
		svc_put_sv(o, SV(","));
	if (key)
		svc_put(o, "%s=\"%s\"", key, label);
	svc_put_sv(o, m->scope != SCOPE_GLOBAL || key ? SV("} ") : SV(" "));
	put_value(o, v);
}

static void
put_bound(struct svc_out *o, uint64_t us)
{
	if (us % 1000000 == 0)
		svc_put(o, "le=\"%llu\"} ", (unsigned long long)us / 1000000);
	else
		svc_put(o, "le=\"%.*g\"} ", 3, (double)us / 1e6);
}

static void
put_hist(struct svc_out *o, const struct board *b, const struct metric *m,
    uint32_t row)
{
	bool bare = m->scope == SCOPE_GLOBAL;
	double sum = 0;
	int i;

	for (i = 0; i < STAT_HIST_N; i++) {
		sum += sum_at(
		    b, m->scope, row, m->offset + (size_t)i * sizeof(stat_t));
		svc_put(o, "%s_bucket{", m->name);
		if (put_labels(o, b, m, row))
			svc_put_sv(o, SV(","));
		if (i < STAT_HIST_N - 1)
			put_bound(o, (uint64_t)hist_bounds[i] * m->unit_us);
		else
			svc_put_sv(o, SV("le=\"+Inf\"} "));
		put_value(o, sum);
	}
	svc_put(o, "%s_sum%s", m->name, bare ? "" : "{");
	put_labels(o, b, m, row);
	svc_put_sv(o, bare ? SV(" ") : SV("} "));
	put_value(o, sum_at(b, m->scope, row, m->sum_offset) / 1e6);
	svc_put(o, "%s_count%s", m->name, bare ? "" : "{");
	put_labels(o, b, m, row);
	svc_put_sv(o, bare ? SV(" ") : SV("} "));
	put_value(o, sum);
}

/* Slots of the servers by tag and state; the scan may take many turns. */
static void
put_pool(struct svc_out *o, const struct board *b, const struct metric *m,
    uint32_t row, const tag_counts *c)
{
	static const enum slot_state states[] = { SLOT_IDLE, SLOT_LEASED,
		SLOT_TUNNEL };
	unsigned k;
	int t;

	for (t = TAG_H1; t < TAG_N; t++) {
		for (k = 0; k < sizeof(states) / sizeof(*states); k++) {
			svc_put(o, "%s{", m->name);
			put_labels(o, b, m, row);
			svc_put(o, ",tag=\"%s\",state=\"%s\"} ",
			    slot_tag_name((enum slot_tag)t),
			    slot_state_name(states[k]));
			put_value(o, c[row][t][states[k]]);
		}
	}
}

/* False: more of it is to be scanned. */
static bool
scan_slots(struct svc *v)
{
	const struct board *b = v->b;
	tag_counts *c = v->mem;
	struct slot_view s;
	uint32_t end, server;

	if (!c) {
		v->mem = c = calloc(b->cap.server_count, sizeof(*c));
		v->at.n = 0;
		if (!c)
			return true;
	}
	end = b->cap.slot_count - v->at.n < SCAN_SLOTS ? b->cap.slot_count
						       : v->at.n + SCAN_SLOTS;
	for (; v->at.n < end; v->at.n++) {
		s = slot_unpack(atomic_load_explicit(
		    &b->slot[v->at.n].word, memory_order_relaxed));
		server = b->slot[v->at.n].server;
		if (s.state != SLOT_FREE && s.state < SLOT_STATE_N &&
		    s.tag < TAG_N && server < b->cap.server_count)
			c[server][s.tag][s.state]++;
	}
	return end == b->cap.slot_count;
}

/* Counters of processes by their table: what is added there is here as well. */
static void
put_proc_row(struct svc_out *o, const struct board *b, const struct stat_row *r)
{
	if (strstr(r->name, "_us") || strncmp(r->name, "ws_", 3) == 0 ||
	    strncmp(r->name, "tunnel_bytes", 12) == 0)
		return; /* in metrics of their own */
	svc_put(o,
	    "# HELP wsbroker_process_%s_total %s.\n"
	    "# TYPE wsbroker_process_%s_total counter\n"
	    "wsbroker_process_%s_total ",
	    r->name, r->doc, r->name, r->name);
	put_value(o, (double)stat_sum_proc_at(b, r->offset));
}

static void
put_row(struct svc_out *o, struct svc *v, const struct metric *m, uint32_t row)
{
	const struct metric_labels *l = m->labels;
	const struct board *b = v->b;
	double value;
	int i;

	if (m->scope == SCOPE_POOL) {
		if (v->mem)
			put_pool(o, b, m, row, v->mem);
	} else if (m->type == METRIC_HISTOGRAM) {
		put_hist(o, b, m, row);
	} else {
		for (i = 0; i < (l ? l->count : 1); i++) {
			if (!m->value)
				value = sum_at(b, m->scope, row,
				    m->offset + (size_t)i * sizeof(stat_t));
			else if (!m->value(b, row, i, &value))
				continue;
			put_sample(o, b, m, row, l ? l->key : NULL,
			    l ? l->names[i] : NULL, value);
		}
	}
}

static bool
next(struct svc *v, struct svc_out *o)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };
	const struct metric *m = &metrics_tbl[v->at.part];

	if (m->scope == SCOPE_PROC_TBL) {
		const struct stat_row *r = &stat_tbl_proc[v->at.row];

		if (r->name) {
			put_proc_row(o, v->b, r);
			v->at.row++;
			return false;
		}
	} else if (v->at.row == 0) {
		if (m->scope == SCOPE_POOL && v->at.sub == 0) {
			v->at.sub = scan_slots(v);
			return false;
		}
		svc_put(o, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help,
		    m->name, types[m->type]);
		v->at.row++;
		return false;
	} else if (v->at.row <= row_count(v->b, m)) {
		if (row_is_there(v->b, m->scope, v->at.row - 1))
			put_row(o, v, m, v->at.row - 1);
		v->at.row++;
		return false;
	}
	v->at.part++;
	v->at.row = v->at.sub = 0;
	return metrics_tbl[v->at.part].scope == SCOPE_N;
}

const struct svc_kind svc_metrics = {
	"text/plain; version=0.0.4; charset=utf-8", NULL, next
};
