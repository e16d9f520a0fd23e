/* SPDX-License-Identifier: MIT */
#include "tools/top/screen.h"

#include <stddef.h>

#include "tools/top/text.h"

/* What both ends of a rate are read from. */
struct span {
	const struct snap *s, *before;
	double seconds;
};

static uint64_t
get(const stat_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

static double
rate(const struct span *sp, uint64_t now, uint64_t then)
{
	if (!sp->before)
		then = 0;
	return now > then ? (double)(now - then) / sp->seconds : 0;
}

#define RATE(field)                       \
	rate(sp, get(&sp->s->stat.field), \
	    sp->before ? get(&sp->before->stat.field) : 0)

/* Responses of a class, all frontends. */
static uint64_t
status_sum(const struct snap *s, int class)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; s && i < s->proxies; i++) {
		if (s->proxy[i].is_frontend)
			sum += get(&s->proxy[i].stat.status[class]);
	}
	return sum;
}

static uint64_t
server_sum(const struct snap *s, size_t offset)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; s && i < s->servers; i++) {
		if (s->server[i].in_use)
			sum += get((const stat_t *)(const void
				*)((const char *)&s->server[i].stat + offset));
	}
	return sum;
}

#define SUM(snap, field) server_sum(snap, offsetof(struct stat_server, field))

static void
tunnels(FILE *out, const struct span *sp)
{
	const struct snap *s = sp->s;
	char msg_in[24], msg_out[24], in[24], out_text[24];
	uint32_t i, now = 0;

	for (i = 0; i < s->cap.proc_count; i++)
		now += s->proc[i].tunnels;
	fprintf(out,
	    "Tunnels   %u  open/s %.1f  msg/s in %s out %s"
	    "  in %sB/s  out %sB/s\n",
	    now, rate(sp, SUM(s, tunnels), SUM(sp->before, tunnels)),
	    text_human(msg_in, sizeof(msg_in),
		RATE(ws[STAT_IN][STAT_WS_TEXT]) +
		    RATE(ws[STAT_IN][STAT_WS_BINARY])),
	    text_human(msg_out, sizeof(msg_out),
		RATE(ws[STAT_OUT][STAT_WS_TEXT]) +
		    RATE(ws[STAT_OUT][STAT_WS_BINARY])),
	    text_human(in, sizeof(in), RATE(tunnel_bytes[STAT_IN])),
	    text_human(
		out_text, sizeof(out_text), RATE(tunnel_bytes[STAT_OUT])));
}

static void
overview(FILE *out, const struct span *sp)
{
	const struct snap *s = sp->s;
	uint64_t connects = SUM(s, connects), reuses = SUM(s, reuses);
	uint64_t leases = get(&s->stat.leases);
	uint32_t i, queued = 0;
	char a[24], b[24];

	for (i = 0; i < s->servers; i++)
		queued += s->server[i].in_use ? s->server[i].queue_count : 0;
	fprintf(out, "wsbroker-top %s v%s gen %u | up %s\n", s->node,
	    s->version, s->generation,
	    text_duration(a, sizeof(a),
		s->now_us > s->start_us ? s->now_us - s->start_us : 0));
	fprintf(out,
	    "Clients   %u/%u  req/s %s  4xx/s %.1f  5xx/s %.1f"
	    "  retry/s %.1f\n",
	    s->clients, s->maxconn, text_human(a, sizeof(a), RATE(requests)),
	    rate(sp, status_sum(s, 4), status_sum(sp->before, 4)),
	    rate(sp, status_sum(s, 5), status_sum(sp->before, 5)),
	    rate(sp, SUM(s, retries), SUM(sp->before, retries)));
	tunnels(out, sp);
	fprintf(out,
	    "Pool      idle %u  leased %u  dial %u  reuse %.2f%%"
	    "  queued %u  slots %u/%u\n",
	    snap_count(&s->slots, SLOT_IDLE),
	    snap_count(&s->slots, SLOT_LEASED),
	    snap_count(&s->slots, SLOT_DIALING),
	    text_percent(reuses, connects + reuses), queued,
	    s->cap.slot_count - snap_count(&s->slots, SLOT_FREE),
	    s->cap.slot_count);
	fprintf(out,
	    "Broker    lease/s %s  own reuse/s %s  lease avg %.0fus"
	    " max %lluus  log drops %llu\n",
	    text_human(a, sizeof(a), RATE(leases)),
	    text_human(b, sizeof(b), RATE(own_reuse)),
	    leases ? (double)get(&s->stat.lease_us_sum) / (double)leases : 0,
	    (unsigned long long)get(&s->stat.lease_max_us),
	    (unsigned long long)get(&s->stat.log_dropped));
	fprintf(out, "Traffic   in %sB/s  out %sB/s\n",
	    text_human(a, sizeof(a), RATE(bytes_in)),
	    text_human(b, sizeof(b), RATE(bytes_out)));
}

static const struct snap_proc *
earlier(const struct snap *before, const struct snap_proc *p)
{
	return before ? snap_proc(before, p->instance) : NULL;
}

static void
process(FILE *out, const struct span *sp, const struct snap_proc *p)
{
	const struct snap_proc *old = earlier(sp->before, p);
	char name[24], req[24];
	double cpu = 0, rps = 0;

	if (old) {
		cpu = rate(sp, p->cpu_us, old->cpu_us) / 10000;
		rps =
		    rate(sp, get(&p->stat.requests), get(&old->stat.requests));
	}
	if (p->role == ROLE_WORKER)
		snprintf(name, sizeof(name), "%u", p->worker_index + 1);
	else
		snprintf(name, sizeof(name), "%s", snap_role_name(p->role));
	fprintf(out, "%-6s %7u %3u %-7s %7u %7u %7s %4.0f %6u %6u %5u/%u\n",
	    name, p->pid, p->generation, snap_proc_state_name(p->state),
	    p->clients, p->tunnels, text_human(req, sizeof(req), rps), cpu,
	    snap_count(&p->slots, SLOT_IDLE),
	    snap_count(&p->slots, SLOT_LEASED), p->fds, p->fd_max);
}

static void
pool_row(FILE *out, const struct snap_server *v, enum slot_tag tag, bool first)
{
	uint64_t c = get(&v->stat.connects), r = get(&v->stat.reuses);
	char use[32];

	snprintf(use, sizeof(use), "%u/%u", v->requests, v->maxconn);
	fprintf(out, "%-24s %-5s %-4s %5u %5u %5u %5u", first ? v->full : "",
	    first ? snap_op_name(v) : "", slot_tag_name(tag),
	    v->slots.n[tag][SLOT_IDLE], v->slots.n[tag][SLOT_LEASED],
	    v->slots.n[tag][SLOT_TUNNEL], first ? v->queue_count : 0);
	if (first)
		fprintf(out, " %9s %6.2f", use, text_percent(r, c + r));
	fputc('\n', out);
}

static bool
tag_is_used(const struct snap_server *v, int tag)
{
	int st;

	for (st = 0; st < SLOT_STATE_N; st++) {
		if (v->slots.n[tag][st])
			return true;
	}
	return false;
}

static void
pools(FILE *out, const struct snap *s)
{
	uint32_t i;
	int t;

	fprintf(out, "%-24s %-5s %-4s %5s %5s %5s %5s %9s %6s\n",
	    "BACKEND/SERVER", "STATE", "TAG", "IDLE", "LEASE", "TUN", "QUE",
	    "USE/MAX", "REUSE%");
	for (i = 0; i < s->servers; i++) {
		if (!s->server[i].in_use)
			continue;
		pool_row(out, &s->server[i], TAG_H1, true);
		for (t = TAG_H1 + 1; t < TAG_N; t++) {
			if (tag_is_used(&s->server[i], t))
				pool_row(out, &s->server[i], (enum slot_tag)t,
				    false);
		}
	}
}

/* Servers that could not be reached, with the last reason. */
static void
failures(FILE *out, const struct snap *s)
{
	const struct snap_server *v;
	bool any = false;
	uint32_t i;

	for (i = 0; i < s->servers; i++) {
		v = &s->server[i];
		if (!v->in_use || !v->dial_errors || !v->last_error[0])
			continue;
		if (!any)
			fprintf(
			    out, "\n%-24s %9s LAST\n", "DIAL ERRORS", "COUNT");
		any = true;
		fprintf(out, "%-24s %9llu %s\n", v->full,
		    (unsigned long long)v->dial_errors, v->last_error);
	}
}

void
screen_print(FILE *out, const struct snap *s, const struct snap *before)
{
	struct span sp = { s, before, 1 };
	uint64_t since = before ? before->now_us : s->start_us;
	uint32_t i;

	if (s->now_us > since)
		sp.seconds = (double)(s->now_us - since) / 1e6;
	overview(out, &sp);
	fprintf(out, "\n%-6s %7s %3s %-7s %7s %7s %7s %4s %6s %6s %s\n",
	    "WORKER", "PID", "GEN", "STATE", "CLIENTS", "TUNNELS", "REQ/S",
	    "CPU%", "IDLE", "LEASED", "FD/MAX");
	for (i = 0; i < s->cap.proc_count; i++) {
		if (s->proc[i].instance != 0)
			process(out, &sp, &s->proc[i]);
	}
	fputc('\n', out);
	pools(out, s);
	failures(out, s);
}

void
screen_slots(FILE *out, const struct snap *s)
{
	const struct snap_slot *t;
	char age[24], idle[24];
	uint32_t i;

	fprintf(out, "%6s %10s %-10s %-4s %8s %-24s %5s %8s %6s %6s\n", "SLOT",
	    "GEN", "STATE", "TAG", "HOLDER", "SERVER", "EPOCH", "USES", "AGE",
	    "IDLE");
	for (i = 0; i < s->cap.slot_count; i++) {
		t = &s->slot[i];
		if (t->v.state == SLOT_FREE)
			continue;
		text_duration(age, sizeof(age),
		    s->now_us > t->born_us ? s->now_us - t->born_us : 0);
		text_duration(idle, sizeof(idle),
		    t->idle_us && s->now_us > t->idle_us
			? s->now_us - t->idle_us
			: 0);
		fprintf(out, "%6u %10u %-10s %-4s %8u %-24s %5u %8u %6s %6s\n",
		    i, t->v.gen, slot_state_name(t->v.state),
		    slot_tag_name(t->v.tag), t->v.holder,
		    t->server < s->servers ? s->server[t->server].full : "?",
		    t->epoch, t->uses, age,
		    t->v.state == SLOT_IDLE ? idle : "-");
	}
}
