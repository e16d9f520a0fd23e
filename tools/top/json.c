/* SPDX-License-Identifier: MIT */
#include "tools/top/json.h"

#include <inttypes.h>

#include "shm/seg/stat_tbl.h"

/* Writes commas where they belong. */
struct json {
	FILE *out;
	bool first; /* nothing written at this level yet */
};

static void
sep(struct json *j, const char *key)
{
	if (!j->first)
		fputc(',', j->out);
	j->first = false;
	if (key)
		fprintf(j->out, "\"%s\":", key);
}

static void
begin(struct json *j, const char *key, char bracket)
{
	sep(j, key);
	fputc(bracket, j->out);
	j->first = true;
}

static void
end(struct json *j, char bracket)
{
	fputc(bracket, j->out);
	j->first = false;
}

static void
num(struct json *j, const char *key, uint64_t v)
{
	sep(j, key);
	fprintf(j->out, "%" PRIu64, v);
}

static void
flag(struct json *j, const char *key, bool v)
{
	sep(j, key);
	fputs(v ? "true" : "false", j->out);
}

/* v is printable ASCII. */
static void
text(struct json *j, const char *key, const char *v)
{
	sep(j, key);
	fputc('"', j->out);
	for (; *v; v++) {
		if (*v == '"' || *v == '\\')
			fputc('\\', j->out);
		fputc(*v, j->out);
	}
	fputc('"', j->out);
}

static void
stats(struct json *j, const char *key, const struct stat_row *r, const void *of)
{
	begin(j, key, '{');
	for (; r->name; r++)
		num(j, r->name, stat_tbl_get(r, of));
	end(j, '}');
}

static void
by_state(struct json *j, const struct snap_counts *c, bool with_free)
{
	int st;

	begin(j, "by_state", '{');
	for (st = with_free ? 0 : 1; st < SLOT_STATE_N; st++)
		num(j, slot_state_name((enum slot_state)st),
		    snap_count(c, (enum slot_state)st));
	end(j, '}');
}

/* {"h1": {"idle": 3, ...}, ...}: tags and states that occur. */
static void
by_tag(struct json *j, const struct snap_counts *c)
{
	int t, st;

	begin(j, "by_tag", '{');
	for (t = TAG_NONE + 1; t < TAG_N; t++) {
		begin(j, slot_tag_name((enum slot_tag)t), '{');
		for (st = SLOT_FREE + 1; st < SLOT_STATE_N; st++) {
			if (c->n[t][st])
				num(j, slot_state_name((enum slot_state)st),
				    c->n[t][st]);
		}
		end(j, '}');
	}
	end(j, '}');
}

static void
processes(struct json *j, const struct snap *s)
{
	const struct snap_proc *p;
	uint32_t i;

	begin(j, "processes", '[');
	for (i = 0; i < s->cap.proc_count; i++) {
		p = &s->proc[i];
		if (p->instance == 0)
			continue;
		begin(j, NULL, '{');
		num(j, "row", i);
		num(j, "instance", p->instance);
		num(j, "pid", p->pid);
		text(j, "role", snap_role_name(p->role));
		num(j, "worker_index", p->worker_index);
		num(j, "generation", p->generation);
		text(j, "state", snap_proc_state_name(p->state));
		num(j, "heartbeat_age_us",
		    p->heartbeat_us < s->now_us ? s->now_us - p->heartbeat_us
						: 0);
		num(j, "cpu_us", p->cpu_us);
		num(j, "clients", p->clients);
		num(j, "streams", p->streams);
		num(j, "tunnels", p->tunnels);
		num(j, "fds", p->fds);
		num(j, "fd_max", p->fd_max);
		by_state(j, &p->slots, false);
		stats(j, "stats", stat_tbl_proc, &p->stat);
		end(j, '}');
	}
	end(j, ']');
}

static void
proxies(struct json *j, const struct snap *s)
{
	const struct snap_proxy *p;
	uint32_t i;

	begin(j, "proxies", '[');
	for (i = 0; i < s->proxies; i++) {
		p = &s->proxy[i];
		begin(j, NULL, '{');
		text(j, "name", p->name);
		num(j, "id", p->id);
		flag(j, "frontend", p->is_frontend);
		flag(j, "backend", p->is_backend);
		num(j, "maxconn", p->maxconn);
		num(j, "state", p->state);
		num(j, "queue", p->queue_count);
		num(j, "clients", p->clients);
		num(j, "streams", p->streams);
		stats(j, "stats", stat_tbl_proxy, &p->stat);
		end(j, '}');
	}
	end(j, ']');
}

/* Who holds how many slots of the server: {"broker": 2, "w1": 12}. */
static void
holders(struct json *j, const struct snap *s, uint32_t server)
{
	const struct snap_slot *t;
	uint32_t p, i, n;
	char name[32];

	begin(j, "holders", '{');
	for (p = 0; p <= s->cap.proc_count; p++) {
		/* the last round counts the broker's */
		uint32_t holder =
		    p < s->cap.proc_count ? s->proc[p].instance : HOLDER_BROKER;

		if (p < s->cap.proc_count &&
		    (holder == 0 || s->proc[p].role != ROLE_WORKER))
			continue;
		for (i = n = 0; i < s->cap.slot_count; i++) {
			t = &s->slot[i];
			n += t->server == server && t->v.state != SLOT_FREE &&
			    t->v.state < SLOT_STATE_N && t->v.holder == holder;
		}
		if (n == 0)
			continue;
		snprintf(name, sizeof(name), "w%u", holder);
		num(j, holder == HOLDER_BROKER ? "broker" : name, n);
	}
	end(j, '}');
}

static void
server(struct json *j, const struct snap *s, uint32_t i)
{
	const struct snap_server *v = &s->server[i];

	begin(j, NULL, '{');
	text(j, "backend",
	    v->proxy < s->proxies ? s->proxy[v->proxy].name : "?");
	text(j, "name", v->name);
	num(j, "row", i);
	num(j, "id", v->id);
	text(j, "state", snap_op_name(v));
	num(j, "op_state", v->op_state);
	num(j, "admin_state", v->admin_state);
	flag(j, "backup", v->is_backup);
	num(j, "weight", v->weight);
	num(j, "maxconn", v->maxconn);
	num(j, "maxqueue", v->maxqueue);
	num(j, "epoch", v->epoch);
	num(j, "attention", v->attention);
	num(j, "queue", v->queue_count);
	num(j, "requests", v->requests);
	num(j, "tunnels", v->tunnels);
	num(j, "slot_count", v->slot_count);
	num(j, "idle_count", v->idle_count);
	num(j, "dial_count", v->dial_count);
	num(j, "dials", v->dials);
	num(j, "dial_errors", v->dial_errors);
	text(j, "last_error", v->last_error);
	num(j, "tls_full", v->tls_full);
	num(j, "tls_resumed", v->tls_resumed);
	text(j, "ws_over_h2", able_name(v->ws_able));
	by_state(j, &v->slots, false);
	by_tag(j, &v->slots);
	holders(j, s, i);
	stats(j, "stats", stat_tbl_server, &v->stat);
	end(j, '}');
}

void
json_print(FILE *out, const struct snap *s)
{
	struct json j = { out, true };
	uint32_t i;

	begin(&j, NULL, '{');
	text(&j, "version", s->version);
	text(&j, "node", s->node);
	num(&j, "master_pid", s->master_pid);
	num(&j, "generation", s->generation);
	num(&j, "acting_broker", s->acting_broker);
	num(&j, "uptime_us",
	    s->start_us < s->now_us ? s->now_us - s->start_us : 0);
	num(&j, "start_wall_us", s->start_wall_us);
	num(&j, "clients", s->clients);
	num(&j, "maxconn", s->maxconn);
	processes(&j, s);
	proxies(&j, s);
	begin(&j, "servers", '[');
	for (i = 0; i < s->servers; i++) {
		if (s->server[i].in_use)
			server(&j, s, i);
	}
	end(&j, ']');
	begin(&j, "slots", '{');
	num(&j, "count", s->cap.slot_count);
	num(&j, "invalid", s->invalid);
	by_state(&j, &s->slots, true);
	by_tag(&j, &s->slots);
	end(&j, '}');
	stats(&j, "totals", stat_tbl_proc, &s->stat);
	end(&j, '}');
	fputc('\n', out);
}
